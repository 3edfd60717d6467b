//! A clock rate that changes: stretches of model time with one rate each.
//!
//! The machine is an oscillator that keeps its phase: its phase, in thousandths of a tick, grows by
//! the clock rate in each millisecond, and tick k is due when the phase first reaches
//! 1000 (k - 1) + p. All of this is exact: whole numbers and one fraction.

use super::schedule::ModelTime;

/// From a point of model time on, a machine has another clock rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateChange {
    /// When the rate changes, in milliseconds of model time.
    pub at_ms: u64,
    /// The rate from then on, in ticks per second; 0 if the clock stands still.
    pub ticks_per_second: u32,
}

/// Stretches that follow each other without a gap. The first begins at 0; the last never ends, and
/// its clock does not stand still.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stretches(Vec<Stretch>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    start_ms: u64,
    ticks_per_second: u64,
    /// The phase at the start.
    phase: u64,
}

impl Stretches {
    /// Lays out the stretches of changes that are given in their order. Of several changes at one
    /// time the last counts.
    ///
    /// # Panics
    /// When the changes are out of order, or the clock stands still for ever.
    pub(super) fn new(changes: impl IntoIterator<Item = RateChange>) -> Self {
        let mut stretches: Vec<Stretch> = Vec::new();
        for RateChange { at_ms: start_ms, ticks_per_second } in changes {
            let ticks_per_second = u64::from(ticks_per_second);
            let phase = match stretches.last() {
                None => 0,
                Some(last) => {
                    assert!(last.start_ms <= start_ms, "changes of a rate are given in order");
                    last.phase + last.ticks_per_second * (start_ms - last.start_ms)
                }
            };
            stretches.pop_if(|last| last.start_ms == start_ms);
            if stretches.last().is_none_or(|last| last.ticks_per_second != ticks_per_second) {
                stretches.push(Stretch { start_ms, ticks_per_second, phase });
            }
        }
        let goes_on = stretches.last().is_some_and(|last| 0 < last.ticks_per_second);
        assert!(goes_on, "no clock stands still for ever");
        Self(stretches)
    }

    /// Whether the rate never changes.
    pub(super) fn is_one(&self) -> bool {
        self.0.len() == 1
    }

    /// When a phase is reached; a phase is 1 or more.
    pub(super) fn reached(&self, phase: u64) -> ModelTime {
        // The last stretch that begins below the phase is the one that reaches it.
        let after = self.0.partition_point(|stretch| stretch.phase < phase);
        let Stretch { start_ms, ticks_per_second, phase: before } = self.0[after - 1];
        ModelTime::new(start_ms * ticks_per_second + phase - before, 1000 * ticks_per_second)
    }

    /// The phase at a time that is later than 0.
    pub(super) fn phase_at(&self, time: ModelTime) -> PhaseAt {
        let (numerator, denominator) = time.parts();
        let time_ms = 1000 * u128::from(numerator);
        let over = u128::from(denominator);
        let after = self.0.partition_point(|stretch| u128::from(stretch.start_ms) * over < time_ms);
        let Stretch { start_ms, ticks_per_second, phase } = self.0[after - 1];
        let since_ms = time_ms - u128::from(start_ms) * over;
        PhaseAt {
            scaled: u128::from(phase) * over + u128::from(ticks_per_second) * since_ms,
            over,
            stood_still: ticks_per_second == 0,
        }
    }
}

/// A phase at a point of model time.
#[derive(Clone, Copy, Debug)]
pub(super) struct PhaseAt {
    /// The phase, times `over`.
    pub(super) scaled: u128,
    pub(super) over: u128,
    /// Whether the clock stood still just before, so that the phase was reached earlier.
    pub(super) stood_still: bool,
}
