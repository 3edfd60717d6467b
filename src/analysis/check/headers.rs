//! The rule `headers`: all logs of a folder are of one run, and each is named by its machine's
//! port.

use super::Rule;
use super::violation::Complaints;

pub(super) fn check(complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    for stranger in &history.strangers {
        let place = format!("{}:1", stranger.path.display());
        let what = format!("the log is of another run than the first one read: {}", stranger.why);
        complaints.at_file(Rule::Headers, place, what);
    }
    let mut logs = history.present();
    let Some((_, first)) = logs.next() else { return };
    let first = &first.header.version;
    for (_, log) in logs.filter(|(_, log)| log.header.version != *first) {
        let version = &log.header.version;
        let what = format!("written by version {version}, but another log by version {first}");
        complaints.at_line(Rule::Headers, log, 2, what);
    }
}
