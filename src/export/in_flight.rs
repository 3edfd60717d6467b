//! The messages that were sent and not yet received.
//!
//! A receive is matched to the first message of its channel that has its timestamp and was not
//! received yet.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::model::{MachineId, Timestamp};

/// What a message brings.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) from: MachineId,
    pub(super) vector: Box<[u64]>,
    pub(super) time_us: u64,
}

/// The messages that were sent and not yet received.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    waiting: BTreeMap<Slot, Rc<Sent>>,
    /// How many messages were sent; a message's number is how many there were with it.
    sent: u64,
}

/// Where a message waits: receiver, sender, timestamp, number.
type Slot = (MachineId, MachineId, Timestamp, u64);

impl InFlight {
    /// How many messages were sent, those that are received included.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Takes a message in, and gives its number.
    pub(super) fn put(&mut self, to: MachineId, timestamp: Timestamp, sent: Rc<Sent>) -> u64 {
        self.sent += 1;
        self.waiting.insert((to, sent.from, timestamp, self.sent), sent);
        self.sent
    }

    /// Whether a message of a channel with this timestamp waits.
    pub(super) fn has(&self, to: MachineId, from: MachineId, timestamp: Timestamp) -> bool {
        self.first(to, from, timestamp).is_some()
    }

    /// Takes the first message of a channel with a timestamp out, and gives its number with it.
    pub(super) fn take(
        &mut self,
        to: MachineId,
        from: MachineId,
        timestamp: Timestamp,
    ) -> Option<(u64, Rc<Sent>)> {
        let slot = self.first(to, from, timestamp)?;
        Some((slot.3, self.waiting.remove(&slot)?))
    }

    fn first(&self, to: MachineId, from: MachineId, timestamp: Timestamp) -> Option<Slot> {
        let all = (to, from, timestamp, 0)..=(to, from, timestamp, u64::MAX);
        self.waiting.range(all).next().map(|(slot, _)| *slot)
    }
}
