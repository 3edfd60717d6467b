//! What the tick loop shows: written on every tick, read when somebody asks.
//!
//! Nothing is ordered by these numbers; each is right by itself, and two that belong together may
//! be a tick apart.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::model::{ModelTime, Tick, Timestamp};
use crate::pace::Speed;

/// The largest lateness is that of the ticks of the last one to two of these, by the wall clock.
const RECENT: Duration = Duration::from_secs(5);

/// The gauges of one machine at the real pace.
#[derive(Debug)]
pub(in crate::machine) struct Gauges {
    speed: Speed,
    next: AtomicU64,
    done: AtomicU64,
    clock: AtomicU64,
    /// Which of the spans of [`RECENT`] since the common start this one is.
    span: AtomicU64,
    /// The largest lateness in this span, and in the one before, in microseconds.
    lateness_us: [AtomicU64; 2],
}

impl Gauges {
    /// The gauges of a machine whose next tick, number of ticks done, and logical clock are these.
    pub(in crate::machine) fn new(speed: Speed, next: Tick, done: u64, clock: Timestamp) -> Self {
        Self {
            speed,
            next: AtomicU64::new(next.0),
            done: AtomicU64::new(done),
            clock: AtomicU64::new(clock.0),
            span: AtomicU64::new(0),
            lateness_us: [AtomicU64::new(0), AtomicU64::new(0)],
        }
    }

    /// Notes that a tick that was due then began so late, in microseconds.
    pub(in crate::machine) fn note_lateness(&self, due: ModelTime, lateness_us: i64) {
        let micros = u64::try_from(lateness_us).unwrap_or(0);
        let elapsed = self.speed.wall_time(due) + Duration::from_micros(micros);
        let [latest, before] = &self.lateness_us;
        let span = elapsed.as_secs() / RECENT.as_secs();
        let known = self.span.load(Ordering::Relaxed);
        if known != span {
            let kept = if known + 1 == span { latest.load(Ordering::Relaxed) } else { 0 };
            before.store(kept, Ordering::Relaxed);
            latest.store(0, Ordering::Relaxed);
            self.span.store(span, Ordering::Relaxed);
        }
        if latest.load(Ordering::Relaxed) < micros {
            latest.store(micros, Ordering::Relaxed);
        }
    }

    /// Notes that a tick is done.
    pub(in crate::machine) fn note_tick(&self, done: u64, clock: Timestamp) {
        self.done.store(done, Ordering::Relaxed);
        self.clock.store(clock.0, Ordering::Relaxed);
    }

    /// Notes which tick runs next.
    pub(in crate::machine) fn note_next(&self, next: Tick) {
        self.next.store(next.0, Ordering::Relaxed);
    }

    /// The tick that runs next.
    pub(super) fn next(&self) -> Tick {
        Tick(self.next.load(Ordering::Relaxed))
    }

    /// How many ticks are done.
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// The logical clock.
    pub(super) fn clock(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::Relaxed))
    }

    /// The largest lateness of late, in microseconds, seen so long after the common start.
    pub(super) fn lateness_us(&self, elapsed: Duration) -> u64 {
        let [latest, before] = self.lateness_us.each_ref().map(|us| us.load(Ordering::Relaxed));
        let spans_ago = elapsed.as_secs() / RECENT.as_secs() - self.span_at_most(elapsed);
        match spans_ago {
            0 => latest.max(before),
            1 => latest,
            _ => 0,
        }
    }

    fn span_at_most(&self, elapsed: Duration) -> u64 {
        self.span.load(Ordering::Relaxed).min(elapsed.as_secs() / RECENT.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Gauges of a machine whose ticks began at these seconds, and so late, in microseconds.
    fn gauges(ticks: &[(u64, i64)]) -> Gauges {
        let gauges = Gauges::new(Speed::ONE, Tick(1), 0, Timestamp(0));
        for (due_s, lateness_us) in ticks {
            gauges.note_lateness(ModelTime::end_of(*due_s), *lateness_us);
        }
        gauges
    }

    #[test]
    fn a_late_tick_is_told_for_five_to_ten_seconds() {
        let early = [(3, 7000), (4, 2000)];
        assert_eq!(gauges(&early).lateness_us(seconds(4)), 7000);
        let later = [(3, 7000), (4, 2000), (6, 1000)];
        assert_eq!(gauges(&later).lateness_us(seconds(6)), 7000);
        let last = [(3, 7000), (4, 2000), (6, 1000), (11, 1000)];
        assert_eq!(gauges(&last).lateness_us(seconds(11)), 1000);
    }

    #[test]
    fn what_was_long_ago_is_forgotten_also_without_a_tick() {
        let gauges = gauges(&[(3, 7000)]);
        assert_eq!(gauges.lateness_us(seconds(9)), 7000);
        assert_eq!(gauges.lateness_us(seconds(10)), 0);
        gauges.note_lateness(ModelTime::end_of(100), 1000);
        assert_eq!(gauges.lateness_us(seconds(100)), 1000);
    }

    #[test]
    fn spans_are_those_of_the_wall_clock() {
        let gauges = Gauges::new("10".parse().unwrap(), Tick(1), 0, Timestamp(0));
        gauges.note_lateness(ModelTime::end_of(30), 7000);
        gauges.note_lateness(ModelTime::end_of(60), 1000);
        assert_eq!(gauges.lateness_us(seconds(6)), 7000);
    }
}
