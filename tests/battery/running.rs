//! One machine as an OS process that the battery started; it is killed when its row ends.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::scene::wait_until;

/// A machine that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) number: usize,
    child: Child,
    /// What it says on standard error.
    said: PathBuf,
    deadline: Instant,
}

/// A machine that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) number: usize,
    pub(crate) status: ExitStatus,
    pub(crate) said: String,
}

impl Running {
    /// Takes a machine over that was just started.
    pub(crate) fn new(number: usize, child: Child, said: PathBuf, deadline: Instant) -> Self {
        Self { number, child, said, deadline }
    }

    /// The number of the OS process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on standard error so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.said).unwrap_or_default()).into_owned()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let process = process.context("an OS process has a number")?;
        kill_process(process, signal).with_context(|| format!("cannot send {signal:?}"))
    }

    /// Kills it, and waits until it is gone.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        let status = self.child.wait()?;
        ensure!(status.signal() == Some(9), "machine {} had ended: {status}", self.number);
        Ok(())
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Result<Ended> {
        let mut status = None;
        let what = format!("machine {} ends", self.number);
        let waited = wait_until(self.deadline, &what, || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        });
        let said = self.said();
        if let Err(error) = waited {
            bail!("{error}; it has said: {said}");
        }
        ensure!(!said.contains("panicked"), "machine {} panicked: {said}", self.number);
        Ok(Ended { number: self.number, status: status.context("it has ended")?, said })
    }

    /// Waits for its end, which must be a success.
    pub(crate) fn succeed(self) -> Result<String> {
        let ended = self.finish()?;
        ensure!(
            ended.status.success(),
            "machine {}: {}: {}",
            ended.number,
            ended.status,
            ended.said
        );
        Ok(ended.said)
    }

    /// Waits for its end, which must be an error; what it said.
    pub(crate) fn fail(self) -> Result<String> {
        let ended = self.finish()?;
        let (number, status) = (ended.number, ended.status);
        ensure!(status.code() == Some(2), "machine {number}: {status}: {}", ended.said);
        ensure!(
            ended.said.contains("error: "),
            "machine {number} does not say why: {}",
            ended.said
        );
        Ok(ended.said)
    }

    /// How much memory it holds, in KiB.
    pub(crate) fn memory_kib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
        number.context("no VmRSS in /proc")
    }

    /// How much of its time on the processor it has used, in clock ticks (of 10 ms).
    pub(crate) fn processor_ticks(&self) -> Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has a name")?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        Ok(fields[11].parse::<u64>()? + fields[12].parse::<u64>()?)
    }
}

impl Ended {
    /// The machine must have died by this signal.
    pub(crate) fn died_by(&self, signal: Signal) -> Result<()> {
        let Self { number, status, said } = self;
        let is_it = status.signal() == Some(signal.as_raw());
        ensure!(is_it, "machine {number} did not die by {signal:?}: {status}: {said}");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
