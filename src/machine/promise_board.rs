//! What the peers have promised, at the virtual pace: written by consumer threads, read by the tick
//! loop.
//!
//! The tick loop names what it needs and parks; the consumer thread that brings the last of it wakes
//! it. So it is woken once for each wait, however many peers there are.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::{Lookahead, MachineId, Tick};

/// The promises of all peers.
#[derive(Debug, Default)]
pub(super) struct PromiseBoard {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By position of a machine in the trial.
    peers: Vec<Promised>,
    /// How many peers have not promised what is needed.
    missing: usize,
}

#[derive(Clone, Copy, Debug)]
struct Promised {
    /// No message follows before this tick of the peer.
    before: Tick,
    /// What the tick loop waits for.
    needed: Tick,
}

impl Promised {
    fn is_enough(self) -> bool {
        self.needed <= self.before
    }
}

impl PromiseBoard {
    /// Notes a promise; whether it is the last one that the tick loop waits for.
    pub(super) fn note(&self, from: MachineId, before: Tick) -> bool {
        let mut state = self.lock();
        let promised = state.of(from);
        let was_enough = promised.is_enough();
        promised.before = before;
        let is_news = !was_enough && promised.is_enough();
        state.missing -= usize::from(is_news);
        is_news && state.missing == 0
    }

    /// Tells the promises to a lookahead whose next tick they let run; false if they do not, and
    /// the consumer thread that brings the last one is to wake the tick loop.
    pub(super) fn satisfy(&self, lookahead: &mut Lookahead) -> bool {
        let mut state = self.lock();
        let mut missing = 0;
        for (peer, needed) in lookahead.needed() {
            let promised = state.of(peer);
            promised.needed = needed;
            missing += usize::from(!promised.is_enough());
        }
        state.missing = missing;
        if missing == 0 {
            lookahead.hear(|peer| state.of(peer).before);
        }
        missing == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of(&mut self, peer: MachineId) -> &mut Promised {
        if self.peers.len() <= peer.index() {
            self.peers.resize(peer.index() + 1, Promised { before: Tick(1), needed: Tick(1) });
        }
        &mut self.peers[peer.index()]
    }
}
