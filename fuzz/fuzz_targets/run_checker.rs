//! Any bytes, taken as the logs of one run one after the other, are checked, compared and measured
//! without a panic, and a verdict fits its findings.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use scalemodel::analysis::check::{Findings, Verdict, check};
use scalemodel::analysis::compare::{Comparison, compare};
use scalemodel::analysis::history::History;
use scalemodel::analysis::stats::measure;
use scalemodel::logbook::{Log, log_path};

/// The first line of every log.
const TITLE: &str = "# scalemodel log, format 1\n";

/// Peers are listed for every machine: a few machines do here.
const MACHINES_MAX: usize = 50;

/// One input in so many is measured: that takes much longer than the check, for the sake of what
/// theory says of the trial.
const MEASURED_EACH: usize = 16;

fuzz_target!(|text: &str| check_run(text));

fn check_run(text: &str) {
    let folder = Path::new("run");
    let mut logs = Vec::new();
    let mut unreadable = Vec::new();
    for lines in text.split(TITLE).skip(1) {
        let bytes = format!("{TITLE}{lines}").into_bytes();
        match Log::read(&folder.join("log.txt"), bytes.as_slice()) {
            Ok(log) if MACHINES_MAX < log.header.trial.machines.len() => return,
            Ok(log) => logs.push(in_place(folder, log)),
            Err(refusal) => unreadable.push(refusal),
        }
    }
    if logs.is_empty() {
        return;
    }
    let history = History::of(folder, logs, unreadable);
    judge(&history, &check(&history));
    if text.len().is_multiple_of(MEASURED_EACH) {
        assert_eq!(measure(&history).machines.len(), history.present().count());
    }
    if let Ok(comparison) = compare(&history, &history) {
        let events = history.event_count();
        assert_eq!(comparison, Comparison::Equal { events }, "a run is equal to itself");
    }
}

/// Names a log by its machine's port, as in the folder of a run.
fn in_place(folder: &Path, mut log: Log) -> Log {
    let machine = log.header.machine;
    log.path = log_path(folder, log.header.trial.spec(machine).port);
    log
}

fn judge(history: &History, findings: &Findings) {
    let Findings { verdict, missing, violations, events, .. } = findings;
    assert_eq!(*verdict == Verdict::Violated, !violations.is_empty());
    assert!(*verdict != Verdict::Holds || missing.is_empty());
    assert_eq!(*events, history.event_count());
    assert!(violations.iter().all(|violation| !violation.places.is_empty()));
}
