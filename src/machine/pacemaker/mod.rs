//! The pacemaker answers two questions for the tick loop: when may tick k run, and which arrivals
//! are in the message queue by then.
//!
//! - [`real`]: ticks are due by the wall clock; in the queue is all that has arrived.
//! - [`promises`]: ticks run as soon as causality permits; in the queue is all that was sent at an
//!   earlier model time.

mod promises;
mod real;

pub(super) use promises::PromisePacemaker;
pub(super) use real::RealPacemaker;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::faults::Away;
use super::inbox::{Halt, Inbox};
use super::outlet::Outlet;
use crate::logbook::SystemTime;
use crate::model::{Message, Step, Tick};

/// What the tick loop asks of a pace.
pub(super) trait Pacemaker {
    /// Waits until a tick may run; `queue_len` is the length of the message queue till then.
    fn wait_for(
        &mut self,
        tick: Tick,
        queue_len: u64,
        inbox: &mut Inbox,
        outlet: &mut Outlet,
    ) -> Result<Turn, Halt>;

    /// Moves what has arrived by then into the message queue.
    fn admit(&mut self, inbox: &Inbox, queue: &mut VecDeque<Message>) -> Result<(), Halt>;

    /// Takes note of a tick whose record and messages are in the outlet.
    fn complete(&mut self, step: &Step<'_>, outlet: &mut Outlet) -> Result<(), Halt>;

    /// Lets an absence pass; whether it took effect, as far as the machine can see.
    fn stay_away(
        &mut self,
        away: &Away,
        inbox: &mut Inbox,
        outlet: &mut Outlet,
    ) -> Result<bool, Halt>;

    /// The moment of what is told of a fault that ended at a time, and of the ticks from `first` on
    /// that were skipped.
    fn moment_of(&self, ends_ms: u64, first: Option<Tick>) -> Moment;

    /// Lets out whatever the machine still has to say, at its end.
    fn settle(&mut self, queue_len: u64, outlet: &mut Outlet) -> Result<(), Halt>;

    /// Moves everything that has arrived into the message queue, after the last tick.
    fn admit_rest(&mut self, inbox: &Inbox, queue: &mut VecDeque<Message>);

    /// Until when to wait for the peers' goodbyes, at least `limit` from now; none if a peer may
    /// take as long as it likes.
    fn goodbyes_due(&self, limit: Duration) -> Option<Instant>;

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
