//! Lookahead: what a machine can promise its peers, and when their promises let it tick.
//!
//! This is conservative synchronisation by null messages (Chandy and Misra 1979, Bryant 1977). A
//! promise names a tick of the machine that gives it: "no message for you before my tick P". All
//! schedules are common knowledge, so the tick names a model time.
//!
//! How far a promise reaches is computed from the future that a machine knows of itself: its random
//! stream can be read ahead (Nicol 1988 samples the future in the same way). A tick with a message in the
//! queue sends nothing, and draws nothing. So the machine sends to a peer no earlier than after as
//! many ticks as messages wait, and then as many as it draws without meeting that peer. Whatever
//! arrives meanwhile only postpones it. `docs/virtual-pace.md` gives the argument.
//!
//! Faults only postpone, too: a tick that is skipped draws nothing and sends nothing, and a message
//! that is held back arrives later than it was sent. A machine that is away passes over the ticks
//! that it skips before it waits, so that nobody waits for them.

use std::collections::VecDeque;

use super::chance::{Dice, Seed, Stream};
use super::machine::{DrawRange, MachineId, receivers};
use super::schedule::{ModelTime, Schedule, Tick};

/// No promise lets a peer run further ahead than about so many of the peer's ticks.
///
/// It bounds what may arrive before its time.
pub const RUN_AHEAD_MAX: u64 = 1000;

/// What one machine knows of its own future and of its peers'.
#[derive(Clone, Debug)]
pub struct Lookahead {
    schedule: Schedule,
    /// The tick that runs next.
    next: Tick,
    /// In the order in which the rule numbers them.
    peers: Vec<Peer>,
    dice: Dice,
    draw_range: DrawRange,
    /// Numbers that were drawn ahead of their ticks.
    coming: VecDeque<u32>,
}

/// A peer, and what was promised in both directions.
#[derive(Clone, Debug)]
struct Peer {
    id: MachineId,
    schedule: Schedule,
    /// It sends nothing to this machine before this tick of its own.
    heard: Tick,
    /// This machine has said that it sends nothing to the peer before this tick.
    told: Tick,
    /// A message to it was sent since this machine last looked what to promise.
    is_written_to: bool,
}

impl Lookahead {
    /// Begins before the first tick, when nobody has promised anything.
    ///
    /// The peers are given in the order in which the rule of a tick numbers them.
    #[must_use]
    pub fn new(
        (own, schedule): (MachineId, Schedule),
        peers: impl IntoIterator<Item = (MachineId, Schedule)>,
        draw_range: DrawRange,
        seed: Seed,
    ) -> Self {
        let peers = peers.into_iter().map(|(id, schedule)| {
            let first = Tick(1);
            Peer { id, schedule, heard: first, told: first, is_written_to: false }
        });
        Self {
            schedule,
            next: Tick(1),
            peers: peers.collect(),
            dice: Dice::new(seed, Stream::Draws(own)),
            draw_range,
            coming: VecDeque::new(),
        }
    }

    /// When the next tick is due.
    #[must_use]
    pub fn now(&self) -> ModelTime {
        self.schedule.due(self.next)
    }

    /// What each peer must have promised before the next tick may run: whatever it still sends, it
    /// sends at the instant of the tick or later, so that the tick must not see it.
    pub fn needed(&self) -> impl Iterator<Item = (MachineId, Tick)> {
        let now = self.now();
        self.peers.iter().map(move |peer| (peer.id, peer.schedule.first_from(now)))
    }

    /// Whether the next tick may run.
    #[must_use]
    pub fn may_tick(&self) -> bool {
        let now = self.now();
        self.peers.iter().all(|peer| now <= peer.schedule.due(peer.heard))
    }

    /// Takes in what the peers have promised.
    pub fn hear(&mut self, mut promised: impl FnMut(MachineId) -> Tick) {
        for peer in &mut self.peers {
            peer.heard = promised(peer.id);
        }
    }

    /// Notes that the next tick is done, and which number it drew, if any.
    ///
    /// # Panics
    /// When it drew another number than the stream holds: every promise would be void.
    pub fn ticked(&mut self, draw: Option<u32>) {
        self.next.0 += 1;
        let Some(drawn) = draw else { return };
        self.read_ahead(0);
        assert_eq!(self.coming.pop_front(), Some(drawn), "the stream was read ahead rightly");
        let to = receivers(drawn, self.peers.len());
        self.peers[to].iter_mut().for_each(|peer| peer.is_written_to = true);
    }

    /// Passes over the ticks that are skipped before this one; none are, if it lies behind.
    pub fn skip_to(&mut self, next: Tick) {
        self.next = self.next.max(next);
    }

    /// The promises that need to be told, given the length of the message queue.
    ///
    /// A promise is renewed when a message leaves for the peer anyway; or when it has run out, and
    /// only if the new one lets the peer tick once more.
    pub fn renew(&mut self, queue_len: u64) -> impl Iterator<Item = (MachineId, Tick)> {
        (0..self.peers.len()).filter_map(move |place| {
            let Peer { told, is_written_to, .. } = self.peers[place];
            if self.next < told && !is_written_to {
                return None;
            }
            let promise = self.promise(place, queue_len);
            if promise <= told || !(is_written_to || self.lets_tick(place, promise)) {
                return None;
            }
            let peer = &mut self.peers[place];
            (peer.told, peer.is_written_to) = (promise, false);
            Some((peer.id, promise))
        })
    }

