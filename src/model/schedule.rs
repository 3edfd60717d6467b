//! The schedule: which tick is due when, from the trial alone.
//!
//! Model time is an exact fraction of seconds. It is compared by cross-multiplication and never
//! turned into a float, so that two computers agree on every order.

use std::cmp::Ordering;
use std::fmt;
use std::ops::RangeInclusive;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Ticks per second.
    pub clock_rate: ClockRate,
    /// Where in its period the machine ticks.
    pub phase: Phase,
    /// The duration of the trial, in seconds.
    pub duration_s: u64,
}

impl Schedule {
    /// The number of ticks: clock rate times duration, exactly.
    #[must_use]
    pub fn ticks(self) -> u64 {
        u64::from(self.clock_rate.0) * self.duration_s
    }

    /// When a tick is due: tick k with phase p at (1000 (k - 1) + p) / (1000 r) seconds after the
    /// common start. All ticks of a trial of T seconds are due in (0, T].
    ///
    /// # Panics
    /// When the tick is 0: ticks are numbered from 1.
    #[must_use]
    pub fn due(self, tick: Tick) -> ModelTime {
        assert!(tick.0 > 0, "ticks are numbered from 1");
        ModelTime {
            numerator: 1000 * (tick.0 - 1) + u64::from(self.phase.0),
            denominator: 1000 * u64::from(self.clock_rate.0),
        }
    }

    /// The first tick that is due at `time` or later; it may lie beyond the end of the trial.
    #[must_use]
    pub fn first_from(self, time: ModelTime) -> Tick {
        self.first(time, |behind, period| behind.div_ceil(period))
    }

    /// The first tick that is due later than `time`; it may lie beyond the end of the trial.
    #[must_use]
    pub fn first_after(self, time: ModelTime) -> Tick {
        self.first(time, |behind, period| behind / period + 1)
    }

    /// The first tick, given how many periods lie between the first tick of all and `time`.
    fn first(self, time: ModelTime, periods: impl FnOnce(u128, u128) -> u128) -> Tick {
        let first = self.due(Tick(1));
        if time < first {
            return Tick(1);
        }
        // Both over one denominator, 1000 r times that of `time`.
        let [time_over, first_over] = [
            u128::from(time.numerator) * u128::from(first.denominator),
            u128::from(first.numerator) * u128::from(time.denominator),
        ];
        let periods = periods(time_over - first_over, 1000 * u128::from(time.denominator));
        Tick(1 + u64::try_from(periods).expect("a trial has fewer than 2^64 ticks"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schedule(clock_rate: u32, phase: u32, duration_s: u64) -> Schedule {
        Schedule { clock_rate: ClockRate(clock_rate), phase: Phase(phase), duration_s }
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

    proptest! {
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
