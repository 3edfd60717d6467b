//! Lamport's logical clock.
//!
//! The rules are those of L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed
//! System", CACM 21(7), 1978: IR1, a machine advances its clock between any two successive events;
//! IR2, a message carries the timestamp of its send event, and its receiver sets its clock to
//! more than both its own value and that timestamp. Together they give the clock condition: if a
//! happened before b, then clock(a) < clock(b).

use std::fmt;

/// A value of a logical clock: the number that stamps an event. The first event has 1 or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Gives the next timestamp.
    ///
    /// # Panics
    /// At 2^64 - 1: a clock never wraps. The wire refuses timestamps above [`Timestamp::MAX`], and
    /// no machine makes 2^63 ticks.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("a logical clock stays far below 2^64"))
    }

    /// The largest timestamp that a message may carry: 2^63 - 1, TOML's and JSON readers' limit.
    pub const MAX: Self = Self(i64::MAX as u64);
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The logical clock of one machine. It starts at 0 and only ever grows.
///
/// ```
/// use scalemodel::model::{LogicalClock, Timestamp};
///
/// let mut clock = LogicalClock::default();
/// assert_eq!(clock.advance(), Timestamp(1)); // an internal event or a send
/// assert_eq!(clock.receive(Timestamp(7)), Timestamp(8)); // a message from the future
/// assert_eq!(clock.receive(Timestamp(3)), Timestamp(9)); // a message from the past
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogicalClock {
    now: Timestamp,
}

impl LogicalClock {
    /// Advances for an internal event or a send, and gives the event's timestamp (IR1).
    pub fn advance(&mut self) -> Timestamp {
        self.now = self.now.next();
        self.now
    }

    /// Advances past a message's timestamp, and gives the timestamp of the receive (IR1, IR2).
    pub fn receive(&mut self, message: Timestamp) -> Timestamp {
        self.now = self.now.max(message).next();
        self.now
    }

    /// Gives the timestamp of the latest event; 0 before the first.
    #[must_use]
    pub fn now(self) -> Timestamp {
        self.now
    }
}
