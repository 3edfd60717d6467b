//! Connecting, and the common start.
//!
//! No order of launch is needed: the courier connects to every peer, while the listener lets the
//! peers in. Of two machines one is there first and finds nobody; it is called by the other, and calls
//! back at once. When all connections of a machine stand it tells machine 1, and machine 1 answers all:
//! start in so many nanoseconds. That is a length of time, so the clocks of hosts need not agree.
//!
//! A machine that comes back finds a run that goes on: the first peer that welcomes it tells it when
//! the start was, or else its own log does. It waits for nobody who is not there.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use log::warn;

use super::checkup::{COMPARISON_LIMIT, Comparison};
use super::door::Door;
use super::inbox::{Halt, Inbox, Notice};
use super::producer::Producers;
use super::roll_call::Step;
use super::wire::CheckupId;
use crate::logbook::ClockOffset;
use crate::model::MachineId;
use crate::trial::Trial;
use crate::wall_clock;

/// How often a machine that comes back looks whether every peer was tried.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How often a machine that compares its clock looks whether a probe is back.
const LOOK_FOR_PROBES: Duration = Duration::from_millis(1);

/// So many machines are named when some are missing.
const NAMED_MAX: usize = 5;

/// What the machines have agreed on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assembled {
    /// The common start.
    pub(super) start: Instant,
    /// How far the clock of this host is from that of machine 1's, if it was measured.
    pub(super) clock_offset: Option<ClockOffset>,
}

/// Brings one machine to the common start.
#[derive(Debug)]
pub(super) struct Assembly<'a> {
    pub(super) trial: &'a Trial,
    pub(super) machine: MachineId,
    pub(super) inbox: &'a mut Inbox,
    pub(super) producers: &'a mut Producers,
    pub(super) door: &'a Door,
    /// How long the assembly may take.
    pub(super) limit: Duration,
    /// How far ahead machine 1 names the common start.
    pub(super) start_delay: Duration,
    /// The common start as the machine's own log tells it, if it comes back.
    pub(super) logged_start: Option<Instant>,
}

