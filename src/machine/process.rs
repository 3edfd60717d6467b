//! The story of one machine, from its start to its end entry.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use log::info;

use super::assembly::{Assembled, Assembly};
use super::beginning::{Beginning, LogStage, identity, load_secret, open_log};
use super::channel::Channel;
use super::checkup::{Checkups, Examinee, Gauges};
use super::courier::{self, Bell, Patience};
use super::door::{Door, Expected};
use super::identity::Identity;
use super::inbox::{Halt, Inbox, InboxSender, inbox};
use super::keep_alive::KeepAlive;
use super::listener;
use super::outlet::Outlet;
use super::pacemaker::{Pacemaker, PromisePacemaker, RealPacemaker};
use super::producer::Producers;
use super::resume::Past;
use super::scheduling::{Cores, ask_for_realtime, tighten_timer};
use super::shim::Shim;
use super::tick_loop::{Tally, TickLoop};
use super::wire::RunId;
use super::{farewell, signals};
use crate::logbook::SystemTime;
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
    /// The file of the run's secret; it is made if it is not there.
    pub secret: PathBuf,
    /// Whether the machine goes on from the log that an earlier incarnation left.
    pub is_resumed: bool,
    /// The pace.
    pub pace: Pace,
    /// Whether to ask for the priority of realtime.
    pub is_realtime: bool,
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
    let booted = wall_clock::now();
    refuse_what_cannot_be(config)?;
    if config.is_realtime {
        ask_for_realtime();
    }
    let cores = match config.pace {
        Pace::Real(_) => None,
        Pace::Virtual => Cores::share(&config.run, *machine, trial.machines.len()),
    };
    let arrivals_limit = match config.pace {
        Pace::Real(_) => limits.queue,
        Pace::Virtual => PromisePacemaker::arrivals_limit(trial, *machine, limits.queue),
    };
    let (sender, mut inbox) = inbox(arrivals_limit);
    signals::watch(sender.clone())?;
    let secret = load_secret(config)?;
    let keep_alive = KeepAlive::of(*machine, trial.contacts(*machine).len());
    let socket = listener::bind(trial.spec(*machine), keep_alive)?;
    let Beginning { mut log, past, stage } = open_log(config)?;
    let identity = Arc::new(identity(config, secret, past.incarnation)?);
    let (door, mut producers) = open_channels(config, &past, identity, sender, socket)?;
    if let Some(cores) = cores {
        producers.write_last(|peer| cores.are_together(*machine, peer));
    }
    let logged_start = past.start.map(wall_clock::instant_of);
    if let Some(start) = logged_start {
        door.tell_start(start);
    }
    let assembled = assemble(config, &mut inbox, &mut producers, &door, logged_start);
    let Assembled { start, clock_offset } = match assembled {
        Ok(assembled) => assembled,
        Err(Halt::Signalled(signal)) => return Ok(Outcome::Signalled(signal)),
        Err(halt) => return Err(farewell::explain(trial, halt)),
    };
    door.tell_start(start);
    match stage {
        LogStage::Header => {
            clock_offset.iter().for_each(|offset| log.clock_offset(offset));
            log.start(start_entry(config.pace, start))?;
        }
        LogStage::Start => log.columns()?,
        LogStage::Entries => {}
        LogStage::End => {
            let end = farewell::part_again(&mut inbox, &mut producers, &door, limits.goodbye);
            return outcome(trial, end.filter(|halt| !matches!(halt, Halt::PeerSilent { .. })));
        }
    }
    live(config, inbox, Outlet::new(log, producers, door), past, Times { booted, start })
}

/// When this OS process began, and when all machines began to tick.
#[derive(Clone, Copy, Debug)]
struct Times {
    booted: Instant,
    start: Instant,
}

