//! The real pace: absolute deadlines on the monotonic clock, counted from one common start.
//!
//! A late tick runs at once and does not move the next, so lateness does not accumulate. A machine
//! that stood still for longer than a bound (SIGSTOP, a debugger) skips what it missed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Moment, Pacemaker, Turn};
use crate::logbook::SystemTime;
use crate::machine::faults::Away;
use crate::machine::inbox::{Halt, Inbox};
use crate::machine::outlet::Outlet;
use crate::model::{Message, ModelTime, Schedule, Span, Step, Tick};
use crate::pace::Speed;
use crate::wall_clock;

/// Paces a machine by the wall clock.
#[derive(Debug)]
pub(in crate::machine) struct RealPacemaker {
    pub(in crate::machine) schedule: Schedule,
    pub(in crate::machine) speed: Speed,
    /// The common start.
    pub(in crate::machine) start: Instant,
    /// The lateness beyond which missed ticks are skipped; never if none.
    pub(in crate::machine) skip_after: Option<Duration>,
    /// When this OS process began.
    pub(in crate::machine) booted: Instant,
    /// When it was last seen to run.
    pub(in crate::machine) last_seen: Instant,
}

impl RealPacemaker {
    fn deadline(&self, tick: Tick) -> Instant {
        self.start + self.speed.wall_time(self.schedule.due(tick))
    }

    /// The last tick whose deadline has passed; `tick` is one of them.
    fn last_missed(&self, tick: Tick, now: Instant) -> Tick {
        let (mut missed, mut coming) = (tick.0, self.schedule.ticks() + 1);
        while missed + 1 < coming {
            let middle = missed + (coming - missed) / 2;
            if self.deadline(Tick(middle)) <= now {
                missed = middle;
            } else {
                coming = middle;
            }
        }
        Tick(missed)
    }

    fn instant(&self, time_ms: u64) -> Instant {
        self.start + self.speed.wall_time(ModelTime::of_ms(time_ms))
    }

    fn wait_until_due(&mut self, tick: Tick, inbox: &mut Inbox) -> Result<Turn, Halt> {
        let deadline = self.deadline(tick);
        inbox.wait_until(deadline)?;
        let now = wall_clock::now();
        self.last_seen = now;
        let lateness = now - deadline;
        let lateness_us = wall_clock::micros(lateness);
        let moment = Moment { system_time: wall_clock::system_time(), lateness_us };
        if self.skip_after.is_some_and(|bound| bound < lateness) {
            return Ok(Turn::Skip { last: self.last_missed(tick, now), moment });
        }
        Ok(Turn::Run(moment))
    }
}

impl Pacemaker for RealPacemaker {
    fn wait_for(
        &mut self,
        tick: Tick,
        _queue_len: u64,
        inbox: &mut Inbox,
        _outlet: &mut Outlet,
    ) -> Result<Turn, Halt> {
        self.wait_until_due(tick, inbox)
    }

    fn admit(&mut self, inbox: &Inbox, queue: &mut VecDeque<Message>) -> Result<(), Halt> {
        self.admit_rest(inbox, queue);
        Ok(())
    }

    fn complete(&mut self, _step: &Step<'_>, outlet: &mut Outlet) -> Result<(), Halt> {
        outlet.release_all()
    }

    /// A machine that was killed is another OS process than the one that was there before. One that
    /// was stopped does not notice the middle of the span until it is over.
    fn stay_away(
        &mut self,
        away: &Away,
        inbox: &mut Inbox,
        _outlet: &mut Outlet,
    ) -> Result<bool, Halt> {
        let Span { at_ms, for_ms } = away.span;
        let [begin, end] = [at_ms, at_ms + for_ms].map(|ms| self.instant(ms));
        let middle = begin + (end - begin) / 2;
        let entered = wall_clock::now();
        inbox.wait_until(middle)?;
        let seen = wall_clock::now();
        let awaited = if entered < middle { middle } else { self.last_seen };
        let has_stood_still = (end - middle) / 2 <= seen.saturating_duration_since(awaited);
        let took_effect = match away.kill {
            Some(_) => begin <= self.booted,
            None => has_stood_still && self.booted < begin,
        };
        inbox.wait_until(end)?;
        self.last_seen = wall_clock::now();
        Ok(took_effect)
    }

    fn moment_of(&self, _ends_ms: u64, first: Option<Tick>) -> Moment {
        let now = wall_clock::now();
        let lateness = first.map(|first| now.saturating_duration_since(self.deadline(first)));
        let lateness_us = lateness.map_or(0, wall_clock::micros);
        Moment { system_time: wall_clock::system_time(), lateness_us }
    }

    fn settle(&mut self, _queue_len: u64, outlet: &mut Outlet) -> Result<(), Halt> {
        outlet.release_all()
    }

    fn admit_rest(&mut self, inbox: &Inbox, queue: &mut VecDeque<Message>) {
        queue.extend(std::iter::from_fn(|| inbox.take_arrival()).map(|arrival| arrival.message));
    }

    fn goodbyes_due(&self, limit: Duration) -> Option<Instant> {
        let end = self.speed.wall_time(ModelTime::end_of(self.schedule.duration_s));
        Some(wall_clock::now().max(self.start + end) + limit)
    }

    fn ended_at(&self) -> SystemTime {
        wall_clock::system_time()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::inbox::inbox;
    use crate::model::{ClockRate, Phase};

    fn pacemaker(start: Instant, skip_after: Option<Duration>) -> RealPacemaker {
        let schedule = Schedule::new(ClockRate(4), Phase(500), 10);
        let booted = start;
        RealPacemaker { schedule, speed: Speed::ONE, start, skip_after, booted, last_seen: booted }
    }

    /// A common start that lies `seconds` in the past: Linux counts the clock from its boot.
    fn long_ago(seconds: u64) -> Instant {
        wall_clock::now().checked_sub(Duration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn a_machine_that_stood_still_skips_all_that_it_missed() {
        let mut pacemaker = pacemaker(long_ago(5), Some(Duration::from_secs(1)));
        let turn = pacemaker.wait_until_due(Tick(1), &mut inbox(9).1).unwrap();
        // Tick 20 was due at 4.875 s, tick 21 is due at 5.125 s; this test may be slow itself.
        assert!(matches!(turn, Turn::Skip { last, .. } if Tick(20) <= last), "{turn:?}");
    }

    #[test]
    fn skipping_stops_at_the_last_tick_of_the_trial() {
        let pacemaker = pacemaker(long_ago(60), Some(Duration::from_secs(1)));
        assert_eq!(pacemaker.last_missed(Tick(7), wall_clock::now()), Tick(40));
    }

    #[test]
    fn without_a_bound_a_late_tick_runs_at_once() {
        let mut pacemaker = pacemaker(long_ago(5), None);
        let turn = pacemaker.wait_until_due(Tick(1), &mut inbox(9).1).unwrap();
        assert!(matches!(turn, Turn::Run(moment) if 4_875_000 <= moment.lateness_us), "{turn:?}");
    }

    #[test]
    fn a_tick_never_runs_before_its_deadline() {
        let mut pacemaker = pacemaker(wall_clock::now(), None);
        let turn = pacemaker.wait_until_due(Tick(1), &mut inbox(9).1).unwrap();
        assert!(pacemaker.deadline(Tick(1)) <= wall_clock::now());
        assert!(matches!(turn, Turn::Run(moment) if 0 <= moment.lateness_us));
    }
}
