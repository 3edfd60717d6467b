//! The events and messages of a run, as columns.
//!
//! For each machine whose log is there: the kind of each event (0 internal, 1 send, 2 receive), its
//! tick, its line in the log, its model time; its system time since the machine's start and its
//! lateness, where they say more; its clock, its queue, its draw plus one (0: none), and of receives
//! alone the timestamp that was received. Times are microseconds. Then for each channel: the events of
//! its sends and of its receives; for each receive the position of its send plus one (0: none), and how
//! it was found; the positions of the sends that were lost.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde::Serialize;

use super::columns::Columns;
use crate::analysis::history::{Channel, Delivery, EventRef, History};
use crate::logbook::{Log, LoggedEvent, TickRecord};
use crate::model::MachineId;
use crate::pace::Pace;

/// How a receive was found, as a number; the names are those of [`Delivery`].
const IN_ORDER: u8 = 0;
const AHEAD: u8 = 1;
const OVERTAKEN: u8 = 2;
const AGAIN: u8 = 3;
const INVENTED: u8 = 4;
/// It would lie in the past of its own send.
const CIRCULAR: u8 = 5;

/// Whether a log's columns hold more than the schedule says already.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Extras {
    /// There is a column of system times.
    has_system_time: bool,
    /// There is a column of lateness.
    has_lateness: bool,
}

impl Extras {
    pub(super) fn of(history: &History, log: &Log) -> Self {
        Self {
            has_system_time: matches!(history.pace, Pace::Real(_)) && log.start.is_some(),
            has_lateness: log.ticks.iter().any(|tick| tick.entry.lateness_us != 0),
        }
    }
}

/// A channel, or what goes to or comes from where no log is.
#[derive(Debug, Serialize)]
pub(super) struct Lane<'a> {
    /// The position of the sender; none if the trial has no such machine.
    from: Option<usize>,
    /// The position of the receiver; none if the trial has no such machine.
    to: Option<usize>,
    /// The port at the end of which no log is.
    port: Option<u16>,
    sends: usize,
    receives: usize,
    lost: usize,
    #[serde(skip)]
    source: Source<'a>,
}

#[derive(Debug)]
enum Source<'a> {
    /// Both logs are there.
    Joined(&'a Channel),
    /// The sends alone.
    Sends(Vec<usize>),
    /// The receives alone.
    Receives(Vec<usize>),
}

/// All channels of a run, those included at whose other end no log is.
pub(super) fn lanes(history: &History) -> Vec<Lane<'_>> {
    let joined = history.channels.iter().map(|channel| Lane {
        from: Some(channel.from.index()),
        to: Some(channel.to.index()),
        port: None,
        sends: channel.sends.len(),
        receives: channel.receives.len(),
        lost: channel.lost.len(),
        source: Source::Joined(channel),
    });
    joined.chain(loose(history)).collect()
}

fn loose(history: &History) -> Vec<Lane<'_>> {
    let mut sends: BTreeMap<(MachineId, u16), Vec<usize>> = BTreeMap::new();
    let mut receives: BTreeMap<(MachineId, u16), Vec<usize>> = BTreeMap::new();
    for (machine, log) in history.present() {
        let is_loose = |port: &u16| history.machine_at(*port).is_none_or(|peer| peer == machine);
        for (index, tick) in log.ticks.iter().enumerate() {
            match &tick.entry.event {
                LoggedEvent::Internal => {}
                LoggedEvent::Send(ports) => {
                    for port in ports.iter().filter(|port| is_loose(port)) {
                        sends.entry((machine, *port)).or_default().push(index);
                    }
                }
                LoggedEvent::Receive { from, .. } if is_loose(from) => {
                    receives.entry((machine, *from)).or_default().push(index);
                }
                LoggedEvent::Receive { .. } => {}
            }
        }
    }
    let position = |port| history.trial.machines.iter().position(|spec| spec.port == port);
    let sends = sends.into_iter().map(|((machine, port), events)| Lane {
        from: Some(machine.index()),
        to: position(port),
        port: Some(port),
        sends: events.len(),
        receives: 0,
        lost: 0,
        source: Source::Sends(events),
    });
    let receives = receives.into_iter().map(|((machine, port), events)| Lane {
        from: position(port),
        to: Some(machine.index()),
        port: Some(port),
        sends: 0,
        receives: events.len(),
        lost: 0,
        source: Source::Receives(events),
    });
    sends.chain(receives).collect()
}

