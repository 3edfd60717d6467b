//! When a message arrives: a model time, told exactly.

use super::schedule::{ModelTime, Schedule, Tick};

/// The model time at which a message joins its receiver's queue: so many milliseconds after a tick
/// of its sender is due. The tick is that of the send, or of an earlier one on the same channel,
/// since no message overtakes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// A tick of the sender.
    pub tick: Tick,
    /// Milliseconds of model time after the tick is due.
    pub extra_ms: u64,
}

impl Arrival {
    /// No message is held back for longer: the longest trial, in milliseconds, twice.
    pub const EXTRA_MS_MAX: u64 = 2_000_000_000_000;

    /// The arrival of a message that nothing holds back.
    #[must_use]
    pub fn at_once(tick: Tick) -> Self {
        Self { tick, extra_ms: 0 }
    }

    /// The model time, given the schedule of the sender.
    #[must_use]
    pub fn time(self, sender: &Schedule) -> ModelTime {
        sender.due(self.tick).plus_ms(self.extra_ms)
    }
}
