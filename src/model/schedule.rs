//! The schedule: which tick is due when, from the trial alone.
//!
//! Model time is an exact fraction of seconds. It is compared by cross-multiplication and never
//! turned into a float, so that two computers agree on every order.

use std::cmp::Ordering;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::stretches::{RateChange, Stretches};

/// Ticks per second of a machine, a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockRate(pub u32);

impl ClockRate {
    /// The clock rates that a trial may give.
    pub const ALLOWED: RangeInclusive<u64> = 1..=10_000;
    /// The clock rates that are drawn are `1..=6`, as in the notebook.
    pub const DRAWN_MAX: u32 = 6;
}

impl fmt::Display for ClockRate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Where in its period a machine ticks, in thousandths of the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Phase(pub u32);

impl Phase {
    /// The phases that a trial may give, and that are drawn.
    pub const ALLOWED: RangeInclusive<u64> = 1..=1000;
    /// The largest phase: the end of the period.
    pub const MAX: u32 = 1000;
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The number of a tick of one machine, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(pub u64);

impl Tick {
    /// No tick of any trial has a larger number: 10,000 a second for 10^9 seconds.
    pub const MAX: Self = Self(10_000_000_000_000);
}

impl fmt::Display for Tick {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A point of model time: seconds since the common start, as an exact fraction.
#[derive(Clone, Copy, Debug)]
pub struct ModelTime {
    numerator: u64,
    denominator: u64,
}

impl ModelTime {
    /// The end of a trial of so many seconds.
    #[must_use]
    pub fn end_of(duration_s: u64) -> Self {
        Self { numerator: duration_s, denominator: 1 }
    }

    /// The time so many milliseconds after the common start.
    #[must_use]
    pub fn of_ms(ms: u64) -> Self {
        Self { numerator: ms, denominator: 1000 }
    }

    pub(super) fn new(numerator: u64, denominator: u64) -> Self {
        Self { numerator, denominator }
    }

    /// The numerator and the denominator.
    pub(super) fn parts(self) -> (u64, u64) {
        (self.numerator, self.denominator)
    }

    /// How many milliseconds pass from this time to so many after the common start, rounded up; 0
    /// if they have passed.
    ///
    /// # Panics
    /// Never: it is no more than the milliseconds given.
    #[must_use]
    pub fn ms_until(self, ms: u64) -> u64 {
        let denominator = u128::from(self.denominator);
        let wanted = u128::from(ms) * denominator;
        let left = wanted.saturating_sub(1000 * u128::from(self.numerator)).div_ceil(denominator);
        u64::try_from(left).expect("it is no more than the milliseconds given")
    }

    /// The time so many milliseconds later.
    ///
    /// # Panics
    /// When the result exceeds 64 bits over its denominator; no time of a trial comes near.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        // The time's denominator is a multiple of 1000, but for the end of a trial.
        let scale = if self.denominator.is_multiple_of(1000) { 1 } else { 1000 };
        let denominator = self.denominator * scale;
        let more = ms.checked_mul(denominator / 1000);
        let numerator = self.numerator.checked_mul(scale).zip(more);
        let numerator = numerator.and_then(|(own, more)| own.checked_add(more));
        Self { numerator: numerator.expect("a trial's times fit 64 bits"), denominator }
    }

    /// The time in whole units of which a second has `units_per_second`, truncated.
    ///
    /// # Panics
    /// When the result exceeds 64 bits; a trial of any duration in nanoseconds fits.
    #[must_use]
    pub fn truncated_to(self, units_per_second: u64) -> u64 {
        let units = u128::from(self.numerator) * u128::from(units_per_second);
        u64::try_from(units / u128::from(self.denominator))
            .expect("a trial's duration in nanoseconds fits 64 bits")
    }

