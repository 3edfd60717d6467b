//! The rule `schedule`, as far as numbers go: ticks in order, none missing without an entry.

use super::violation::Complaints;
use super::{Rule, event};
use crate::logbook::{Ending, Log};
use crate::model::MachineId;

pub(super) fn check(complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    for (machine, log) in history.present() {
        check_numbers(machine, log, complaints);
    }
}

/// What a tick that is missing, or stands in a wrong place, breaks besides.
const WITHOUT_A_TICK: &[Rule] = &[
    Rule::ClockRule,
    Rule::Draws,
    Rule::Matching,
    Rule::Conservation,
    Rule::Queue,
    Rule::Ends,
    Rule::Faults,
];

/// Follows the numbers of ticks through done and skipped ones.
fn check_numbers(machine: MachineId, log: &Log, complaints: &mut Complaints<'_>) {
    let mut due = 1;
    let mut skips = log.skips.iter().peekable();
    for (index, tick) in log.ticks.iter().enumerate() {
        while let Some(skip) = skips.next_if(|skip| skip.line < tick.line) {
            if skip.entry.first.0 != due {
                let what = format!(
                    "tick {due} was due, but ticks {} and on are skipped",
                    skip.entry.first
                );
                complaints.at_line(Rule::Schedule, log, skip.line, what);
            }
            due = skip.entry.last.0 + 1;
        }
        let found = tick.entry.tick.0;
        if due < found {
            let what = match found - due {
                1 => format!("tick {due} is missing without an entry"),
                _ => format!("ticks {due}..={} are missing without an entry", found - 1),
            };
            complain_of_gap(complaints, machine, index, what);
        } else if found < due {
            let what = format!("tick {found} stands where tick {due} was due");
            complain_of_gap(complaints, machine, index, what);
        }
        due = found + 1;
    }
    for skip in skips {
        if skip.entry.first.0 != due {
            let what =
                format!("tick {due} was due, but ticks {} and on are skipped", skip.entry.first);
            complaints.at_line(Rule::Schedule, log, skip.line, what);
        }
        due = skip.entry.last.0 + 1;
    }
    let ticks = complaints.history.schedule(machine).ticks();
    if let Some(end) = log.end.as_ref().filter(|end| end.entry.why == Ending::Finished)
        && due != ticks + 1
    {
        let what = format!("the machine ended finished after tick {} of {ticks}", due - 1);
        complaints.at_line(Rule::Schedule, log, end.line, what);
    }
}

/// What is missing stood before what is there, and peers may have received what it sent.
fn complain_of_gap(
    complaints: &mut Complaints<'_>,
    machine: MachineId,
    index: usize,
    what: String,
) {
    let peers = complaints.history.trial.peers(machine);
    let before = index.checked_sub(1).map(|index| event(machine, index));
    let rank = before.map_or(0, |before| complaints.causality.rank(before));
    let complaint = complaints.at(Rule::Schedule, &[event(machine, index)], what);
    complaint.rank = rank;
    complaint.explains(WITHOUT_A_TICK);
    peers.into_iter().for_each(|peer| {
        complaint.about(peer);
    });
}
