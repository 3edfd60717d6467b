//! Trials, and machines that run them as OS processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use scalemodel::logbook::{Log, log_path};
use scalemodel::trial::Trial;

use crate::program;

/// All machines listen here.
const HOST: &str = "127.30.0.1";

/// A resolved trial, as `scalemodel trial` makes it.
pub(crate) fn trial(machines: usize, clock_rates: &str, duration_s: u64, more: &[&str]) -> Trial {
    let (machines, duration_s) = (machines.to_string(), duration_s.to_string());
    let mut command = program::scalemodel(&["trial", "--quiet", "--seed", "1", "--host", HOST]);
    command.args(["--machines", &machines, "--clock-rates", clock_rates]);
    command.args(["--duration", &duration_s]).args(more);
    parse(&program::output(&mut command))
}

/// One of the trials that everybody has, for so many seconds.
pub(crate) fn known_trial(name: &str, duration_s: u64) -> Trial {
    let (file, duration_s) = (format!("scripts/trials/{name}.toml"), duration_s.to_string());
    let mut command = program::scalemodel(&["trial", &file, "--duration", &duration_s]);
    parse(&program::output(&mut command).replace("127.0.0.1", HOST))
}

/// The trial with something added to its file.
pub(crate) fn with(trial: &Trial, more: &str) -> Trial {
    parse(&format!("{trial}\n{more}"))
}

fn parse(text: &str) -> Trial {
    Trial::parse_resolved(Path::new("trial.toml"), text).unwrap()
}

/// The machines of one run. They are killed unless they are waited for.
pub(crate) struct Machines {
    trial: Trial,
    folder: PathBuf,
    children: Vec<Child>,
    launched: SystemTime,
}

impl Machines {
    /// Starts all machines of a trial, in a folder that is made empty before.
    pub(crate) fn start(trial: &Trial, folder: &Path, options: &[&str]) -> Self {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir(folder).unwrap();
        let file = folder.join("trial.toml");
        fs::write(&file, trial.to_string()).unwrap();
        let start = |machine: usize| {
            Command::new(env!("CARGO_BIN_EXE_scalemodel-machine"))
                .env("MALLOC_ARENA_MAX", "1") // as the orchestrator does
                .args(["--quiet", "--run", "performance", "--connect-limit", "60"])
                .args(["--machine", &machine.to_string()])
                .args(options)
                .arg("--trial")
                .arg(&file)
                .arg("--logs")
                .arg(folder)
                .stdin(Stdio::null())
                .spawn()
                .unwrap()
        };
        let mut machines = Self {
            trial: trial.clone(),
            folder: folder.to_owned(),
            children: Vec::new(),
            launched: SystemTime::now(),
        };
        machines.children.extend((1..=trial.machines.len()).map(start));
        machines
    }

    /// The numbers of the OS processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.children.iter().map(Child::id).collect()
    }

    /// Waits until machine 1 has logged a tick of this model time, or a later one.
    pub(crate) fn wait_for_model_time(&self, seconds: u64) {
        let log = log_path(&self.folder, self.trial.machines[0].port);
        let is_tick = |line: &&str| line.starts_with(|first: char| first.is_ascii_digit());
        let has_come = || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let mut ticks = text.lines().rev().filter(is_tick);
            // The last line may be half of one.
            let at = ticks.find_map(|line| line.split_whitespace().nth(2)?.parse::<f64>().ok());
            at.is_some_and(|at| seconds as f64 <= at)
        };
        while !has_come() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until all have come to their end, which must be a good one; gives their logs.
    pub(crate) fn finish(mut self) -> Logs {
        self.wait();
        let ports = self.trial.machines.iter().map(|spec| spec.port);
        let load = |port| Log::load(&log_path(&self.folder, port)).unwrap();
        Logs { logs: ports.map(load).collect(), launched: self.launched }
    }

    /// Waits until all have come to their end; nobody reads their logs.
    pub(crate) fn wait(&mut self) {
        while let Some(mut child) = self.children.pop() {
            assert!(child.wait().unwrap().success(), "a machine has failed, as it says above");
        }
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The logs of a run at the real pace.
pub(crate) struct Logs {
    logs: Vec<Log>,
    launched: SystemTime,
}

impl Logs {
    /// How late every tick began, in microseconds.
    pub(crate) fn lateness_us(&self) -> Vec<f64> {
        let ticks = self.logs.iter().flat_map(|log| &log.ticks);
        ticks.map(|tick| tick.entry.lateness_us as f64).collect()
    }

    /// How long it took from the first spawn to the common start, in milliseconds.
    pub(crate) fn start_ms(&self) -> f64 {
        let launched = self.launched.duration_since(UNIX_EPOCH).unwrap();
        self.logs[0].start.unwrap().0 as f64 / 1e3 - launched.as_secs_f64() * 1e3
    }
}

/// The resident peak of an OS process in millions of bytes, and its threads.
pub(crate) fn size(pid: u32) -> (f64, f64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| -> f64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    (field("VmHWM:") * 1024.0 / 1e6, field("Threads:"))
}

/// The CPU time of an OS process until now, in seconds.
pub(crate) fn cpu_s(pid: u32) -> f64 {
    cpu_times_s(&pid.to_string())[..2].iter().sum()
}

/// The CPU time of all children that have ended and were waited for, in seconds.
pub(crate) fn cpu_of_children_s() -> f64 {
    cpu_times_s("self")[2..].iter().sum()
}

/// The CPU times of an OS process and of its children, each as user and as system.
fn cpu_times_s(pid: &str) -> [f64; 4] {
    const TICKS_PER_S: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Fields 14 to 17. The second is the name, which may hold anything.
    let mut fields = stat.rsplit(')').next().unwrap().split_whitespace().skip(11);
    [(); 4].map(|()| fields.next().unwrap().parse::<f64>().unwrap() / TICKS_PER_S)
}
