//! The rule `restarts`: a machine that came back says so, and counts its starts.
//!
//! What a machine does after a restart must follow from its log before it, as if it had never been
//! away; the other rules hold that, since none of them begins anew at a restart. Only what lived in
//! the OS process alone may be lost: the message queue, and the lateness by its clock.
//!
//! At the virtual pace a machine comes back only from a kill of the trial, when the kill is over.

use super::Rule;
use super::violation::Complaints;
use crate::logbook::{Log, SystemTime};
use crate::model::{Absence, absences};
use crate::pace::Pace;

pub(super) fn check(complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    for (machine, log) in history.present() {
        check_incarnations(log, complaints);
        if history.pace == Pace::Virtual {
            let absences = absences(&history.trial.faults, history.schedule(machine), machine);
            check_kills(log, &absences, complaints);
        }
    }
}

/// The first start is incarnation 1 and has no entry; each restart is one more.
fn check_incarnations(log: &Log, complaints: &mut Complaints<'_>) {
    let mut before = 1;
    for restart in &log.restarts {
        let found = restart.entry.incarnation;
        if u64::from(found) != before + 1 {
            let what = format!("incarnation {found} came back, but {} is due", before + 1);
            complaints.at_line(Rule::Restarts, log, restart.line, what);
        }
        before = found.into();
    }
}

/// Each restart is the end of a kill, and nothing was torn.
fn check_kills(log: &Log, absences: &[Absence], complaints: &mut Complaints<'_>) {
    let mut ends = absences
        .iter()
        .filter(|absence| absence.is_kill)
        .map(|absence| SystemTime::since_1970(1000 * absence.ends_ms));
    for restart in &log.restarts {
        let record = &restart.entry;
        let what = match ends.next() {
            None => "no kill of the trial lets the machine come back here".to_owned(),
            Some(end) if record.system_time != end || record.cut_bytes != 0 => {
                format!("at the virtual pace the machine comes back at {end}, with nothing cut")
            }
            Some(_) => continue,
        };
        complaints.at_line(Rule::Restarts, log, restart.line, what);
    }
}
