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
    let ago_us = system_time().0.saturating_sub(time.0);
    instant_in(ago_us.saturating_mul(-1000))
}

/// The instant that lies so many nanoseconds from now; now, if the clock cannot tell it.
#[must_use]
pub fn instant_in(nanos: i64) -> Instant {
    let (now, distance) = (now(), Duration::from_nanos(nanos.unsigned_abs()));
    let instant = if nanos < 0 { now.checked_sub(distance) } else { now.checked_add(distance) };
    instant.unwrap_or(now)
}

/// Nanoseconds from now until an instant; negative if it is past.
#[must_use]
pub fn nanos_until(instant: Instant) -> i64 {
    let now = now();
    let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    if now <= instant { nanos(instant - now) } else { -nanos(now - instant) }
}

/// A length of time in whole microseconds.
#[must_use]
pub fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
