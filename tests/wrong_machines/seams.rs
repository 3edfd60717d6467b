//! The seams: every step at which a machine, its wire, its log or its pace can go wrong.
//!
//! Each step is a method whose default is right. A wrong machine overrides one of them.

use scalemodel::logbook::{
    EndRecord, FaultRecord, Header, RestartRecord, SkipRecord, SystemTime, TickRecord,
};
use scalemodel::model::{Absence, Dice, MachineId, Schedule, Stream, Tick, Timestamp};
use scalemodel::trial::Trial;

/// A message on its way, or in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parcel {
    /// Who sent it, as its receiver is told.
    pub(crate) from: MachineId,
    /// Who receives it.
    pub(crate) to: MachineId,
    /// The timestamp that it carries.
    pub(crate) timestamp: Timestamp,
    /// When it arrives; it is in the queue of every tick that begins later.
    pub(crate) arrives_at: u64,
}

/// One turn of a machine: a tick, or a range of ticks that it skips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// When it begins: at the virtual pace the number of the instant, with faults millionths of
    /// microseconds of model time; at the real pace microseconds after the common start.
    pub(crate) now: u64,
    pub(crate) tick: Tick,
    /// The last tick of those that are skipped, if it is a skip.
    pub(crate) skipped_to: Option<Tick>,
    pub(crate) model_time_us: u64,
    pub(crate) system_time: SystemTime,
    pub(crate) lateness_us: i64,
}

/// What a machine remembers when it comes back.
#[derive(Debug)]
pub(crate) struct Memory {
    /// The entry that tells of the restart.
    pub(crate) entry: Option<RestartRecord>,
    pub(crate) clock: Timestamp,
    /// The random stream, as far as it was drawn.
    pub(crate) dice: Dice,
    /// The random stream from its beginning.
    pub(crate) first_dice: Dice,
    /// The last message that was received.
    pub(crate) last_received: Option<Parcel>,
    /// What its peers send again.
    pub(crate) resent: Vec<Parcel>,
    /// What it has recorded and not sent.
    pub(crate) unsent: Vec<Parcel>,
    /// The first and the last tick that it missed.
    pub(crate) missed: Option<(Tick, Tick)>,
}

/// Every step that can go wrong, done right.
pub(crate) trait Seams {
    /// The turns of a machine, which may be changed.
    fn pace(&mut self, _here: MachineId, _turns: &mut Vec<Turn>) {}

    /// The schedule of a machine, with what faults do to its rate.
    fn schedule(&mut self, trial: &Trial, here: MachineId) -> Schedule {
        trial.schedule(here)
    }

    /// The absences of a machine.
    fn absences(&mut self, absences: Vec<Absence>) -> Vec<Absence> {
        absences
    }

    /// When a message arrives that faults may hold back.
    fn held_until(&mut self, _sent_at: u64, arrives_at: u64) -> u64 {
        arrives_at
    }

    /// The entry of a machine that is back.
    fn restarted(&mut self, record: RestartRecord) -> Option<RestartRecord> {
        Some(record)
    }

    /// The entries of a fault that is over.
    fn told(&mut self, record: FaultRecord) -> Vec<FaultRecord> {
        vec![record]
    }

    /// The entry of the ticks that an absence made a machine skip.
    fn skipped(&mut self, record: SkipRecord, _dice: &mut Dice) -> Option<SkipRecord> {
        Some(record)
    }

    /// Whether all that is told of faults is told at the end.
    fn tells_at_the_end(&self) -> bool {
        false
    }

    /// The clock after a message has arrived that is not received yet.
    fn arrived(&mut self, before: Timestamp, _message: Timestamp) -> Timestamp {
        before
    }

    /// Whether a message is in the queue of a tick.
    fn is_in_queue(&self, parcel: &Parcel, now: u64) -> bool {
        parcel.arrives_at < now
    }

    /// The messages that a tick receives, taken out of its queue; it draws if there are none.
    fn take(&mut self, queue: &mut Vec<Parcel>) -> Vec<Parcel> {
        if queue.is_empty() { Vec::new() } else { vec![queue.remove(0)] }
    }

    /// The clock after a receive (IR1, IR2).
    fn received(&mut self, before: Timestamp, message: Timestamp) -> Timestamp {
        before.max(message).next()
    }

    /// The clock after an internal event (no addressees) or a send (IR1).
    fn advanced(&mut self, before: Timestamp, _addressees: usize) -> Timestamp {
        before.next()
    }

    /// The timestamp on the messages of a send.
    fn stamp(&mut self, _before: Timestamp, after: Timestamp) -> Timestamp {
        after
    }

    /// The random stream of a machine's draws.
    fn stream(&self, here: MachineId) -> Stream {
        Stream::Draws(here)
    }

    /// The number that is drawn in `1..=faces`.
    fn draw(&mut self, dice: &mut Dice, faces: u32) -> u32 {
        dice.roll(faces)
    }

    /// The number that is drawn on a receive: none.
    fn draw_on_receive(&mut self, _dice: &mut Dice, _faces: u32) -> Option<u32> {
        None
    }

    /// The peers of a machine, in the order in which draws number them.
    fn peers(&self, _here: MachineId, peers: Vec<MachineId>) -> Vec<MachineId> {
        peers
    }

    /// The sends of a draw, each with its addressees; an internal event if there are none.
    fn sends(&mut self, draw: u32, peers: &[MachineId]) -> Vec<Vec<MachineId>> {
        match draw as usize {
            d if 1 <= d && d <= peers.len() => vec![vec![peers[d - 1]]],
            d if d == peers.len() + 1 => vec![peers.to_vec()],
            _ => Vec::new(),
        }
    }

    /// The length of the queue that is recorded, of those before and after the tick.
    fn queue_len(&mut self, _before: usize, after: usize) -> usize {
        after
    }

    /// What the wire delivers for a message that was sent.
    fn carry(&mut self, parcel: Parcel) -> Vec<Parcel> {
        vec![parcel]
    }

    /// Whether an entry is written before its message is sent.
    fn records_first(&self) -> bool {
        true
    }

    /// The entries that are written for an event; the clock before it is given too.
    fn entries(&mut self, record: TickRecord, _before: Timestamp) -> Vec<TickRecord> {
        vec![record]
    }

    /// What a machine remembers when it comes back.
    fn come_back(&mut self, _memory: &mut Memory) {}

    /// The entry of a restart that never was, to stand before that of an event.
    fn invent_restart(&mut self) -> Option<RestartRecord> {
        None
    }

    /// The end entry.
    fn end(&mut self, _end: &mut EndRecord) {}

    /// The header.
    fn header(&mut self, _header: &mut Header) {}
}

/// The right machine: it overrides nothing.
#[derive(Debug, Default)]
pub(crate) struct Right;

impl Seams for Right {}

/// Counts occasions, so that a wrong machine may be wrong on some of them only.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Occasions(u64);

impl Occasions {
    /// Whether this is the n-th occasion, or the 2n-th, and so on.
    pub(crate) fn every(&mut self, n: u64) -> bool {
        self.0 += 1;
        self.0.is_multiple_of(n)
    }

    /// Whether this is the n-th occasion of all.
    pub(crate) fn only(&mut self, n: u64) -> bool {
        self.0 += 1;
        self.0 == n
    }
}
