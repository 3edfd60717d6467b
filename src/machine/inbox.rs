//! What consumer threads and signals tell the tick loop.
//!
//! Two crossbeam channels: messages wait in one and wake nobody; notices travel on the other and
//! wake the tick loop at once, whatever it waits for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::anyhow;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use crate::model::{MachineId, Message, Tick};

/// A message that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) message: Message,
    /// The tick of the sender at which it was sent.
    pub(super) sent_at: Tick,
}

/// What the tick loop must hear of at once.
#[derive(Debug)]
pub(super) enum Notice {
    /// A peer's connection to this machine stands.
    Connected(MachineId),
    /// A peer's connection ended before anything was said on it: it may connect again.
    Disconnected(MachineId),
    /// A peer's connections all stand. Only machine 1 is told.
    Ready(MachineId),
    /// Machine 1 has named the common start.
    Start(Instant),
    /// A peer has sent its last line.
    Goodbye { from: MachineId, sent: u64, left_for: Option<MachineId> },
    /// The connection from a peer ended without a goodbye, or broke the protocol.
    Lost { from: MachineId, why: String },
    /// So many messages wait that a bound is reached.
    Full { limit: usize },
    /// The machine was signalled.
    Signalled(i32),
}

/// Why a machine ends before its last tick.
#[derive(Debug)]
pub(super) enum Halt {
    /// This machine was signalled.
    Signalled(i32),
    /// This peer left early: it said so itself, or another peer left because of it.
    PeerLeft(MachineId),
    /// The connection to or from this peer broke.
    PeerLost { peer: MachineId, why: String },
    /// This peer did not say goodbye in time.
    PeerSilent(MachineId),
    /// A bound was reached, or the operating system refused something.
    Failed(anyhow::Error),
}

impl Halt {
    /// The machine because of which `own` leaves.
    pub(super) fn cause(&self, own: MachineId) -> MachineId {
        match self {
            Self::PeerLeft(peer) | Self::PeerLost { peer, .. } | Self::PeerSilent(peer) => *peer,
            Self::Signalled(_) | Self::Failed(_) => own,
        }
    }

    /// Whether the connection to or from `peer` is broken, so that no goodbye will come.
    pub(super) fn loses(&self, peer: MachineId) -> bool {
        matches!(self, Self::PeerLost { peer: lost, .. } if *lost == peer)
    }
}

impl From<anyhow::Error> for Halt {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// The sending side, one for every consumer thread.
#[derive(Clone, Debug)]
pub(super) struct InboxSender {
    arrivals: Sender<Arrival>,
    notices: Sender<Notice>,
    waiting: Arc<AtomicUsize>,
    queue_limit: usize,
}

impl InboxSender {
    /// Puts a message into the queue; false if the queue is full, which ends the machine.
    pub(super) fn arrive(&self, arrival: Arrival) -> bool {
        let has_room = self.waiting.fetch_add(1, Ordering::Relaxed) < self.queue_limit;
        if has_room {
            // The tick loop ends before its consumers do; nobody misses what arrives after that.
            let _ = self.arrivals.send(arrival);
        } else {
            self.tell(Notice::Full { limit: self.queue_limit });
        }
        has_room
    }

    /// Tells the tick loop at once.
    pub(super) fn tell(&self, notice: Notice) {
        let _ = self.notices.send(notice);
    }
}

/// The receiving side.
#[derive(Debug)]
pub(super) struct Inbox {
    arrivals: Receiver<Arrival>,
    notices: Receiver<Notice>,
    /// How many messages wait: those that have arrived, and no tick has received yet.
    waiting: Arc<AtomicUsize>,
    goodbyes: BTreeMap<MachineId, u64>,
}

/// Makes an inbox; more than `queue_limit` waiting messages end the machine.
pub(super) fn inbox(queue_limit: usize) -> (InboxSender, Inbox) {
    let (arrivals_in, arrivals) = unbounded();
    let (notices_in, notices) = unbounded();
    let waiting = Arc::new(AtomicUsize::new(0));
    let inbox =
        Inbox { arrivals, notices, waiting: Arc::clone(&waiting), goodbyes: BTreeMap::new() };
    (InboxSender { arrivals: arrivals_in, notices: notices_in, waiting, queue_limit }, inbox)
}

impl Inbox {
    /// Takes the oldest message that has arrived, if there is one.
    pub(super) fn take_arrival(&self) -> Option<Arrival> {
        self.arrivals.try_recv().ok()
    }

    /// Notes that a tick has received a message: there is room for another.
    pub(super) fn note_received(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Waits for the next notice until `deadline`; nothing if none came.
    pub(super) fn next_notice(&self, deadline: Instant) -> Option<Notice> {
        match self.notices.recv_deadline(deadline) {
            Ok(notice) => Some(notice),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                unreachable!("the listener holds a sender for as long as the process lives")
            }
        }
    }

    /// Waits until `deadline`, and heeds what is told meanwhile.
    pub(super) fn wait_until(&mut self, deadline: Instant) -> Result<(), Halt> {
        while let Some(notice) = self.next_notice(deadline) {
            self.heed(notice)?;
        }
        Ok(())
    }

    /// Takes in a notice while ticks run: goodbyes are kept, everything else halts the machine.
    pub(super) fn heed(&mut self, notice: Notice) -> Result<(), Halt> {
        match notice {
            Notice::Goodbye { from, sent, left_for } => {
                self.goodbyes.insert(from, sent);
                left_for.map_or(Ok(()), |cause| Err(Halt::PeerLeft(cause)))
            }
            Notice::Lost { from, why } => Err(Halt::PeerLost { peer: from, why }),
            Notice::Signalled(signal) => Err(Halt::Signalled(signal)),
            Notice::Full { limit } => Err(Halt::Failed(anyhow!(
                "{limit} messages wait in the queue, which is its limit; raise --queue-limit, or \
                 slow the peers down"
            ))),
            Notice::Connected(from) | Notice::Disconnected(from) | Notice::Ready(from) => {
                let why = "it connected, or said 'ready', out of turn".to_owned();
                Err(Halt::PeerLost { peer: from, why })
            }
            Notice::Start(_) => {
                Err(Halt::Failed(anyhow!("machine 1 named the common start a second time")))
            }
        }
    }

    /// How many messages a peer says it sent; nothing before its goodbye.
    pub(super) fn goodbye_of(&self, peer: MachineId) -> Option<u64> {
        self.goodbyes.get(&peer).copied()
    }
}
