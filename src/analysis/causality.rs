//! Happened-before, rebuilt from the logs as vector clocks.
//!
//! The vector clock of an event counts, for each machine, the events of that machine which happened
//! before it; the event itself counts among its own (C. Fidge, 1988; F. Mattern, 1989). It is
//! computed from two kinds of edges alone: from an event to the next on its machine, and from a
//! send to its receive (Lamport 1978). No logical clock goes into it, so it can be held against
//! them.

use super::history::{Channel, EventRef, History};
use crate::logbook::LoggedEvent;
use crate::model::MachineId;

/// The causal order of all events of a history.
#[derive(Debug)]
pub struct Causality<'a> {
    history: &'a History,
    /// By machine: its events' vector clocks, one after the other.
    clocks: Vec<Vec<u32>>,
    /// Receives that would lie in the past of their own sends. They are left out of the order.
    circular: Vec<EventRef>,
}

/// How the pairs of events of a run are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Pairs {
    /// Pairs of which one event happened before the other.
    pub ordered: u64,
    /// Pairs of which neither did.
    pub concurrent: u64,
    /// Concurrent pairs with different timestamps: the logical clock orders them nevertheless.
    pub concurrent_with_clocks_apart: u64,
}

/// A stretch of a causal path on one machine: from one event to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Where the path comes to the machine, or begins.
    pub first: EventRef,
    /// Where it leaves the machine, or ends.
    pub last: EventRef,
}

impl<'a> Causality<'a> {
    /// Computes the vector clock of every event.
    #[must_use]
    pub fn of(history: &'a History) -> Self {
        let machines = history.trial.machines.len();
        let mut clocks: Vec<Vec<u32>> = history
            .trial
            .machine_ids()
            .map(|machine| {
                let events = history.log(machine).map_or(0, |log| log.ticks.len());
                Vec::with_capacity(events * machines)
            })
            .collect();
        let mut circular = Vec::new();
        let mut walks: Vec<Walk<'_>> =
            history.trial.machine_ids().map(|machine| Walk::new(history, machine)).collect();
        loop {
            let mut is_stuck = true;
            for walk in &mut walks {
                is_stuck &= !walk.go_on(&mut clocks);
            }
            if !is_stuck {
                continue;
            }
            // Every event that is left waits for another one: there is a cycle. It is broken where
            // a walk waits, and the search goes on.
            match walks.iter_mut().find_map(Walk::break_free) {
                Some(receive) => circular.push(receive),
                None => break,
            }
        }
        Self { history, clocks, circular }
    }

    /// The history whose order this is.
    #[must_use]
    pub fn history(&self) -> &'a History {
        self.history
    }

    /// Receives that would lie in the past of their own sends.
    #[must_use]
    pub fn circular(&self) -> &[EventRef] {
        &self.circular
    }

    /// The vector clock of an event: by position of a machine, how many of its events are in the
    /// past.
    #[must_use]
    pub fn clock(&self, event: EventRef) -> &[u32] {
        let machines = self.history.trial.machines.len();
        let clocks = &self.clocks[event.machine.index()];
        &clocks[event.index * machines..(event.index + 1) * machines]
    }

    /// Whether one event is the other, or happened before it.
    #[must_use]
    pub fn is_in_past(&self, earlier: EventRef, later: EventRef) -> bool {
        earlier.index < self.clock(later)[earlier.machine.index()] as usize
    }

    /// How many events happened before an event, itself included. What happened before it has
    /// fewer, so the number puts events into an order that respects causality.
    #[must_use]
    pub fn rank(&self, event: EventRef) -> u64 {
        self.clock(event).iter().map(|count| u64::from(*count)).sum()
    }

    /// A causal path from one event to another, with as few messages as the search finds; nothing if
    /// the first did not happen before the second.
    #[must_use]
    pub fn path(&self, from: EventRef, to: EventRef) -> Option<Vec<Stretch>> {
        if !self.is_in_past(from, to) {
            return None;
        }
        let mut stretches = Vec::new();
        let mut last = to;
        while last.machine != from.machine {
            // The first event of this machine that knows of `from`; it can only be a receive.
            let (mut unaware, mut aware) = (0, last.index);
            while unaware < aware {
                let middle = unaware + (aware - unaware) / 2;
                let event = EventRef { machine: last.machine, index: middle };
                if self.is_in_past(from, event) {
                    aware = middle;
                } else {
                    unaware = middle + 1;
                }
            }
            let first = EventRef { machine: last.machine, index: aware };
            stretches.push(Stretch { first, last });
            last = self.history.send_of(first)?;
        }
        stretches.push(Stretch { first: from, last });
        stretches.reverse();
        Some(stretches)
    }

    /// Counts how the pairs of events are related.
    #[must_use]
    pub fn pairs(&self) -> Pairs {
        let events = self.history.event_count() as u64;
        let all = events * events.saturating_sub(1) / 2;
        // Summed over all events: those in the past of each, itself left out.
        let pasts: u64 = self.clocks.iter().flatten().map(|count| u64::from(*count)).sum();
        let ordered = pasts - events;
        let concurrent = all - ordered;
        Pairs { ordered, concurrent, concurrent_with_clocks_apart: concurrent - self.ties() }
    }

    /// How many pairs of events of different machines have the same timestamp.
    fn ties(&self) -> u64 {
        let mut logs: Vec<_> = self
            .history
            .present()
            .map(|(_, log)| log.ticks.iter().map(|tick| tick.entry.logical_clock).peekable())
            .collect();
        let mut ties = 0;
        while let Some(least) = logs.iter_mut().filter_map(|log| log.peek().copied()).min() {
            let tied = logs.iter_mut().filter_map(|log| log.next_if_eq(&least)).count() as u64;
            ties += tied * (tied - 1) / 2;
        }
        ties
    }
}

