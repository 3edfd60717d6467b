//! The rule `restarts`: a machine that came back says so, and counts its starts.
//!
//! What a machine does after a restart must follow from its log before it, as if it had never been
//! away; the other rules hold that, since none of them begins anew at a restart. Only what lived in
//! the OS process alone may be lost: the message queue, and the lateness by its clock.
//!
//! At the virtual pace a run is repeated and not resumed, so that its logs are the same for ever.

use super::Rule;
use super::violation::Complaints;
use crate::logbook::Log;
use crate::pace::Pace;

pub(super) fn check(complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    for (_, log) in history.present() {
        match history.pace {
            Pace::Real(_) => check_incarnations(log, complaints),
            Pace::Virtual => refuse_all(log, complaints),
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

fn refuse_all(log: &Log, complaints: &mut Complaints<'_>) {
    for restart in &log.restarts {
        let what = "at the virtual pace no machine comes back".to_owned();
        complaints.at_line(Rule::Restarts, log, restart.line, what);
    }
}
