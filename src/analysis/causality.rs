//! Happened-before, rebuilt from the logs as vector clocks.
//!
//! The vector clock of an event counts, for each machine, the events of that machine which happened
//! before it; the event itself counts among its own (C. Fidge, 1988; F. Mattern, 1989). It is
//! computed from two kinds of edges alone: from an event to the next on its machine, and from a
//! send to its receive (Lamport 1978). No logical clock goes into it, so it can be held against
//! them.
//!
//! All vector clocks together would grow with machines times events. So one walk through the run
//! computes each when it is due, tells of those of receives, and forgets what no later receive will
//! learn from. Whoever asks for the clock of one event, as is done where a rule is broken, has all of
//! them computed again and kept.

use std::cell::OnceCell;

use super::history::{Channel, EventRef, History};
use crate::logbook::LoggedEvent;
use crate::model::MachineId;

/// The causal order of all events of a history.
#[derive(Debug)]
pub struct Causality<'a> {
    history: &'a History,
    /// How many pairs of events are ordered.
    ordered: u64,
    /// Receives that would lie in the past of their own sends. They are left out of the order.
    circular: Vec<EventRef>,
    /// Of all events, once one is asked for.
    clocks: OnceCell<Shelf>,
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
    /// Walks through all events of a history.
    #[must_use]
    pub fn of(history: &'a History) -> Self {
        Self::telling(history, |_, _| ())
    }

    /// Does so, too, and tells of every receive that learns something, with its vector clock; those
    /// of one machine come in their order.
    #[must_use]
    pub fn telling(history: &'a History, mut tell: impl FnMut(EventRef, &[u32])) -> Self {
        let mut shelf = Shelf::new(history, Keep::Awaited);
        let (ordered, circular) = walk_through(history, &mut shelf, &mut tell);
        Self { history, ordered, circular, clocks: OnceCell::new() }
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
    ///
    /// # Panics
    /// When the event is not of this history.
    #[must_use]
    pub fn clock(&self, event: EventRef) -> &[u32] {
        let all = self.clocks.get_or_init(|| {
            let mut shelf = Shelf::new(self.history, Keep::All);
            walk_through(self.history, &mut shelf, &mut |_, _| ());
            shelf
        });
        all.clock(event).expect("every event is walked through, and its clock is kept")
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
        let ordered = self.ordered;
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

/// Walks through all events, and puts their vector clocks on the shelf. Gives the number of ordered
/// pairs, and the receives that would lie in the past of their own sends.
fn walk_through(
    history: &History,
    shelf: &mut Shelf,
    tell: &mut impl FnMut(EventRef, &[u32]),
) -> (u64, Vec<EventRef>) {
    let mut walks: Vec<Walk<'_>> =
        history.trial.machine_ids().map(|machine| Walk::new(history, machine)).collect();
    let mut circular = Vec::new();
    loop {
        let mut is_stuck = true;
        for walk in &mut walks {
            is_stuck &= !walk.go_on(shelf, tell);
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
    (walks.iter().map(|walk| walk.ordered).sum(), circular)
}

/// Which vector clocks stay on a shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    /// Those of sends, until the last of their receives has learned from them.
    Awaited,
    /// All.
    All,
}

/// Vector clocks that are still needed, by machine and index of the event.
#[derive(Debug)]
struct Shelf {
    places: Vec<Vec<Place>>,
}

/// The place of one event's vector clock.
#[derive(Clone, Debug)]
struct Place {
    /// How often it is still needed.
    needed: u32,
    clock: Option<Box<[u32]>>,
}

impl Shelf {
    fn new(history: &History, keep: Keep) -> Self {
        let needed = u32::from(keep == Keep::All);
        let places = history.trial.machine_ids().map(|machine| {
            let events = history.log(machine).map_or(0, |log| log.ticks.len());
            vec![Place { needed, clock: None }; events]
        });
        let mut places: Vec<_> = places.collect();
        for channel in &history.channels {
            let sends = channel.receives.iter().filter_map(|(_, delivery)| delivery.send());
            for send in sends {
                places[channel.from.index()][channel.sends[send].0].needed += 1;
            }
        }
        Self { places }
    }

    fn place(&mut self, event: EventRef) -> &mut Place {
        &mut self.places[event.machine.index()][event.index]
    }

    /// The vector clock of an event, if the event is done and its clock still needed.
    fn clock(&self, event: EventRef) -> Option<&[u32]> {
        self.places[event.machine.index()][event.index].clock.as_deref()
    }

    /// Puts a vector clock there, if somebody will need it.
    fn put(&mut self, event: EventRef, clock: &[u32]) {
        let place = self.place(event);
        if 0 < place.needed {
            place.clock = Some(clock.into());
        }
    }

    /// Takes it away, if it was needed for the last time.
    fn release(&mut self, event: EventRef) {
        let place = self.place(event);
        place.needed -= 1;
        if place.needed == 0 {
            place.clock = None;
        }
    }
}

/// What a walk learned from an event before it took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Learned {
    /// Nothing that was before it on another machine.
    Nothing,
    /// What the sender knew.
    Past,
    /// What the sender knew is not known yet.
    NotYet,
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
    /// The vector clock of the last event, and the sum of its numbers.
    now: Vec<u32>,
    known: u64,
    /// How many pairs are ordered whose later event is one of those that are done.
    ordered: u64,
    /// The next event is a receive whose send is passed over.
    is_free: bool,
}

impl<'a> Walk<'a> {
    fn new(history: &'a History, machine: MachineId) -> Self {
        let mut channels = vec![None; history.trial.machines.len()];
        for channel in history.channels_to(machine) {
            channels[channel.from.index()] = Some((channel, 0));
        }
        Self {
            history,
            machine,
            done: 0,
            now: vec![0; channels.len()],
            channels,
            known: 0,
            ordered: 0,
            is_free: false,
        }
    }

    fn event(&self) -> Option<&'a LoggedEvent> {
        let tick = self.history.log(self.machine)?.ticks.get(self.done)?;
        Some(&tick.entry.event)
    }

    /// Takes every event whose past is known; false if there was none.
    fn go_on(&mut self, shelf: &mut Shelf, tell: &mut impl FnMut(EventRef, &[u32])) -> bool {
        let done = self.done;
        while let Some(event) = self.event() {
            let learned = match event {
                LoggedEvent::Receive { from, .. } => self.receive(*from, shelf),
                LoggedEvent::Internal | LoggedEvent::Send(_) => Learned::Nothing,
            };
            if learned == Learned::NotYet {
                break;
            }
            let here = EventRef { machine: self.machine, index: self.done };
            self.take(shelf);
            if learned == Learned::Past {
                tell(here, &self.now);
            }
        }
        done < self.done
    }

    /// Learns what the sender knew.
    fn receive(&mut self, from: u16, shelf: &mut Shelf) -> Learned {
        let from = self.history.machine_at(from);
        let Some((channel, received)) = from.and_then(|from| self.channels[from.index()].as_mut())
        else {
            return Learned::Nothing;
        };
        let is_free = std::mem::take(&mut self.is_free);
        let Some(send) = channel.receives[*received].1.send().filter(|_| !is_free) else {
            *received += 1;
            return Learned::Nothing;
        };
        let send = EventRef { machine: channel.from, index: channel.sends[send].0 };
        let Some(known) = shelf.clock(send) else {
            return Learned::NotYet;
        };
        *received += 1;
        self.known = 0;
        for (own, other) in self.now.iter_mut().zip(known) {
            *own = (*own).max(*other);
            self.known += u64::from(*own);
        }
        shelf.release(send);
        Learned::Past
    }

    fn take(&mut self, shelf: &mut Shelf) {
        self.now[self.machine.index()] += 1;
        // Those in the past, the event itself left out.
        self.ordered += self.known;
        self.known += 1;
        shelf.put(EventRef { machine: self.machine, index: self.done }, &self.now);
        self.done += 1;
    }

    /// Passes over the send of the receive that this walk waits at.
    fn break_free(&mut self) -> Option<EventRef> {
        self.event()?;
        self.is_free = true;
        Some(EventRef { machine: self.machine, index: self.done })
    }
}
