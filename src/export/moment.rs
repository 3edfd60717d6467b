//! What is passed on to a format: events, and entries that are no ticks.

use crate::logbook::{Entry, LoggedEvent, TickRecord};
use crate::model::MachineId;

/// What happened next.
#[derive(Debug)]
pub enum Moment<'a> {
    /// An event.
    Row(Row<'a>),
    /// An entry that is no tick.
    Aside(Aside<'a>),
}

/// An event, with what only the whole run tells of it.
#[derive(Debug)]
pub struct Row<'a> {
    /// The machine.
    pub machine: MachineId,
    /// The how-manieth start of the machine in its run this is, from 1.
    pub incarnation: u32,
    /// What its log says.
    pub record: &'a TickRecord,
    /// The other machines that the event names, in the order of the log.
    pub peers: &'a [MachineId],
    /// The numbers of its messages: of a send one for each peer, of a receive that of the message,
    /// or none if its send is not in the logs. Messages are numbered from 1 in the order of their
    /// sends.
    pub messages: &'a [u64],
    /// The vector clock: by position of a machine, how many of its events happened before this one,
    /// itself included.
    pub vector: &'a [u64],
    /// When it was, in microseconds since the common start: at the real pace on the wall clock, at
    /// the virtual pace in model time. Never earlier than what happened before it.
    pub time_us: u64,
    /// By how much it was moved so that this holds, in microseconds.
    pub moved_us: u64,
    /// For how long it lasted, in microseconds: until the next tick of the machine was due or began,
    /// whichever came first.
    pub lasted_us: u64,
}

/// An entry that is no tick.
#[derive(Debug)]
pub struct Aside<'a> {
    /// The machine.
    pub machine: MachineId,
    /// What its log says.
    pub entry: &'a Entry,
    /// When it was, in microseconds since the common start; see [`Row::time_us`].
    pub time_us: u64,
}

impl Row<'_> {
    /// The names of the peers, with this between them.
    #[must_use]
    pub fn peer_names(&self, separator: &str) -> String {
        joined(self.peers.iter().map(|peer| name(*peer)), separator)
    }

    /// The numbers of the messages, with this between them.
    #[must_use]
    pub fn message_numbers(&self, separator: &str) -> String {
        joined(self.messages.iter().map(u64::to_string), separator)
    }

    /// The timestamp that was received.
    #[must_use]
    pub fn received_timestamp(&self) -> Option<u64> {
        match self.record.event {
            LoggedEvent::Receive { timestamp, .. } => Some(timestamp.0),
            _ => None,
        }
    }
}

/// The name of a machine: short, as some programs shorten names by what they have in common.
#[must_use]
pub fn name(machine: MachineId) -> String {
    format!("m{machine}")
}

fn joined(texts: impl Iterator<Item = String>, separator: &str) -> String {
    texts.collect::<Vec<_>>().join(separator)
}
