//! A machine and the rule of its tick: the heart of the scale model, as a pure state machine.
//!
//! A message or none goes in, an event comes out. What carries the messages, and when a tick runs,
//! is left to whoever drives the machine.

use std::fmt;
use std::ops::Range;

use super::chance::{Dice, Seed, Stream};
use super::clock::{LogicalClock, Timestamp};

/// The number of a machine: from 1, in the trial's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId(u16);

impl MachineId {
    /// Makes the number of a machine.
    ///
    /// # Panics
    /// When the number is 0.
    #[must_use]
    pub fn new(number: u16) -> Self {
        assert!(number > 0, "machines are numbered from 1");
        Self(number)
    }

    /// Makes the number of the machine at a position of the trial's list, which starts at 0.
    ///
    /// # Panics
    /// When the position is 65,535 or more; a trial is refused long before.
    #[must_use]
    pub fn at(index: usize) -> Self {
        Self(u16::try_from(index + 1).expect("a trial has fewer than 65,536 machines"))
    }

    /// Gives the number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }

    /// Gives the position in the trial's list, which starts at 0.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0) - 1
    }
}

impl fmt::Display for MachineId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Lists the peers of a machine in a full mesh of `machines`: all others in the trial's order,
/// starting after the machine itself and wrapping round.
#[must_use]
pub fn peers_in_mesh(machine: MachineId, machines: usize) -> Vec<MachineId> {
    (1..machines).map(|step| MachineId::at((machine.index() + step) % machines)).collect()
}

/// The R of "draw a number in 1..=R" on a tick with an empty queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DrawRange(pub u32);

/// A message as its receiver sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// The machine that sent it.
    pub from: MachineId,
    /// The timestamp of its send event.
    pub timestamp: Timestamp,
}

/// What a tick did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Nothing that another machine could notice.
    Internal,
    /// Sent one message to each of these peers.
    Send(&'a [MachineId]),
    /// Took the oldest message from the queue.
    Receive(Message),
}

/// One tick of a machine: its event, the event's timestamp, and the number drawn for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// What the tick did.
    pub event: Event<'a>,
    /// The timestamp of the event; every message sent by it carries this value.
    pub timestamp: Timestamp,
    /// The number drawn in `1..=R`; none if the tick received.
    pub draw: Option<u32>,
}

/// One simulated computer: its logical clock, its peers and its random stream.
#[derive(Clone, Debug)]
pub struct Machine {
    peers: Vec<MachineId>,
    draw_range: DrawRange,
    clock: LogicalClock,
    dice: Dice,
}

impl Machine {
    /// Makes a machine before its first tick.
    ///
    /// # Panics
    /// When the draw range is too small for the rule: it needs the number of peers plus one.
    #[must_use]
    pub fn new(id: MachineId, peers: Vec<MachineId>, draw_range: DrawRange, seed: Seed) -> Self {
        assert!(peers.len() < draw_range.0 as usize, "a draw range has a number for every send");
        let dice = Dice::new(seed, Stream::Draws(id));
        Self { peers, draw_range, clock: LogicalClock::default(), dice }
    }

    /// Runs one tick, given the oldest message of the queue or none if the queue is empty.
    ///
    /// # Panics
    /// Never: the clock of an event is checked to be above that of the event before it.
    pub fn tick(&mut self, oldest: Option<Message>) -> Step<'_> {
        let (range, dice) = (self.draw_range, &mut self.dice);
        let before = self.clock.now();
        let step = tick(&mut self.clock, &self.peers, oldest, || dice.roll(range.0));
        assert!(before < step.timestamp, "every event advances the clock (IR1)");
        step
    }

    /// Gives the timestamp of the machine's latest event; 0 before the first.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The rule of a tick, as the notebook states it for three machines (section I, and the exercise
/// it answers) and as it reads for m peers, numbered 1..=m:
///
/// 1. Queue not empty: take the oldest message; clock = max(clock, timestamp) + 1. A receive.
/// 2. Queue empty: draw d in 1..=R.
///    - d <= m: clock += 1, send the new clock to peer d. A send.
///    - d == m + 1: clock += 1, send the new clock to every peer. A send: one event, m messages.
///    - d > m + 1: clock += 1. An internal event.
///
/// `draw` gives a number in `1..=R`; it is asked only if the queue is empty.
pub fn tick<'a>(
    clock: &mut LogicalClock,
    peers: &'a [MachineId],
    oldest: Option<Message>,
    draw: impl FnOnce() -> u32,
) -> Step<'a> {
    if let Some(message) = oldest {
        let timestamp = clock.receive(message.timestamp);
        return Step { event: Event::Receive(message), timestamp, draw: None };
    }
    let drawn = draw();
    let to = &peers[receivers(drawn, peers.len())];
    let event = if to.is_empty() { Event::Internal } else { Event::Send(to) };
    Step { event, timestamp: clock.advance(), draw: Some(drawn) }
}

/// The places, among `m` peers, of those that a draw sends to; none for an internal event.
pub(super) fn receivers(draw: u32, m: usize) -> Range<usize> {
    match draw as usize {
        d if d <= m => d - 1..d,
        d if d == m + 1 => 0..m,
        _ => 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[u16]) -> Vec<MachineId> {
        numbers.iter().map(|&number| MachineId::new(number)).collect()
    }

    fn tick_with(draw: u32) -> (Vec<MachineId>, Timestamp) {
        let peers = ids(&[2, 3]);
        let step = tick(&mut LogicalClock::default(), &peers, None, || draw);
        match step.event {
            Event::Send(to) => (to.to_vec(), step.timestamp),
            Event::Internal => (Vec::new(), step.timestamp),
            Event::Receive(_) => panic!("there was nothing to receive"),
        }
    }

    #[test]
    fn peers_start_after_the_machine_and_wrap_round() {
        assert_eq!(peers_in_mesh(MachineId::new(1), 3), ids(&[2, 3]));
        assert_eq!(peers_in_mesh(MachineId::new(2), 3), ids(&[3, 1]));
        assert_eq!(peers_in_mesh(MachineId::new(3), 3), ids(&[1, 2]));
    }

    #[test]
    fn one_two_three_else_are_the_notebooks_four_cases() {
        assert_eq!(tick_with(1), (ids(&[2]), Timestamp(1)));
        assert_eq!(tick_with(2), (ids(&[3]), Timestamp(1)));
        assert_eq!(tick_with(3), (ids(&[2, 3]), Timestamp(1)));
        assert_eq!(tick_with(4), (ids(&[]), Timestamp(1)));
        assert_eq!(tick_with(10), (ids(&[]), Timestamp(1)));
    }

    #[test]
    fn a_waiting_message_is_received_and_nothing_is_drawn() {
        let message = Message { from: MachineId::new(3), timestamp: Timestamp(41) };
        let peers = ids(&[2, 3]);
        let no_draw = || panic!("a receive draws nothing");
        let step = tick(&mut LogicalClock::default(), &peers, Some(message), no_draw);
        assert_eq!(step.event, Event::Receive(message));
        assert_eq!(step.timestamp, Timestamp(42));
        assert_eq!(step.draw, None);
    }

    #[test]
    #[should_panic(expected = "a draw range has a number for every send")]
    fn a_draw_range_without_a_number_for_the_broadcast_is_a_bug() {
        let seed = Seed::new(1).unwrap();
        let _ = Machine::new(MachineId::new(1), ids(&[2, 3]), DrawRange(2), seed);
    }
}
