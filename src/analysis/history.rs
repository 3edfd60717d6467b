//! The logs of one run, joined: every receive matched to its send.
//!
//! A channel's sends and receives are matched by timestamp, which is unique on a channel because
//! every event advances the sender's clock. The position is the second witness: the messages of a
//! channel are received in the order of their sends, so one lost message is one finding and not a
//! cascade.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::run_folder::{load_all, log_files, misfit, misplaced};
use crate::logbook::{Log, LoggedEvent, Numbered, ReadError, TickRecord, log_path};
use crate::model::{Links, MachineId, ModelTime, Schedule, Timestamp};
use crate::pace::Pace;
use crate::trial::Trial;

/// The logs of one run, joined.
#[derive(Debug)]
pub struct History {
    /// The folder of the run.
    pub folder: PathBuf,
    /// The resolved trial, as the logs tell it.
    pub trial: Trial,
    /// The pace of the run.
    pub pace: Pace,
    /// The log of each machine; none where it is missing or unreadable.
    pub logs: Vec<Option<Log>>,
    /// Logs that could not be read, and why.
    pub unreadable: Vec<ReadError>,
    /// Logs that belong to another run than the first log read, by their headers.
    pub strangers: Vec<Stranger>,
    /// All channels between machines whose logs are there, by sender, then receiver: those of the
    /// trial, and those on which a log has a message nevertheless.
    pub channels: Vec<Channel>,
    /// By receiver: the positions of the channels to it.
    channels_to: Vec<Vec<usize>>,
    /// The machines whose logs are there, by their ports.
    by_port: BTreeMap<u16, MachineId>,
    /// Of every machine.
    schedules: Vec<Schedule>,
}

/// A log that has no place in the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// The file.
    pub path: PathBuf,
    /// What in it does not fit.
    pub why: String,
}

/// Where an event stands: the machine, and the index among its ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventRef {
    /// The machine.
    pub machine: MachineId,
    /// The index in its log's ticks, from 0.
    pub index: usize,
}

/// The directed connection from one machine to a peer, as both logs tell it.
#[derive(Debug)]
pub struct Channel {
    /// The sender.
    pub from: MachineId,
    /// The receiver.
    pub to: MachineId,
    /// The sends, in the sender's order: index of the event and timestamp.
    pub sends: Vec<(usize, Timestamp)>,
    /// The receives, in the receiver's order: index of the event, and what was found for it.
    pub receives: Vec<(usize, Delivery)>,
    /// Positions of sends that were passed over: a later message was received, these never were.
    pub lost: Vec<usize>,
}

/// What was found for a receive. Numbers are positions in [`Channel::sends`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The message that was due next.
    InOrder(usize),
    /// A message that was received although earlier ones had not been.
    Ahead(usize),
    /// A message that was overtaken by a later one.
    Overtaken(usize),
    /// A message that had been received before.
    Again(usize),
    /// No send carries this timestamp.
    Invented,
}

impl Delivery {
    /// The position of the send that this receive took, unless it took one that was taken before.
    #[must_use]
    pub fn send(self) -> Option<usize> {
        match self {
            Self::InOrder(send) | Self::Ahead(send) | Self::Overtaken(send) => Some(send),
            Self::Again(_) | Self::Invented => None,
        }
    }
}

impl Channel {
    /// How many messages were sent and never received, lost ones included.
    #[must_use]
    pub fn unreceived(&self) -> usize {
        let received = self.receives.iter().filter(|(_, delivery)| delivery.send().is_some());
        self.sends.len() - received.count()
    }

    /// When each message arrives at the virtual pace, in the order of the sends. The links are those
    /// of the trial, and this channel has not been asked for before.
    pub(super) fn arrivals(&self, history: &History, links: &mut Links) -> Vec<ModelTime> {
        let Some(sender) = history.log(self.from) else {
            return Vec::new();
        };
        let schedule = history.schedule(self.from);
        let arrival = |(index, _): &(usize, Timestamp)| {
            let tick = sender.ticks[*index].entry.tick;
            links.send((self.from, self.to), (tick, schedule.due(tick))).arrives_at
        };
        self.sends.iter().map(arrival).collect()
    }
}

