//! `scalemodel simulate`: runs a trial in this process, and writes the very logs that its machines
//! write at the virtual pace.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use super::progress::{Progress, Unit};
use super::{print, trial};
use crate::cli::{Answer, Overrides};
use crate::logbook::{
    ChannelCounts, EndRecord, Ending, Header, LogWriter, LoggedEvent, SystemTime, TickRecord,
    log_path,
};
use crate::model::{Engine, Event, MachineId, Outcome, Over, Schedule};
use crate::pace::Pace;
use crate::trial::Trial;

/// Run a trial in this process: no sockets, the same logs as at the virtual pace, byte for byte
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  scalemodel simulate scripts/trials/trial5.toml --logs logs/simulated
  scalemodel check logs/simulated")]
pub struct SimulateArgs {
    /// The trial file
    #[arg(value_name = "TRIAL")]
    trial: PathBuf,

    /// The folder of the run: its logs and its resolved trial go there
    #[arg(long, value_name = "DIR")]
    logs: PathBuf,

    #[command(flatten)]
    overrides: Overrides,
}

/// Runs the command.
///
/// # Errors
/// When the trial is wrong, or a log is there already or cannot be written.
pub fn run(args: &SimulateArgs) -> Result<Answer> {
    let trial = trial::resolve(&args.trial, args.overrides)?;
    let meter = Progress::meter("simulating", trial.events(), Unit::Of("events"));
    simulate(&trial, &args.logs, meter)?;
    let (folder, machines, events) = (args.logs.display(), trial.machines.len(), trial.events());
    print(&format!("{folder}: {} simulated, {machines} machines, {events} events\n", trial.name))?;
    Ok(Answer::Yes)
}

/// Runs a trial; its logs and the trial itself go into a folder. The meter is told of every event.
pub(super) fn simulate(trial: &Trial, folder: &Path, meter: impl Fn(u64)) -> Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    trial.save_new(&folder.join("trial.toml"))?;
    let mut logs = trial
        .machine_ids()
        .map(|machine| MachineLog::create(trial, machine, folder))
        .collect::<Result<Vec<_>>>()?;
    let mut engine = trial.engine();
    engine.run(trial.duration_s, |outcome| {
        meter(1);
        logs[outcome.machine.index()].tick(trial, &outcome)
    })?;
    for (mut log, machine) in logs.into_iter().zip(trial.machine_ids()) {
        log.over(trial, &engine.over_at_the_end(machine))?;
        log.end(trial, machine, &engine)?;
    }
    for machine in trial.machine_ids() {
        let path = log_path(folder, trial.spec(machine).port);
        fs::rename(unfinished(&path), &path)
            .with_context(|| format!("cannot give the log {} its name", path.display()))?;
    }
    Ok(())
}

/// Where a log grows. It gets its name when all of them are whole: the log of a receive may be
/// written before that of its send, and what is left of a simulation that was cut short must not
/// look like a run that lost causality.
fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("txt.part")
}

/// The log of one machine, and what its end entry will say.
struct MachineLog {
    writer: LogWriter,
    schedule: Schedule,
    ticks_done: u64,
    ticks_skipped: u64,
    /// Messages sent to and received from each machine, by position in the trial.
    sent: Vec<u64>,
    received: Vec<u64>,
}

impl MachineLog {
    fn create(trial: &Trial, machine: MachineId, folder: &Path) -> Result<Self> {
        let header = Header::new(trial.clone(), machine, Pace::Virtual);
        let path = log_path(folder, trial.spec(machine).port);
        let mut writer = LogWriter::create(&unfinished(&path), &header)?;
        writer.start(SystemTime(0))?;
        let none = vec![0; trial.machines.len()];
        Ok(Self {
            writer,
            schedule: trial.schedule(machine),
            ticks_done: 0,
            ticks_skipped: 0,
            sent: none.clone(),
            received: none,
        })
    }

    /// Tells of faults that are over.
    fn over(&mut self, trial: &Trial, all: &[Over]) -> Result<()> {
        for over in all {
            let system_time = SystemTime::since_1970(1000 * over.ends_ms);
            let kind = trial.faults[over.fault.index()].name();
            self.ticks_skipped += self.writer.over(over, kind, system_time, 0)?;
        }
        Ok(())
    }

    fn tick(&mut self, trial: &Trial, outcome: &Outcome<'_>) -> Result<()> {
        self.over(trial, outcome.over)?;
        self.ticks_done += 1;
        match outcome.step.event {
            Event::Internal => {}
            Event::Send(to) => to.iter().for_each(|peer| self.sent[peer.index()] += 1),
            Event::Receive(message) => self.received[message.from.index()] += 1,
        }
        let model_time_us = self.schedule.due(outcome.tick).micros();
        self.writer.tick(&TickRecord {
            system_time: SystemTime::since_1970(model_time_us),
            tick: outcome.tick,
            model_time_us,
            lateness_us: 0,
            event: LoggedEvent::of(&outcome.step.event, trial),
            logical_clock: outcome.step.timestamp,
            queue_len: outcome.queue_len,
            draw: outcome.step.draw,
        })
    }

    fn end(mut self, trial: &Trial, machine: MachineId, engine: &Engine) -> Result<()> {
        let peers = trial.peers(machine);
        let by_port = |counts: &[u64]| {
            let pairs = peers.iter().map(|peer| (trial.spec(*peer).port, counts[peer.index()]));
            ChannelCounts(pairs.collect())
        };
        self.writer.end(&EndRecord {
            why: Ending::Finished,
            system_time: SystemTime::since_1970(trial.duration_s * 1_000_000),
            ticks_done: self.ticks_done,
            ticks_skipped: self.ticks_skipped,
            logical_clock: engine.machine(machine).now(),
            sent: by_port(&self.sent),
            received: by_port(&self.received),
            left: by_port(&engine.left(machine)),
        })
    }
}
