//! What consumer threads and signals tell the tick loop.
//!
//! Two crossbeam channels: messages wait in one and wake nobody; notices travel on the other and
//! wake the tick loop at once, whatever it waits for.

use std::collections::BTreeMap;
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
    /// A peer's connections all stand. Only machine 1 is told.
    Ready(MachineId),
    /// Machine 1 has named the common start.
    Start(Instant),
    /// A peer has sent its last line.
    Goodbye {
        from: MachineId,
        sent: u64,
        left_for: Option<MachineId>,
    },
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
    queue_limit: usize,
}

impl InboxSender {
    /// Puts a message into the queue.
    pub(super) fn arrive(&self, arrival: Arrival) {
        if self.queue_limit <= self.arrivals.len() {
            self.tell(Notice::Full {
                limit: self.queue_limit,
            });
        }
        // The tick loop ends before its consumers do; nobody misses what arrives after that.
        let _ = self.arrivals.send(arrival);
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
    goodbyes: BTreeMap<MachineId, u64>,
}

/// Makes an inbox; more than `queue_limit` waiting messages end the machine.
pub(super) fn inbox(queue_limit: usize) -> (InboxSender, Inbox) {
    let (arrivals_in, arrivals) = unbounded();
    let (notices_in, notices) = unbounded();
    let sender = InboxSender {
        arrivals: arrivals_in,
        notices: notices_in,
        queue_limit,
    };
    (
        sender,
        Inbox {
            arrivals,
            notices,
            goodbyes: BTreeMap::new(),
        },
    )
}

impl Inbox {
    /// Takes the oldest message that has arrived, if there is one.
    pub(super) fn take_arrival(&self) -> Option<Arrival> {
        self.arrivals.try_recv().ok()
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
            Notice::Goodbye {
                from,
                sent,
                left_for,
            } => {
                self.goodbyes.insert(from, sent);
                left_for.map_or(Ok(()), |cause| Err(Halt::PeerLeft(cause)))
            }
            Notice::Lost { from, why } => Err(Halt::PeerLost { peer: from, why }),
            Notice::Signalled(signal) => Err(Halt::Signalled(signal)),
            Notice::Full { limit } => Err(Halt::Failed(anyhow!(
                "{limit} messages wait in the queue, which is its limit; raise --queue-limit, or \
                 slow the peers down"
            ))),
            Notice::Connected(from) | Notice::Ready(from) => Err(Halt::PeerLost {
                peer: from,
                why: "it connected or got ready a second time".to_owned(),
            }),
            Notice::Start(_) => Err(Halt::Failed(anyhow!(
                "machine 1 named the common start a second time"
            ))),
        }
    }

    /// How many messages a peer says it sent; nothing before its goodbye.
    pub(super) fn goodbye_of(&self, peer: MachineId) -> Option<u64> {
        self.goodbyes.get(&peer).copied()
    }
}