impl History {
    /// Reads every log of a run's folder and joins them.
    ///
    /// # Errors
    /// When the folder cannot be read or holds no readable log of a machine.
    pub fn load(folder: &Path) -> Result<Self> {
        Self::load_metered(folder, |_| |_| ())
    }

    /// Does so, too; the meter is made for the bytes of all logs, and told of those that are read.
    ///
    /// # Errors
    /// When the folder cannot be read or holds no readable log of a machine.
    pub fn load_metered<M: Fn(u64) + Sync>(
        folder: &Path,
        meter: impl FnOnce(u64) -> M,
    ) -> Result<Self> {
        let mut logs = Vec::new();
        let mut unreadable = Vec::new();
        for log in load_all(&log_files(folder)?, meter) {
            match log {
                Ok(log) => logs.push(log),
                Err(error) => unreadable.push(error),
            }
        }
        if logs.is_empty() {
            let reason = unreadable.first().map_or("no log<PORT>.txt".to_owned(), |error| {
                format!("no log that can be read ({error})")
            });
            bail!("{}: {reason}; give the folder of a run", folder.display());
        }
        Ok(Self::of(folder, logs, unreadable))
    }

    /// Joins logs that were read from a folder; the first says of which run they are.
    ///
    /// # Panics
    /// When there is no log.
    #[must_use]
    pub fn of(folder: &Path, logs: Vec<Log>, unreadable: Vec<ReadError>) -> Self {
        let first = &logs[0].header;
        let (trial, pace) = (Trial::clone(&first.trial), first.pace);
        let mut history = Self {
            folder: folder.to_owned(),
            logs: (0..trial.machines.len()).map(|_| None).collect(),
            schedules: trial.machine_ids().map(|machine| trial.schedule(machine)).collect(),
            trial,
            pace,
            unreadable,
            strangers: Vec::new(),
            channels: Vec::new(),
            channels_to: Vec::new(),
            by_port: BTreeMap::new(),
        };
        for log in logs {
            history.place(log);
        }
        let present = history.present().map(|(machine, _)| machine);
        history.by_port =
            present.map(|machine| (history.trial.spec(machine).port, machine)).collect();
        history.join();
        while history.cut_what_is_too_new() {
            history.join();
        }
        history
    }

    /// Cuts logs where they know of sends that were not read yet, as their senders still run.
    ///
    /// All sizes were taken before the first log was read. So a receive that stood in its log by
    /// then has its send among what was read, if it has one at all; a later one need not.
    fn cut_what_is_too_new(&mut self) -> bool {
        let mut cuts: BTreeMap<MachineId, usize> = BTreeMap::new();
        for channel in &self.channels {
            let sender_runs = self.log(channel.from).is_some_and(|log| log.end.is_none());
            let settled = self.log(channel.to).map_or(usize::MAX, |log| log.settled);
            let is_too_new = |(index, delivery): &&(usize, Delivery)| {
                settled <= *index && *delivery == Delivery::Invented
            };
            if let Some((index, _)) =
                channel.receives.iter().find(is_too_new).filter(|_| sender_runs)
            {
                let cut = cuts.entry(channel.to).or_insert(*index);
                *cut = (*cut).min(*index);
            }
        }
        for (machine, cut) in &cuts {
            if let Some(log) = &mut self.logs[machine.index()] {
                let line = log.ticks[*cut].line;
                log.ticks.truncate(*cut);
                log.skips.retain(|skip| skip.line < line);
                log.restarts.retain(|restart| restart.line < line);
                log.faults.retain(|fault| fault.line < line);
                log.end = None;
            }
        }
        !cuts.is_empty()
    }

    /// Puts a log in its machine's place, if it belongs to this run.
    fn place(&mut self, log: Log) {
        match self.what_does_not_fit(&log) {
            None => {
                let place = log.header.machine.index();
                self.logs[place] = Some(log);
            }
            Some(why) => self.strangers.push(Stranger { path: log.path, why }),
        }
    }

    fn what_does_not_fit(&self, log: &Log) -> Option<String> {
        let machine = log.header.machine;
        misfit(&self.trial, self.pace, &log.header)
            .or_else(|| misplaced(&self.trial, &self.folder, machine, &log.path))
            .or_else(|| {
                self.logs[machine.index()]
                    .is_some()
                    .then(|| "another log of this machine was read before".to_owned())
            })
    }

