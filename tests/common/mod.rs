//! What the end-to-end tests share: trials on a loopback address of their own, machines as OS
//! processes, and waiting for conditions with a limit.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and wait between two looks")]

pub(crate) mod stranger;

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// No test waits longer than this for anything.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

const NEVER_SKIP: [&str; 2] = ["--skip-after", "0"];

/// A trial in a folder of its own, on a loopback address of its own.
pub(crate) struct Bench {
    folder: TempDir,
    pub(crate) host: &'static str,
    pub(crate) ports: Vec<u16>,
}

/// The program under test.
pub(crate) fn scalemodel() -> Command {
    Command::new(env!("CARGO_BIN_EXE_scalemodel"))
}

/// Runs the program to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    scalemodel().args(args).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Waits until a condition is true.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Bench {
    /// A trial of machines with these clock rates. Every test has a host of its own, 127.a.b.c.
    pub(crate) fn new(host: &'static str, duration_s: u64, clock_rates: &[u32]) -> Self {
        let folder = TempDir::new().unwrap();
        let ports: Vec<u16> = (20_001..).take(clock_rates.len()).collect();
        let mut trial = format!("name = \"bench\"\nduration_s = {duration_s}\n");
        write!(trial, "draw_range = {}\nseed = 7\n", 10.max(clock_rates.len())).unwrap();
        for (index, (port, rate)) in ports.iter().zip(clock_rates).enumerate() {
            let phase = 1 + (index * 617) % 1000;
            write!(
                trial,
                "\n[[machine]]\nhost = \"{host}\"\nport = {port}\nclock_rate = {rate}\nphase = {phase}\n"
            )
            .unwrap();
        }
        fs::write(folder.path().join("trial.toml"), trial).unwrap();
        Self { folder, host, ports }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn trial_file(&self) -> PathBuf {
        self.folder().join("trial.toml")
    }

    pub(crate) fn log_file(&self, machine: usize) -> PathBuf {
        self.folder().join(format!("log{}.txt", self.ports[machine - 1]))
    }

    pub(crate) fn log(&self, machine: usize) -> String {
        fs::read_to_string(self.log_file(machine)).unwrap_or_default()
    }

    /// The number of ticks in a machine's log so far.
    pub(crate) fn ticks(&self, machine: usize) -> usize {
        self.log(machine)
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
            .count()
    }

    pub(crate) fn address(&self, machine: usize) -> String {
        format!("{}:{}", self.host, self.ports[machine - 1])
    }

    /// Starts one machine. Unless the options say otherwise it never skips a tick, as a test must
    /// not depend on a fast computer.
    pub(crate) fn start(&self, machine: usize, options: &[&str]) -> Running {
        self.launch(scalemodel(), machine, options)
    }

    /// Starts one machine under a limit of the shell.
    pub(crate) fn start_limited(&self, machine: usize, limit: &str, options: &[&str]) -> Running {
        let mut shell = Command::new("bash");
        let script = format!("{limit}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_scalemodel")]);
        self.launch(shell, machine, options)
    }

    fn launch(&self, mut program: Command, machine: usize, options: &[&str]) -> Running {
        let child = program
            .args(["machine", "--machine", &machine.to_string(), "--run", "the-run"])
            .args(if options.contains(&"--skip-after") { [].as_slice() } else { &NEVER_SKIP })
            .arg("--trial")
            .arg(self.trial_file())
            .arg("--logs")
            .arg(self.folder())
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running(child)
    }

    /// Starts every machine.
    pub(crate) fn start_all(&self, options: &[&str]) -> Vec<Running> {
        (1..=self.ports.len()).map(|machine| self.start(machine, options)).collect()
    }

    /// Runs every machine to its end, which must be a success.
    pub(crate) fn run_all(&self, options: &[&str]) {
        for machine in self.start_all(options) {
            let (status, errors) = machine.finish();
            assert!(status.success(), "{status}: {errors}");
        }
    }

    /// Checks the logs: the verdict's exit code, and what was printed.
    pub(crate) fn check(&self) -> (i32, String) {
        check(self.folder())
    }
}

/// Checks the logs of a folder: the verdict's exit code, and what was printed.
pub(crate) fn check(folder: &Path) -> (i32, String) {
    let output = run(&["check", folder.to_str().unwrap()]);
    (output.status.code().unwrap(), stdout(&output) + &stderr(&output))
}

/// A machine that runs; it is killed when the test ends, however it ends.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status().unwrap();
        assert!(status.success(), "kill -s {name}");
    }

    /// Waits for the end, and gives the status and what was said on standard error.
    pub(crate) fn finish(mut self) -> (ExitStatus, String) {
        let mut status = None;
        wait_until("a machine ends", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        let mut errors = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        (status.unwrap(), errors)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for machines, which must succeed.
pub(crate) fn finish_all(machines: Vec<Running>) {
    for machine in machines {
        let (status, errors) = machine.finish();
        assert!(status.success(), "{status}: {errors}");
    }
}

/// Kills machines, and waits until they are gone.
pub(crate) fn kill(machines: impl IntoIterator<Item = Running>) {
    for machine in machines {
        machine.signal("KILL");
        machine.finish();
    }
}

/// Checks the logs, which must hold.
pub(crate) fn assert_holds(bench: &Bench) {
    let (code, text) = bench.check();
    assert_eq!(code, 0, "{text}");
}

/// What a machine that cannot go on says.
pub(crate) fn refusal(machine: Running) -> String {
    let (status, errors) = machine.finish();
    assert_eq!(status.code(), Some(2), "{errors}");
    errors
}
