//! Thousands of repetitions: one trial, many seeds, in process, and the distribution of every
//! figure.
//!
//! A run depends on its seed alone, so neither the number of threads nor the way in which a sweep
//! is split into parts can be seen in what comes out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde::{Deserialize, Serialize};

use super::stats::{percentile, wait_s};
use super::tally::{DriftMeter, EventKind, MachineFigures, MachineTally, compare_clocks};
use crate::model::Event;
use crate::trial::Trial;

/// A figure of a machine: its name, and how to take it.
type Figure = (&'static str, fn(&MachineFigures) -> f64);

/// The figures of a machine whose distribution is taken.
pub const FIGURES: [Figure; 20] = [
    ("internal", |f| f.internal as f64),
    ("sends", |f| f.sends as f64),
    ("receives", |f| f.receives as f64),
    ("busy", |f| f.busy),
    ("clock_end", |f| f.clock_end as f64),
    ("clock_ratio", |f| f.clock_ratio),
    ("jump_mean", |f| f.jump_mean),
    ("jump_max", |f| f.jump_max as f64),
    ("jumps_1", |f| f.jump_histogram[0] as f64),
    ("jumps_2", |f| f.jump_histogram[1] as f64),
    ("jumps_3_to_4", |f| f.jump_histogram[2] as f64),
    ("jumps_5_to_8", |f| f.jump_histogram[3] as f64),
    ("jumps_9_to_16", |f| f.jump_histogram[4] as f64),
    ("jumps_17_to_32", |f| f.jump_histogram[5] as f64),
    ("jumps_33_or_more", |f| f.jump_histogram[6] as f64),
    ("queue_mean", |f| f.queue_mean),
    ("queue_max", |f| f.queue_max as f64),
    ("queue_end", |f| f.queue_end as f64),
    ("wait_mean_s", |f| f.wait_mean_s),
    ("wait_max_s", |f| f.wait_max_s),
];

/// The figures of a whole run, which are the same for all of its machines.
pub const RUN_FIGURES: [&str; 2] = ["drift_max", "drift_end"];

/// The figures of one run: of each machine in order, then of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The seed.
    pub seed: u64,
    /// For each machine all [`FIGURES`], then all [`RUN_FIGURES`].
    pub values: Vec<f64>,
}

/// A figure over many runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Distribution {
    /// Half of the runs have at most this.
    pub median: f64,
    /// One run of twenty has at most this.
    pub p5: f64,
    /// Nineteen runs of twenty have at most this.
    pub p95: f64,
    /// The mean.
    pub mean: f64,
}

/// Runs a trial in this process, and takes all of its figures.
///
/// # Panics
/// Never: the engine says of every message received when it was sent.
#[must_use]
pub fn measure(trial: &Trial) -> Row {
    let mut tallies = vec![MachineTally::default(); trial.machines.len()];
    let mut drift = DriftMeter::new(trial.machine_ids());
    let schedules: Vec<_> = trial.machine_ids().map(|id| trial.schedule(id)).collect();
    let mut engine = trial.engine();
    let sink = |outcome: crate::model::Outcome<'_>| -> Result<(), std::convert::Infallible> {
        let (machine, clock) = (outcome.machine, outcome.step.timestamp.0);
        let tally = &mut tallies[machine.index()];
        let kind = match outcome.step.event {
            Event::Internal => EventKind::Internal,
            Event::Send(_) => EventKind::Send,
            Event::Receive(message) => {
                let sent_at = outcome.sent_at.expect("what is received was sent");
                let sent_us = schedules[message.from.index()].due(sent_at).micros();
                tally.wait(wait_s(sent_us, schedules[machine.index()].due(outcome.tick).micros()));
                EventKind::Receive
            }
        };
        tally.tick(kind, clock, outcome.queue_len);
        drift.tick(machine, clock, outcome.is_same_instant);
        Ok(())
    };
    let Ok(()) = engine.run(trial.duration_s, sink);
    let left = |machine| engine.left(machine).iter().sum();
    let mut machines: Vec<MachineFigures> = tallies
        .iter()
        .zip(trial.machine_ids())
        .map(|(tally, machine)| tally.figures(Some(left(machine))))
        .collect();
    compare_clocks(machines.iter_mut());
    let figures = machines.iter().flat_map(|machine| FIGURES.map(|(_, value)| value(machine)));
    let of_run = [drift.drift_max() as f64, drift.drift() as f64];
    Row { seed: trial.seed.get(), values: figures.chain(of_run).collect() }
}

/// Runs many trials on so many threads, until all are done or `stop` is set.
///
/// Gives the rows that are done, by the number of their trial. `progress` is called after each.
pub fn run_all(
    trials: usize,
    trial: impl Fn(usize) -> Trial + Sync,
    threads: usize,
    stop: &AtomicBool,
    progress: impl Fn() + Sync,
) -> BTreeMap<usize, Row> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut rows = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if trials <= index {
                break;
            }
            rows.push((index, measure(&trial(index))));
            progress();
        }
        rows
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let rows = workers.into_iter().flat_map(|worker| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        rows.collect()
    })
}

/// The distribution of every value of the rows, by its position.
#[must_use]
pub fn distributions(rows: &[Row]) -> Vec<Distribution> {
    let width = rows.first().map_or(0, |row| row.values.len());
    let of_position = |position: usize| {
        let mut values: Vec<f64> = rows.iter().map(|row| row.values[position]).collect();
        values.sort_by(f64::total_cmp);
        Distribution {
            median: percentile(&values, 50),
            p5: percentile(&values, 5),
            p95: percentile(&values, 95),
            mean: values.iter().sum::<f64>() / values.len().max(1) as f64,
        }
    };
    (0..width).map(of_position).collect()
}