/// Opens the door, and starts to connect to the peers.
fn open_channels(
    config: &MachineConfig,
    past: &Past,
    identity: Arc<Identity>,
    sender: InboxSender,
    socket: TcpListener,
) -> Result<(Arc<Door>, Producers)> {
    let MachineConfig { trial, machine, limits, .. } = config;
    let contacts = trial.contacts(*machine);
    let sent_to = |peer: &MachineId| past.sent.get(peer).cloned().unwrap_or_default();
    let channels: Vec<_> =
        contacts.iter().map(|peer| Arc::new(Channel::new(*peer, sent_to(peer)))).collect();
    let expected = channels.iter().map(|channel| Expected {
        channel: Arc::clone(channel),
        recorded: past.received.get(&channel.peer).copied().unwrap_or(0),
    });
    let bell = Bell::new()?;
    let checkups = match config.pace {
        Pace::Real(speed) => Some(Checkups::new(Examinee {
            own: *machine,
            trial: trial.clone(),
            speed,
            channels: channels.clone(),
            bell: bell.clone(),
            gauges: Gauges::new(speed, past.next, past.ticks_done, past.machine.now()),
        })),
        Pace::Virtual => None,
    };
    let door = Arc::new(Door::new(identity, expected, sender, bell.clone(), checkups));
    let producers = Producers::new(&channels, bell.clone(), limits.queue);
    listener::open(socket, Arc::clone(&door))?;
    let patience =
        Patience { is_resumed: config.is_resumed, is_killed: false, limit: limits.connect };
    courier::start(trial, &channels, Arc::clone(&door), bell, patience)?;
    Ok((door, producers))
}

fn outcome(trial: &Trial, halt: Option<Halt>) -> Result<Outcome> {
    match halt {
        None => Ok(Outcome::Finished),
        Some(Halt::Signalled(signal)) => Ok(Outcome::Signalled(signal)),
        Some(halt) => Err(farewell::explain(trial, halt)),
    }
}

fn refuse_what_cannot_be(config: &MachineConfig) -> Result<()> {
    let (machines, machine) = (config.trial.machines.len(), config.machine);
    if machines <= machine.index() {
        bail!("there is no machine {machine} in the trial: it has {machines}");
    }
    Ok(())
}

fn start_entry(pace: Pace, start: Instant) -> SystemTime {
    match pace {
        Pace::Real(_) => wall_clock::system_time_at(start),
        Pace::Virtual => SystemTime(0),
    }
}

fn assemble(
    config: &MachineConfig,
    inbox: &mut Inbox,
    producers: &mut Producers,
    door: &Door,
    logged_start: Option<Instant>,
) -> Result<Assembled, Halt> {
    let machines = u32::try_from(config.trial.machines.len()).unwrap_or(u32::MAX);
    let start_delay = match config.pace {
        Pace::Real(_) => START_DELAY + START_DELAY_PER_MACHINE * machines,
        Pace::Virtual => Duration::ZERO,
    };
    let (trial, machine, limit) = (&config.trial, config.machine, config.limits.connect);
    Assembly { trial, machine, inbox, producers, door, limit, start_delay, logged_start }.assemble()
}

/// How far ahead machine 1 names the common start: long enough for every peer to hear of it.
const START_DELAY: Duration = Duration::from_millis(20);
const START_DELAY_PER_MACHINE: Duration = Duration::from_micros(100);

/// From the common start to the end entry.
fn live(
    config: &MachineConfig,
    inbox: Inbox,
    mut outlet: Outlet,
    past: Past,
    Times { booted, start }: Times,
) -> Result<Outcome> {
    let MachineConfig { trial, machine, limits, .. } = config;
    let schedule = trial.schedule(*machine);
    let mut pacemaker: Box<dyn Pacemaker + '_> = match config.pace {
        Pace::Real(speed) => {
            tighten_timer();
            let skip_after = limits.skip_after;
            let peers = trial.peers(*machine).into_iter();
            for peer in peers.filter(|peer| past.faults.strike(*peer)) {
                let shim = Shim::new(schedule.clone(), speed, start);
                outlet.producers.distort(peer, shim);
            }
            let (schedule, last_seen) = (schedule.clone(), booted);
            Box::new(RealPacemaker { schedule, speed, start, skip_after, booted, last_seen })
        }
        Pace::Virtual => Box::new(PromisePacemaker::new(trial, *machine, limits.queue, &past)),
    };
    info!("machine {machine} of {} starts", trial.name);
    let Past { machine: model, next, ticks_done, ticks_skipped, received, faults, .. } = past;
    let mut ticks = TickLoop {
        trial,
        id: *machine,
        schedule,
        machine: model,
        inbox,
        outlet,
        queue: VecDeque::new(),
        next,
        tally: Tally { ticks_done, ticks_skipped, received },
        faults,
    };
    let halt = ticks.run(pacemaker.as_mut()).err();
    outcome(trial, farewell::part(ticks, pacemaker.as_mut(), halt, limits.goodbye))
}
