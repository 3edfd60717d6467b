//! How fast the virtual pace is, against machines and against the latency of links: real OS processes
//! and sockets, logs included.
//!
//! What a tick costs is the difference of a long run and a short one. It is held against a bare round
//! trip in the same minutes: to wait for a promise takes about half of one and two switches of thread,
//! and each promise is good for several ticks. Up to eight machines share a core and are held against
//! a round trip on one core; more, against one as the scheduler likes.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use scalemodel::trial::Trial;

use crate::figures::median;
use crate::machines::{Machines, trial, with};
use crate::ping_pong::PingPong;
use crate::scale::{CASES, CLOCK_RATES};
use crate::table::Row;
use crate::{Plan, program};

/// So many ticks make a long run.
const TICKS: u64 = 20_000;
const SHORT_S: u64 = 1;

/// So many machines share a core.
const ON_ONE_CORE: usize = 8;

/// How long every message travels, in milliseconds of model time.
const LATENCIES_MS: [u32; 4] = [0, 1, 10, 100];

/// A line of a promise is about as long.
const LINE_LEN: usize = 12;

struct Case {
    on: String,
    long: Trial,
    short: Trial,
}

pub(crate) fn measure(plan: &Plan) -> Vec<Row> {
    let cases = cases();
    let mut ticks_us = vec![Vec::new(); cases.len()];
    let (mut apart, mut on_one_core) = (Vec::new(), Vec::new());
    let (mut minutes, mut nine) = (Vec::new(), Vec::new());
    let minute = trial(3, "6,6,1", 60, &[]);
    for _ in 0..plan.runs {
        apart.push(round_trip_us(false));
        on_one_core.push(round_trip_us(true));
        minutes.push(whole_s(&minute, &plan.folder) * 1e3);
        nine.push(nine_trials_ms(&plan.folder));
        for (case, found) in cases.iter().zip(&mut ticks_us) {
            found.push(tick_us(case, &plan.folder));
        }
    }
    let (apart, on_one_core) = (median(&apart), median(&on_one_core));
    let mut rows = vec![
        Row::new("first spawn to last exit", "3 machines at 6, 6, 1, a minute")
            .measured(median(&minutes), "ms")
            .against("the minute itself", 60e3),
        Row::new("run and checked, from the shell", "the nine trials, 600 s")
            .measured(median(&nine), "ms")
            .against("their model time", 600e3),
    ];
    rows.extend(cases.iter().zip(&ticks_us).map(|(case, found)| {
        let (other, trip) = if case.long.machines.len() <= ON_ONE_CORE {
            ("a bare round trip on one core", on_one_core)
        } else {
            ("a bare round trip", apart)
        };
        Row::new("a tick", &case.on).measured(median(found), "us").against(other, trip)
    }));
    rows
}

fn cases() -> Vec<Case> {
    let case = |on: String, machines, rates: &str, topology: &[&str]| {
        let short = trial(machines, rates, SHORT_S, topology);
        let long = trial(machines, rates, TICKS.div_ceil(short.events()).max(10), topology);
        Case { on, long, short }
    };
    let mut cases = vec![case("3 machines at 1000".to_owned(), 3, "1000", &[])];
    cases.extend(CASES.map(|(machines, links, topology)| {
        case(format!("{machines} machines, {links}"), machines, CLOCK_RATES, topology)
    }));
    for (machines, rates, name) in
        [(3, "6,6,1", "3 machines at 6, 6, 1"), (10, CLOCK_RATES, "10 machines, mesh")]
    {
        cases.extend(LATENCIES_MS.map(|latency_ms| {
            let case = case(format!("{name}, link latency {latency_ms} ms"), machines, rates, &[]);
            let [long, short] = [case.long, case.short].map(|trial| delayed(&trial, latency_ms));
            Case { on: case.on, long, short }
        }));
    }
    cases
}

/// The trial with a delay on every channel, from beginning to end.
fn delayed(trial: &Trial, latency_ms: u32) -> Trial {
    if latency_ms == 0 {
        return trial.clone();
    }
    let all: Vec<String> = trial.machine_ids().map(|machine| machine.to_string()).collect();
    let (all, for_ms) = (all.join(", "), trial.duration_s * 1000);
    with(
        trial,
        &format!(
            "[[fault]]\nkind = \"delay\"\nat_ms = 0\nfor_ms = {for_ms}\nfrom = [{all}]\nto = [{all}]\n\
             delay_ms = {latency_ms}\n"
        ),
    )
}

/// Wall time a tick, the start left out.
fn tick_us(case: &Case, folder: &Path) -> f64 {
    let took_s = whole_s(&case.long, folder) - whole_s(&case.short, folder);
    1e6 * took_s / (case.long.events() - case.short.events()) as f64
}

/// From the first spawn to the last exit.
fn whole_s(trial: &Trial, folder: &Path) -> f64 {
    let begin = Instant::now();
    Machines::start(trial, folder, &["--pace", "virtual"]).wait();
    begin.elapsed().as_secs_f64()
}

fn round_trip_us(is_on_one_core: bool) -> f64 {
    let lengths = [LINE_LEN; 2];
    median(&PingPong { lengths, trips: 5000, period: Duration::ZERO, is_on_one_core }.play())
}

fn nine_trials_ms(folder: &Path) -> f64 {
    let mut experiment = Command::new("scripts/run_experiment.sh");
    experiment.args(["--no-plots", "--pace", "virtual", "--logs"]).arg(folder).arg("all");
    experiment.env("SCALEMODEL", env!("CARGO_BIN_EXE_scalemodel"));
    let begin = Instant::now();
    program::output(&mut experiment);
    begin.elapsed().as_secs_f64() * 1e3
}
