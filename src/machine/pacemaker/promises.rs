//! The virtual pace: no wall clock; a machine ticks as soon as its peers' promises let it.
//!
//! The invariant: when a tick runs, every peer has promised to send nothing more that is due before
//! it, and a promise follows the messages of its sender on the same connection. So every message
//! that can be in the queue has arrived. [`Lookahead`] says what can be promised, and
//! `docs/virtual-pace.md` gives the argument and its sources.
//!
//! A machine runs all ticks that it may and then lets out what it has to say, in one write for each
//! peer, before it waits.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use super::{Moment, Pacemaker, Turn};
use crate::logbook::SystemTime;
use crate::machine::faults::Away;
use crate::machine::inbox::{Arrived, Halt, Inbox};
use crate::machine::outlet::Outlet;
use crate::machine::resume::{Deed, Past};
use crate::machine::signals;
use crate::model::{
    Lookahead, MachineId, Message, ModelTime, RUN_AHEAD_MAX, Schedule, Step, Tick, Timestamp,
};
use crate::trial::Trial;

/// Paces a machine by promises.
#[derive(Debug)]
pub(in crate::machine) struct PromisePacemaker<'a> {
    trial: &'a Trial,
    /// By position of a machine in the trial.
    schedules: Vec<Schedule>,
    lookahead: Lookahead,
    /// Messages that have arrived and are not in the queue yet: the next tick must not see them.
    early: BinaryHeap<Reverse<Early>>,
    queue_limit: usize,
    /// The how-manieth start of the machine this is.
    incarnation: u32,
}

/// A message that arrives at an instant; the order is that of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Early {
    arrives_at: ModelTime,
    from: MachineId,
    timestamp: Timestamp,
}

impl<'a> PromisePacemaker<'a> {
    /// A pacemaker for a machine that has done these deeds.
    pub(in crate::machine) fn new(
        trial: &'a Trial,
        own: MachineId,
        queue_limit: usize,
        past: &Past,
    ) -> Self {
        let schedules: Vec<Schedule> =
            trial.machine_ids().map(|machine| trial.schedule(machine)).collect();
        let scheduled = |machine: MachineId| (machine, schedules[machine.index()].clone());
        let peers = trial.peers(own).into_iter().map(scheduled);
        let mut lookahead = Lookahead::new(scheduled(own), peers, trial.draw_range, trial.seed);
        for deed in &past.deeds {
            match *deed {
                Deed::Ticked(draw) => lookahead.ticked(draw),
                Deed::Skipped(last) => lookahead.skip_to(Tick(last.0 + 1)),
            }
        }
        let (early, incarnation) = (BinaryHeap::new(), past.incarnation);
        Self { trial, schedules, lookahead, early, queue_limit, incarnation }
    }

    /// How many messages may have arrived and wait for a tick: those in the queue, and what peers
    /// send that run ahead.
    pub(in crate::machine) fn arrivals_limit(
        trial: &Trial,
        own: MachineId,
        queue_limit: usize,
    ) -> usize {
        let rate = |machine| u64::from(trial.spec(machine).clock_rate.0);
        let peers = trial.peers(own).into_iter();
        let ahead = peers.map(|peer| {
            let run_ahead = RUN_AHEAD_MAX + 2 * rate(peer).div_ceil(rate(own));
            // A fault may hold back all that a peer ever sends.
            if trial.faults.is_empty() { run_ahead } else { trial.schedule(peer).ticks() }
        });
        queue_limit.saturating_add(usize::try_from(ahead.sum::<u64>()).unwrap_or(usize::MAX))
    }

    fn take_arrivals(&mut self, inbox: &Inbox) {
        let Self { schedules, early, .. } = self;
        early.extend(std::iter::from_fn(|| inbox.take_arrival()).map(|arrived| {
            let Arrived { message: Message { from, timestamp }, arrival } = arrived;
            let arrives_at = arrival.time(&schedules[from.index()]);
            Reverse(Early { arrives_at, from, timestamp })
        }));
    }

    /// Moves into the queue what was sent before an instant, or everything.
    fn admit_before(&mut self, instant: Option<ModelTime>, queue: &mut VecDeque<Message>) {
        let is_due = |early: &Early| instant.is_none_or(|instant| early.arrives_at < instant);
        while self.early.peek().is_some_and(|Reverse(early)| is_due(early)) {
            let Reverse(Early { from, timestamp, .. }) =
                self.early.pop().expect("it was looked at just now");
            queue.push_back(Message { from, timestamp });
        }
    }
}

impl Pacemaker for PromisePacemaker<'_> {
    fn wait_for(
        &mut self,
        _tick: Tick,
        queue_len: u64,
        inbox: &mut Inbox,
        outlet: &mut Outlet,
    ) -> Result<Turn, Halt> {
        inbox.heed_all()?;
        if !self.lookahead.may_tick() && !inbox.look_at_promises(&mut self.lookahead) {
            self.settle(queue_len, outlet)?;
            inbox.wait_for_promises(&mut self.lookahead)?;
        }
        let micros = self.lookahead.now().micros();
        Ok(Turn::Run(Moment { system_time: SystemTime::since_1970(micros), lateness_us: 0 }))
    }

    fn admit(&mut self, inbox: &Inbox, queue: &mut VecDeque<Message>) -> Result<(), Halt> {
        self.take_arrivals(inbox);
        self.admit_before(Some(self.lookahead.now()), queue);
        if self.queue_limit < queue.len() {
            return Err(Halt::queue_is_full(self.queue_limit));
        }
        Ok(())
    }

    /// Everything waits until the machine has to: what it says in one write helps its peers as much.
    fn complete(&mut self, step: &Step<'_>, _outlet: &mut Outlet) -> Result<(), Halt> {
        self.lookahead.ticked(step.draw);
        Ok(())
    }

    /// A kill is carried out by the machine on itself: only it knows when it has come so far. What
    /// it has done is in its log, from which its next incarnation goes on.
    fn stay_away(
        &mut self,
        away: &Away,
        _inbox: &mut Inbox,
        outlet: &mut Outlet,
    ) -> Result<bool, Halt> {
        if away.kill.is_some_and(|kill| self.incarnation <= kill) {
            outlet.release_all()?;
            signals::die_by_kill();
        }
        self.lookahead.skip_to(away.absence.next);
        Ok(true)
    }

    fn moment_of(&self, ends_ms: u64, _first: Option<Tick>) -> Moment {
        Moment { system_time: SystemTime::since_1970(1000 * ends_ms), lateness_us: 0 }
    }

    fn settle(&mut self, queue_len: u64, outlet: &mut Outlet) -> Result<(), Halt> {
        for (peer, tick) in self.lookahead.renew(queue_len) {
            outlet.producers.post_promise(peer, tick);
        }
        outlet.release_lines()
    }

    fn admit_rest(&mut self, inbox: &Inbox, queue: &mut VecDeque<Message>) {
        self.take_arrivals(inbox);
        self.admit_before(None, queue);
    }

    /// There is no wall clock at this pace: a peer that is slow, or stopped, is waited for. One that
    /// dies is noticed by its connection.
    fn goodbyes_due(&self, _limit: Duration) -> Option<Instant> {
        None
    }

    fn ended_at(&self) -> SystemTime {
        SystemTime::since_1970(self.trial.duration_s.saturating_mul(1_000_000))
    }
}
