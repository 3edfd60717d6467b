//! The only place that reads a clock: monotonic for every deadline, system time for pictures.

use std::time::{Duration, Instant};

use crate::logbook::SystemTime;

/// Reads the monotonic clock, which every deadline and every lateness is measured by.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the module that reads clocks")]
pub fn now() -> Instant {
    Instant::now()
}

/// Reads the system time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the module that reads clocks")]
pub fn system_time() -> SystemTime {
    SystemTime(chrono::Utc::now().timestamp_micros())
}

/// The system time that the computer's clock shows at an instant, if nobody sets it.
#[must_use]
pub fn system_time_at(instant: Instant) -> SystemTime {
    let (now, time) = (now(), system_time().0);
    let ahead = micros(instant.saturating_duration_since(now));
    let behind = micros(now.saturating_duration_since(instant));
    SystemTime(time.saturating_add(ahead).saturating_sub(behind))
}

/// The instant at which the computer's clock showed a system time, if nobody set it since.
#[must_use]
pub fn instant_of(time: SystemTime) -> Instant {
    let (now, ago_us) = (now(), system_time().0.saturating_sub(time.0));
    let distance = Duration::from_micros(ago_us.unsigned_abs());
    let instant = if ago_us < 0 { now.checked_add(distance) } else { now.checked_sub(distance) };
    instant.unwrap_or(now)
}

/// A length of time in whole microseconds.
#[must_use]
pub fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
