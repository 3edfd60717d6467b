//! The first reading of a run: what does not fit together is found before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use super::format::Concern;
use super::merge::Merge;
use super::run::Run;
use crate::model::MachineId;

/// With more receives that fit no send, the logs are no record of a run.
const MISFITS_MAX: usize = 10_000;

/// So many misfits are told one by one.
const MISFITS_TOLD: usize = 5;

/// What the first reading of a run found.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Events.
    pub events: u64,
    /// Messages that were sent.
    pub messages: u64,
    /// Events that were moved on the time line, so that none is earlier than what happened before it.
    pub moved: u64,
    /// By how much one was moved at most, in microseconds.
    pub moved_max_us: u64,
    /// Messages that were received.
    pub received: u64,
    /// Of these, those whose receivers knew of the send already, by another way.
    pub overtaken: u64,
    /// Receives that fit no send, by machine and line.
    misfits: BTreeMap<(MachineId, usize), Misfit>,
    /// The line from which on a log is left out: it knows of sends that were written after those of
    /// its sender were read.
    pub(super) cuts: BTreeMap<MachineId, usize>,
    /// The lines that are torn.
    pub(super) torn: BTreeMap<MachineId, usize>,
    /// Machines without an end entry that did start.
    pub(super) endless: BTreeSet<MachineId>,
    /// Machines that never started.
    pub(super) never_started: BTreeSet<MachineId>,
}

/// Why a receive has no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// No send is left that it could belong to.
    WithoutSend,
    /// Its send comes after it.
    Circular,
}

impl Survey {
    /// Reads a run for the first time; tells the meter of bytes as they are read.
    ///
    /// # Errors
    /// When a log cannot be read, or holds what no log of the trial can.
    pub fn of(run: &Run, meter: impl Fn(u64)) -> Result<Self> {
        let mut merge = Merge::survey(run)?;
        while merge.next()?.is_some() {
            meter(merge.take_read_bytes());
        }
        Ok(merge.into_survey())
    }

    /// What a user must know before the export is trusted, one line each.
    #[must_use]
    pub fn remarks(&self, run: &Run) -> Vec<String> {
        let place =
            |machine: MachineId, line: usize| format!("{}:{line}", run.path(machine).display());
        let mut remarks = Vec::new();
        for (machine, line) in &self.torn {
            let place = place(*machine, *line);
            remarks.push(format!("{place}: the last line is torn, and left out"));
        }
        for (machine, line) in &self.cuts {
            let place = place(*machine, *line);
            remarks.push(format!(
                "{place}: the run goes on; this line and what follows is left out, as its sender's \
                 log was read before"
            ));
        }
        for machine in self.endless.iter().filter(|machine| !self.cuts.contains_key(machine)) {
            let path = run.path(*machine).display();
            remarks.push(format!(
                "{path}: no end entry: the machine still runs, or was killed; what is there is \
                 exported"
            ));
        }
        for machine in &self.never_started {
            let path = run.path(*machine).display();
            remarks.push(format!("{path}: no events: the machine never started"));
        }
        remarks.extend(self.tell_misfits(run));
        remarks
    }

    /// What a user must know in formats with a concern, if there is anything.
    #[must_use]
    pub fn remark_on(&self, concern: Concern, run: &Run) -> Option<String> {
        let Self { events, moved, moved_max_us, received, overtaken, .. } = self;
        let folder = run.folder.display();
        match concern {
            Concern::TimeLine => (0 < *moved).then(|| {
                format!(
                    "{folder}: moved on the time line, by {moved_max_us} us at most, as no event is \
                     shown before what happened before it: {moved} of {events} events"
                )
            }),
            Concern::ArrowsFromClocks => (0 < *overtaken).then(|| {
                format!(
                    "{folder}: without an arrow, as their receivers knew of the send already: \
                     {overtaken} of {received} messages"
                )
            }),
        }
    }

    fn tell_misfits(&self, run: &Run) -> Vec<String> {
        let tell = |(&(machine, line), misfit): (&(MachineId, usize), &Misfit)| {
            let why = match misfit {
                Misfit::WithoutSend => "no send belongs to this receive",
                Misfit::Circular => "this receive would happen before its own send",
            };
            let path = run.path(machine).display();
            format!("{path}:{line}: {why}; it is exported as one that heard of nothing")
        };
        let mut told: Vec<String> = self.misfits.iter().take(MISFITS_TOLD).map(tell).collect();
        let folder = run.folder.display();
        if let Some(more @ 1..) = self.misfits.len().checked_sub(MISFITS_TOLD) {
            told.push(format!("{folder}: more receives without a message: {more}"));
        }
        if !self.misfits.is_empty() {
            told.push(format!("{folder}: causality is broken; see 'scalemodel check {folder}'"));
        }
        told
    }

    /// Whether a receive fits no send.
    pub(super) fn is_misfit(&self, machine: MachineId, line: usize) -> bool {
        self.misfits.contains_key(&(machine, line))
    }

    pub(super) fn add_misfit(
        &mut self,
        run: &Run,
        receive: (MachineId, usize),
        misfit: Misfit,
    ) -> Result<()> {
        self.misfits.insert(receive, misfit);
        if MISFITS_MAX < self.misfits.len() {
            let folder = run.folder.display();
            bail!(
                "{folder}: more than {MISFITS_MAX} receives without a send; see what is wrong with \
                 'scalemodel check {folder}'"
            );
        }
        Ok(())
    }

    pub(super) fn count_event(&mut self, moved_us: u64) {
        self.events += 1;
        self.moved += u64::from(0 < moved_us);
        self.moved_max_us = self.moved_max_us.max(moved_us);
    }

    pub(super) fn count_receive(&mut self, is_known: bool) {
        self.received += 1;
        self.overtaken += u64::from(is_known);
    }
}
