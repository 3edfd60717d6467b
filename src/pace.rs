//! Which pace a run has: real, by the wall clock and a speed, or virtual, as causality permits.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::model::ModelTime;

/// The pace of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Ticks are due by the wall clock.
    Real(Speed),
    /// Ticks run as soon as causality permits.
    Virtual,
}

impl Pace {
    /// The pace's name, as it stands in logs and is typed on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Real(_) => "real",
            Self::Virtual => "virtual",
        }
    }
}

/// How many model seconds pass in one second of the wall clock, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Speed {
    thousandths: u64,
}

impl Speed {
    /// One model second takes one second.
    pub const ONE: Self = Self { thousandths: 1000 };

    const THOUSANDTHS_MAX: u64 = 1_000_000_000;

    /// How long after the common start a point of model time is due on the wall clock.
    #[must_use]
    pub fn wall_time(self, model_time: ModelTime) -> Duration {
        // Nanoseconds of model time, times a thousand, over thousandths: no precision is lost.
        let nanos = u128::from(model_time.truncated_to(1_000_000_000)) * 1000;
        Duration::from_nanos(
            u64::try_from(nanos / u128::from(self.thousandths)).unwrap_or(u64::MAX),
        )
    }

    /// How many milliseconds of model time pass in a length of time on the wall clock, truncated.
    #[must_use]
    pub fn model_ms(self, wall_time: Duration) -> u64 {
        let ms = wall_time.as_nanos() * u128::from(self.thousandths) / 1_000_000_000;
        u64::try_from(ms).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.thousandths / 1000, self.thousandths % 1000);
        if rest == 0 {
            return write!(formatter, "{whole}");
        }
        let decimals = format!("{rest:03}");
        write!(formatter, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refusal = || {
            format!("found '{text}', allowed: a number in 0.001..=1000000, three decimals at most")
        };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !are_digits(whole) || !are_digits(decimals) || 3 < decimals.len() {
            return Err(refusal());
        }
        let whole: u64 = whole.parse().map_err(|_| refusal())?;
        let rest: u64 = format!("{decimals:0<3}").parse().map_err(|_| refusal())?;
        whole
            .checked_mul(1000)
            .and_then(|thousandths| thousandths.checked_add(rest))
            .filter(|thousandths| (1..=Self::THOUSANDTHS_MAX).contains(thousandths))
            .map(|thousandths| Self { thousandths })
            .ok_or_else(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClockRate, Phase, Schedule, Tick};

    #[test]
    fn a_speed_is_printed_as_it_was_typed() {
        for text in ["1", "60", "0.5", "2.25", "0.001", "1000000"] {
            assert_eq!(text.parse::<Speed>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_speed_is_refused() {
        for text in ["0", "-1", "", ".", "1.", ".5", "1e3", "0.0001", "1000000.001", "NaN", "+1"] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }

    #[test]
    fn sixty_model_seconds_take_one_second_at_speed_sixty() {
        let schedule = Schedule::new(ClockRate(1), Phase(1000), 60);
        let speed: Speed = "60".parse().unwrap();
        assert_eq!(speed.wall_time(schedule.due(Tick(60))), Duration::from_secs(1));
        assert_eq!(speed.model_ms(Duration::from_secs(1)), 60_000);
        assert_eq!(speed.model_ms(Duration::from_micros(999)), 59);
    }
}
