//! What a run takes as machines become more: start, memory, threads, punctuality.
//!
//! Full meshes at 1 to 6 ticks a second, as `scalemodel trial --machines N` makes them, and hundreds of
//! machines in sparse topologies, at the real pace. Memory is the resident peak of a machine
//! shortly before it ends. What it costs at the virtual pace is for `virtual`.

use std::time::Instant;

use scalemodel::trial::Trial;

use crate::Plan;
use crate::bare_mesh;
use crate::figures::{median, median_of, percentile};
use crate::machines::{Machines, cpu_s, size, trial};
use crate::table::Row;

const DURATION_S: u64 = 5;

/// Machines and how they are linked, in words and in options. Others measure these, too.
pub(crate) const CASES: [(usize, &str, &[&str]); 7] = [
    (3, "mesh", &[]),
    (10, "mesh", &[]),
    (30, "mesh", &[]),
    (100, "mesh", &[]),
    (100, "ring", &["--topology", "ring"]),
    (300, "ring", &["--topology", "ring"]),
    (300, "random, degree 4", &["--topology", "random", "--degree", "4"]),
];

/// Their clock rates.
pub(crate) const CLOCK_RATES: &str = "1,2,3,4,5,6";

/// The budget of memory: so much for a machine, and for each connection that it makes.
const MACHINE_MB: f64 = 4.0;
const CONNECTION_MB: f64 = 0.045;

pub(crate) fn measure(plan: &Plan) -> Vec<Row> {
    CASES.into_iter().flat_map(|case| measure_case(plan, case)).collect()
}

fn measure_case(plan: &Plan, (machines, links, topology): (usize, &str, &[&str])) -> Vec<Row> {
    let trial = trial(machines, CLOCK_RATES, DURATION_S, topology);
    let connections: usize = trial.machine_ids().map(|own| trial.contacts(own).len()).sum();
    let mut bare = Vec::new();
    let runs: Vec<Taken> = (0..plan.runs)
        .map(|_| {
            bare.push(bare_mesh::start_ms(&trial));
            run(&trial, plan)
        })
        .collect();
    let of = |figure: fn(&Taken) -> f64| median_of(&runs, figure);
    let (count, each) = (machines as f64, connections as f64 / machines as f64);
    let row = |what: &str| Row::new(what, format!("{machines} machines, {links}"));
    vec![
        row("start").measured(of(|run| run.start_ms), "ms").against("a bare mesh", median(&bare)),
        row("memory, a machine")
            .measured(of(|run| run.megabytes), "MB")
            .against("4 MB and 45 KB a connection", MACHINE_MB + CONNECTION_MB * each),
        row("threads")
            .measured(of(|run| run.threads), "")
            .against("one a connection, four a machine", connections as f64 + 4.0 * count),
        row("ticks done")
            .measured(of(|run| run.ticks), "")
            .against("ticks due", trial.events() as f64),
        row("lateness, p99")
            .measured(of(|run| run.p99_us), "us")
            .against("the shortest period", 1e6 / 6.0),
        row("CPU time a second, once started")
            .measured(of(|run| run.cpu_ms), "ms")
            .against("a core", 1000.0),
    ]
}

/// What one run took.
struct Taken {
    start_ms: f64,
    megabytes: f64,
    threads: f64,
    ticks: f64,
    p99_us: f64,
    cpu_ms: f64,
}

fn run(trial: &Trial, plan: &Plan) -> Taken {
    let machines = Machines::start(trial, &plan.folder, &[]);
    let cpu_s = || machines.pids().into_iter().map(cpu_s).sum::<f64>();
    machines.wait_for_model_time(1);
    let (begin, before_s) = (Instant::now(), cpu_s());
    machines.wait_for_model_time(DURATION_S - 1);
    let cpu_ms = 1e3 * (cpu_s() - before_s) / begin.elapsed().as_secs_f64();
    let sizes: Vec<(f64, f64)> = machines.pids().into_iter().map(size).collect();
    let logs = machines.finish();
    let late_us = logs.lateness_us();
    Taken {
        start_ms: logs.start_ms(),
        megabytes: sizes.iter().map(|size| size.0).sum::<f64>() / sizes.len() as f64,
        threads: sizes.iter().map(|size| size.1).sum(),
        ticks: late_us.len() as f64,
        p99_us: percentile(&late_us, 99),
        cpu_ms,
    }
}
