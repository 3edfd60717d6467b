//! How fast the virtual pace is: real OS processes and sockets, logs included.
//!
//! Run with: cargo bench --bench virtual_pace
//!
//! Beside it a bare ping-pong of one byte between two threads over loopback TCP, in the same
//! minute, both on one core and as the scheduler likes: to wait for a promise takes about half a
//! round trip and two switches of thread, and each promise is good for several ticks.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use rustix::thread::{CpuSet, sched_setaffinity};

const RUNS: usize = 10;
const HOST: &str = "127.30.0.1";

/// What is measured: clock rates, duration in model seconds, and whether all run on one core.
struct Case {
    name: &'static str,
    rates: Vec<u32>,
    duration_s: u32,
    is_pinned: bool,
}

fn cases() -> [Case; 5] {
    let slow = |pinned| (vec![6, 6, 1], 60, pinned);
    let many = (0..30).map(|index| if index % 3 == 2 { 1 } else { 6 }).collect();
    [
        ("(6, 6, 1), a minute", slow(false)),
        ("(6, 6, 1), on one core", slow(true)),
        ("(1000, 1000, 1000), 10 s", (vec![1000; 3], 10, false)),
        ("(1000, ...) on one core", (vec![1000; 3], 10, true)),
        ("30 machines, 6, 6, 1, ...", (many, 60, false)),
    ]
    .map(|(name, (rates, duration_s, is_pinned))| Case { name, rates, duration_s, is_pinned })
}

/// Milliseconds from the first spawn to the last exit.
fn run(case: &Case, duration_s: u32, folder: &Path) -> f64 {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    let machines = case.rates.len();
    let mut trial = format!("name = \"bench\"\nduration_s = {duration_s}\n");
    write!(trial, "draw_range = {}\nseed = 1\n", 10.max(machines)).unwrap();
    for (index, rate) in case.rates.iter().enumerate() {
        let (port, phase) = (20_001 + index, 1 + (index * 331) % 1000);
        write!(trial, "[[machine]]\nhost = \"{HOST}\"\nport = {port}\n").unwrap();
        write!(trial, "clock_rate = {rate}\nphase = {phase}\n").unwrap();
    }
    let file = folder.join("trial.toml");
    fs::write(&file, trial).unwrap();
    let begin = Instant::now();
    let children: Vec<_> = (1..=machines)
        .map(|machine| {
            let program = env!("CARGO_BIN_EXE_scalemodel-machine");
            let mut command = if case.is_pinned {
                let mut command = Command::new("taskset");
                command.args(["-c", "0", program]);
                command
            } else {
                Command::new(program)
            };
            command.args(["--pace", "virtual", "--run", "bench"]);
            command.args(["--machine", &machine.to_string()]);
            command.arg("--trial").arg(&file).arg("--logs").arg(folder);
            command.spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    begin.elapsed().as_secs_f64() * 1e3
}

/// Microseconds of a round trip of one byte over loopback TCP.
fn ping_pong(is_pinned: bool) -> f64 {
    const TRIPS: u32 = 5000;
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let settle = move |stream: &TcpStream| {
        stream.set_nodelay(true).unwrap();
        if is_pinned {
            let mut core = CpuSet::new();
            core.set(0);
            sched_setaffinity(None, &core).unwrap();
        }
    };
    let echo = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        settle(&stream);
        let mut byte = [0];
        while stream.read_exact(&mut byte).is_ok() {
            stream.write_all(&byte).unwrap();
        }
    });
    let trips = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        settle(&stream);
        let begin = Instant::now();
        for _ in 0..TRIPS {
            stream.write_all(&[1]).unwrap();
            stream.read_exact(&mut [0]).unwrap();
        }
        begin.elapsed().as_secs_f64() * 1e6 / f64::from(TRIPS)
    });
    let micros = trips.join().unwrap();
    echo.join().unwrap();
    micros
}

/// Milliseconds of a whole command, as the shell sees it.
fn command(program: &str, arguments: &[&str]) -> f64 {
    let begin = Instant::now();
    let output = Command::new(program)
        .args(arguments)
        .env("SCALEMODEL", env!("CARGO_BIN_EXE_scalemodel"))
        .output()
        .unwrap();
    assert!(output.status.success());
    begin.elapsed().as_secs_f64() * 1e3
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn main() {
    let folder = std::env::temp_dir().join(format!("scalemodel-bench-{}", std::process::id()));
    let cases = cases();
    let (mut whole, mut start) = (vec![Vec::new(); cases.len()], vec![Vec::new(); cases.len()]);
    let (mut trips, mut trips_on_one_core) = (Vec::new(), Vec::new());
    let (mut nine, mut sweep) = (Vec::new(), Vec::new());
    let logs = folder.join("nine");
    let logs = logs.to_str().unwrap();
    for _ in 0..RUNS {
        trips.push(ping_pong(false));
        trips_on_one_core.push(ping_pong(true));
        let experiment = ["--no-plots", "--pace", "virtual", "--logs", logs, "all"];
        nine.push(command("scripts/run_experiment.sh", &experiment));
        let scalemodel = env!("CARGO_BIN_EXE_scalemodel");
        let trial = "scripts/trials/trial5.toml";
        sweep.push(command(scalemodel, &["sweep", trial, "--runs", "1000"]));
        for (index, case) in cases.iter().enumerate() {
            whole[index].push(run(case, case.duration_s, &folder));
            start[index].push(run(case, 1, &folder));
        }
    }
    fs::remove_dir_all(&folder).unwrap();
    let (trip, trip_on_one_core) = (median(&trips), median(&trips_on_one_core));
    println!("medians of {RUNS} interleaved runs");
    println!("a bare round trip: {trip:.1} us, on one core {trip_on_one_core:.1} us");
    println!("nine trials, run and checked, from the shell: {:.0} ms", median(&nine));
    println!("a sweep of 1000 runs of trial 5, all figures: {:.0} ms", median(&sweep));
    println!(
        "{:<28} {:>10} {:>12} {:>12} {:>10} {:>12}",
        "", "whole (ms)", "1 s run (ms)", "us per tick", "ticks/s", "round trips"
    );
    for ((case, whole), start) in cases.iter().zip(&whole).zip(&start) {
        let (whole, start) = (median(whole), median(start));
        let per_second: u32 = case.rates.iter().sum();
        let ticks = f64::from(per_second * (case.duration_s - 1));
        let micros = (whole - start) * 1e3 / ticks;
        // Up to eight machines share a core by themselves.
        let trip = if case.rates.len() <= 8 { trip_on_one_core } else { trip };
        println!(
            "{:<28} {whole:>10.1} {start:>12.1} {micros:>12.1} {:>10.0} {:>12.2}",
            case.name,
            1e6 / micros,
            micros / trip
        );
    }
}