    /// Whether a promise lets a peer tick once more than the one before it.
    fn lets_tick(&self, place: usize, promise: Tick) -> bool {
        let Peer { schedule, told, .. } = &self.peers[place];
        let awaited = schedule.first_after(self.schedule.due(*told));
        awaited.0 <= schedule.ticks() && schedule.due(awaited) <= self.schedule.due(promise)
    }

    /// The first tick on which a message may be sent to a peer.
    fn promise(&mut self, place: usize, queue_len: u64) -> Tick {
        let [own, peer] = [&self.schedule, &self.peers[place].schedule]
            .map(|schedule| u64::from(schedule.clock_rate.0));
        let reach_max = RUN_AHEAD_MAX * own / peer;
        let mut reach = queue_len;
        let mut index = 0;
        while reach < reach_max && !self.is_sent_to(place, index) {
            reach += 1;
            index += 1;
        }
        let never = self.schedule.ticks() + 1;
        Tick((self.next.0 + reach.min(reach_max)).min(never))
    }

    /// Whether a number that is drawn later, counted from the next one, sends to a peer.
    fn is_sent_to(&mut self, place: usize, index: usize) -> bool {
        self.read_ahead(index);
        receivers(self.coming[index], self.peers.len()).contains(&place)
    }

    fn read_ahead(&mut self, index: usize) {
        while self.coming.len() <= index {
            self.coming.push_back(self.dice.roll(self.draw_range.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClockRate, Phase};

    /// Machine 1 of three, once a second, with draws of seed 42: 10, 8, 4, 3 (to both), ...
    fn lookahead() -> Lookahead {
        let schedule = |phase| Schedule::new(ClockRate(1), phase, 60);
        let peers =
            [(MachineId::new(2), schedule(Phase(600))), (MachineId::new(3), schedule(Phase(900)))];
        let own = (MachineId::new(1), schedule(Phase(300)));
        Lookahead::new(own, peers, DrawRange(10), Seed::new(42).unwrap())
    }

    fn renewed(lookahead: &mut Lookahead, queue_len: u64) -> Vec<(u16, u64)> {
        let renewed = lookahead.renew(queue_len);
        renewed.map(|(peer, tick)| (peer.get(), tick.0)).collect()
    }

    #[test]
    fn a_promise_reaches_to_the_first_draw_that_sends_to_the_peer() {
        // The first three draws are internal events; the fourth sends to everyone.
        assert_eq!(renewed(&mut lookahead(), 0), [(2, 4), (3, 4)]);
    }

    #[test]
    fn messages_that_wait_postpone_every_send() {
        assert_eq!(renewed(&mut lookahead(), 7), [(2, 11), (3, 11)]);
    }

    #[test]
    fn a_promise_is_not_renewed_before_it_has_run_out() {
        let mut lookahead = lookahead();
        assert_eq!(renewed(&mut lookahead, 0).len(), 2);
        for draw in [Some(10), None, Some(8)] {
            assert_eq!(renewed(&mut lookahead, 5), []);
            lookahead.ticked(draw);
        }
        // The fourth tick would have sent, had the second not received.
        assert_eq!(renewed(&mut lookahead, 0), [(2, 5), (3, 5)]);
    }

    #[test]
    fn ticks_that_are_skipped_are_promised_to_send_nothing() {
        let mut lookahead = lookahead();
        assert_eq!(renewed(&mut lookahead, 0), [(2, 4), (3, 4)]);
        lookahead.ticked(Some(10));
        lookahead.skip_to(Tick(40));
        assert_eq!(lookahead.now().to_string(), "39.300000");
        // Two more draws go by before the one that sends.
        assert_eq!(renewed(&mut lookahead, 0), [(2, 42), (3, 42)]);
        lookahead.ticked(Some(8));
    }

    #[test]
    fn a_tick_waits_until_no_earlier_message_can_come() {
        let mut lookahead = lookahead();
        assert!(lookahead.may_tick(), "nobody is due before the first tick");
        lookahead.ticked(Some(10));
        assert!(!lookahead.may_tick());
        lookahead.hear(|peer| Tick(if peer == MachineId::new(2) { 2 } else { 1 }));
        assert!(!lookahead.may_tick(), "machine 3 may still send on its first tick");
        lookahead.hear(|_| Tick(2));
        assert!(lookahead.may_tick());
    }

    #[test]
    fn no_promise_reaches_beyond_the_end() {
        let mut lookahead = lookahead();
        assert_eq!(renewed(&mut lookahead, 500), [(2, 61), (3, 61)]);
    }

    #[test]
    #[should_panic(expected = "the stream was read ahead rightly")]
    fn another_draw_than_that_of_the_stream_is_a_bug() {
        lookahead().ticked(Some(9));
    }
}
