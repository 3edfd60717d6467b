//! How long a sweep takes, and how much memory: against runs, and against minutes of model time.
//!
//! Beside the bare engine, which runs the same seeds and keeps no figure. Both have one thread, unless
//! it is said otherwise.

use std::convert::Infallible;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use scalemodel::model::Seed;
use scalemodel::trial::Trial;

use crate::Plan;
use crate::figures::{median, median_of};
use crate::machines::known_trial;
use crate::program::{Cost, cost, scalemodel};
use crate::table::Row;

/// How many seeds, and how many minutes each.
const CASES: [(u32, u64); 6] = [(10, 1), (100, 1), (1000, 1), (10_000, 1), (1000, 10), (100, 100)];

pub(crate) fn measure(plan: &Plan) -> Vec<Row> {
    CASES.into_iter().flat_map(|(seeds, minutes)| measure_case(plan, seeds, minutes)).collect()
}

fn measure_case(plan: &Plan, seeds: u32, minutes: u64) -> Vec<Row> {
    let trial = known_trial("trial5", 60 * minutes);
    let (mut one, mut all, mut alone, mut engine) = (vec![], vec![], vec![], vec![]);
    for _ in 0..plan.runs {
        one.push(sweep(&trial, seeds, &plan.folder, &["--threads", "1"]));
        engine.push(engine_ms(&trial, seeds));
        all.push(sweep(&trial, seeds, &plan.folder, &[]));
        alone.push(cost(&scalemodel(&["--version"])).megabytes);
    }
    let ms = |costs: &[Cost]| median_of(costs, |cost| cost.seconds * 1e3);
    let megabytes = median_of(&one, |cost| cost.megabytes);
    let plural = if minutes == 1 { "" } else { "s" };
    let row =
        |what: &str| Row::new(what, format!("{seeds} runs of trial 5, {minutes} minute{plural}"));
    vec![
        row("sweep, one thread")
            .measured(ms(&one), "ms")
            .against("the bare engine, same seeds", median(&engine)),
        row("sweep, a thread a core")
            .measured(ms(&all), "ms")
            .against("the bare engine, same seeds", median(&engine)),
        row("memory of a sweep, one thread")
            .measured(megabytes, "MB")
            .against("the program alone", median(&alone)),
    ]
}

fn sweep(trial: &Trial, seeds: u32, folder: &Path, more: &[&str]) -> Cost {
    let (seeds, file) = (seeds.to_string(), folder.join("trial.toml"));
    fs::write(&file, trial.to_string()).unwrap();
    let mut sweep = scalemodel(&["sweep", "--quiet", "--runs", &seeds]);
    sweep.arg(file).args(more);
    cost(&sweep)
}

fn engine_ms(trial: &Trial, seeds: u32) -> f64 {
    let mut trial = trial.clone();
    let begin = Instant::now();
    for seed in 1..=seeds {
        trial.seed = Seed::new(seed.into()).unwrap();
        let done: Result<(), Infallible> = trial.engine().run(trial.duration_s, |outcome| {
            black_box(outcome.step.timestamp);
            Ok(())
        });
        let Ok(()) = done;
    }
    begin.elapsed().as_secs_f64() * 1e3
}