/// The way along one machine's events, as far as the pasts of its receives are known.
#[derive(Debug)]
struct Walk<'a> {
    history: &'a History,
    machine: MachineId,
    /// The events that are done.
    done: usize,
    /// By sender: the channel to this machine, and how many of its receives are done.
    channels: Vec<Option<(&'a Channel, usize)>>,
    now: Vec<u32>,
    /// The next event is a receive whose send is passed over.
    is_free: bool,
}

impl<'a> Walk<'a> {
    fn new(history: &'a History, machine: MachineId) -> Self {
        let senders = history.trial.machine_ids();
        Self {
            history,
            machine,
            done: 0,
            channels: senders.map(|from| Some((history.channel(from, machine)?, 0))).collect(),
            now: vec![0; history.trial.machines.len()],
            is_free: false,
        }
    }

    fn event(&self) -> Option<&'a LoggedEvent> {
        let tick = self.history.log(self.machine)?.ticks.get(self.done)?;
        Some(&tick.entry.event)
    }

    /// Takes every event whose past is known; false if there was none.
    fn go_on(&mut self, clocks: &mut [Vec<u32>]) -> bool {
        let done = self.done;
        while let Some(event) = self.event() {
            if let LoggedEvent::Receive { from, .. } = event
                && !self.receive(*from, clocks)
            {
                break;
            }
            self.take(clocks);
        }
        done < self.done
    }

    /// Learns what the sender knew; false if that is not known yet.
    fn receive(&mut self, from: u16, clocks: &[Vec<u32>]) -> bool {
        let from = self.history.machine_at(from);
        let Some((from, (channel, received))) =
            from.and_then(|from| Some((from, self.channels[from.index()].as_mut()?)))
        else {
            return true;
        };
        let is_free = std::mem::take(&mut self.is_free);
        let Some(send) = channel.receives[*received].1.send().filter(|_| !is_free) else {
            *received += 1;
            return true;
        };
        let (index, machines) = (channel.sends[send].0, self.now.len());
        let Some(known) = clocks[from.index()].get(index * machines..(index + 1) * machines) else {
            return false;
        };
        *received += 1;
        for (own, other) in self.now.iter_mut().zip(known) {
            *own = (*own).max(*other);
        }
        true
    }

    fn take(&mut self, clocks: &mut [Vec<u32>]) {
        self.now[self.machine.index()] += 1;
        clocks[self.machine.index()].extend_from_slice(&self.now);
        self.done += 1;
    }

    /// Passes over the send of the receive that this walk waits at.
    fn break_free(&mut self) -> Option<EventRef> {
        self.event()?;
        self.is_free = true;
        Some(EventRef { machine: self.machine, index: self.done })
    }
}
