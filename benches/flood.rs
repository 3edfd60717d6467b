//! How punctual machines are while strangers flood their doors.
//!
//! Run with: cargo bench --bench flood
//!
//! Trial 7 at speed 1, in turn quiet and under a thousand connections a second. Every stranger says
//! something that is no hello, and hangs up when it is refused.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use scalemodel::logbook::Log;
use scalemodel::trial::Trial;

const RUNS: usize = 5;
const DURATION_S: u64 = 20;
const CONNECTIONS_PER_S: u64 = 1000;
const FLOODERS: u64 = 4;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let trial = trial(folder.path());
    println!("{RUNS} runs of {DURATION_S} s each way, lateness in microseconds");
    println!("{:>6} {:>8} {:>8} {:>14}", "", "median", "p99", "strangers/s");
    let (mut quiet, mut flooded) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        quiet.push(show("quiet", &run(&trial, folder.path(), false)));
        flooded.push(show("flood", &run(&trial, folder.path(), true)));
    }
    let (quiet, flooded) = (median(quiet), median(flooded));
    println!("p99, medians: {quiet} quiet, {flooded} flooded; ratio {:.2}", ratio(flooded, quiet));
}

struct Measured {
    lateness_us: Vec<i64>,
    strangers_per_s: u64,
}

fn trial(folder: &Path) -> Trial {
    let file = folder.join("trial.toml");
    let duration = DURATION_S.to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_scalemodel"))
        .args(["trial", "scripts/trials/trial7.toml", "--duration", &duration])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap().replace("127.0.0.1", "127.30.0.2");
    std::fs::write(&file, text).unwrap();
    Trial::load_resolved(&file).unwrap()
}

fn run(trial: &Trial, folder: &Path, is_flooded: bool) -> Measured {
    let logs = folder.join("logs");
    let _ = std::fs::remove_dir_all(&logs);
    std::fs::create_dir(&logs).unwrap();
    let machines: Vec<_> = (1..=trial.machines.len())
        .map(|machine| {
            Command::new(env!("CARGO_BIN_EXE_scalemodel-machine"))
                .args(["--quiet", "--run", "flood", "--machine", &machine.to_string()])
                .arg("--trial")
                .arg(folder.join("trial.toml"))
                .arg("--logs")
                .arg(&logs)
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let addresses: Vec<SocketAddr> = trial.machines.iter().map(|spec| spec.address()).collect();
    let (is_over, strangers) = (AtomicBool::new(!is_flooded), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for flooder in 0..FLOODERS {
            let (addresses, is_over, strangers) = (&addresses, &is_over, &strangers);
            scope.spawn(move || flood(addresses, flooder, is_over, strangers));
        }
        for mut machine in machines {
            assert!(machine.wait().unwrap().success());
            is_over.store(true, Ordering::Relaxed);
        }
    });
    let logs = trial.machines.iter().map(|spec| logs.join(format!("log{}.txt", spec.port)));
    let logs: Vec<Log> = logs.map(|path| Log::load(&path).unwrap()).collect();
    let ticks = logs.iter().flat_map(|log| log.ticks.iter().map(|tick| tick.entry.lateness_us));
    let mut lateness_us: Vec<i64> = ticks.collect();
    lateness_us.sort_unstable();
    let strangers_per_s = strangers.load(Ordering::Relaxed) / DURATION_S;
    Measured { lateness_us, strangers_per_s }
}

/// Connects again and again, at a steady rate, to one machine after the other.
fn flood(addresses: &[SocketAddr], flooder: u64, is_over: &AtomicBool, strangers: &AtomicU64) {
    let period = Duration::from_secs(1) / u32::try_from(CONNECTIONS_PER_S / FLOODERS).unwrap();
    let mut next = Instant::now() + period * u32::try_from(flooder).unwrap() / 4;
    let mut place = usize::try_from(flooder).unwrap();
    while !is_over.load(Ordering::Relaxed) {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        next += period;
        place += 1;
        let limit = Duration::from_millis(500);
        let address = addresses[place % addresses.len()];
        let Ok(mut stream) = TcpStream::connect_timeout(&address, limit) else { continue };
        stream.set_read_timeout(Some(limit)).unwrap();
        strangers.fetch_add(1, Ordering::Relaxed);
        if stream.write_all(b"500000\n").is_ok() {
            let _ = stream.read(&mut [0; 64]);
        }
    }
}

/// Prints a run, and gives its p99.
fn show(name: &str, measured: &Measured) -> i64 {
    let late = &measured.lateness_us;
    let at = |percent: usize| late[(late.len() - 1) * percent / 100];
    println!("{name:>6} {:>8} {:>8} {:>14}", at(50), at(99), measured.strangers_per_s);
    at(99)
}

fn median(mut values: Vec<i64>) -> i64 {
    values.sort_unstable();
    values[values.len() / 2]
}

fn ratio(one: i64, other: i64) -> f64 {
    let float = |value: i64| f64::from(i32::try_from(value).unwrap());
    float(one) / float(other)
}
