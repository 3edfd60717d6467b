//! The rule `headers`: all logs of a folder are of one run, and each is named by its machine's
//! port.

use super::Rule;
use super::violation::Complaints;

pub(super) fn check(complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    let mut logs = history.present();
    let Some((_, first)) = logs.next() else { return };
    for stranger in &history.strangers {
        let places = [&stranger.path, &first.path].map(|path| format!("{}:1", path.display()));
        let what = format!("one of two logs is of another run: {}", stranger.why);
        complaints.at_files(Rule::Headers, places.into(), what);
    }
    let first = &first.header.version;
    for (_, log) in logs.filter(|(_, log)| log.header.version != *first) {
        let version = &log.header.version;
        let what = format!("written by version {version}, but another log by version {first}");
        complaints.at_line(Rule::Headers, log, 2, what);
    }
}
