//! What becomes of a message on a channel that faults strike: how often it is tried, and when it
//! arrives. All of it follows from the trial, message by message.
//!
//! A try fails if a fault stops it; the next follows [`RETRY_MS`] later. Of the faults that are
//! active at the time of a try, those that stop every try are asked first, and then those that stop
//! some, each in the order of their numbers; the first that stops it is the one that counts. The
//! first try that nothing stops releases the message. What is active then holds it, and no message
//! overtakes another.

use std::collections::BTreeMap;

use super::arrival::Arrival;
use super::chance::{Dice, Seed, Stream};
use super::fault::{ChannelFault, Fault, FaultId, FaultKind, Span, numbered};
use super::machine::MachineId;
use super::schedule::{ModelTime, Tick};

/// What did not come through is tried again after so many milliseconds of model time.
pub const RETRY_MS: u64 = 200;

/// A message occupies a channel of limited bandwidth like so many bytes, however long its line is.
pub const LINE_BYTES: u64 = 32;

/// What becomes of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// How many tries were stopped by a partition.
    pub stopped_tries: u64,
    /// How many tries were lost.
    pub lost_tries: u64,
    /// How many tries arrived spoiled.
    pub corrupted_tries: u64,
    /// Whether the message is sent twice.
    pub is_doubled: bool,
    /// Whether it is held back, so that later ones overtake it on the wire.
    pub is_held: bool,
    /// When the try that came through was made, in milliseconds of model time after the send.
    pub release_ms: u64,
    /// How long delays and reordering hold it after that, in milliseconds of model time.
    pub hold_ms: u64,
    /// When it arrives, bandwidth and the messages before it included.
    pub arrival: Arrival,
    /// The same as a time.
    pub arrives_at: ModelTime,
}

impl Fate {
    /// What becomes of a message that no fault strikes.
    #[must_use]
    pub fn at_once(tick: Tick, due: ModelTime) -> Self {
        Self {
            stopped_tries: 0,
            lost_tries: 0,
            corrupted_tries: 0,
            is_doubled: false,
            is_held: false,
            release_ms: 0,
            hold_ms: 0,
            arrival: Arrival::at_once(tick),
            arrives_at: due,
        }
    }
}

/// One channel and the faults that strike it.
#[derive(Clone, Debug)]
struct Link {
    /// In the order of their numbers.
    struck_by: Vec<Striking>,
    /// When the message before arrives.
    latest: Option<Moment>,
    /// When the channel is free again.
    busy_until: Option<Moment>,
}

/// A fault that strikes a channel.
#[derive(Clone, Debug)]
struct Striking {
    number: FaultId,
    span: Span,
    fault: ChannelFault,
    dice: Dice,
    hits: u64,
}

/// A model time, and how the wire tells it.
#[derive(Clone, Copy, Debug)]
struct Moment {
    arrival: Arrival,
    time: ModelTime,
}

impl Moment {
    /// A time so much later, though never beyond what the wire can tell.
    fn plus_ms(self, ms: u64) -> Self {
        let extra_ms = self.arrival.extra_ms.saturating_add(ms).min(Arrival::EXTRA_MS_MAX);
        let time = self.time.plus_ms(extra_ms - self.arrival.extra_ms);
        Self { arrival: Arrival { extra_ms, ..self.arrival }, time }
    }

    fn or_later(self, other: Option<Self>) -> Self {
        other.filter(|other| self.time < other.time).unwrap_or(self)
    }
}

impl Link {
    fn unstruck() -> Self {
        Self { struck_by: Vec::new(), latest: None, busy_until: None }
    }

    fn strike(
        &mut self,
        number: FaultId,
        span: Span,
        fault: ChannelFault,
        (seed, from, to): (Seed, MachineId, MachineId),
    ) {
        let dice = Dice::new(seed, Stream::FaultLine { fault: number, from, to });
        self.struck_by.push(Striking { number, span, fault, dice, hits: 0 });
    }

    /// Sends the next message, on a tick of the sender that is due then.
    fn send(&mut self, tick: Tick, due: ModelTime) -> Fate {
        let mut fate = Fate::at_once(tick, due);
        if self.struck_by.is_empty() {
            return fate;
        }
        self.release(due, &mut fate);
        let sent = Moment { arrival: Arrival::at_once(tick), time: due };
        let released = sent.plus_ms(fate.release_ms);
        let passed = self.hold(released, &mut fate);
        let arrives = passed.plus_ms(fate.hold_ms).or_later(self.latest);
        self.latest = Some(arrives);
        (fate.arrival, fate.arrives_at) = (arrives.arrival, arrives.time);
        fate
    }

    /// Tries until nothing stops the message.
    fn release(&mut self, sent_at: ModelTime, fate: &mut Fate) {
        loop {
            let now = sent_at.plus_ms(fate.release_ms);
            let (place, tries) = match self.wall(now) {
                Some(wall) => wall,
                None => match self.bad_luck(now) {
                    Some(place) => (place, 1),
                    None => return,
                },
            };
            let striking = &mut self.struck_by[place];
            striking.hits += tries;
            match striking.fault {
                ChannelFault::Loss { .. } => fate.lost_tries += tries,
                ChannelFault::Corruption { .. } => fate.corrupted_tries += tries,
                _ => fate.stopped_tries += tries,
            }
            fate.release_ms += tries * RETRY_MS;
        }
    }

