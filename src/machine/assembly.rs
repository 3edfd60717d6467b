//! Connecting, and the common start.
//!
//! No order of launch is needed: the courier connects to every peer, while the listener lets the
//! peers in. Of two machines one is there first and finds nobody; it is called by the other, and calls
//! back at once. When all connections of a machine stand it tells machine 1, and machine 1 answers all:
//! start in so many nanoseconds. That is a length of time, so the clocks of hosts need not agree.
//!
//! A machine that comes back finds a run that goes on: the first peer that welcomes it tells it when
//! the start was, or else its own log does. It waits for nobody who is not there.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use log::warn;

use super::checkup::{COMPARISON_LIMIT, Comparison};
use super::door::Door;
use super::inbox::{Halt, Inbox, Notice};
use super::producer::Producers;
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

/// Who has yet to be heard of.
#[derive(Debug)]
struct Roll {
    to_welcome: BTreeSet<MachineId>,
    to_connect: BTreeSet<MachineId>,
    to_get_ready: BTreeSet<MachineId>,
    to_name_start: BTreeSet<MachineId>,
    start: Option<Instant>,
}

impl Roll {
    fn new(contacts: impl IntoIterator<Item = MachineId>) -> Self {
        let contacts: BTreeSet<_> = contacts.into_iter().collect();
        Self {
            to_welcome: contacts.clone(),
            to_connect: contacts.clone(),
            to_get_ready: contacts,
            to_name_start: BTreeSet::from([starter()]),
            start: None,
        }
    }
}

impl Assembly<'_> {
    /// Waits for the peers, and agrees on the common start.
    pub(super) fn assemble(mut self) -> Result<Assembled, Halt> {
        let deadline = wall_clock::now() + self.limit;
        let mut roll = Roll::new(self.trial.contacts(self.machine));
        match self.logged_start {
            Some(start) => {
                let start = self.come_back(start, deadline, &mut roll)?;
                Ok(Assembled { start, clock_offset: None })
            }
            None => self.begin(deadline, &mut roll),
        }
    }

    /// The start of a run; or, for a machine that died before it, of one that may have begun.
    fn begin(&mut self, deadline: Instant, roll: &mut Roll) -> Result<Assembled, Halt> {
        self.wait_for(deadline, roll, "", |roll| &roll.to_welcome)?;
        self.wait_for(deadline, roll, "did not connect to this machine", |roll| &roll.to_connect)?;
        if self.machine == starter() {
            self.wait_for(deadline, roll, "did not get ready", |roll| &roll.to_get_ready)?;
            let start = roll.start.unwrap_or_else(|| wall_clock::now() + self.start_delay);
            self.producers.name_start(start);
            return Ok(Assembled { start, clock_offset: None });
        }
        let clock_offset = self.compare_clocks(deadline, roll)?;
        self.producers.get_ready(starter());
        self.wait_for(deadline, roll, "did not name the common start", |roll| &roll.to_name_start)?;
        let start = roll.start.expect("the wait ends when the start is named");
        Ok(Assembled { start, clock_offset })
    }

    /// Compares the clock of this host with that of machine 1's, at the real pace. A run whose clocks
    /// could not be compared is a run all the same: nothing is ordered by them.
    fn compare_clocks(
        &mut self,
        deadline: Instant,
        roll: &mut Roll,
    ) -> Result<Option<ClockOffset>, Halt> {
        let Some(checkups) = &self.door.checkups else { return Ok(None) };
        let deadline = deadline.min(wall_clock::now() + COMPARISON_LIMIT);
        let id = CheckupId(self.door.identity.boot.0);
        let Ok(mut comparison) = Comparison::begin(checkups, id, starter()) else {
            warn!("too many ask how this machine is; its log will not tell how clocks compare");
            return Ok(None);
        };
        while comparison.go_on() && roll.start.is_none() {
            let now = wall_clock::now();
            if deadline <= now {
                break;
            }
            if let Some(notice) = self.inbox.next_notice(deadline.min(now + LOOK_FOR_PROBES)) {
                self.enrol(notice, roll)?;
            }
        }
        if comparison.best().is_none() && roll.start.is_none() {
            warn!("machine 1 has answered no probe; the log will not tell how clocks compare");
        }
        Ok(comparison.best())
    }

    /// Takes part again as soon as every peer has been tried.
    fn come_back(
        &mut self,
        logged_start: Instant,
        deadline: Instant,
        roll: &mut Roll,
    ) -> Result<Instant, Halt> {
        while !self.producers.are_tried() && wall_clock::now() < deadline {
            let next_look = deadline.min(wall_clock::now() + LOOK_AGAIN);
            while let Some(notice) = self.inbox.next_notice(next_look) {
                self.enrol(notice, roll)?;
            }
        }
        let start = roll.start.unwrap_or(logged_start);
        if self.machine == starter() {
            self.producers.name_start(start);
        }
        Ok(start)
    }

    /// Waits until nobody is missing, or the run is known to have begun.
    fn wait_for(
        &mut self,
        deadline: Instant,
        roll: &mut Roll,
        failure: &str,
        absent: impl Fn(&Roll) -> &BTreeSet<MachineId>,
    ) -> Result<(), Halt> {
        loop {
            let absent = absent(roll);
            if absent.is_empty() || roll.start.is_some() {
                return Ok(());
            }
            if deadline <= wall_clock::now() {
                return Err(self.too_late(absent, failure));
            }
            if let Some(notice) = self.inbox.next_notice(deadline) {
                self.enrol(notice, roll)?;
            }
        }
    }

    fn enrol(&mut self, notice: Notice, roll: &mut Roll) -> Result<(), Halt> {
        match notice {
            Notice::Connected(peer) => {
                self.producers.call_back(peer);
                roll.to_connect.remove(&peer);
            }
            Notice::Disconnected(peer) => {
                roll.to_connect.insert(peer);
            }
            Notice::Welcomed { peer, start } => {
                roll.to_welcome.remove(&peer);
                roll.start = roll.start.or(start);
            }
            Notice::Ready(peer) => {
                roll.to_get_ready.remove(&peer);
            }
            Notice::Start(start) => roll.start = roll.start.or(Some(start)),
            Notice::Refused { from, why } => {
                return Err(Halt::Failed(anyhow!("{}: {why}", self.name(from))));
            }
            other => return self.inbox.heed(other),
        }
        Ok(())
    }

    /// Names who is missing, and why it cannot be reached if that is known.
    fn too_late(&self, absent: &BTreeSet<MachineId>, failure: &str) -> Halt {
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