impl Assembly<'_> {
    /// Waits for the peers, and agrees on the common start.
    pub(super) fn assemble(mut self) -> Result<Assembled, Halt> {
        let deadline = wall_clock::now() + self.limit;
        match self.logged_start {
            Some(start) => {
                let start = self.come_back(start, deadline)?;
                Ok(Assembled { start, clock_offset: None })
            }
            None => self.begin(deadline),
        }
    }

    /// The start of a run; or, for a machine that died before it, of one that may have begun.
    fn begin(&mut self, deadline: Instant) -> Result<Assembled, Halt> {
        self.wait_for(Step::Welcome, deadline, "")?;
        self.wait_for(Step::Connection, deadline, "did not connect to this machine")?;
        if self.machine == starter() {
            self.wait_for(Step::Readiness, deadline, "did not get ready")?;
            let named = self.door.roll_call.start();
            let start = named.unwrap_or_else(|| wall_clock::now() + self.start_delay);
            self.producers.name_start(start);
            return Ok(Assembled { start, clock_offset: None });
        }
        let clock_offset = self.compare_clocks(deadline)?;
        self.producers.get_ready(starter());
        let start = self.wait_for_start(deadline)?;
        Ok(Assembled { start, clock_offset })
    }

    /// Compares the clock of this host with that of machine 1's, at the real pace. A run whose clocks
    /// could not be compared is a run all the same: nothing is ordered by them.
    fn compare_clocks(&mut self, deadline: Instant) -> Result<Option<ClockOffset>, Halt> {
        let Some(checkups) = &self.door.checkups else { return Ok(None) };
        let deadline = deadline.min(wall_clock::now() + COMPARISON_LIMIT);
        let id = CheckupId(self.door.identity.boot.0);
        let Ok(mut comparison) = Comparison::begin(checkups, id, starter()) else {
            warn!("too many ask how this machine is; its log will not tell how clocks compare");
            return Ok(None);
        };
        while comparison.go_on() && self.door.roll_call.expect_start().is_none() {
            let now = wall_clock::now();
            if deadline <= now {
                break;
            }
            if let Some(notice) = self.inbox.next_notice(deadline.min(now + LOOK_FOR_PROBES)) {
                self.heed(notice)?;
            }
        }
        if comparison.best().is_none() && self.door.roll_call.start().is_none() {
            warn!("machine 1 has answered no probe; the log will not tell how clocks compare");
        }
        Ok(comparison.best())
    }

    /// Takes part again as soon as every peer has been tried.
    fn come_back(&mut self, logged_start: Instant, deadline: Instant) -> Result<Instant, Halt> {
        while !self.producers.are_tried() && wall_clock::now() < deadline {
            let next_look = deadline.min(wall_clock::now() + LOOK_AGAIN);
            while let Some(notice) = self.inbox.next_notice(next_look) {
                self.heed(notice)?;
            }
        }
        let start = self.door.roll_call.start().unwrap_or(logged_start);
        if self.machine == starter() {
            self.producers.name_start(start);
        }
        Ok(start)
    }

    /// Waits until all peers have taken a step, or the run is known to have begun.
    fn wait_for(&mut self, step: Step, deadline: Instant, failure: &str) -> Result<(), Halt> {
        loop {
            let absent = self.door.roll_call.expect(step);
            if absent.is_empty() {
                return Ok(());
            }
            if deadline <= wall_clock::now() {
                return Err(self.too_late(&absent, failure));
            }
            self.heed_next(deadline)?;
        }
    }

    fn wait_for_start(&mut self, deadline: Instant) -> Result<Instant, Halt> {
        loop {
            if let Some(start) = self.door.roll_call.expect_start() {
                return Ok(start);
            }
            if deadline <= wall_clock::now() {
                return Err(self.too_late(&[starter()], "did not name the common start"));
            }
            self.heed_next(deadline)?;
        }
    }

    fn heed_next(&mut self, deadline: Instant) -> Result<(), Halt> {
        self.inbox.next_notice(deadline).map_or(Ok(()), |notice| self.heed(notice))
    }

    fn heed(&mut self, notice: Notice) -> Result<(), Halt> {
        match notice {
            Notice::Refused { from, why } => {
                Err(Halt::Failed(anyhow!("{}: {why}", self.name(from))))
            }
            other => self.inbox.heed(other),
        }
    }

    /// Names who is missing, and why it cannot be reached if that is known.
    fn too_late(&self, absent: &[MachineId], failure: &str) -> Halt {
        let limit = self.limit.as_secs_f64();
        let troubles = self.producers.troubles();
        if troubles.is_empty() {
            let names = listed(absent.iter().map(|peer| self.name(*peer)), ", ");
            return Halt::Failed(anyhow!("{names} {failure} within {limit} s (--connect-limit)"));
        }
        let reasons = troubles.iter().map(|(peer, why)| format!("{}: {why}", self.name(*peer)));
        let reasons = listed(reasons, "; ");
        Halt::Failed(anyhow!("not reached: {reasons}; within {limit} s (--connect-limit)"))
    }

    fn name(&self, peer: MachineId) -> String {
        format!("machine {peer} ({})", self.trial.spec(peer).address())
    }
}

/// Machine 1, which names the common start.
pub(super) fn starter() -> MachineId {
    MachineId::new(1)
}

/// The first of many, and how many more there are.
fn listed(all: impl ExactSizeIterator<Item = String>, separator: &str) -> String {
    let more = all.len().saturating_sub(NAMED_MAX);
    let mut shown: Vec<_> = all.take(NAMED_MAX).collect();
    if 0 < more {
        shown.push(format!("and {more} more"));
    }
    shown.join(separator)
}