    /// The time in microseconds, truncated.
    #[must_use]
    pub fn micros(self) -> u64 {
        self.truncated_to(1_000_000)
    }
}

impl Ord for ModelTime {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = u128::from(self.numerator) * u128::from(other.denominator);
        let right = u128::from(other.numerator) * u128::from(self.denominator);
        left.cmp(&right)
    }
}

impl PartialOrd for ModelTime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ModelTime {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ModelTime {}

impl fmt::Display for ModelTime {
    /// Seconds with six decimals, truncated: for people and pictures, never for comparison.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.micros();
        write!(formatter, "{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

/// The schedule of one machine: its clock rate and phase, for a trial's duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Ticks per second, while nothing changes them.
    pub clock_rate: ClockRate,
    /// Where in its period the machine ticks.
    pub phase: Phase,
    /// The duration of the trial, in seconds.
    pub duration_s: u64,
    /// None if the rate never changes, as in most trials.
    stretches: Option<Arc<Stretches>>,
}

/// Which ticks count: those due at a time or later, or only those due later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    From,
    After,
}

impl Edge {
    /// How many whole periods have to pass, given how far the first tick lies behind.
    fn periods(self, behind: u128, period: u128) -> u128 {
        match self {
            Self::From => behind.div_ceil(period),
            Self::After => behind / period + 1,
        }
    }
}

impl Schedule {
    /// A schedule whose rate never changes.
    #[must_use]
    pub fn new(clock_rate: ClockRate, phase: Phase, duration_s: u64) -> Self {
        Self { clock_rate, phase, duration_s, stretches: None }
    }

    /// The same machine with a rate that changes: in these steps, given in their order.
    ///
    /// # Panics
    /// When the changes are out of order, or the last leaves the clock standing still for ever.
    #[must_use]
    pub fn with_changes(self, changes: impl IntoIterator<Item = RateChange>) -> Self {
        let first = RateChange { at_ms: 0, ticks_per_second: self.clock_rate.0 };
        let stretches = Stretches::new(std::iter::once(first).chain(changes));
        let stretches = (!stretches.is_one()).then(|| Arc::new(stretches));
        Self { stretches, ..self }
    }

