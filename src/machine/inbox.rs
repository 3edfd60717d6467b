//! What consumer threads and signals tell the tick loop.
//!
//! Two crossbeam channels: arrivals wait in one and wake nobody; notices travel on the other and wake
//! the tick loop at once, whatever it waits for. At the virtual pace, promises are kept on a board
//! and wake the tick loop when the last one that it waits for has come.
//!
//! The tick loop looks into both and then parks until it is woken. A blocking receive would spin
//! before it sleeps, which costs more than all of a tick's work.

use std::cmp::Ordering as Order;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Instant;

use anyhow::anyhow;
use crossbeam_channel::{Receiver, Sender, unbounded};

use super::promise_board::PromiseBoard;
use super::wire::MessageLine;
use crate::model::{Arrival, Lookahead, MachineId, Message, Tick};
use crate::wall_clock;

/// A message that has arrived, for the tick loop to take when it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) message: Message,
    /// When it arrives in model time, which the virtual pace goes by.
    pub(super) arrival: Arrival,
}

/// What the tick loop must hear of at once.
#[derive(Debug)]
pub(super) enum Notice {
    /// What the tick loop expects of its peers before the start has come.
    RollCalled,
    /// A peer will never let this machine in, or another program holds its port.
    Refused { from: MachineId, why: String },
    /// A peer has sent its last line.
    Goodbye { from: MachineId, sent: u64, left_for: Option<MachineId> },
    /// A peer has heard the goodbye of this machine, and its log is whole; or was told so.
    Heard,
    /// A peer broke the protocol; or, at the virtual pace, it is gone.
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
    /// This peer did not do in time what a machine waits for at its end.
    PeerSilent { peer: MachineId, what: String },
    /// A bound was reached, or the operating system refused something.
    Failed(anyhow::Error),
    /// The log cannot be written. What is not recorded has not happened, so the machine dies as it
    /// stands, without a goodbye, and may come back when there is room.
    LogBroken(anyhow::Error),
}

impl Halt {
    /// More messages wait than may.
    pub(super) fn queue_is_full(limit: usize) -> Self {
        Self::Failed(anyhow!(
            "{limit} messages wait in the queue, which is its limit; raise --queue-limit, or slow \
             the peers down"
        ))
    }

    /// The machine because of which `own` leaves.
    pub(super) fn cause(&self, own: MachineId) -> MachineId {
        match self {
            Self::PeerLeft(peer) | Self::PeerLost { peer, .. } | Self::PeerSilent { peer, .. } => {
                *peer
            }
            Self::Signalled(_) | Self::Failed(_) | Self::LogBroken(_) => own,
        }
    }

    /// Whether some peer was not heard out, or something failed: worse than a peer's early leave.
    pub(super) fn is_grave(&self) -> bool {
        matches!(
            self,
            Self::PeerLost { .. } | Self::PeerSilent { .. } | Self::Failed(_) | Self::LogBroken(_)
        )
    }

    /// Whether the connection to or from `peer` is broken, so that no goodbye will come.
    pub(super) fn loses(&self, peer: MachineId) -> bool {
        matches!(self, Self::PeerLost { peer: lost, .. } if *lost == peer)
    }
}

/// The sending side, one for every consumer thread.
#[derive(Clone, Debug)]
pub(super) struct InboxSender {
    arrivals: Sender<Arrived>,
    notices: Sender<Notice>,
    waiting: Arc<AtomicUsize>,
    queue_limit: usize,
    tick_thread: Thread,
    promises: Arc<PromiseBoard>,
}

impl InboxSender {
    /// Puts a message into the queue. One too many ends the machine, which needs no more then.
    pub(super) fn arrive(&self, from: MachineId, line: &MessageLine) {
        let message = Message { from, timestamp: line.timestamp };
        match self.waiting.fetch_add(1, Ordering::Relaxed).cmp(&self.queue_limit) {
            Order::Less => {
                // The tick loop ends before its consumers do; nobody misses what comes after that.
                let _ = self.arrivals.send(Arrived { message, arrival: line.arrival });
            }
            Order::Equal => self.tell(Notice::Full { limit: self.queue_limit }),
            Order::Greater => {}
        }
    }

    /// Notes a promise, after everything that was sent before it has arrived.
    pub(super) fn promise(&self, from: MachineId, before: Tick) {
        if self.promises.note(from, before) {
            self.tick_thread.unpark();
        }
    }

