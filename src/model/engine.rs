//! The in-process engine: all machines of a trial in one loop, with no socket and no thread.
//!
//! In a machine's queue are all messages sent at an earlier instant, ordered by the model time of
//! their send and the number of the sender. Ticks run in the order of [`Round`], so messages are
//! appended in that order by themselves; only those of the present instant are not visible yet.

use std::collections::VecDeque;

use super::machine::{Event, Machine, MachineId, Message, Step};
use super::order::Round;
use super::schedule::Tick;

/// All machines of a trial, before or between their ticks.
#[derive(Debug)]
pub struct Engine {
    seats: Vec<Seat>,
    round: Round,
    /// The number of the present instant; ticks that are due together share it.
    instant: u64,
}

/// A machine and the messages that wait for it.
#[derive(Debug)]
struct Seat {
    machine: Machine,
    queue: VecDeque<Waiting>,
    /// How many messages at the end of the queue were sent at the instant `fresh_since`.
    fresh: usize,
    fresh_since: u64,
}

/// A message that waits, and when it was sent.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    message: Message,
    sent_at: Tick,
}

/// One tick, as the engine hands it out.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// The machine that ticked.
    pub machine: MachineId,
    /// Its tick.
    pub tick: Tick,
    /// Whether the tick was due at the same instant as the one handed out before it.
    pub is_same_instant: bool,
    /// What the tick did.
    pub step: Step<'a>,
    /// The length of the message queue after the tick.
    pub queue_len: u64,
    /// The sender's tick of the message received, if the tick received one.
    pub sent_at: Option<Tick>,
}

impl Engine {
    /// Seats machines, given in the trial's order, with the round of their ticks.
    #[must_use]
    pub fn new(machines: Vec<Machine>, round: Round) -> Self {
        let seat = |machine| Seat { machine, queue: VecDeque::new(), fresh: 0, fresh_since: 0 };
        Self { seats: machines.into_iter().map(seat).collect(), round, instant: 0 }
    }

    /// Runs every tick of so many seconds in order, and hands each to `sink`.
    ///
    /// # Errors
    /// What the sink says; nothing runs after that.
    pub fn run<E>(
        &mut self,
        duration_s: u64,
        mut sink: impl FnMut(Outcome<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for second in 0..duration_s {
            for index in 0..self.round.slots().len() {
                let slot = self.round.slots()[index];
                self.instant += u64::from(!slot.is_same_instant);
                let tick = self.round.tick_of(&slot, second);
                let (machine, is_same_instant) = (slot.machine, slot.is_same_instant);
                let (step, queue_len, sent_at) = self.tick(machine, tick);
                sink(Outcome { machine, tick, is_same_instant, step, queue_len, sent_at })?;
            }
        }
        Ok(())
    }

    fn tick(&mut self, id: MachineId, tick: Tick) -> (Step<'_>, u64, Option<Tick>) {
        let instant = self.instant;
        // The seat is taken out of the row, so that it can send to the others.
        let (before, rest) = self.seats.split_at_mut(id.index());
        let (seat, after) = rest.split_first_mut().expect("every machine has a seat");
        let hidden = if seat.fresh_since == instant { seat.fresh } else { 0 };
        let visible = seat.queue.len() - hidden;
        let oldest = if visible == 0 { None } else { seat.queue.pop_front() };
        let queue_len = visible - usize::from(oldest.is_some());
        let step = seat.machine.tick(oldest.map(|waiting| waiting.message));
        if let Event::Send(to) = step.event {
            let message = Message { from: id, timestamp: step.timestamp };
            for peer in to {
                let receiver = match peer.index().checked_sub(id.index() + 1) {
                    Some(index) => &mut after[index],
                    None => &mut before[peer.index()],
                };
                receiver.put(Waiting { message, sent_at: tick }, instant);
            }
        }
        (step, queue_len as u64, oldest.map(|waiting| waiting.sent_at))
    }

    /// How many messages of each sender, by position, are left in a machine's queue.
    #[must_use]
    pub fn left(&self, machine: MachineId) -> Vec<u64> {
        let mut left = vec![0; self.seats.len()];
        for waiting in &self.seats[machine.index()].queue {
            left[waiting.message.from.index()] += 1;
        }
        left
    }

    /// A machine.
    #[must_use]
    pub fn machine(&self, machine: MachineId) -> &Machine {
        &self.seats[machine.index()].machine
    }
}

impl Seat {
    fn put(&mut self, waiting: Waiting, instant: u64) {
        if self.fresh_since != instant {
            self.fresh_since = instant;
            self.fresh = 0;
        }
        self.fresh += 1;
        self.queue.push_back(waiting);
    }
}
