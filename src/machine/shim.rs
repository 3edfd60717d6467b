//! Faults of channels at the real pace: which line goes out when.
//!
//! The shim stands between a channel and its connection, within the producer. What becomes of a message
//! follows from the trial ([`Fate`]); the shim carries it out on the very lines that travel. A line
//! that is lost is not written, one that is corrupted is written with a wrong digit, one that is
//! doubled is written twice, one that others overtake is written after them. The transport repairs
//! all of it, as it would if a network had done it: what did not come through is sent again after
//! [`RETRY_MS`], what came out of order is discarded and asked for again, what came twice is taken once.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::model::{Fate, ModelTime, RETRY_MS, Schedule, Tick};
use crate::pace::Speed;

/// The shim of one channel.
#[derive(Debug)]
pub(super) struct Shim {
    pub(super) schedule: Schedule,
    pub(super) speed: Speed,
    /// The common start.
    pub(super) start: Instant,
    /// By sequence: when a message may go out in its turn.
    turns: BTreeMap<u64, Turn>,
    /// What goes out besides, by time and sequence.
    extras: BTreeMap<(Instant, u64), Extra>,
    /// Until when a message is held back that later ones overtake.
    held_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    at: Instant,
    is_doubled: bool,
}

/// A line that goes out although it is of no use to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extra {
    /// It is spoiled.
    Spoiled,
    /// It comes before its turn.
    Early,
}

impl Shim {
    /// The shim of a channel on which nothing was sent.
    pub(super) fn new(schedule: Schedule, speed: Speed, start: Instant) -> Self {
        let (turns, extras) = (BTreeMap::new(), BTreeMap::new());
        Self { schedule, speed, start, turns, extras, held_until: None }
    }

    /// Takes a message, and plans its lines.
    pub(super) fn plan(&mut self, sequence: u64, tick: Tick, fate: &Fate) {
        let due = self.schedule.due(tick);
        for retry in 0..fate.corrupted_tries {
            let at = self.instant(due.plus_ms(retry * RETRY_MS));
            self.extras.insert((at, sequence), Extra::Spoiled);
        }
        let at = self.instant(fate.arrives_at);
        let own_time = self.instant(due.plus_ms(fate.release_ms + fate.hold_ms));
        if self.held_until.is_some_and(|held_until| own_time < held_until) {
            self.extras.insert((own_time, sequence), Extra::Early);
        }
        if fate.is_held {
            self.held_until = Some(at);
        }
        self.turns.insert(sequence, Turn { at, is_doubled: fate.is_doubled });
    }

    /// Forgets messages whose receives are recorded.
    pub(super) fn settle(&mut self, recorded: u64) {
        self.turns = self.turns.split_off(&(recorded + 1));
        self.extras.retain(|(_, sequence), _| recorded < *sequence);
    }

    /// The next line that is due besides those in their turn.
    pub(super) fn take_extra(&mut self, now: Instant) -> Option<(u64, Extra)> {
        let first = self.extras.first_entry().filter(|entry| entry.key().0 <= now)?;
        let ((_, sequence), extra) = first.remove_entry();
        Some((sequence, extra))
    }

    /// How often a message is to be written now, in its turn.
    pub(super) fn copies(&self, sequence: u64, now: Instant) -> usize {
        match self.turns.get(&sequence) {
            Some(turn) if now < turn.at => 0,
            Some(turn) if turn.is_doubled => 2,
            Some(_) | None => 1,
        }
    }

    /// When there is something to write next, given the message whose turn it is.
    pub(super) fn next_due(&self, sequence: u64) -> Option<Instant> {
        let turn = self.turns.get(&sequence).map(|turn| turn.at);
        let extra = self.extras.keys().next().map(|(at, _)| *at);
        turn.into_iter().chain(extra).min()
    }

    /// The end of the trial ends its faults: nothing is held for longer.
    fn instant(&self, time: ModelTime) -> Instant {
        let end = ModelTime::end_of(self.schedule.duration_s);
        self.start + self.speed.wall_time(time.min(end))
    }
}

/// The line of a message with a wrong digit.
pub(super) fn spoil(line: &str) -> String {
    let mut digits = line.chars();
    let first = match digits.next() {
        Some('0') => '1',
        Some(digit) => char::from_u32(u32::from(digit) - 1).unwrap_or('0'),
        None => '0',
    };
    std::iter::once(first).chain(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::wire::Line;
    use crate::model::{Arrival, ClockRate, Phase};
    use crate::wall_clock;
    use std::time::Duration;

    /// Sends ticks 1, 2, ... of a machine that ticks ten times a second, from 100 ms on.
    fn shim() -> Shim {
        let schedule = Schedule::new(ClockRate(10), Phase(1000), 60);
        Shim::new(schedule, Speed::ONE, wall_clock::now())
    }

    fn fate(shim: &Shim, tick: u64, after_ms: u64) -> Fate {
        let due = shim.schedule.due(Tick(tick));
        let mut fate = Fate::at_once(Tick(tick), due);
        fate.hold_ms = after_ms;
        fate.arrival = Arrival { tick: Tick(tick), extra_ms: after_ms };
        fate.arrives_at = due.plus_ms(after_ms);
        fate
    }

    fn at(shim: &Shim, ms: u64) -> Instant {
        shim.start + Duration::from_millis(ms)
    }

    #[test]
    fn a_message_waits_for_its_turn() {
        let mut shim = shim();
        let mut held = fate(&shim, 1, 500);
        held.is_doubled = true;
        shim.plan(1, Tick(1), &held);
        assert_eq!(shim.copies(1, at(&shim, 599)), 0);
        assert_eq!(shim.next_due(1), Some(at(&shim, 600)));
        assert_eq!(shim.copies(1, at(&shim, 600)), 2);
        shim.settle(1);
        assert_eq!(shim.next_due(2), None);
    }

    #[test]
    fn what_others_overtake_is_written_after_them() {
        let mut shim = shim();
        let mut held = fate(&shim, 1, 500);
        held.is_held = true;
        shim.plan(1, Tick(1), &held);
        let mut next = fate(&shim, 2, 0);
        next.arrives_at = held.arrives_at;
        shim.plan(2, Tick(2), &next);
        assert_eq!(shim.take_extra(at(&shim, 199)), None);
        assert_eq!(shim.take_extra(at(&shim, 200)), Some((2, Extra::Early)));
        assert_eq!(shim.copies(2, at(&shim, 599)), 0);
        assert_eq!(shim.copies(2, at(&shim, 600)), 1);
    }

    #[test]
    fn every_spoiled_try_is_written_and_nothing_outlasts_the_trial() {
        let mut shim = shim();
        let mut spoiled = fate(&shim, 599, 70_000);
        spoiled.corrupted_tries = 2;
        shim.plan(1, Tick(599), &spoiled);
        for ms in [59_900, 60_000] {
            assert_eq!(shim.take_extra(at(&shim, ms)), Some((1, Extra::Spoiled)));
        }
        assert_eq!(shim.next_due(1), Some(at(&shim, 60_000)));
    }

    #[test]
    fn a_spoiled_line_is_no_line_of_the_protocol() {
        let line = "10 3 1 3 0 ";
        let crc = format!("{:08x}", crc32fast::hash(b"10 3 1 3 0"));
        let text = format!("{line}{crc}");
        assert!(matches!(text.parse::<Line>(), Ok(Line::Message(_))), "{:?}", text.parse::<Line>());
        assert!(spoil(&text).parse::<Line>().is_err());
    }
}
