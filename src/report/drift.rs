//! For how long the machines' clocks were how far apart: a histogram of the drift, over model time.

use serde::Serialize;

use crate::analysis::history::History;
use crate::analysis::stats::clocks_in_order;
use crate::analysis::tally::DriftMeter;
use crate::model::ModelTime;

/// At most so many bars are drawn.
const BARS_MAX: u64 = 40;

/// How many model seconds the drift was in each of some equal ranges.
#[derive(Debug, Serialize)]
pub(super) struct DriftHistogram {
    /// How many drifts a range has; the first range begins at 0.
    width: u64,
    /// Model seconds, by range.
    seconds: Vec<f64>,
}

/// The width of the ranges, if the largest drift of all runs shown is so large: 1, 2 or 5 times a
/// power of ten.
pub(super) fn width(drift_max: u64) -> u64 {
    let wanted = (drift_max / BARS_MAX).saturating_add(1);
    let mut power = 1_u64;
    loop {
        for width in [power, power.saturating_mul(2), power.saturating_mul(5)] {
            if wanted <= width {
                return width;
            }
        }
        power = power.saturating_mul(10);
    }
}

impl DriftHistogram {
    /// Follows the machines' clocks from the common start to the last event.
    pub(super) fn of(history: &History, width: u64) -> Self {
        let mut seconds = Vec::new();
        let mut meter = DriftMeter::new(history.present().map(|(machine, _)| machine));
        let mut before = ModelTime::of_ms(0);
        for (due, machine, clock) in clocks_in_order(history) {
            if before < due {
                let range = usize::try_from(meter.drift() / width).unwrap_or(usize::MAX);
                if seconds.len() <= range {
                    seconds.resize(range + 1, 0.0);
                }
                seconds[range] += (due.micros() - before.micros()) as f64 / 1e6;
            }
            meter.tick(machine, clock, before == due);
            before = due;
        }
        Self { width, seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_few_and_their_widths_are_round() {
        for (drift_max, expected) in [(0, 1), (39, 1), (40, 2), (160, 5), (200, 10), (4_000, 200)] {
            assert_eq!(width(drift_max), expected, "{drift_max}");
        }
        for drift_max in [u64::MAX, 1 << 53, 99_999, 77] {
            assert!(drift_max / width(drift_max) < BARS_MAX);
        }
    }
}