    /// The log of a machine, if it is there.
    #[must_use]
    pub fn log(&self, machine: MachineId) -> Option<&Log> {
        self.logs[machine.index()].as_ref()
    }

    /// The schedule of a machine.
    #[must_use]
    pub fn schedule(&self, machine: MachineId) -> &Schedule {
        &self.schedules[machine.index()]
    }

    /// The logs that are there, with their machines.
    pub fn present(&self) -> impl Iterator<Item = (MachineId, &Log)> + Clone {
        self.trial.machine_ids().filter_map(|machine| Some((machine, self.log(machine)?)))
    }

    /// The record of an event, and the line on which it stands.
    ///
    /// # Panics
    /// When the event is not of this history.
    #[must_use]
    pub fn event(&self, event: EventRef) -> &Numbered<TickRecord> {
        let log = self.log(event.machine).expect("events come from logs that are there");
        &log.ticks[event.index]
    }

    /// Where an event stands, as `file:line`.
    #[must_use]
    pub fn place_of(&self, event: EventRef) -> String {
        let path = log_path(&self.folder, self.trial.spec(event.machine).port);
        format!("{}:{}", path.display(), self.event(event).line)
    }

    /// The channel from one machine to another, if both logs are there.
    #[must_use]
    pub fn channel(&self, from: MachineId, to: MachineId) -> Option<&Channel> {
        let channels = self.channels_from(from);
        channels.binary_search_by_key(&to, |channel| channel.to).ok().map(|place| &channels[place])
    }

    /// The channels from a machine, in the order of their receivers.
    #[must_use]
    pub fn channels_from(&self, machine: MachineId) -> &[Channel] {
        let before = self.channels.partition_point(|channel| channel.from < machine);
        let rest = &self.channels[before..];
        &rest[..rest.partition_point(|channel| channel.from == machine)]
    }

    /// The channels to a machine, in the order of their senders.
    pub fn channels_to(&self, machine: MachineId) -> impl Iterator<Item = &Channel> {
        self.channels_to[machine.index()].iter().map(|place| &self.channels[*place])
    }

    /// How many events the logs hold.
    #[must_use]
    pub fn event_count(&self) -> usize {
        self.present().map(|(_, log)| log.ticks.len()).sum()
    }

    /// The machine that has a port, if its log is there.
    #[must_use]
    pub fn machine_at(&self, port: u16) -> Option<MachineId> {
        self.by_port.get(&port).copied()
    }

    /// The send that a receive took, if there is one.
    #[must_use]
    pub fn send_of(&self, receive: EventRef) -> Option<EventRef> {
        let LoggedEvent::Receive { from, .. } = self.event(receive).entry.event else {
            return None;
        };
        let channel = self.channel(self.machine_at(from)?, receive.machine)?;
        let found = channel.receives.binary_search_by_key(&receive.index, |(index, _)| *index);
        let send = channel.receives[found.ok()?].1.send()?;
        Some(EventRef { machine: channel.from, index: channel.sends[send].0 })
    }

    /// Matches every receive to its send.
    fn join(&mut self) {
        self.channels = self.joined();
        self.channels_to = vec![Vec::new(); self.trial.machines.len()];
        for (place, channel) in self.channels.iter().enumerate() {
            self.channels_to[channel.to.index()].push(place);
        }
    }