    /// The first fault that stops every try now, and how many tries it goes on to stop.
    fn wall(&self, now: ModelTime) -> Option<(usize, u64)> {
        let walls = || self.struck_by.iter().enumerate().filter(|(_, other)| other.stops_all());
        let (place, wall) = walls().find(|(_, wall)| wall.span.covers(now))?;
        // One with a lower number may begin meanwhile: the further tries are its own.
        let begins = walls().take_while(|(other, _)| *other < place).map(|(_, w)| w.span.at_ms);
        let coming = begins.filter(|at_ms| now < ModelTime::of_ms(*at_ms)).min();
        let until_ms = coming.unwrap_or(u64::MAX).min(wall.span.end_ms());
        Some((place, now.ms_until(until_ms).div_ceil(RETRY_MS)))
    }

    /// The first fault that stops this very try, by chance.
    fn bad_luck(&mut self, now: ModelTime) -> Option<usize> {
        self.struck_by.iter_mut().position(|striking| match striking.fault {
            ChannelFault::Loss { percent } | ChannelFault::Corruption { percent } => {
                !striking.stops_all() && striking.span.covers(now) && striking.strikes(percent)
            }
            _ => false,
        })
    }

    /// What holds or doubles the message once it is released; gives when the channel has carried it.
    fn hold(&mut self, released: Moment, fate: &mut Fate) -> Moment {
        let mut passed = released;
        for striking in &mut self.struck_by {
            if !striking.span.covers(released.time) {
                continue;
            }
            let hit = match striking.fault {
                ChannelFault::Delay { delay_ms, jitter_ms } => {
                    let more =
                        if jitter_ms == 0 { 0 } else { striking.dice.roll(jitter_ms + 1) - 1 };
                    fate.hold_ms += u64::from(delay_ms) + u64::from(more);
                    true
                }
                ChannelFault::Reordering { percent, delay_ms } => {
                    let hit = striking.strikes(percent);
                    fate.is_held |= hit;
                    fate.hold_ms += if hit { u64::from(delay_ms) } else { 0 };
                    hit
                }
                ChannelFault::Duplication { percent } => {
                    let hit = striking.strikes(percent);
                    fate.is_doubled |= hit;
                    hit
                }
                ChannelFault::Bandwidth { bytes_per_s } => {
                    let takes_ms = (1000 * LINE_BYTES).div_ceil(u64::from(bytes_per_s));
                    passed = passed.or_later(self.busy_until).plus_ms(takes_ms);
                    self.busy_until = Some(passed);
                    true
                }
                ChannelFault::Loss { .. }
                | ChannelFault::Corruption { .. }
                | ChannelFault::Partition => false,
            };
            striking.hits += u64::from(hit);
        }
        passed
    }

    /// How many messages or tries each fault has struck so far, in the order of their numbers.
    fn hits(&self) -> impl Iterator<Item = (FaultId, u64)> {
        self.struck_by.iter().map(|striking| (striking.number, striking.hits))
    }
}

impl Striking {
    /// Whether no try comes through while it is active: nothing is drawn then.
    fn stops_all(&self) -> bool {
        match self.fault {
            ChannelFault::Partition => true,
            ChannelFault::Loss { percent } | ChannelFault::Corruption { percent } => percent == 100,
            _ => false,
        }
    }

    fn strikes(&mut self, percent: u32) -> bool {
        self.dice.roll(100) <= percent
    }
}

/// The channels of a trial; those that no fault strikes take no room.
#[derive(Clone, Debug, Default)]
pub struct Links {
    struck: BTreeMap<(MachineId, MachineId), Link>,
}

impl Links {
    /// All channels, before their first messages.
    #[must_use]
    pub fn new(faults: &[Fault], seed: Seed) -> Self {
        let mut links = Self::default();
        for (number, fault) in numbered(faults) {
            if let FaultKind::OnChannels(channels, kind) = &fault.kind {
                for (from, to) in channels.pairs() {
                    let link = links.struck.entry((from, to)).or_insert_with(Link::unstruck);
                    link.strike(number, fault.span, *kind, (seed, from, to));
                }
            }
        }
        links
    }

    /// Whether some fault strikes a channel.
    #[must_use]
    pub fn are_struck(&self, from: MachineId, to: MachineId) -> bool {
        self.struck.contains_key(&(from, to))
    }

    /// Sends the next message of a channel, on a tick of the sender that is due then.
    pub fn send(
        &mut self,
        (from, to): (MachineId, MachineId),
        (tick, due): (Tick, ModelTime),
    ) -> Fate {
        match self.struck.get_mut(&(from, to)) {
            Some(link) => link.send(tick, due),
            None => Fate::at_once(tick, due),
        }
    }

    /// How many messages or tries of a sender a fault has struck so far.
    #[must_use]
    pub fn hits(&self, fault: FaultId, sender: MachineId) -> u64 {
        let [first, last] = [1, u16::MAX].map(|to| (sender, MachineId::new(to)));
        let hits = self.struck.range(first..=last).flat_map(|(_, link)| link.hits());
        hits.filter(|(number, _)| *number == fault).map(|(_, hits)| hits).sum()
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
