//! How high clock rates may be: lateness at the real pace, beside an empty loop.
//!
//! Run with: cargo bench --bench rates
//!
//! For 3 and for 10 machines, and for one rate after the other, a run and an empty loop take turns: as
//! many threads, each sleeping to one absolute deadline after the other and doing nothing. The logs
//! lie in the target folder, so that they are on a disk, not in memory.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use rustix::thread::{ClockId, clock_nanosleep_absolute, set_current_timer_slack};
use rustix::time::{Timespec, clock_gettime};
use scalemodel::logbook::{Log, log_path};
use scalemodel::trial::Trial;

const RUNS: usize = 3;
const DURATION_S: u64 = 3;
const MACHINES: [u64; 2] = [3, 10];
const RATES: [u64; 7] = [1000, 2000, 3000, 4000, 5000, 7000, 10_000];

fn main() {
    println!("medians of {RUNS} interleaved runs of {DURATION_S} s; times in microseconds");
    let titles = ["machines", "rate", "half period", "p99", "loop's p99", "ratio", "done/due"];
    println!("{}", titles.map(|title| format!("{title:>12}")).concat());
    for machines in MACHINES {
        let kept = RATES.into_iter().filter(|rate| is_kept(machines, *rate));
        let highest = kept.max().map_or("no rate".to_owned(), |rate| rate.to_string());
        println!("{machines} machines: p99 is within half a period up to {highest} ticks a second");
    }
}

/// Measures a rate, prints it, and says whether it was kept.
fn is_kept(machines: u64, rate: u64) -> bool {
    let trial = trial(machines, rate);
    let (mut late, mut done, mut empty) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let lateness = run(&trial);
        done.push(lateness.len() as f64 / (machines * rate * DURATION_S) as f64);
        late.push(p99(lateness));
        empty.push(p99(empty_loops(machines, rate)));
    }
    let (late, empty, done) = (median(late), median(empty), median(done));
    let (half, ratio) = (500_000.0 / rate as f64, late / empty);
    println!(
        "{machines:>12}{rate:>12}{half:>12.0}{late:>12.0}{empty:>12.0}{ratio:>12.2}{done:>12.4}"
    );
    late <= half
}

fn trial(machines: u64, rate: u64) -> Trial {
    let output = Command::new(env!("CARGO_BIN_EXE_scalemodel"))
        .args(["trial", "--quiet", "--machines", &machines.to_string()])
        .args(["--clock-rates", &rate.to_string(), "--duration", &DURATION_S.to_string()])
        .args(["--seed", "1", "--host", "127.30.0.3"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    Trial::parse_resolved(Path::new("trial.toml"), &text).unwrap()
}

/// Runs a trial; gives the lateness of every tick that was done.
fn run(trial: &Trial) -> Vec<f64> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rates");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    let file = folder.join("trial.toml");
    fs::write(&file, trial.to_string()).unwrap();
    let start = |machine: usize| {
        Command::new(env!("CARGO_BIN_EXE_scalemodel-machine"))
            .args(["--quiet", "--run", "rates", "--machine", &machine.to_string()])
            .arg("--trial")
            .arg(&file)
            .arg("--logs")
            .arg(&folder)
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let machines: Vec<_> = (1..=trial.machines.len()).map(start).collect();
    for mut machine in machines {
        assert!(machine.wait().unwrap().success());
    }
    let logs = trial.machines.iter().map(|spec| Log::load(&log_path(&folder, spec.port)).unwrap());
    let late = logs.flat_map(|log| log.ticks.into_iter().map(|tick| tick.entry.lateness_us as f64));
    let late = late.collect();
    fs::remove_dir_all(&folder).unwrap();
    late
}

/// Sleeps to as many deadlines, on as many threads; gives the lateness of each.
fn empty_loops(machines: u64, rate: u64) -> Vec<f64> {
    let period_ns = 1_000_000_000 / rate;
    let start_ns = now_ns() + 20_000_000;
    let sleep_to_all = |machine: u64| {
        // As a machine does.
        set_current_timer_slack(NonZero::new(1)).unwrap();
        let first_ns = start_ns + period_ns * machine / machines;
        let due = (0..rate * DURATION_S).map(|tick| first_ns + tick * period_ns);
        due.map(|due_ns| {
            clock_nanosleep_absolute(ClockId::Monotonic, &timespec(due_ns)).unwrap();
            (now_ns() - due_ns) as f64 / 1000.0
        })
        .collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..machines).map(|machine| scope.spawn(move || sleep_to_all(machine))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).unwrap()
}

fn timespec(ns: u64) -> Timespec {
    let part = |ns: u64| i64::try_from(ns).unwrap();
    Timespec { tv_sec: part(ns / 1_000_000_000), tv_nsec: part(ns % 1_000_000_000) }
}

fn p99(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * 99 / 100]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
