//! The in-process engine: all machines of a trial in one loop, with no socket and no thread.
//!
//! In a machine's queue are all messages sent at an earlier instant, ordered by the model time of
//! their send and the number of the sender. Ticks run in the order of [`Round`], so messages are
//! appended in that order by themselves; only those of the present instant are not visible yet.
//! A trial with faults goes another way, `disturbed`, which takes any order of ticks and
//! arrivals, and more time.

use std::collections::VecDeque;

use super::disturbed::Disturbed;
use super::fault::Fault;
use super::ledger::Over;
use super::link::Links;
use super::machine::{Event, Machine, MachineId, Message, Step};
use super::order::Round;
use super::schedule::{Schedule, Tick};

/// All machines of a trial, before or between their ticks.
#[derive(Debug)]
pub struct Engine {
    machines: Vec<Machine>,
    way: Way,
}

/// The way through the trial.
#[derive(Debug)]
enum Way {
    /// Without faults.
    Straight(Straight),
    /// With faults.
    Disturbed(Disturbed),
}

/// What a trial without faults needs besides its machines.
#[derive(Debug)]
struct Straight {
    queues: Vec<Queue>,
    round: Round,
    /// The number of the present instant; ticks that are due together share it.
    instant: u64,
}

/// The messages that wait for one machine.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// How many messages at the end were sent at the instant `fresh_since`.
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
    /// The faults that are over since the tick before of this machine, in their order.
    pub over: &'a [Over],
}

impl Engine {
    /// Takes machines, given in the trial's order, and the round of their ticks.
    #[must_use]
    pub fn new(machines: Vec<Machine>, round: Round) -> Self {
        let queues = machines.iter().map(|_| Queue::default()).collect();
        Self { machines, way: Way::Straight(Straight { queues, round, instant: 0 }) }
    }

    /// Takes machines and their schedules, given in the trial's order, and what befalls them.
    #[must_use]
    pub fn with_faults(
        machines: Vec<Machine>,
        schedules: Vec<Schedule>,
        faults: &[Fault],
        links: Links,
    ) -> Self {
        Self { machines, way: Way::Disturbed(Disturbed::new(schedules, faults, links)) }
    }

    /// Runs every tick of so many seconds in order, and hands each to `sink`. If there are faults,
    /// the schedules say how many seconds.
    ///
    /// # Errors
    /// What the sink says; nothing runs after that.
    pub fn run<E>(
        &mut self,
        duration_s: u64,
        sink: impl FnMut(Outcome<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match &mut self.way {
            Way::Straight(straight) => straight.run(&mut self.machines, duration_s, sink),
            Way::Disturbed(disturbed) => disturbed.run(&mut self.machines, sink),
        }
    }

    /// The faults of a machine that no tick has told of, once all ticks are done.
    pub fn over_at_the_end(&mut self, machine: MachineId) -> Vec<Over> {
        match &mut self.way {
            Way::Straight(_) => Vec::new(),
            Way::Disturbed(disturbed) => disturbed.rest(machine),
        }
    }

    /// How many messages of each sender, by position, are left in a machine's queue, or on their way
    /// to it.
    #[must_use]
    pub fn left(&self, machine: MachineId) -> Vec<u64> {
        let mut left = vec![0; self.machines.len()];
        let mut count = |from: MachineId| left[from.index()] += 1;
        match &self.way {
            Way::Straight(straight) => {
                let waiting = &straight.queues[machine.index()].waiting;
                waiting.iter().for_each(|waiting| count(waiting.message.from));
            }
            Way::Disturbed(disturbed) => disturbed.left(machine).for_each(count),
        }
        left
    }

    /// A machine.
    #[must_use]
    pub fn machine(&self, machine: MachineId) -> &Machine {
        &self.machines[machine.index()]
    }
}

impl Straight {
    fn run<E>(
        &mut self,
        machines: &mut [Machine],
        duration_s: u64,
        mut sink: impl FnMut(Outcome<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { queues, round, instant } = self;
        for second in 0..duration_s {
            for slot in round.slots() {
                *instant += u64::from(!slot.is_same_instant);
                let (machine, tick) = (slot.machine, slot.tick_in(second));
                let queue = &mut queues[machine.index()];
                let oldest = queue.take_oldest(*instant);
                let queue_len = queue.visible(*instant) as u64;
                let step = machines[machine.index()].tick(oldest.map(|waiting| waiting.message));
                if let Event::Send(to) = step.event {
                    let message = Message { from: machine, timestamp: step.timestamp };
                    for peer in to {
                        queues[peer.index()].put(Waiting { message, sent_at: tick }, *instant);
                    }
                }
                let sent_at = oldest.map(|waiting| waiting.sent_at);
                let is_same_instant = slot.is_same_instant;
                let over = &[];
                sink(Outcome { machine, tick, is_same_instant, step, queue_len, sent_at, over })?;
            }
        }
        Ok(())
    }
}

impl Queue {
    /// How many messages were sent before this instant.
    fn visible(&self, instant: u64) -> usize {
        let hidden = if self.fresh_since == instant { self.fresh } else { 0 };
        self.waiting.len() - hidden
    }

    fn take_oldest(&mut self, instant: u64) -> Option<Waiting> {
        if self.visible(instant) == 0 { None } else { self.waiting.pop_front() }
    }

    fn put(&mut self, waiting: Waiting, instant: u64) {
        if self.fresh_since != instant {
            self.fresh_since = instant;
            self.fresh = 0;
        }
        self.fresh += 1;
        self.waiting.push_back(waiting);
    }
}
