//! What the faults of the trial mean to one machine: when it is away, what becomes of what it sends,
//! and what its log has to tell of all that.

use std::collections::{BTreeSet, VecDeque};

use super::resume::Past;
use crate::logbook::Log;
use crate::model::{Absence, Fate, FaultId, Ledger, Links, MachineId, ModelTime, Over, Span, Tick};
use crate::pace::Pace;
use crate::trial::Trial;

/// The faults of a trial, as far as one machine has to do with them.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    own: MachineId,
    ledger: Ledger,
    links: Links,
    /// The absences that lie ahead, in their order.
    ahead: VecDeque<Away>,
    /// Absences of which the machine has not seen for itself that they took effect. At the virtual
    /// pace it carries them out itself.
    unproved: BTreeSet<FaultId>,
    /// So many kills may still be proved: each by a restart of its own. A machine that was killed
    /// before it could tell of its return has one restart for two kills.
    provable_kills: usize,
    is_virtual: bool,
}

/// A span in which the machine does not tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Away {
    pub(super) absence: Absence,
    pub(super) span: Span,
    /// The how-manieth kill of the machine it is; none if it is a pause.
    pub(super) kill: Option<u32>,
}

impl Faults {
    /// The faults before the first tick.
    pub(super) fn new(trial: &Trial, own: MachineId, pace: Pace) -> Self {
        let ledger = Ledger::new(&trial.faults, &trial.schedule(own), own);
        let ahead = VecDeque::from(aways(trial, own));
        let is_virtual = pace == Pace::Virtual;
        let unproved = ahead.iter().map(|away| away.absence.fault).filter(|_| !is_virtual);
        let unproved = unproved.collect();
        let links = trial.links();
        Self { own, ledger, links, ahead, unproved, provable_kills: 0, is_virtual }
    }

    /// Passes over what a log tells of; a restart follows.
    pub(super) fn forget_what_is_told(&mut self, log: &Log) {
        for told in &log.faults {
            self.ledger.next_over(None, |_| 0);
            self.unproved.remove(&told.entry.number);
        }
        let proved = log.faults.iter().filter(|told| told.entry.is_kill_that_struck()).count();
        self.provable_kills = (log.restarts.len() + 1).saturating_sub(proved);
    }

    /// Whether faults strike what is sent to a peer.
    pub(super) fn strike(&self, to: MachineId) -> bool {
        self.links.are_struck(self.own, to)
    }

    /// What becomes of the next message to a peer, sent on a tick that is due then.
    pub(super) fn send(&mut self, to: MachineId, tick: Tick, due: ModelTime) -> Fate {
        self.links.send((self.own, to), (tick, due))
    }

    /// The next absence, if it begins before a tick.
    pub(super) fn next_away(&mut self, tick: Tick) -> Option<Away> {
        let is_here = |away: &Away| away.absence.first <= tick;
        if self.ahead.front().is_some_and(is_here) { self.ahead.pop_front() } else { None }
    }

    /// The last tick up to `last` that is due before the next absence.
    pub(super) fn before_away(&self, last: Tick) -> Tick {
        let away = self.ahead.front().map(|away| Tick(away.absence.first.0 - 1));
        away.map_or(last, |before| before.min(last))
    }

    /// Notes that an absence took effect, if it is not told already.
    pub(super) fn prove(&mut self, away: &Away) {
        let fault = away.absence.fault;
        if away.kill.is_none() {
            self.unproved.remove(&fault);
        } else if 0 < self.provable_kills && self.unproved.remove(&fault) {
            self.provable_kills -= 1;
        }
    }

    /// The next fault to tell of before a tick that is due at `now`; at the end of the log there is no
    /// such tick.
    pub(super) fn next_over(&mut self, now: Option<ModelTime>) -> Option<Over> {
        let (links, own) = (&self.links, self.own);
        let over = self.ledger.next_over(now, |fault| links.hits(fault, own))?;
        let hits = if self.unproved.contains(&over.fault) { 0 } else { over.hits };
        // At the real pace the machine has told that it is back as soon as it was.
        let incarnation = over.incarnation.filter(|_| self.is_virtual);
        Some(Over { hits, incarnation, ..over })
    }
}

/// All absences of a machine, in their order.
fn aways(trial: &Trial, machine: MachineId) -> Vec<Away> {
    let mut kills = 0;
    let away = |absence: Absence| {
        kills += u32::from(absence.is_kill);
        let span = trial.faults[absence.fault.index()].span;
        Away { absence, span, kill: absence.is_kill.then_some(kills) }
    };
    trial.absences(machine).into_iter().map(away).collect()
}

/// How often a trial kills a machine.
pub(super) fn kill_count(trial: &Trial, machine: MachineId) -> u32 {
    aways(trial, machine).iter().filter_map(|away| away.kill).max().unwrap_or(0)
}

/// Whether a machine at the virtual pace has come to the kill after which its next incarnation
/// goes on.
pub(super) fn was_killed_on_purpose(trial: &Trial, machine: MachineId, past: &Past) -> bool {
    let is_due = |away: &Away| {
        away.kill.map(|kill| kill + 1) == Some(past.incarnation) && away.absence.first <= past.next
    };
    aways(trial, machine).iter().any(is_due)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::logbook::Header;

    const TRIAL: &str = "\
name = \"killed\"
duration_s = 20
draw_range = 10
seed = 7
[[machine]]
host = \"127.0.0.1\"
port = 20001
clock_rate = 2
phase = 10
[[machine]]
host = \"127.0.0.1\"
port = 20002
clock_rate = 3
phase = 700
[[fault]]
kind = \"kill\"
at_ms = 2000
for_ms = 1500
machine = 1
[[fault]]
kind = \"kill\"
at_ms = 5000
for_ms = 1500
machine = 1
";

    /// The hits of the faults that a machine tells of which comes back after both kills, by its clock, to
    /// a log that tells of this.
    fn hits_told(told: &str) -> Vec<u64> {
        let trial = Trial::parse_resolved(Path::new("killed.toml"), TRIAL).unwrap();
        let (own, pace) = (MachineId::new(1), Pace::Real("20".parse().unwrap()));
        let text = Header::new(trial.clone(), own, pace).to_string() + told;
        let log = Log::read(Path::new("log20001.txt"), text.as_bytes()).unwrap();
        let mut faults = Faults::new(&trial, own, pace);
        faults.forget_what_is_told(&log);
        let after_both = Tick(13);
        while let Some(away) = faults.next_away(after_both) {
            faults.prove(&away);
        }
        std::iter::from_fn(|| faults.next_over(None)).map(|over| over.hits).collect()
    }

    #[test]
    fn one_restart_proves_one_kill() {
        assert_eq!(hits_told(""), [1, 0]);
    }

    #[test]
    fn a_kill_that_is_told_needs_no_proof_again() {
        let told = "\
# start: 2026-11-28T22:34:50.000000Z
system_time tick model_time_s lateness_us event peers logical_clock queue_len received_timestamp draw
# restart: incarnation=2 cut_bytes=0 system_time=2026-11-28T22:34:51.000000Z
# fault: number=1 kind=kill hits=1 system_time=2026-11-28T22:34:51.010000Z
";
        assert_eq!(hits_told(told), [1]);
    }
}
