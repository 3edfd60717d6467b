//! Where a figure is going: the mean of the last moments against the mean of those before.

use std::collections::VecDeque;

use crate::logbook::SystemTime;

/// So far back a figure is remembered.
const WINDOW_US: i64 = 6_000_000;

/// Where a figure is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Steady,
    Down,
}

/// A figure over the last moments.
#[derive(Clone, Debug, Default)]
pub(super) struct Trend {
    samples: VecDeque<(SystemTime, u64)>,
}

impl Trend {
    /// Notes the figure, as it is now.
    pub(super) fn note(&mut self, now: SystemTime, value: u64) {
        let is_recent = |then: SystemTime| then <= now && now.0 - then.0 < WINDOW_US;
        self.samples.retain(|(then, _)| is_recent(*then));
        self.samples.push_back((now, value));
    }

    /// Where it is going: steady unless the mean has moved by more than a half and by more than a
    /// thirtieth of itself, so that an arrow does not flutter.
    #[expect(clippy::cast_precision_loss, reason = "it is for the eye")]
    pub(super) fn direction(&self) -> Direction {
        let Some((newest, _)) = self.samples.back() else {
            return Direction::Steady;
        };
        let mean = |is_new: bool| {
            let half = |then: SystemTime| (newest.0 - then.0 < WINDOW_US / 2) == is_new;
            let values = self.samples.iter().filter(|(then, _)| half(*then));
            let (sum, count) = values
                .fold((0.0, 0.0), |(sum, count), (_, value)| (sum + *value as f64, count + 1.0));
            (0.0 < count).then(|| sum / count)
        };
        let (Some(before), Some(after)) = (mean(false), mean(true)) else {
            return Direction::Steady;
        };
        let least = (after.max(before) / 30.0).max(0.5);
        if before + least < after {
            Direction::Up
        } else if after + least < before {
            Direction::Down
        } else {
            Direction::Steady
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direction(values: &[u64]) -> Direction {
        let mut trend = Trend::default();
        for (index, value) in values.iter().enumerate() {
            trend.note(SystemTime(1_000_000 * i64::try_from(index).unwrap()), *value);
        }
        trend.direction()
    }

    #[test]
    fn a_figure_goes_up_or_down_when_its_mean_moves() {
        assert_eq!(direction(&[]), Direction::Steady);
        assert_eq!(direction(&[7]), Direction::Steady);
        assert_eq!(direction(&[0, 1, 2, 3, 4, 5]), Direction::Up);
        assert_eq!(direction(&[5, 4, 3, 2, 1, 0]), Direction::Down);
        assert_eq!(direction(&[0, 1, 0, 1, 0, 1]), Direction::Steady);
        assert_eq!(direction(&[300, 300, 300, 302, 301, 303]), Direction::Steady);
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        assert_eq!(direction(&[90, 90, 90, 0, 0, 0, 0, 0, 0, 0]), Direction::Steady);
    }

    #[test]
    fn a_clock_that_is_set_back_begins_anew() {
        let mut trend = Trend::default();
        trend.note(SystemTime(9_000_000), 50);
        trend.note(SystemTime(1_000_000), 1);
        assert_eq!(trend.direction(), Direction::Steady);
    }
}
