//! What `--realtime` is good for: how punctual machines are beside eight threads that spin, in turn with
//! and without the priority.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use scalemodel::trial::Trial;

use crate::Plan;
use crate::figures::{median_of, percentile};
use crate::machines::{Machines, known_trial};
use crate::table::Row;

const DURATION_S: u64 = 8;
const SPINNERS: usize = 8;

pub(crate) fn measure(plan: &Plan) -> Vec<Row> {
    let trial = known_trial("trial7", DURATION_S);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        without.push(beside_spinners(|| run(&trial, plan, false)));
        with.push(beside_spinners(|| run(&trial, plan, true)));
    }
    let row = |place: usize, what: &str| {
        let of = |runs: &[[f64; 2]]| median_of(runs, |run| run[place]);
        Row::new(
            what,
            format!("trial 7, {DURATION_S} s, `--realtime`, beside {SPINNERS} that spin"),
        )
        .measured(of(&with), "us")
        .against("without `--realtime`", of(&without))
    };
    vec![row(0, "lateness, median"), row(1, "lateness, p99")]
}

fn beside_spinners<T>(run: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..SPINNERS {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let _ends = Ends(&is_over);
        run()
    })
}

/// Ends the spinning, also when what is measured breaks off.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Median and p99 of lateness.
fn run(trial: &Trial, plan: &Plan, is_realtime: bool) -> [f64; 2] {
    let options: &[&str] = if is_realtime { &["--realtime"] } else { &[] };
    let machines = Machines::start(trial, &plan.folder, options);
    machines.wait_for_model_time(1);
    let granted = machines.pids().into_iter().all(has_realtime);
    assert_eq!(granted, is_realtime, "realtime is granted to whoever asks (run this as root)");
    let late_us = machines.finish().lateness_us();
    [50, 99].map(|percent| percentile(&late_us, percent))
}

/// Whether some thread of an OS process has the priority of realtime: field 41 of its stat.
fn has_realtime(pid: u32) -> bool {
    const FIFO: &str = "1";
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let mut stats =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok());
    // Behind the name, which is field 2 and may hold anything.
    stats.any(|stat| stat.rsplit(')').next().unwrap().split_whitespace().nth(38) == Some(FIFO))
}
