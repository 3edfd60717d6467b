//! Runs for the tests of the view: what was logged is told line by line.

use std::fmt::Write as _;
use std::path::Path;

use super::run::RunView;
use crate::logbook::{Entry, Header, News, SystemTime};
use crate::model::MachineId;
use crate::pace::Pace;
use crate::trial::Trial;

/// The common start, in microseconds.
const START_US: i64 = 1_000_000_000;

/// A run in which the clock rates are these.
pub(super) fn run(name: &str, clock_rates: &[u32], faults: &str) -> RunView {
    let mut text = format!("name = \"{name}\"\nduration_s = 60\ndraw_range = 1000\nseed = 7\n");
    for (port, rate) in (20_001..).zip(clock_rates) {
        write!(
            text,
            "\n[[machine]]\nhost = \"127.0.0.1\"\nport = {port}\nclock_rate = {rate}\nphase = 500\n"
        )
        .unwrap();
    }
    RunView::new(Trial::parse_resolved(Path::new("sample.toml"), &(text + faults)).unwrap())
}

/// Starts every machine of a run.
pub(super) fn start(run: &mut RunView, pace: Pace) {
    for machine in run.trial.machine_ids() {
        let header = Box::new(Header::new(run.trial.clone(), machine, pace));
        run.take(machine, News::Begun).unwrap();
        run.take(machine, News::Started(header, SystemTime(START_US))).unwrap();
    }
}

/// Tells entries of a machine, counted from 1.
pub(super) fn tell(run: &mut RunView, machine: usize, lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        run.take(MachineId::at(machine - 1), News::Entry(Entry::parse(line).unwrap())).unwrap();
    }
}

/// A tick: its number, model time, event and peers, logical clock, and length of the queue.
pub(super) fn tick(tick: u64, seconds: u64, event: &str, clock: u64, queue: u64) -> String {
    let (received, draw) = if event.starts_with("receive") { ("1", "-") } else { ("-", "9") };
    format!(
        "2026-11-22T14:46:04.000000Z {tick} {seconds}.000000 80 {event} {clock} {queue} {received} {draw}"
    )
}

/// What is to be seen so many milliseconds after the start, if machines wrote something just then.
pub(super) fn look(run: &mut RunView, ms: i64, writers: &[usize]) {
    let now = SystemTime(START_US + 1000 * ms);
    for machine in writers {
        run.note_written(MachineId::at(machine - 1), Some(now));
    }
    run.note(now);
}