/// Writes the columns of a run; gives how many numbers were too large to be written.
pub(super) fn write(
    history: &History,
    circular: &[EventRef],
    out: &mut dyn Write,
) -> io::Result<u64> {
    let mut columns = Columns::new(out);
    let circular: BTreeSet<_> = circular.iter().copied().collect();
    for (_, log) in history.present() {
        write_log(log, Extras::of(history, log), &mut columns)?;
    }
    for lane in lanes(history) {
        match lane.source {
            Source::Joined(channel) => write_channel(channel, &circular, &mut columns)?,
            Source::Sends(events) => columns.column(events)?,
            Source::Receives(events) => {
                let (count, how) = (events.len(), INVENTED);
                columns.column(events)?;
                columns.column(std::iter::repeat_n(0, count))?;
                columns.column(std::iter::repeat_n(how, count))?;
            }
        }
    }
    Ok(columns.beyond)
}

fn write_log(log: &Log, extras: Extras, columns: &mut Columns<&mut dyn Write>) -> io::Result<()> {
    let ticks = || log.ticks.iter().map(|tick| &tick.entry);
    columns.column(ticks().map(kind))?;
    columns.column(ticks().map(|tick| tick.tick.0))?;
    columns.column(log.ticks.iter().map(|tick| tick.line))?;
    columns.column(ticks().map(|tick| tick.model_time_us))?;
    if let Some(start) = log.start.filter(|_| extras.has_system_time) {
        columns.column(ticks().map(|tick| tick.system_time.0.saturating_sub(start.0)))?;
    }
    if extras.has_lateness {
        columns.column(ticks().map(|tick| tick.lateness_us))?;
    }
    columns.column(ticks().map(|tick| tick.logical_clock.0))?;
    columns.column(ticks().map(|tick| tick.queue_len))?;
    columns.column(ticks().map(|tick| tick.draw.map_or(0, |draw| u64::from(draw) + 1)))?;
    columns.column(ticks().filter_map(|tick| match tick.event {
        LoggedEvent::Receive { timestamp, .. } => Some(timestamp.0),
        LoggedEvent::Internal | LoggedEvent::Send(_) => None,
    }))
}

fn kind(tick: &TickRecord) -> u8 {
    match tick.event {
        LoggedEvent::Internal => 0,
        LoggedEvent::Send(_) => 1,
        LoggedEvent::Receive { .. } => 2,
    }
}

fn write_channel(
    channel: &Channel,
    circular: &BTreeSet<EventRef>,
    columns: &mut Columns<&mut dyn Write>,
) -> io::Result<()> {
    columns.column(channel.sends.iter().map(|(event, _)| *event))?;
    columns.column(channel.receives.iter().map(|(event, _)| *event))?;
    columns.column(channel.receives.iter().map(|(_, delivery)| match delivery {
        Delivery::InOrder(send) | Delivery::Ahead(send) => send + 1,
        Delivery::Overtaken(send) | Delivery::Again(send) => send + 1,
        Delivery::Invented => 0,
    }))?;
    columns.column(channel.receives.iter().map(|(index, delivery)| {
        let receive = EventRef { machine: channel.to, index: *index };
        match delivery {
            _ if circular.contains(&receive) => CIRCULAR,
            Delivery::InOrder(_) => IN_ORDER,
            Delivery::Ahead(_) => AHEAD,
            Delivery::Overtaken(_) => OVERTAKEN,
            Delivery::Again(_) => AGAIN,
            Delivery::Invented => INVENTED,
        }
    }))?;
    columns.column(channel.lost.iter().copied())
}
