//! The rule `headers`: all logs of a folder are of one run, and each is named by its machine's
//! port.

use super::{Complaints, Rule, Violation};
use crate::analysis::history::History;

pub(super) fn check(history: &History, violations: &mut Vec<Violation>) {
    for path in &history.strangers {
        violations.push(Violation {
            time_us: 0,
            rule: Rule::Headers,
            places: vec![format!("{}:1", path.display())],
            what: "the header does not fit the other logs: another trial, another pace, or not \
                   the machine that the file is named by"
                .to_owned(),
        });
    }
    let versions = history.present().map(|(machine, log)| (machine, &log.header.version));
    let Some((_, first)) = versions.clone().next() else {
        return;
    };
    let mut complaints = Complaints { history, violations };
    for (machine, version) in versions.filter(|(_, version)| *version != first) {
        let Some(log) = history.log(machine) else {
            continue;
        };
        let what = format!("written by version {version}, but another log by version {first}");
        complaints.at_line(Rule::Headers, log, 2, what);
    }
}