    /// The number of ticks that are due within the trial: clock rate times duration, exactly, if
    /// the rate never changes.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        match self.stretches {
            None => u64::from(self.clock_rate.0) * self.duration_s,
            Some(_) => self.first_after(ModelTime::end_of(self.duration_s)).0 - 1,
        }
    }

    /// When a tick is due: tick k with phase p at (1000 (k - 1) + p) / (1000 r) seconds after the
    /// common start, if the rate never changes. All ticks of a trial of T seconds are due in (0, T].
    ///
    /// # Panics
    /// When the tick is 0: ticks are numbered from 1.
    #[must_use]
    pub fn due(&self, tick: Tick) -> ModelTime {
        assert!(tick.0 > 0, "ticks are numbered from 1");
        let phase = 1000 * (tick.0 - 1) + u64::from(self.phase.0);
        match &self.stretches {
            None => ModelTime::new(phase, 1000 * u64::from(self.clock_rate.0)),
            Some(stretches) => stretches.reached(phase),
        }
    }

    /// The first tick that is due at `time` or later; it may lie beyond the end of the trial.
    #[must_use]
    pub fn first_from(&self, time: ModelTime) -> Tick {
        self.first(time, Edge::From)
    }

    /// The first tick that is due later than `time`; it may lie beyond the end of the trial.
    #[must_use]
    pub fn first_after(&self, time: ModelTime) -> Tick {
        self.first(time, Edge::After)
    }

    fn first(&self, time: ModelTime, edge: Edge) -> Tick {
        let first = self.due(Tick(1));
        if time < first {
            return Tick(1);
        }
        let (phase, over, edge) = match &self.stretches {
            None => {
                let phase = 1000 * u128::from(self.clock_rate.0) * u128::from(time.numerator);
                (phase, u128::from(time.denominator), edge)
            }
            Some(stretches) => {
                let at = stretches.phase_at(time);
                // A tick that was due when the clock stopped is not due when it goes on.
                (at.scaled, at.over, if at.stood_still { Edge::After } else { edge })
            }
        };
        let behind = phase - u128::from(self.phase.0) * over;
        let periods = edge.periods(behind, 1000 * over);
        Tick(1 + u64::try_from(periods).expect("a trial has fewer than 2^64 ticks"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schedule(clock_rate: u32, phase: u32, duration_s: u64) -> Schedule {
        Schedule::new(ClockRate(clock_rate), Phase(phase), duration_s)
    }

    #[test]
    fn a_rate_of_four_at_half_phase_ticks_at_eighths() {
        let schedule = schedule(4, 500, 60);
        assert_eq!(schedule.due(Tick(1)).to_string(), "0.125000");
        assert_eq!(schedule.due(Tick(2)).to_string(), "0.375000");
        assert_eq!(schedule.ticks(), 240);
    }

    #[test]
    fn equal_instants_are_equal_whatever_their_fractions() {
        assert_eq!(schedule(2, 500, 1).due(Tick(1)), schedule(1, 250, 1).due(Tick(1)));
        assert!(schedule(3, 1, 1).due(Tick(1)) < schedule(3, 2, 1).due(Tick(1)));
    }

    #[test]
    fn milliseconds_are_added_exactly() {
        assert_eq!(schedule(3, 1000, 1).due(Tick(1)).plus_ms(500).to_string(), "0.833333");
        assert_eq!(ModelTime::end_of(2).plus_ms(1).to_string(), "2.001000");
        assert_eq!(schedule(4, 500, 9).due(Tick(1)).plus_ms(250), schedule(4, 500, 9).due(Tick(2)));
    }

    /// A schedule whose rate changes: after so many milliseconds each, to so many ticks per second.
    fn changing(base: Schedule, steps: &[(u64, u32)]) -> Schedule {
        let mut at_ms = 0;
        let changes: Vec<RateChange> = steps
            .iter()
            .map(|&(after_ms, ticks_per_second)| {
                at_ms += after_ms;
                RateChange { at_ms, ticks_per_second }
            })
            .collect();
        let base_again = RateChange { at_ms: at_ms + 1, ticks_per_second: base.clock_rate.0 };
        base.with_changes(changes.into_iter().chain([base_again]))
    }

    #[test]
    fn a_clock_that_stands_still_keeps_its_phase() {
        let frozen = RateChange { at_ms: 300, ticks_per_second: 0 };
        let again = RateChange { at_ms: 1300, ticks_per_second: 4 };
        let schedule = schedule(4, 500, 2).with_changes([frozen, again]);
        let due: Vec<_> = (1..=4).map(|tick| schedule.due(Tick(tick)).to_string()).collect();
        assert_eq!(due, ["0.125000", "1.375000", "1.625000", "1.875000"]);
        assert_eq!(schedule.ticks(), 4);
    }

    #[test]
    fn a_tick_that_is_due_when_the_clock_stops_is_due_once() {
        let frozen = RateChange { at_ms: 500, ticks_per_second: 0 };
        let again = RateChange { at_ms: 800, ticks_per_second: 2 };
        let schedule = schedule(2, 1000, 2).with_changes([frozen, again]);
        assert_eq!(schedule.due(Tick(1)).to_string(), "0.500000");
        assert_eq!(schedule.due(Tick(2)).to_string(), "1.300000");
        assert_eq!(schedule.first_from(ModelTime::of_ms(500)), Tick(1));
        assert_eq!(schedule.first_from(ModelTime::of_ms(800)), Tick(2));
        assert_eq!(schedule.first_after(ModelTime::of_ms(500)), Tick(2));
    }

    #[test]
    fn a_faster_clock_ticks_as_if_it_had_always_been_there() {
        let faster = RateChange { at_ms: 1000, ticks_per_second: 10 };
        let schedule = schedule(1, 500, 2).with_changes([faster]);
        assert_eq!(schedule.due(Tick(2)).to_string(), "1.050000");
        assert_eq!(schedule.ticks(), 11);
    }

    #[test]
    fn a_change_to_the_same_rate_is_none() {
        let same = RateChange { at_ms: 70, ticks_per_second: 3 };
        assert_eq!(schedule(3, 5, 2).with_changes([same]), schedule(3, 5, 2));
    }

    #[test]
    fn milliseconds_that_are_left_are_rounded_up() {
        let due = schedule(3, 1000, 1).due(Tick(1));
        assert_eq!([333, 334, 1000].map(|ms| due.ms_until(ms)), [0, 1, 667]);
    }

    proptest! {
        #[test]
        fn ticks_of_a_changing_rate_are_due_in_order_and_found_by_their_times(
            (rate, phase) in (1_u32..=20, 1_u32..=1000),
            steps in proptest::collection::vec((1_u64..=900, 0_u32..=30), 1..8),
            times_ms in proptest::collection::vec(0_u64..9_000, 1..20),
        ) {
            let own = changing(schedule(rate, phase, 8), &steps);
            let end = ModelTime::end_of(8);
            let ticks = own.ticks();
            prop_assert!(ticks == 0 || own.due(Tick(ticks)) <= end);
            prop_assert!(end < own.due(Tick(ticks + 1)));
            for tick in 1..=ticks {
                let due = own.due(Tick(tick));
                prop_assert!(due < own.due(Tick(tick + 1)));
                prop_assert_eq!(own.first_from(due), Tick(tick));
                prop_assert_eq!(own.first_after(due), Tick(tick + 1));
            }
            for time in times_ms.into_iter().map(ModelTime::of_ms) {
                let from = (1..).map(Tick).find(|tick| time <= own.due(*tick));
                prop_assert_eq!(from, Some(own.first_from(time)));
                let after = (1..).map(Tick).find(|tick| time < own.due(*tick));
                prop_assert_eq!(after, Some(own.first_after(time)));
            }
        }

        #[test]
        fn a_change_in_mid_course_that_is_taken_back_at_once_changes_nothing(
            (rate, phase) in (1_u32..=20, 1_u32..=1000),
            at_ms in 0_u64..5000,
        ) {
            let base = schedule(rate, phase, 5);
            let changes = [rate + 1, rate].map(|ticks_per_second| RateChange { at_ms, ticks_per_second });
            prop_assert_eq!(base.clone().with_changes(changes), base);
        }

        #[test]
        fn first_ticks_from_and_after_a_time_are_the_first(
            (rate, phase) in (1_u32..=50, 1_u32..=1000),
            (other_rate, other_phase) in (1_u32..=50, prop_oneof![Just(500_u32), 1_u32..=1000]),
            tick in 1_u64..200,
        ) {
            let (own, other) = (schedule(rate, phase, 9), schedule(other_rate, other_phase, 9));
            let time = other.due(Tick(tick));
            let mut ticks = (1..).map(Tick);
            prop_assert_eq!(ticks.find(|tick| time <= own.due(*tick)), Some(own.first_from(time)));
            let mut ticks = (1..).map(Tick);
            prop_assert_eq!(ticks.find(|tick| time < own.due(*tick)), Some(own.first_after(time)));
        }

        #[test]
        fn every_tick_is_due_within_the_trial(
            rate in 1_u32..=10_000, phase in 1_u32..=1000, duration_s in 1_u64..=1_000_000_000,
        ) {
            let schedule = schedule(rate, phase, duration_s);
            let start = ModelTime { numerator: 0, denominator: 1 };
            let end = ModelTime { numerator: duration_s, denominator: 1 };
            prop_assert!(start < schedule.due(Tick(1)));
            prop_assert!(schedule.due(Tick(schedule.ticks())) <= end);
            prop_assert!(end < schedule.due(Tick(schedule.ticks() + 1)));
        }
    }
}
