//! The pacemaker answers two questions for the tick loop: when may tick k run, and which arrivals
//! are in the message queue by then.
//!
//! - [`real`]: ticks are due by the wall clock; in the queue is all that has arrived.

mod real;

pub(super) use real::RealPacemaker;

use super::inbox::{Arrival, Halt, Inbox};
use crate::logbook::SystemTime;
use crate::model::{Message, Tick};
use std::collections::VecDeque;

/// What the tick loop asks of a pace.
pub(super) trait Pacemaker {
    /// Waits until a tick may run.
    fn wait_for(&mut self, tick: Tick, inbox: &mut Inbox) -> Result<Turn, Halt>;

    /// Moves what has arrived by then into the message queue.
    fn admit(&mut self, inbox: &Inbox, queue: &mut VecDeque<Message>);

    /// The system time at which the run ended.
    fn ended_at(&self) -> SystemTime;
}

/// What a machine may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Run the tick.
    Run(Moment),
    /// Skip ticks up to and with this one: the machine stood still for too long.
    Skip { last: Tick, moment: Moment },
}

/// When a tick began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) system_time: SystemTime,
    pub(super) lateness_us: i64,
}

/// Takes everything that has arrived, in the order of its arrival.
fn arrived(inbox: &Inbox) -> impl Iterator<Item = Arrival> {
    std::iter::from_fn(|| inbox.take_arrival())
}
