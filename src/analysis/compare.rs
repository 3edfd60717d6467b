//! Two runs of one trial side by side: equal, or the first event at which they part.
//!
//! A real run meets the same draws at the same due times as its virtual twin, so it is that run,
//! event for event, until some tick is later than the gap to a neighbour's.

use anyhow::{Result, bail};

use super::history::{EventRef, History};
use crate::logbook::{Log, LoggedEvent, TickRecord, log_path};
use crate::model::{MachineId, ModelTime};

/// How two runs compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Every event of every machine is the same.
    Equal {
        /// How many events there are.
        events: usize,
    },
    /// The runs part.
    Parted(Parting),
}

/// The first event at which two runs part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parting {
    /// When the event is due.
    pub due: ModelTime,
    /// The machine that parts first.
    pub machine: MachineId,
    /// How many events, of all machines, come before it.
    pub events_before: usize,
    /// How many events, of all machines, the trial has.
    pub events: u64,
    /// Where the event stands in each run; none where the log has ended.
    pub places: [Option<String>; 2],
    /// What differs.
    pub what: String,
}

/// Compares two runs: event, peers, logical clock, queue length, received timestamp and draw of
/// every tick. When it ran on the wall clock is not compared.
///
/// # Errors
/// When the runs are of different trials, or a log is missing.
pub fn compare(one: &History, other: &History) -> Result<Comparison> {
    if one.trial != other.trial {
        let folders = (one.folder.display(), other.folder.display());
        bail!("{} and {} are runs of different trials", folders.0, folders.1);
    }
    let mut first: Option<Parting> = None;
    for machine in one.trial.machine_ids() {
        let parting = first_difference(one, other, machine)?;
        let is_earlier = |parting: &Parting| first.as_ref().is_none_or(|f| parting.due < f.due);
        if let Some(parting) = parting.filter(is_earlier) {
            first = Some(parting);
        }
    }
    Ok(match first {
        None => Comparison::Equal { events: one.event_count() },
        Some(parting) => Comparison::Parted(Parting {
            events_before: events_before(one, parting.due),
            ..parting
        }),
    })
}

/// The log of a machine; what is wrong with it if it is not there.
fn log_of(history: &History, machine: MachineId) -> Result<&Log> {
    let path = log_path(&history.folder, history.trial.spec(machine).port);
    match history.log(machine) {
        Some(log) => Ok(log),
        None => match history.unreadable.iter().find(|error| error.path == path) {
            Some(error) => bail!("{error}"),
            None => bail!("{}: missing; it is the log of machine {machine}", path.display()),
        },
    }
}

fn first_difference(one: &History, other: &History, machine: MachineId) -> Result<Option<Parting>> {
    let [log, other_log] = [log_of(one, machine)?, log_of(other, machine)?];
    let schedule = one.schedule(machine);
    let count = log.ticks.len().max(other_log.ticks.len());
    for index in 0..count {
        let pair = [log.ticks.get(index), other_log.ticks.get(index)];
        let records = pair.map(|tick| tick.map(|tick| &tick.entry));
        let Some(what) = difference(records) else { continue };
        let tick = records.iter().flatten().map(|record| record.tick).min();
        let event = EventRef { machine, index };
        return Ok(Some(Parting {
            due: schedule.due(tick.expect("one of the logs has this tick")),
            machine,
            events_before: 0,
            events: one.trial.events(),
            places: [pair[0].map(|_| one.place_of(event)), pair[1].map(|_| other.place_of(event))],
            what,
        }));
    }
    Ok(None)
}

fn events_before(history: &History, due: ModelTime) -> usize {
    let of_machine = |machine| {
        let schedule = history.schedule(machine);
        let ticks = history.log(machine).map_or(&[][..], |log| &log.ticks);
        ticks.partition_point(|tick| schedule.due(tick.entry.tick) < due)
    };
    history.trial.machine_ids().map(of_machine).sum()
}

/// What differs between two records of one tick; nothing if it is the same event.
fn difference(records: [Option<&TickRecord>; 2]) -> Option<String> {
    let (one, other) = match records {
        [Some(one), Some(other)] => (one, other),
        [None, None] => return None,
        _ => return Some("one run has ended, the other goes on".to_owned()),
    };
    type Field = (&'static str, fn(&TickRecord) -> String);
    let fields: [Field; 5] = [
        ("tick", |record| record.tick.to_string()),
        ("event", |record| describe(&record.event)),
        ("logical_clock", |record| record.logical_clock.to_string()),
        ("queue_len", |record| record.queue_len.to_string()),
        ("draw", |record| record.draw.map_or("-".to_owned(), |draw| draw.to_string())),
    ];
    fields.iter().find_map(|(name, value)| {
        let (one, other) = (value(one), value(other));
        (one != other).then(|| format!("{name}: {one} here, {other} there"))
    })
}

fn describe(event: &LoggedEvent) -> String {
    match event {
        LoggedEvent::Internal => "internal".to_owned(),
        LoggedEvent::Send(ports) => format!("send to {ports:?}"),
        LoggedEvent::Receive { from, timestamp } => format!("receive {timestamp} from {from}"),
    }
}
