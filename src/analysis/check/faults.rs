//! The rule `faults`: what the logs tell of faults is what the trial says.
//!
//! Each log tells of every fault that concerns its machine, once, when it is over. At the virtual
//! pace it is known when that is and how often each fault struck: from the schedules and from the
//! sends. A fault that struck nothing, or that a log leaves out, leaves open whether the run stood
//! it; then the checker cannot say.

use super::Rule;
use super::violation::Complaints;
use crate::analysis::history::History;
use crate::logbook::{Ending, FaultRecord, Log, Numbered, SystemTime};
use crate::model::fault::numbered;
use crate::model::{Fault, FaultId, FaultKind, Ledger, Links, MachineId, ModelTime, Over};
use crate::pace::Pace;

pub(super) fn check(complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    let known = Known::of(history);
    for (machine, log) in history.present() {
        let told = all_told(history, machine, &known.links);
        let mut seen: Vec<&Over> = Vec::new();
        for entry in &log.faults {
            let number = entry.entry.number;
            let over = told.iter().find(|over| over.fault == number);
            let what = match over {
                None => Some(format!("machine {machine} has no fault {number} to tell of")),
                Some(_) if seen.iter().any(|seen| seen.fault == number) => {
                    Some(format!("fault {number} was told of before"))
                }
                Some(over) => contradiction(history, &known, (machine, log), (entry, over))
                    .or_else(|| out_of_order(history, &seen, over)),
            };
            seen.extend(over);
            if let Some(what) = what {
                complaints.at_line(Rule::Faults, log, entry.line, what);
            }
        }
    }
}

/// What is known of hits at the virtual pace.
struct Known {
    /// All channels, after the sends that the logs hold.
    links: Links,
}

impl Known {
    fn of(history: &History) -> Self {
        let mut links = history.trial.links();
        if history.pace == Pace::Virtual && !history.trial.faults.is_empty() {
            for channel in &history.channels {
                channel.arrivals(history, &mut links);
            }
        }
        Self { links }
    }

    /// How often a fault struck; nothing if a log is missing that would say it, or at the real pace.
    fn hits(&self, history: &History, machine: MachineId, over: &Over) -> Option<u64> {
        let is_complete = match &history.trial.faults[over.fault.index()].kind {
            FaultKind::OnMachines(..) => true,
            FaultKind::OnChannels(channels, _) => history
                .trial
                .peers(machine)
                .into_iter()
                .filter(|peer| channels.contain(machine, *peer))
                .all(|peer| history.log(peer).is_some()),
        };
        (is_complete && history.pace == Pace::Virtual).then_some(over.hits)
    }
}

/// All that the log of a machine has to tell of faults, in order.
fn all_told(history: &History, machine: MachineId, links: &Links) -> Vec<Over> {
    let mut ledger = Ledger::new(&history.trial.faults, history.schedule(machine), machine);
    std::iter::from_fn(|| ledger.next_over(None, |fault| links.hits(fault, machine))).collect()
}

/// What an entry says that the trial does not.
fn contradiction(
    history: &History,
    known: &Known,
    (machine, log): (MachineId, &Log),
    (entry, over): (&Numbered<FaultRecord>, &Over),
) -> Option<String> {
    let FaultRecord { number, kind, hits, system_time } = entry.entry;
    let due = history.trial.faults[number.index()].name();
    if kind != due {
        return Some(format!("fault {number} is a {due}, not a {kind}"));
    }
    if history.pace != Pace::Virtual {
        let is_silent = over.incarnation.is_some() && restarts(log, entry) < kills(log, entry);
        return is_silent.then(|| {
            format!("fault {number} ({kind}) killed the machine, but no restart is told of")
        });
    }
    let ended = SystemTime::since_1970(1000 * over.ends_ms);
    if system_time != ended {
        return Some(format!("at the virtual pace fault {number} ({kind}) is over at {ended}"));
    }
    if let Some(due) = known.hits(history, machine, over).filter(|due| *due != hits) {
        return Some(format!("fault {number} ({kind}) struck {due} times, not {hits}"));
    }
    if over.incarnation.is_some() && !is_back(log, ended) {
        return Some(format!("fault {number} ({kind}) is over, but no restart is told of"));
    }
    let end = ModelTime::of_ms(over.ends_ms);
    let is_due_before = |index: usize| {
        log.ticks.get(index).map(|tick| history.schedule(machine).due(tick.entry.tick) < end)
    };
    let next = log.ticks.partition_point(|tick| tick.line < entry.line);
    if is_due_before(next) == Some(true) {
        return Some(format!("fault {number} ({kind}) is over only after the tick below"));
    }
    let before = next.checked_sub(1).and_then(is_due_before);
    (before == Some(false))
        .then(|| format!("fault {number} ({kind}) was over before the tick above"))
}

/// How many restarts a log tells of above the entry of a fault.
fn restarts(log: &Log, entry: &Numbered<FaultRecord>) -> usize {
    log.restarts.iter().filter(|restart| restart.line < entry.line).count()
}

/// How many kills took effect, up to and with the entry of one.
fn kills(log: &Log, entry: &Numbered<FaultRecord>) -> usize {
    let took_effect = |other: &&Numbered<FaultRecord>| {
        other.line <= entry.line && other.entry.is_kill_that_struck()
    };
    log.faults.iter().filter(took_effect).count()
}

/// Whether a log tells at the virtual pace that its machine came back at a time.
fn is_back(log: &Log, time: SystemTime) -> bool {
    log.restarts.iter().any(|restart| restart.entry.system_time == time)
}

/// Whether an entry of the virtual pace stands below one that is over later.
fn out_of_order(history: &History, seen: &[&Over], over: &Over) -> Option<String> {
    let key = |over: &Over| (over.ends_ms, over.fault);
    let later = seen.iter().find(|seen| key(over) < key(seen) && history.pace == Pace::Virtual)?;
    Some(format!("fault {} stands below fault {}, which is over later", over.fault, later.fault))
}

/// What keeps the checker from saying that the run stood its faults.
pub(super) fn without_effect(history: &History) -> Vec<String> {
    let told = |log: &Log, number: FaultId| {
        log.faults.iter().find(|entry| entry.entry.number == number).map(|entry| entry.entry.hits)
    };
    let of = |(number, fault): (FaultId, &Fault)| {
        let end = ModelTime::of_ms(fault.span.end_ms());
        let mut tellers = history.trial.machine_ids().filter(|machine| fault.is_told_by(*machine));
        let silent = history.present().find(|(machine, log)| {
            fault.is_told_by(*machine)
                && goes_beyond(history, *machine, log, end)
                && told(log, number).is_none()
        });
        let why = match silent {
            Some((_, log)) => format!("{} does not tell of it", log.path.display()),
            // A log that is missing, or has not come so far, may tell of hits.
            None if tellers.all(|machine| {
                history.log(machine).and_then(|log| told(log, number)) == Some(0)
            }) =>
            {
                "it struck nothing".to_owned()
            }
            None => return None,
        };
        Some(format!("fault {number} ({}) did not take effect: {why}", fault.name()))
    };
    numbered(&history.trial.faults).filter_map(of).collect()
}

/// Whether a log goes beyond a point of model time.
fn goes_beyond(history: &History, machine: MachineId, log: &Log, time: ModelTime) -> bool {
    let is_whole = log.end.as_ref().is_some_and(|end| end.entry.why == Ending::Finished);
    let last = log.ticks.last().map(|tick| history.schedule(machine).due(tick.entry.tick));
    is_whole || last.is_some_and(|last| time <= last)
}
