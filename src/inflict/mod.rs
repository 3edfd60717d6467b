//! Inflicting the faults of a trial that need another OS process: kills and pauses, by real signals,
//! and starting again what was killed.
//!
//! - [`plan`]: what is to be done, and when.
//! - [`victim`]: one machine as an OS process, from the outside.
//!
//! At the real pace this process sends the signals. At the virtual pace a machine kills itself, as only
//! it knows when it has come so far, and this process starts it again. Machines that it has started
//! are its children; the first ones are their orchestrator's.

mod plan;
mod victim;

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use log::info;
use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, Signal};
use signal_hook::consts::{SIGINT, SIGTERM};

use self::plan::{Act, Plan};
use self::victim::{Death, Victim};
use crate::logbook::{Log, log_path};
use crate::machine::poll;
use crate::model::MachineId;
use crate::pace::Pace;
use crate::trial::Trial;
use crate::wall_clock;

/// How often to look whether the machines have begun.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What is inflicted on whom.
#[derive(Debug)]
pub struct Inflictor {
    /// The resolved trial.
    pub trial: Trial,
    /// The folder of the logs.
    pub logs: PathBuf,
    /// The pace of the machines.
    pub pace: Pace,
    /// The OS processes of the machines, in the trial's order.
    pub pids: Vec<i32>,
    /// The command that starts a machine, but for its number and `--resume`.
    pub command: Vec<String>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every machine has come to its end.
    Finished,
    /// This process was told to end, and has ended its children.
    Signalled(i32),
}

impl Inflictor {
    /// Inflicts everything, and waits for the machines that it has started.
    ///
    /// # Errors
    /// When a machine is not there, ends without having been told to, or cannot go on.
    pub fn run(&self) -> Result<Outcome> {
        let told = [tell_of(SIGINT)?, tell_of(SIGTERM)?];
        let mut victims = self.find_victims()?;
        let ended = self.inflict_all(&mut victims, &told);
        if !matches!(ended, Ok(Outcome::Finished)) {
            victims.iter_mut().for_each(Victim::end);
        }
        ended
    }

    fn find_victims(&self) -> Result<Vec<Victim>> {
        let (machines, pids) = (self.trial.machines.len(), self.pids.len());
        if machines != pids {
            bail!("--pids: found {pids}, allowed: one for each of the {machines} machines");
        }
        let numbered = self.pids.iter().zip(self.trial.machine_ids());
        numbered
            .map(|(&pid, machine)| {
                let pid =
                    Pid::from_raw(pid).ok_or_else(|| anyhow!("--pids: {pid} is no process"))?;
                Victim::find(machine, pid)
            })
            .collect()
    }

    fn inflict_all(&self, victims: &mut [Victim], told: &[Told]) -> Result<Outcome> {
        let mut plan = Plan::new(&self.trial, self.pace);
        let mut start = None;
        loop {
            if start.is_none() {
                start = self.start();
            }
            let now = wall_clock::now();
            if let (Pace::Real(speed), Some(start)) = (self.pace, start) {
                while let Some((machine, act)) = plan.take_due(start, speed, now) {
                    self.carry_out(act, &mut victims[machine.index()])?;
                }
            }
            for victim in victims.iter_mut() {
                self.bury(victim, &mut plan)?;
            }
            if plan.is_over() && victims.iter().all(Victim::is_over) {
                return Ok(Outcome::Finished);
            }
            let next = self.next_look(&plan, start);
            if let Some(signal) = wait(victims, told, next) {
                return Ok(Outcome::Signalled(signal));
            }
        }
    }

    /// The common start, if it can be known yet. At the virtual pace there is none.
    fn start(&self) -> Option<Instant> {
        let Pace::Real(_) = self.pace else { return None };
        let logs = self.trial.machines.iter().map(|spec| log_path(&self.logs, spec.port));
        let start = logs.filter_map(|path| Log::load(&path).ok()?.start).next()?;
        Some(wall_clock::instant_of(start))
    }

    /// Whether the log of a machine has its end entry.
    fn has_ended(&self, machine: MachineId) -> bool {
        let log = Log::load(&log_path(&self.logs, self.trial.spec(machine).port));
        log.is_ok_and(|log| log.end.is_some())
    }

    fn next_look(&self, plan: &Plan, start: Option<Instant>) -> Option<Instant> {
        match (self.pace, start) {
            (Pace::Real(speed), Some(start)) => plan.next_due(start, speed),
            (Pace::Real(_), None) => Some(wall_clock::now() + LOOK_AGAIN),
            (Pace::Virtual, _) => None,
        }
    }

    fn carry_out(&self, act: Act, victim: &mut Victim) -> Result<()> {
        info!("machine {}: {act:?}", victim.machine);
        match act {
            Act::Kill => victim.kill(),
            Act::Stop => victim.signal(Signal::STOP),
            Act::Continue => victim.signal(Signal::CONT),
            Act::Restart => victim.restart(&self.command),
        }
    }

    /// Takes note of a machine that has ended, and starts it again if it is to go on.
    fn bury(&self, victim: &mut Victim, plan: &mut Plan) -> Result<()> {
        let Some(death) = victim.take_death()? else { return Ok(()) };
        let machine = victim.machine;
        match (self.pace, death) {
            (_, Death::Finished | Death::Killed) => Ok(()),
            (Pace::Virtual, Death::Unknown | Death::Slain) if plan.take_kill(machine) => {
                victim.restart(&self.command)
            }
            // The orchestrator hears how its own children end, but for those that are killed.
            (_, Death::Unknown) if plan.has_acts_for(machine) => {
                bail!("machine {machine} has ended before its faults were over")
            }
            (_, Death::Unknown) if self.has_ended(machine) => Ok(()),
            (_, Death::Unknown) => {
                bail!("machine {machine} has died, and the trial did not kill it")
            }
            (_, Death::Slain) => bail!("machine {machine}, started again, was killed"),
            (_, Death::Failed(how)) => bail!("machine {machine}, started again, {how}"),
        }
    }
}

/// A signal that ends this process, and what becomes readable when it has come.
type Told = (i32, UnixStream);

fn tell_of(signal: i32) -> Result<Told> {
    let (told, teller) = UnixStream::pair().context("cannot make a pair of sockets")?;
    signal_hook::low_level::pipe::register(signal, teller).context("cannot handle signals")?;
    Ok((signal, told))
}

/// Waits until a machine ends or it is time; the signal by which this process was told to end.
fn wait(victims: &[Victim], told: &[Told], next: Option<Instant>) -> Option<i32> {
    let told_fds = told.iter().map(|(_, stream)| PollFd::new(stream, PollFlags::IN));
    let mut fds: Vec<PollFd<'_>> = told_fds.collect();
    fds.extend(victims.iter().filter_map(Victim::handle).map(|fd| PollFd::new(fd, PollFlags::IN)));
    poll::wait(&mut fds, next);
    let has_come = |fd: &PollFd<'_>| !fd.revents().is_empty();
    told.iter().zip(&fds).find(|(_, fd)| has_come(fd)).map(|((signal, _), _)| *signal)
}

/// Whether a trial has faults that must be inflicted by another OS process.
#[must_use]
pub fn is_needed(trial: &Trial) -> bool {
    let machines = trial.machine_ids();
    machines.into_iter().any(|machine: MachineId| !trial.absences(machine).is_empty())
}