    /// How many messages have arrived, and no tick has received yet.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed) as u64
    }

    /// Tells the tick loop at once.
    pub(super) fn tell(&self, notice: Notice) {
        let _ = self.notices.send(notice);
        self.tick_thread.unpark();
    }
}

/// The receiving side.
#[derive(Debug)]
pub(super) struct Inbox {
    arrivals: Receiver<Arrived>,
    notices: Receiver<Notice>,
    /// How many messages wait: those that have arrived, and no tick has received yet.
    waiting: Arc<AtomicUsize>,
    promises: Arc<PromiseBoard>,
    goodbyes: BTreeMap<MachineId, u64>,
}

/// Makes the inbox of a machine whose tick loop is this thread.
///
/// More than `queue_limit` waiting messages end the machine.
pub(super) fn inbox(queue_limit: usize) -> (InboxSender, Inbox) {
    let (arrivals_in, arrivals) = unbounded();
    let (notices_in, notices) = unbounded();
    let waiting = Arc::new(AtomicUsize::new(0));
    let promises = Arc::new(PromiseBoard::default());
    let sender = InboxSender {
        arrivals: arrivals_in,
        notices: notices_in,
        waiting: Arc::clone(&waiting),
        queue_limit,
        tick_thread: thread::current(),
        promises: Arc::clone(&promises),
    };
    (sender, Inbox { arrivals, notices, waiting, promises, goodbyes: BTreeMap::new() })
}

impl Inbox {
    /// Takes the oldest message that has arrived, if there is one.
    pub(super) fn take_arrival(&self) -> Option<Arrived> {
        self.arrivals.try_recv().ok()
    }

    /// Heeds all that has been told.
    pub(super) fn heed_all(&mut self) -> Result<(), Halt> {
        while let Ok(notice) = self.notices.try_recv() {
            self.heed(notice)?;
        }
        Ok(())
    }

    /// Whether the next tick may run by what has been promised so far.
    pub(super) fn look_at_promises(&self, lookahead: &mut Lookahead) -> bool {
        self.promises.satisfy(lookahead)
    }

    /// Waits until the next tick may run, and heeds what is told meanwhile.
    pub(super) fn wait_for_promises(&mut self, lookahead: &mut Lookahead) -> Result<(), Halt> {
        while !self.look_at_promises(lookahead) {
            self.heed_all()?;
            thread::park();
        }
        Ok(())
    }

    /// Notes that a tick has received a message: there is room for another.
    pub(super) fn note_received(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Waits for the next notice until `deadline`, or for ever; nothing if none came.
    pub(super) fn next_notice(&self, deadline: impl Into<Option<Instant>>) -> Option<Notice> {
        let deadline = deadline.into();
        loop {
            if let Ok(notice) = self.notices.try_recv() {
                return Some(notice);
            }
            let Some(deadline) = deadline else {
                thread::park();
                continue;
            };
            let left = deadline.saturating_duration_since(wall_clock::now());
            if left.is_zero() {
                return None;
            }
            thread::park_timeout(left);
        }
    }

    /// Waits until `deadline`, and heeds what is told meanwhile.
    pub(super) fn wait_until(&mut self, deadline: Instant) -> Result<(), Halt> {
        while let Some(notice) = self.next_notice(deadline) {
            self.heed(notice)?;
        }
        Ok(())
    }

    /// Takes in a notice while ticks run: goodbyes are kept, and what ends the machine halts it.
    pub(super) fn heed(&mut self, notice: Notice) -> Result<(), Halt> {
        match notice {
            Notice::Goodbye { from, sent, left_for } => {
                self.goodbyes.insert(from, sent);
                left_for.map_or(Ok(()), |cause| Err(Halt::PeerLeft(cause)))
            }
            Notice::Lost { from, why } => Err(Halt::PeerLost { peer: from, why }),
            Notice::Signalled(signal) => Err(Halt::Signalled(signal)),
            Notice::Full { limit } => Err(Halt::queue_is_full(limit)),
            Notice::Refused { from, why } => Err(Halt::PeerLost { peer: from, why }),
            Notice::RollCalled | Notice::Heard => Ok(()),
        }
    }

    /// How many messages a peer says it sent; nothing before its goodbye.
    pub(super) fn goodbye_of(&self, peer: MachineId) -> Option<u64> {
        self.goodbyes.get(&peer).copied()
    }
}
