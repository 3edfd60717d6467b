//! What a run takes as machines become more: start, memory, processors, punctuality, model time.
//!
//! Run with: cargo bench --bench scale
//!
//! Full meshes at 1 to 6 ticks a second, as `scalemodel trial --machines N` makes them, and hundreds of
//! machines in sparse topologies; medians of 3 runs of 10 s at the real pace, and of one minute at
//! the virtual pace. Memory is the resident peak of a machine shortly before it ends.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock and waits")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use scalemodel::logbook::{Log, log_path};
use scalemodel::trial::Trial;

const RUNS: usize = 3;
const REAL_S: u64 = 10;
const VIRTUAL_S: u64 = 60;

/// Machines, and how they are linked.
const CASES: [(usize, &[&str]); 7] = [
    (3, &[]),
    (10, &[]),
    (30, &[]),
    (100, &[]),
    (100, &["--topology", "ring"]),
    (300, &["--topology", "ring"]),
    (300, &["--topology", "random", "--degree", "4"]),
];

fn main() {
    println!(
        "medians of {RUNS} runs; {REAL_S} s at the real pace, {VIRTUAL_S} s at the virtual pace"
    );
    let titles = [
        "machines",
        "links",
        "threads",
        "start ms",
        "MB each",
        "cores",
        "p99 us",
        "done/due",
        "virtual us a tick",
    ];
    println!("{}", titles.map(|title| format!("{title:>11}")).join(" "));
    for (machines, topology) in CASES {
        let runs: Vec<_> = (0..RUNS).map(|_| measure(machines, topology)).collect();
        let of = |value: fn(&Measured) -> f64| median(runs.iter().map(value).collect());
        println!(
            "{machines:>11} {:>11} {:>11} {:>11.0} {:>11.2} {:>11.2} {:>11.0} \
             {:>11.4} {:>11.1}",
            topology.get(1).unwrap_or(&"mesh"),
            of(|run| run.threads),
            of(|run| run.start_ms),
            of(|run| run.megabytes),
            of(|run| run.cores),
            of(|run| run.p99_us),
            of(|run| run.done),
            of(|run| run.virtual_us),
        );
    }
}

/// What one run took.
struct Measured {
    threads: f64,
    start_ms: f64,
    megabytes: f64,
    cores: f64,
    p99_us: f64,
    done: f64,
    virtual_us: f64,
}

fn measure(machines: usize, topology: &[&str]) -> Measured {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scale");
    let trial = trial(machines, topology, REAL_S);
    let (launched, cpu_before) = (SystemTime::now(), cpu_of_children_s());
    let running = launch(&trial, &folder, "real");
    let last = folder.join(format!("log{}.txt", trial.machines[0].port));
    wait_for_model_time(&last, REAL_S - 1);
    let (kilobytes, threads) = running.iter().map(looked_at).fold((0, 0), add);
    finish(running);
    let cores = (cpu_of_children_s() - cpu_before) / REAL_S as f64;
    let logs = trial.machines.iter().map(|spec| Log::load(&log_path(&folder, spec.port)).unwrap());
    let logs: Vec<Log> = logs.collect();
    let started = logs[0].start.unwrap().0 - micros(launched);
    let late = logs.iter().flat_map(|log| log.ticks.iter().map(|tick| tick.entry.lateness_us));
    let mut late: Vec<i64> = late.collect();
    late.sort_unstable();
    Measured {
        threads: f64::from(threads),
        start_ms: started as f64 / 1000.0,
        megabytes: f64::from(kilobytes) / 1024.0 / machines as f64,
        cores,
        p99_us: late[(late.len() - 1) * 99 / 100] as f64,
        done: late.len() as f64 / trial.events() as f64,
        virtual_us: virtual_us_a_tick(machines, topology, &folder),
    }
}

/// Wall time a tick at the virtual pace, the start left out: a long run less a short one.
fn virtual_us_a_tick(machines: usize, topology: &[&str], folder: &Path) -> f64 {
    let took = |duration_s| {
        let trial = trial(machines, topology, duration_s);
        let begin = Instant::now();
        finish(launch(&trial, folder, "virtual"));
        (begin.elapsed().as_secs_f64(), trial.events() as f64)
    };
    let ((long_s, many), (short_s, few)) = (took(VIRTUAL_S), took(1));
    1e6 * (long_s - short_s) / (many - few)
}

fn trial(machines: usize, topology: &[&str], duration_s: u64) -> Trial {
    let output = Command::new(env!("CARGO_BIN_EXE_scalemodel"))
        .args(["trial", "--quiet", "--machines", &machines.to_string()])
        .args(["--clock-rates", "1,2,3,4,5,6", "--duration", &duration_s.to_string()])
        .args(["--seed", "1", "--host", "127.30.0.4"])
        .args(topology)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    Trial::parse_resolved(Path::new("trial.toml"), &text).unwrap()
}

fn launch(trial: &Trial, folder: &Path, pace: &str) -> Vec<Child> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir(folder).unwrap();
    let file: PathBuf = folder.join("trial.toml");
    fs::write(&file, trial.to_string()).unwrap();
    let start = |machine: usize| {
        Command::new(env!("CARGO_BIN_EXE_scalemodel-machine"))
            .args(["--quiet", "--run", "scale", "--pace", pace, "--connect-limit", "60"])
            .args(["--machine", &machine.to_string()])
            .arg("--trial")
            .arg(&file)
            .arg("--logs")
            .arg(folder)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap()
    };
    (1..=trial.machines.len()).map(start).collect()
}

fn finish(machines: Vec<Child>) {
    for mut machine in machines {
        assert!(machine.wait().unwrap().success());
    }
}

/// Waits until a log has come to a model time.
fn wait_for_model_time(log: &Path, seconds: u64) {
    let has_come = || {
        let text = fs::read_to_string(log).unwrap_or_default();
        let entries =
            text.lines().rev().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        let mut times =
            entries.filter_map(|line| line.split_ascii_whitespace().nth(2)?.parse::<f64>().ok());
        times.next().is_some_and(|at| seconds as f64 <= at)
    };
    while !has_come() {
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The resident peak of an OS process in kilobytes, and its threads.
fn looked_at(child: &Child) -> (u32, u32) {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_ascii_whitespace().next().unwrap().parse().unwrap()
    };
    (field("VmHWM:"), field("Threads:"))
}

fn add((one, other): (u32, u32), (more, others): (u32, u32)) -> (u32, u32) {
    (one + more, other + others)
}

/// The CPU time of all children that have ended, in seconds: fields 16 and 17 of stat.
fn cpu_of_children_s() -> f64 {
    const TICKS_PER_S: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_ascii_whitespace();
    let ticks: f64 = fields.skip(13).take(2).map(|field| field.parse::<f64>().unwrap()).sum();
    ticks / TICKS_PER_S
}

fn micros(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
