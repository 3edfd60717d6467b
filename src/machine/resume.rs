//! Coming back: the log is the journal of a machine, and whatever it was follows from it.
//!
//! The log is read, and the very rule of a tick is run over it once more. It must give each entry
//! as it stands; so a log that was edited, or damaged, is found before anybody hears of it.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::channel::Sent;
use super::faults::Faults;
use crate::logbook::{Log, LoggedEvent, Numbered, SystemTime, TickRecord};
use crate::model::{Event, Machine, MachineId, Message, Schedule, Step, Tick};
use crate::pace::Pace;
use crate::trial::Trial;

/// What a machine was when its log ends.
#[derive(Debug)]
pub(super) struct Past {
    /// The how-manieth start of the machine comes next.
    pub(super) incarnation: u32,
    /// The common start, by the system time.
    pub(super) start: Option<SystemTime>,
    pub(super) machine: Machine,
    /// The tick that runs next.
    pub(super) next: Tick,
    /// The numbers that were drawn, and the ticks that were skipped, in their order.
    pub(super) deeds: Vec<Deed>,
    pub(super) ticks_done: u64,
    pub(super) ticks_skipped: u64,
    pub(super) received: BTreeMap<MachineId, u64>,
    pub(super) sent: BTreeMap<MachineId, Vec<Sent>>,
    /// What the faults of the trial have done, and will do.
    pub(super) faults: Faults,
    schedule: Schedule,
}

/// What a lookahead must know of a tick that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// It ran, and drew this number if any.
    Ticked(Option<u32>),
    /// Ticks up to this one were skipped.
    Skipped(Tick),
}

impl Past {
    /// A machine that has none.
    pub(super) fn none(trial: &Trial, machine: MachineId, pace: Pace) -> Self {
        Self {
            incarnation: 1,
            start: None,
            machine: trial.machine(machine),
            next: Tick(1),
            deeds: Vec::new(),
            ticks_done: 0,
            ticks_skipped: 0,
            received: BTreeMap::new(),
            sent: BTreeMap::new(),
            faults: Faults::new(trial, machine, pace),
            schedule: trial.schedule(machine),
        }
    }

    /// Runs a machine over its own log.
    ///
    /// # Errors
    /// When an entry does not follow from those before it.
    pub(super) fn of(log: &Log, trial: &Trial, own: MachineId) -> Result<Self> {
        let mut past = Self::none(trial, own, log.header.pace);
        past.faults.forget_what_is_told(log);
        past.start = log.start;
        let mut skips = log.skips.iter().peekable();
        for tick in &log.ticks {
            while let Some(skip) = skips.next_if(|skip| skip.line < tick.line) {
                past.skip(skip.entry.last, skip.entry.count());
            }
            past.repeat(tick, trial).map_err(|what| {
                anyhow::anyhow!(
                    "{}:{}: {what}; the log was changed after its machine wrote it, so the \
                     machine cannot go on from it",
                    log.path.display(),
                    tick.line
                )
            })?;
        }
        for skip in skips {
            past.skip(skip.entry.last, skip.entry.count());
        }
        past.count_restarts(log)?;
        Ok(past)
    }

    fn skip(&mut self, last: Tick, count: u64) {
        self.next = Tick(last.0 + 1);
        self.ticks_skipped += count;
        self.deeds.push(Deed::Skipped(last));
    }

    /// Makes a tick once more; its entry must be what comes out.
    fn repeat(&mut self, tick: &Numbered<TickRecord>, trial: &Trial) -> Result<(), String> {
        let entry = &tick.entry;
        if entry.tick != self.next {
            return Err(format!("tick {} stands where tick {} is due", entry.tick, self.next));
        }
        let oldest = match entry.event {
            LoggedEvent::Receive { from, timestamp } => {
                let found = trial.machine_ids().find(|id| trial.spec(*id).port == from);
                let from = found.ok_or_else(|| format!("no machine has port {from}"))?;
                Some(Message { from, timestamp })
            }
            LoggedEvent::Internal | LoggedEvent::Send(_) => None,
        };
        let Step { event, timestamp, draw } = self.machine.tick(oldest);
        let logged = LoggedEvent::of(&event, trial);
        if (&logged, timestamp, draw) != (&entry.event, entry.logical_clock, entry.draw) {
            return Err("the entry does not follow from those before it".to_owned());
        }
        match event {
            Event::Send(to) => {
                let (tick, due) = (entry.tick, self.schedule.due(entry.tick));
                for peer in to {
                    let fate = self.faults.send(*peer, tick, due);
                    self.sent.entry(*peer).or_default().push(Sent { timestamp, tick, fate });
                }
            }
            Event::Receive(message) => *self.received.entry(message.from).or_default() += 1,
            Event::Internal => {}
        }
        self.ticks_done += 1;
        self.deeds.push(Deed::Ticked(draw));
        self.next = Tick(entry.tick.0 + 1);
        Ok(())
    }

    fn count_restarts(&mut self, log: &Log) -> Result<()> {
        for restart in &log.restarts {
            self.incarnation += 1;
            let found = restart.entry.incarnation;
            if found != self.incarnation {
                let (path, due) = (log.path.display(), self.incarnation);
                bail!("{path}:{}: incarnation {found}, where {due} is due", restart.line);
            }
        }
        self.incarnation += 1;
        Ok(())
    }
}
