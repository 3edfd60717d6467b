//! A trial in a folder of its own, and its machines.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::running::Running;
use crate::scene::{Scene, ask, must_say, scalemodel, wait_until};

/// Twenty model seconds pass in a second.
pub(crate) const FAST: [&str; 2] = ["--speed", "20"];

/// A trial and what its machines leave behind.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    pub(crate) folder: PathBuf,
    pub(crate) host: String,
    pub(crate) ports: Vec<u16>,
    pub(crate) deadline: Instant,
}

impl Bench {
    /// A trial of machines with these clock rates.
    pub(crate) fn new(
        scene: &Scene,
        name: &str,
        duration_s: u64,
        clock_rates: &[u32],
    ) -> Result<Self> {
        let folder = scene.folder().join(name);
        fs::create_dir(&folder)?;
        let ports: Vec<u16> = (21_001..).take(clock_rates.len()).collect();
        let bench = Self { folder, host: scene.host.clone(), ports, deadline: scene.deadline };
        fs::write(bench.trial_file(), bench.trial(duration_s, clock_rates))?;
        Ok(bench)
    }

    fn trial(&self, duration_s: u64, clock_rates: &[u32]) -> String {
        let draw_range = 10.max(clock_rates.len());
        let mut trial = format!(
            "name = \"bench\"\nduration_s = {duration_s}\ndraw_range = {draw_range}\nseed = 7\n"
        );
        for (index, (port, rate)) in self.ports.iter().zip(clock_rates).enumerate() {
            let (host, phase) = (&self.host, 1 + (index * 617) % 1000);
            write!(
                trial,
                "\n[[machine]]\nhost = \"{host}\"\nport = {port}\nclock_rate = {rate}\n\
                 phase = {phase}\n"
            )
            .expect("writing into a string cannot fail");
        }
        trial
    }

    /// The trial file.
    pub(crate) fn trial_file(&self) -> PathBuf {
        self.folder.join("trial.toml")
    }

    /// The log of a machine, by its number.
    pub(crate) fn log_file(&self, machine: usize) -> PathBuf {
        self.folder.join(format!("log{}.txt", self.ports[machine - 1]))
    }

    /// What stands in the log of a machine.
    pub(crate) fn log(&self, machine: usize) -> String {
        String::from_utf8_lossy(&fs::read(self.log_file(machine)).unwrap_or_default()).into_owned()
    }

    /// The numbers of all machines.
    pub(crate) fn machines(&self) -> std::ops::RangeInclusive<usize> {
        1..=self.ports.len()
    }

    /// The number of ticks in a machine's log so far.
    pub(crate) fn ticks(&self, machine: usize) -> usize {
        self.log(machine).lines().filter(|line| is_tick(line)).count()
    }

    /// The last line of a machine's log.
    pub(crate) fn last_line(&self, machine: usize) -> String {
        self.log(machine).lines().last().unwrap_or_default().to_owned()
    }

    /// Requires that a machine's log ends for this reason.
    pub(crate) fn must_end(&self, machine: usize, why: &str) -> Result<()> {
        must_say(&self.last_line(machine), &format!("# end: why={why} "))
    }

    /// Where a machine listens.
    pub(crate) fn address(&self, machine: usize) -> String {
        format!("{}:{}", self.host, self.ports[machine - 1])
    }

    /// Waits until a condition is true.
    pub(crate) fn wait_until(&self, what: &str, condition: impl FnMut() -> bool) -> Result<()> {
        wait_until(self.deadline, what, condition)
    }

    /// Waits until every machine has made so many ticks more.
    pub(crate) fn wait_for_ticks(&self, more: usize) -> Result<()> {
        let due: Vec<usize> = self.machines().map(|machine| self.ticks(machine) + more).collect();
        self.wait_until("every machine ticks", || {
            self.machines().all(|machine| due[machine - 1] <= self.ticks(machine))
        })
    }

    /// A machine that is about to be started.
    pub(crate) fn launch(&self, machine: usize) -> Launch<'_> {
        let logs = self.folder.clone();
        Launch { bench: self, machine, logs, wrapper: Vec::new(), options: Vec::new() }
    }

    /// Starts every machine.
    pub(crate) fn start_all(&self, options: &[&str]) -> Result<Vec<Running>> {
        self.machines().map(|machine| self.launch(machine).with(options).start()).collect()
    }

    /// The verdict on the logs, as an exit code, and what was printed.
    pub(crate) fn check(&self) -> Result<(i32, String)> {
        check(&self.folder)
    }

    /// Requires that the logs prove that causality held.
    pub(crate) fn must_hold(&self) -> Result<()> {
        let (code, text) = self.check()?;
        ensure!(code == 0, "the check does not say that causality held: {text}");
        Ok(())
    }

    /// Requires that the check cannot say whether causality held, and says what is missing.
    pub(crate) fn must_be_unsure(&self, missing: &str) -> Result<()> {
        let (code, text) = self.check()?;
        ensure!(code == 2, "the check does not say that it cannot say (exit code {code}): {text}");
        must_say(&text, missing)
    }
}

/// Whether a line of a log is a tick.
pub(crate) fn is_tick(line: &str) -> bool {
    line.starts_with(|first: char| first.is_ascii_digit())
}

/// The verdict on the logs of a folder, as an exit code, and what was printed.
pub(crate) fn check(folder: &Path) -> Result<(i32, String)> {
    ask(&["check", folder.to_str().context("the folder has a name in UTF-8")?])
}

/// How a machine is started.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    bench: &'a Bench,
    machine: usize,
    logs: PathBuf,
    wrapper: Vec<String>,
    options: Vec<String>,
}

impl Launch<'_> {
    /// With these options.
    pub(crate) fn with(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(|option| (*option).to_owned()));
        self
    }

    /// By a program that then becomes the machine, `prlimit` for one.
    pub(crate) fn by(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// With its log in another folder.
    pub(crate) fn logging_to(mut self, folder: &Path) -> Self {
        self.logs = folder.to_owned();
        self
    }

    /// The command. Unless the options say otherwise a machine never skips a tick, as a test must
    /// not depend on a fast computer.
    pub(crate) fn command(&self) -> Command {
        let program = scalemodel();
        let mut command = match self.wrapper.split_first() {
            None => program,
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program.get_program());
                command
            }
        };
        command.args(["machine", "--machine", &self.machine.to_string(), "--run", "the-run"]);
        if !self.options.iter().any(|option| option == "--skip-after" || option == "virtual") {
            command.args(["--skip-after", "0"]);
        }
        command.arg("--trial").arg(self.bench.trial_file()).arg("--logs").arg(&self.logs);
        command.args(&self.options).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Starts it. What it says goes into a file, which takes everything: a machine must not wait for
    /// someone to read it.
    pub(crate) fn start(self) -> Result<Running> {
        let Self { bench, machine, .. } = &self;
        let said = (1..)
            .map(|start| bench.folder.join(format!("said{machine}-{start}.txt")))
            .find(|file| !file.exists())
            .context("some name is free")?;
        let child = self.command().stderr(File::create(&said)?).spawn()?;
        Ok(Running::new(*machine, child, said, bench.deadline))
    }
}
