//! How punctual the machines are: trial 7 at speed 1, in turn with cyclictest.
//!
//! cyclictest (Debian: rt-tests) has as many threads, the interval of the fast machines, and normal
//! priority. It keeps the processors out of their idle states while it runs, where it may write to
//! /dev/cpu_dma_latency. That is a setting of the whole computer and favours whoever runs meanwhile,
//! so it is held for both here, or for neither.

use std::fs::File;
use std::io::Write as _;
use std::process::Command;

use crate::figures::{median_of, percentile};
use crate::machines::{Machines, cpu_of_children_s, known_trial};
use crate::table::Row;
use crate::{Plan, program};

const DURATION_S: u64 = 20;

/// Median, p99, CPU time in milliseconds a second, and how many there were.
type Figures = [f64; 4];

pub(crate) fn measure(plan: &Plan) -> Vec<Row> {
    program::output(Command::new("scripts/install.sh").args(["cyclictest", "rt-tests"]));
    let _awake = keep_awake();
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        ours.push(with_cpu(|| trial_7(plan)));
        others.push(with_cpu(cyclictest));
    }
    let of = |runs: &[Figures], place: usize| median_of(runs, |run| run[place]);
    let row = |place, what: &str, unit| {
        Row::new(what, format!("trial 7, {DURATION_S} s"))
            .measured(of(&ours, place), unit)
            .against("cyclictest, 3 threads", of(&others, place))
    };
    vec![
        row(0, "lateness, median", "us"),
        row(1, "lateness, p99", "us"),
        row(2, "CPU time a second, with the start", "ms"),
        Row::new("ticks done", format!("trial 7, {DURATION_S} s"))
            .measured(of(&ours, 3), "")
            .against("ticks due", known_trial("trial7", DURATION_S).events() as f64),
    ]
}

/// Keeps the processors out of their idle states for as long as the file is open.
fn keep_awake() -> Option<File> {
    let mut file = File::options().write(true).open("/dev/cpu_dma_latency").ok()?;
    file.write_all(&[0; 4]).ok()?;
    Some(file)
}

fn with_cpu(run: impl FnOnce() -> Vec<f64>) -> Figures {
    let before_s = cpu_of_children_s();
    let late_us = run();
    let cpu_s = cpu_of_children_s() - before_s;
    let cpu_ms = 1e3 * cpu_s / DURATION_S as f64;
    [percentile(&late_us, 50), percentile(&late_us, 99), cpu_ms, late_us.len() as f64]
}

fn trial_7(plan: &Plan) -> Vec<f64> {
    let trial = known_trial("trial7", DURATION_S);
    Machines::start(&trial, &plan.folder, &[]).finish().lateness_us()
}

/// How late its threads woke, in microseconds. Its histogram has a line a microsecond, with a count for
/// each thread.
fn cyclictest() -> Vec<f64> {
    let mut command = Command::new("cyclictest");
    command.args(["--quiet", "--laptop", "--threads=3", "--interval=166667", "--distance=0"]);
    command.args([&format!("--duration={DURATION_S}"), "--policy=other", "--histogram=1000000"]);
    let text = program::output(&mut command);
    let lines = text.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
    let late = lines.flat_map(|line| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u32>().unwrap());
        let late_us = f64::from(numbers.next().unwrap());
        vec![late_us; numbers.sum::<u32>() as usize]
    });
    late.collect()
}
