//! One log on its way through: the entry that is next, and what its machine knows by then.

use std::collections::VecDeque;

use anyhow::{Result, bail};

use super::run::{Reader, Run};
use crate::logbook::{Entry, LoggedEvent, Numbered, SystemTime, TickRecord};
use crate::model::{MachineId, ModelTime, Schedule, Tick, Timestamp};

/// One log on its way through.
#[derive(Debug)]
pub(super) struct Lane {
    machine: MachineId,
    reader: Reader,
    schedule: Schedule,
    ticks: u64,
    start: Option<SystemTime>,
    /// Where the log is cut off, by line: what begins there is left out.
    cut: Option<usize>,
    /// The next tick, and what stands before it that is none.
    head: Option<Head>,
    /// What stands after the last tick, until it is taken.
    tail: Option<VecDeque<Entry>>,
    /// Whether the end entry was read.
    pub(super) has_end: bool,
    /// The how-manieth start of the machine its last entry belongs to.
    pub(super) incarnation: u32,
    /// The vector clock of its last event.
    pub(super) vector: Vec<u64>,
    /// Where its last entry stands on the time line.
    pub(super) time_us: u64,
    /// The message that it waits for: from whom, and the timestamp.
    pub(super) waits_for: Option<(MachineId, Timestamp)>,
}

/// A tick that is to come.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) tick: Numbered<TickRecord>,
    /// The entries before it that are no ticks.
    pub(super) asides: VecDeque<Entry>,
    pub(super) due: ModelTime,
    /// Where in its log it ends, in bytes.
    pub(super) end_byte: u64,
    /// When it began, in microseconds since the common start, as its own log tells it.
    pub(super) began_us: u64,
}

impl Lane {
    pub(super) fn new(run: &Run, machine: MachineId, cut: Option<usize>) -> Result<Self> {
        let reader = run.reader(machine)?;
        let schedule = run.trial.schedule(machine);
        let mut lane = Self {
            machine,
            start: reader.start,
            reader,
            ticks: schedule.ticks(),
            schedule,
            cut,
            head: None,
            tail: None,
            has_end: false,
            incarnation: 1,
            vector: vec![0; run.trial.machines.len()],
            time_us: 0,
            waits_for: None,
        };
        lane.advance(run)?;
        Ok(lane)
    }

    /// The tick that is next, if there is one.
    pub(super) fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Takes the tick that is next, and reads on.
    pub(super) fn take_head(&mut self, run: &Run) -> Result<Option<Head>> {
        let head = self.head.take();
        if head.is_some() {
            self.advance(run)?;
        }
        Ok(head)
    }

    /// Whether something is left after the last tick.
    pub(super) fn has_tail(&self) -> bool {
        self.tail.is_some()
    }

    /// Takes what stands after the last tick.
    pub(super) fn take_tail(&mut self) -> VecDeque<Entry> {
        self.tail.take().unwrap_or_default()
    }

    /// Leaves out the next tick and all that follows.
    pub(super) fn cut_off(&mut self) {
        if let Some(head) = self.head.take() {
            self.waits_for = None;
            self.cut = Some(head.tick.line);
            self.tail = Some(head.asides);
        }
    }

    /// How many bytes of the log were read.
    pub(super) fn bytes(&self) -> u64 {
        self.reader.bytes()
    }

    /// The line that is torn, once the log is read.
    pub(super) fn torn_line(&self) -> Option<usize> {
        self.reader.torn_line().filter(|_| self.cut.is_none())
    }

    /// When the tick after another is due, in microseconds since the common start.
    pub(super) fn due_after_us(&self, run: &Run, tick: Tick) -> u64 {
        let end = ModelTime::end_of(run.trial.duration_s);
        let next = Tick(tick.0 + 1);
        run.since_start_us(if next.0 <= self.ticks { self.schedule.due(next) } else { end })
    }

    /// When an entry that is no tick was, in microseconds since the common start.
    pub(super) fn aside_us(&self, run: &Run, entry: &Entry) -> u64 {
        let system_time = match entry {
            Entry::Skipped(skip) if skip.first.0 <= self.ticks => {
                return late_us(
                    run.since_start_us(self.schedule.due(skip.first)),
                    skip.lateness_us,
                );
            }
            Entry::Skipped(skip) => skip.system_time,
            Entry::Tick(tick) => tick.system_time,
            Entry::Restart(restart) => restart.system_time,
            Entry::Fault(fault) => fault.system_time,
            Entry::End(end) => end.system_time,
        };
        run.system_since_start_us(system_time, self.start)
    }

    /// Reads up to the next tick, or to the end.
    fn advance(&mut self, run: &Run) -> Result<()> {
        let mut asides = VecDeque::new();
        while let Some(Numbered { line, entry }) = self.reader.next_entry()? {
            if self.cut.is_some_and(|cut| cut <= line) {
                break;
            }
            let Entry::Tick(record) = entry else {
                self.has_end |= matches!(entry, Entry::End(_));
                asides.push_back(entry);
                continue;
            };
            self.head = Some(self.head_of(run, Numbered { line, entry: record }, asides)?);
            return Ok(());
        }
        self.tail = Some(asides);
        Ok(())
    }

    fn head_of(
        &self,
        run: &Run,
        tick: Numbered<TickRecord>,
        asides: VecDeque<Entry>,
    ) -> Result<Head> {
        let (line, record) = (tick.line, &tick.entry);
        let place = || format!("{}:{line}", run.path(self.machine).display());
        if self.ticks < record.tick.0 {
            let (tick, last) = (record.tick, self.ticks);
            bail!("{}: tick {tick}, but the last one of the trial is {last}", place());
        }
        let ports: &[u16] = match &record.event {
            LoggedEvent::Internal => &[],
            LoggedEvent::Send(ports) => ports,
            LoggedEvent::Receive { from, .. } => std::slice::from_ref(from),
        };
        if let Some(port) = ports.iter().find(|port| run.machine_at(**port).is_none()) {
            bail!("{}: no machine of the trial has the port {port}", place());
        }
        let due = self.schedule.due(record.tick);
        let began_us = late_us(run.since_start_us(due), record.lateness_us);
        Ok(Head { tick, asides, due, end_byte: self.reader.bytes(), began_us })
    }
}

/// The time so much later; 0 if it would be before the common start.
fn late_us(due_us: u64, lateness_us: i64) -> u64 {
    due_us.saturating_add_signed(lateness_us)
}
