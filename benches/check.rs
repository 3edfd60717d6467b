//! How long the checker takes, and how much memory: ten million events, and a tenth of them.
//!
//! Run with: cargo bench --bench check
//!
//! The logs are made first, by the in-process engine: 1.3 GB in the folder for temporary files.
//! Linear means that ten times the events take ten times as long.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

const RUNS: usize = 5;

/// Three machines at 1000 ticks a second, for so many seconds.
fn simulate(duration_s: u32, folder: &Path) {
    let mut trial = format!("name = \"bench\"\nduration_s = {duration_s}\n");
    trial += "draw_range = 10\nseed = 1\n";
    for (port, phase) in [(20_001, 300), (20_002, 600), (20_003, 900)] {
        trial += &format!("[[machine]]\nhost = \"127.0.0.1\"\nport = {port}\n");
        trial += &format!("clock_rate = 1000\nphase = {phase}\n");
    }
    let file = folder.with_extension("toml");
    fs::write(&file, trial).unwrap();
    let mut simulate = Command::new(env!("CARGO_BIN_EXE_scalemodel"));
    simulate.arg("simulate").arg(file).arg("--logs").arg(folder);
    simulate.stdout(Stdio::null()).stderr(Stdio::null());
    assert!(simulate.status().unwrap().success());
}

/// Seconds, and megabytes of memory at most.
fn check(folder: &Path) -> (f64, f64) {
    let begin = Instant::now();
    let mut check = Command::new("/usr/bin/time");
    check.args(["-f", "%M", env!("CARGO_BIN_EXE_scalemodel"), "check"]);
    let output = check.arg(folder).output().expect("GNU time is there (Debian: time)");
    let seconds = begin.elapsed().as_secs_f64();
    assert!(output.status.success());
    let kilobytes: f64 = String::from_utf8(output.stderr).unwrap().trim().parse().unwrap();
    (seconds, kilobytes / 1024.0)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    let folder = TempDir::new().unwrap();
    println!("medians of {RUNS} runs");
    println!("{:>12} {:>9} {:>12} {:>12}", "events", "seconds", "ns an event", "memory (MB)");
    for duration_s in [334, 3334] {
        let run = folder.path().join(duration_s.to_string());
        simulate(duration_s, &run);
        let events = f64::from(duration_s) * 3000.0;
        let (seconds, memory): (Vec<_>, Vec<_>) = (0..RUNS).map(|_| check(&run)).unzip();
        let (seconds, memory) = (median(seconds), median(memory));
        println!("{events:>12} {seconds:>9.2} {:>12.0} {memory:>12.0}", seconds * 1e9 / events);
    }
}
