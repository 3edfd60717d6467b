//! What was seen of a machine.

use super::trend::Trend;
use crate::logbook::{Ending, Entry, News, SystemTime, TickRecord};

/// What was seen of a machine.
#[derive(Clone, Debug, Default)]
pub(super) struct MachineView {
    /// When something was last written into its log; none if there is no log.
    pub(super) written: Option<SystemTime>,
    /// Whether it has passed the common start.
    pub(super) is_started: bool,
    /// The last tick that it did.
    pub(super) last: Option<TickRecord>,
    /// The number of the last tick that it did or skipped.
    pub(super) tick: u64,
    /// How many ticks it skipped.
    pub(super) skipped: u64,
    /// How often it came back.
    pub(super) restarts: u32,
    /// Why it ended, once it has.
    pub(super) ending: Option<Ending>,
    /// Its longest queue at any look.
    pub(super) queue_len_max: u64,
    /// Where its queue is going.
    pub(super) queue_trend: Trend,
}

impl MachineView {
    /// Takes what a look at its log has shown.
    pub(super) fn take(&mut self, news: News) {
        match news {
            News::Begun => *self = Self { written: self.written, ..Self::default() },
            News::Started(..) => self.is_started = true,
            News::Entry(Entry::Tick(record)) => {
                self.tick = record.tick.0;
                self.last = Some(record);
            }
            News::Entry(Entry::Skipped(record)) => {
                self.tick = record.last.0;
                self.skipped += record.count();
            }
            News::Entry(Entry::Restart(record)) => {
                self.restarts = record.incarnation.saturating_sub(1);
                self.ending = None;
            }
            News::Entry(Entry::End(record)) => self.ending = Some(record.why),
            News::Entry(Entry::Fault(_)) => {}
        }
    }

    /// Notes what is to be seen now.
    pub(super) fn note(&mut self, now: SystemTime) {
        self.queue_len_max = self.queue_len_max.max(self.queue_len());
        self.queue_trend.note(now, self.queue_len());
    }

    /// The length of its queue after its last tick.
    pub(super) fn queue_len(&self) -> u64 {
        self.last.as_ref().map_or(0, |record| record.queue_len)
    }

    /// Its logical clock after its last tick.
    pub(super) fn logical_clock(&self) -> u64 {
        self.last.as_ref().map_or(0, |record| record.logical_clock.0)
    }
}
