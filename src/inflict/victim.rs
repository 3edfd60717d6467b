//! One machine as an OS process, as seen from another one.

use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::machine::poll;
use crate::model::MachineId;
use crate::wall_clock;

/// How long a machine that is told to end may take: less than the orchestrator gives this process.
const GRACE: Duration = Duration::from_secs(4);

/// A machine, and the OS process that it is at present.
#[derive(Debug)]
pub(super) struct Victim {
    pub(super) machine: MachineId,
    /// Names the OS process, also when it is dead; none once its death was noted.
    handle: Option<OwnedFd>,
    /// The same, if this process has started it.
    child: Option<Child>,
    was_killed: bool,
    /// It had ended before it could be named.
    was_gone: bool,
}

/// How an OS process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// It had come to its end.
    Finished,
    /// This process has killed it.
    Killed,
    /// It is not a child of this process, which does not hear how it ended.
    Unknown,
    /// It was killed, by itself or by somebody else.
    Slain,
    /// It ended in another way.
    Failed(String),
}

impl Victim {
    /// A machine that runs already, or has ended just now.
    pub(super) fn find(machine: MachineId, pid: Pid) -> Result<Self> {
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => Some(handle),
            Err(Errno::SRCH) => None,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot watch machine {machine}"));
            }
        };
        let was_gone = handle.is_none();
        Ok(Self { machine, handle, child: None, was_killed: false, was_gone })
    }

    /// What becomes readable when the OS process ends.
    pub(super) fn handle(&self) -> Option<&OwnedFd> {
        self.handle.as_ref()
    }

    /// Whether its last OS process has ended.
    pub(super) fn is_over(&self) -> bool {
        self.handle.is_none()
    }

    /// Sends a signal.
    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        let handle = self.handle.as_ref().ok_or_else(|| self.is_missing())?;
        pidfd_send_signal(handle, signal).map_err(|_| self.is_missing())
    }

    fn is_missing(&self) -> anyhow::Error {
        anyhow!("machine {} is not there any more: a fault cannot be inflicted on it", self.machine)
    }

    /// Kills it, for good or until it is started again.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.signal(Signal::KILL)?;
        self.was_killed = true;
        Ok(())
    }

    /// Starts it again, from its log.
    pub(super) fn restart(&mut self, command: &[String]) -> Result<()> {
        if let Some(handle) = self.handle.take() {
            // It was killed; the kernel may take a moment.
            poll::wait(&mut [PollFd::new(&handle, PollFlags::IN)], None);
        }
        if let Some(mut child) = self.child.take() {
            child.wait().context("cannot wait for a child")?;
        }
        let Some((program, arguments)) = command.split_first() else {
            bail!("no command starts a machine");
        };
        let child = Command::new(program)
            .args(arguments)
            .args(["--machine", &self.machine.to_string(), "--resume"])
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start machine {} again", self.machine))?;
        self.handle = Some(
            pidfd_open(Pid::from_child(&child), PidfdFlags::empty())
                .context("cannot name a child")?,
        );
        (self.child, self.was_killed) = (Some(child), false);
        Ok(())
    }

    /// How the OS process ended, once, if it has.
    pub(super) fn take_death(&mut self) -> Result<Option<Death>> {
        if std::mem::take(&mut self.was_gone) {
            return Ok(Some(Death::Unknown));
        }
        let Some(handle) = &self.handle else { return Ok(None) };
        if !has_ended(handle) {
            return Ok(None);
        }
        self.handle = None;
        let status = match self.child.take() {
            Some(mut child) => Some(child.wait().context("cannot wait for a child")?),
            None => None,
        };
        let was_killed = std::mem::take(&mut self.was_killed);
        Ok(Some(if was_killed { Death::Killed } else { status.map_or(Death::Unknown, how) }))
    }

    /// Ends what this process has started, and lets go on what it has stopped.
    pub(super) fn end(&mut self) {
        let _ = self.signal(Signal::CONT);
        let Some(mut child) = self.child.take() else { return };
        let _ = self.signal(Signal::TERM);
        if let Some(handle) = &self.handle {
            poll::wait(&mut [PollFd::new(handle, PollFlags::IN)], Some(wall_clock::now() + GRACE));
        }
        let _ = self.signal(Signal::KILL);
        let _ = child.wait();
    }
}

fn has_ended(handle: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(handle, PollFlags::IN)];
    poll::wait(&mut fds, Some(wall_clock::now()));
    !fds[0].revents().is_empty()
}

fn how(status: ExitStatus) -> Death {
    if status.success() {
        return Death::Finished;
    }
    if status.signal() == Some(Signal::KILL.as_raw()) {
        return Death::Slain;
    }
    Death::Failed(match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    })
}
