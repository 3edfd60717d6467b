//! The story of one machine, from its start to its end entry.

use std::collections::VecDeque;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use log::{info, warn};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::assembly::Assembly;
use super::inbox::{Halt, Inbox, inbox};
use super::listener::{self, Door};
use super::outlet::Outlet;
use super::pacemaker::{Pacemaker, PromisePacemaker, RealPacemaker};
use super::producer::Producers;
use super::tick_loop::{Tally, TickLoop};
use super::wire::{Hello, PROTOCOL, RunId};
use super::{farewell, signals};
use crate::logbook::{Header, LogWriter, SystemTime, log_path};
use crate::model::MachineId;
use crate::pace::Pace;
use crate::trial::Trial;
use crate::wall_clock;

/// What a machine is told on its command line.
#[derive(Clone, Debug)]
pub struct MachineConfig {
    /// The resolved trial.
    pub trial: Trial,
    /// Which of its machines this is.
    pub machine: MachineId,
    /// The identity of the run.
    pub run: RunId,
    /// The folder of the logs.
    pub logs: PathBuf,
    /// The pace.
    pub pace: Pace,
    /// The bounds of the run.
    pub limits: Limits,
}

/// The bounds of everything that could wait or grow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A machine that stood still for longer skips the ticks that it missed; never if none.
    pub skip_after: Option<Duration>,
    /// How long connecting and the common start may take.
    pub connect: Duration,
    /// How long a machine waits for its peers' goodbyes after its last tick.
    pub goodbye: Duration,
    /// How many messages may wait in the queue.
    pub queue: usize,
}

/// How a machine ended, when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of its ticks are done or skipped.
    Finished,
    /// It was signalled, has said goodbye, and is to die by this signal.
    Signalled(i32),
}

/// Runs one machine from its start to its end entry.
///
/// # Errors
/// When the machine cannot listen, write its log, reach its peers or run its trial to the end.
pub fn run(config: &MachineConfig) -> Result<Outcome> {
    let MachineConfig { trial, machine, limits, .. } = config;
    if trial.machines.len() <= machine.index() {
        bail!("there is no machine {machine} in the trial: it has {}", trial.machines.len());
    }
    if config.pace == Pace::Virtual && trial.machines.len() <= SHARED_CORE_MACHINES_MAX {
        share_core(&config.run);
    }
    let arrivals_limit = match config.pace {
        Pace::Real(_) => limits.queue,
        Pace::Virtual => PromisePacemaker::arrivals_limit(trial, *machine, limits.queue),
    };
    let (sender, mut inbox) = inbox(arrivals_limit);
    signals::watch(sender.clone())?;
    let socket = listener::bind(trial.spec(*machine))?;
    let header = Header::new(trial.clone(), *machine, config.pace);
    let log = LogWriter::create(&log_path(&config.logs, trial.spec(*machine).port), &header)?;
    let hello = hello(config);
    let door = Door::new(&hello, trial.peers(*machine), sender);
    listener::open(socket, Arc::new(door))?;
    match assemble(config, hello, &mut inbox) {
        Ok((producers, start)) => live(config, inbox, producers, log, start),
        Err(Halt::Signalled(signal)) => Ok(Outcome::Signalled(signal)),
        Err(halt) => Err(farewell::explain(trial, halt)),
    }
}

/// How a machine introduces itself; its receiver is filled in for each peer.
fn hello(config: &MachineConfig) -> Hello {
    Hello {
        protocol: PROTOCOL,
        run: config.run.clone(),
        from: config.machine,
        to: config.machine,
        incarnation: 1,
        is_virtual: config.pace == Pace::Virtual,
    }
}

fn assemble(
    config: &MachineConfig,
    hello: Hello,
    inbox: &mut Inbox,
) -> Result<(Producers, Instant), Halt> {
    let machines = u32::try_from(config.trial.machines.len()).unwrap_or(u32::MAX);
    let start_delay = match config.pace {
        Pace::Real(_) => START_DELAY + START_DELAY_PER_MACHINE * machines,
        Pace::Virtual => Duration::ZERO,
    };
    let limit = config.limits.connect;
    Assembly { trial: &config.trial, inbox, hello, limit, start_delay }.assemble()
}

/// How far ahead machine 1 names the common start: long enough for every peer to hear of it.
const START_DELAY: Duration = Duration::from_millis(20);
const START_DELAY_PER_MACHINE: Duration = Duration::from_millis(1);

/// From the common start to the end entry.
fn live(
    config: &MachineConfig,
    inbox: Inbox,
    producers: Producers,
    mut log: LogWriter,
    start: Instant,
) -> Result<Outcome> {
    let MachineConfig { trial, machine, limits, .. } = config;
    let schedule = trial.schedule(*machine);
    let (mut pacemaker, started_at): (Box<dyn Pacemaker + '_>, _) = match config.pace {
        Pace::Real(speed) => {
            tighten_timer();
            let skip_after = limits.skip_after;
            let schedule = schedule.clone();
            let pacemaker = RealPacemaker { schedule, speed, start, skip_after };
            (Box::new(pacemaker), wall_clock::system_time_at(start))
        }
        Pace::Virtual => {
            let pacemaker = PromisePacemaker::new(trial, *machine, limits.queue);
            (Box::new(pacemaker), SystemTime(0))
        }
    };
    log.start(started_at)?;
    info!("machine {machine} of {} starts", trial.name);
    let mut ticks = TickLoop {
        trial,
        id: *machine,
        schedule,
        machine: trial.machine(*machine),
        inbox,
        outlet: Outlet { log, producers },
        queue: VecDeque::new(),
        tally: Tally::default(),
    };
    let halt = ticks.run(pacemaker.as_mut()).err();
    match farewell::part(ticks, pacemaker.as_mut(), halt, limits.goodbye) {
        None => Ok(Outcome::Finished),
        Some(Halt::Signalled(signal)) => Ok(Outcome::Signalled(signal)),
        Some(halt) => Err(farewell::explain(trial, halt)),
    }
}

/// Up to so many machines share one core at the virtual pace. More of them gain more from running
/// side by side than they lose by waking each other across cores.
const SHARED_CORE_MACHINES_MAX: usize = 8;

/// Keeps this process on the core that all machines of its run choose, another one for another run.
///
/// At the virtual pace a machine does a few microseconds of work and then waits for its peers. To
/// wake a machine on the same core takes a fraction of the time.
fn share_core(run: &RunId) {
    let pinned = sched_getaffinity(None).and_then(|allowed| {
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
        let number: usize = run.to_string().bytes().map(usize::from).sum();
        let mut shared = CpuSet::new();
        shared.set(cores[number % cores.len()]);
        sched_setaffinity(None, &shared)
    });
    if let Err(error) = pinned {
        info!("the run will be slower: its machines cannot share a core: {error}");
    }
}

/// Asks the kernel to wake this thread at its deadlines and not up to 50 us later.
fn tighten_timer() {
    if let Err(error) = rustix::thread::set_current_timer_slack(NonZero::new(1)) {
        warn!("ticks may be 50 us later than need be: the timer slack cannot be set: {error}");
    }
}