    fn joined(&self) -> Vec<Channel> {
        let by_port = &self.by_port;
        let mut sends: BTreeMap<_, Vec<(usize, Timestamp)>> = BTreeMap::new();
        let mut receives: BTreeMap<_, Vec<(usize, Timestamp)>> = BTreeMap::new();
        for (machine, log) in self.present() {
            for (index, Numbered { entry, .. }) in log.ticks.iter().enumerate() {
                match &entry.event {
                    LoggedEvent::Internal => {}
                    LoggedEvent::Send(ports) => {
                        for to in ports.iter().filter_map(|port| by_port.get(port)) {
                            let channel = sends.entry((machine, *to)).or_default();
                            channel.push((index, entry.logical_clock));
                        }
                    }
                    LoggedEvent::Receive { from, timestamp } => {
                        if let Some(from) = by_port.get(from) {
                            let channel = receives.entry((*from, machine)).or_default();
                            channel.push((index, *timestamp));
                        }
                    }
                }
            }
        }
        let mut pairs: BTreeSet<_> = sends.keys().chain(receives.keys()).copied().collect();
        for (machine, _) in self.present() {
            let peers = self.trial.peers(machine).into_iter();
            let present = peers.filter(|peer| self.log(*peer).is_some());
            pairs.extend(present.map(|peer| (machine, peer)));
        }
        pairs.retain(|(from, to)| from != to);
        pairs
            .into_iter()
            .map(|(from, to)| {
                let sends = sends.remove(&(from, to)).unwrap_or_default();
                let receives = receives.remove(&(from, to)).unwrap_or_default();
                let (receives, lost) = matched(&sends, &receives);
                Channel { from, to, sends, receives, lost }
            })
            .collect()
    }
}

/// Finds the send of every receive of one channel, and the sends that were passed over.
fn matched(
    sends: &[(usize, Timestamp)],
    receives: &[(usize, Timestamp)],
) -> (Vec<(usize, Delivery)>, Vec<usize>) {
    // Timestamps rise along a channel, unless the log is wrong, which other rules say; sorting
    // by timestamp keeps the search right even then.
    let mut by_timestamp: Vec<usize> = (0..sends.len()).collect();
    by_timestamp.sort_by_key(|&position| sends[position].1);
    let mut next = 0;
    let mut passed_over = BTreeSet::new();
    let mut deliveries = Vec::with_capacity(receives.len());
    for &(index, timestamp) in receives {
        let delivery = if sends.get(next).is_some_and(|(_, sent)| *sent == timestamp) {
            next += 1;
            Delivery::InOrder(next - 1)
        } else {
            match by_timestamp.binary_search_by_key(&timestamp, |&position| sends[position].1) {
                Err(_) => Delivery::Invented,
                Ok(found) => {
                    let position = by_timestamp[found];
                    if next <= position {
                        passed_over.extend(next..position);
                        next = position + 1;
                        Delivery::Ahead(position)
                    } else if passed_over.remove(&position) {
                        Delivery::Overtaken(position)
                    } else {
                        Delivery::Again(position)
                    }
                }
            }
        };
        deliveries.push((index, delivery));
    }
    (deliveries, passed_over.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(timestamps: &[u64]) -> Vec<(usize, Timestamp)> {
        timestamps.iter().enumerate().map(|(index, t)| (index, Timestamp(*t))).collect()
    }

    fn deliveries(sent: &[u64], received: &[u64]) -> (Vec<Delivery>, Vec<usize>) {
        let (found, lost) = matched(&channel(sent), &channel(received));
        (found.into_iter().map(|(_, delivery)| delivery).collect(), lost)
    }

    #[test]
    fn one_lost_message_is_one_finding() {
        let (found, lost) = deliveries(&[3, 5, 8, 9, 12], &[3, 8, 9, 12]);
        let expected = [0, 2, 3, 4].map(Delivery::InOrder);
        assert_eq!(found[0], expected[0]);
        assert_eq!(found[1], Delivery::Ahead(2));
        assert_eq!(found[2..], expected[2..]);
        assert_eq!(lost, [1]);
    }

    #[test]
    fn two_swapped_messages_are_an_overtaking_and_no_loss() {
        let (found, lost) = deliveries(&[3, 5, 8], &[5, 3, 8]);
        use Delivery::{Ahead, InOrder, Overtaken};
        assert_eq!(found, [Ahead(1), Overtaken(0), InOrder(2)]);
        assert_eq!(lost, [] as [usize; 0]);
    }

    #[test]
    fn a_message_received_twice_and_one_never_sent_are_told_apart() {
        let (found, _) = deliveries(&[3, 5], &[3, 3, 4, 5]);
        use Delivery::{Again, InOrder, Invented};
        assert_eq!(found, [InOrder(0), Again(0), Invented, InOrder(1)]);
    }

    #[test]
    fn messages_that_were_left_at_the_end_are_not_lost() {
        assert_eq!(deliveries(&[3, 5, 8], &[3]).1, [] as [usize; 0]);
    }
}
