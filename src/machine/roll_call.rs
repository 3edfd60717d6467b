//! Who is there before the common start: written by the threads that hear of the peers, read by the tick
//! thread.
//!
//! The tick thread names what it waits for and parks; whoever brings the last of it wakes it. So it is
//! woken once for each wait, however many peers there are.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::inbox::{InboxSender, Notice};
use crate::model::MachineId;

/// What has to come of every peer, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// It has let this machine in.
    Welcome,
    /// It has connected to this machine.
    Connection,
    /// All of its connections stand. Only machine 1 is told.
    Readiness,
}

/// All peers, and what has yet to come of them.
#[derive(Debug)]
pub(super) struct RollCall {
    state: Mutex<State>,
    inbox: InboxSender,
}

#[derive(Debug)]
struct State {
    to_welcome: BTreeSet<MachineId>,
    to_connect: BTreeSet<MachineId>,
    to_get_ready: BTreeSet<MachineId>,
    /// The common start, as machine 1 names it or a peer knows it.
    start: Option<Instant>,
    /// The step that the tick thread waits for, or else it is the common start.
    awaited: Option<Step>,
}

impl RollCall {
    /// A roll call of which nobody was heard yet.
    pub(super) fn new(peers: impl IntoIterator<Item = MachineId>, inbox: InboxSender) -> Self {
        let peers: BTreeSet<_> = peers.into_iter().collect();
        let state = State {
            to_welcome: peers.clone(),
            to_connect: peers.clone(),
            to_get_ready: peers,
            start: None,
            awaited: None,
        };
        Self { state: Mutex::new(state), inbox }
    }

    /// Notes that a peer has let this machine in, and when the common start is if it knows that.
    pub(super) fn note_welcome(&self, by: MachineId, start: Option<Instant>) {
        self.note(|state| {
            state.to_welcome.remove(&by);
            state.start = state.start.or(start);
        });
    }

    /// Notes that the connection of a peer to this machine stands.
    pub(super) fn note_connection(&self, of: MachineId) {
        self.note(|state| {
            state.to_connect.remove(&of);
        });
    }

    /// Notes that it has ended; the peer may connect anew.
    pub(super) fn note_disconnection(&self, of: MachineId) {
        self.lock().to_connect.insert(of);
    }

    /// Notes that all connections of a peer stand.
    pub(super) fn note_readiness(&self, of: MachineId) {
        self.note(|state| {
            state.to_get_ready.remove(&of);
        });
    }

    /// Notes that machine 1 has named the common start.
    pub(super) fn note_start(&self, start: Instant) {
        self.note(|state| state.start = state.start.or(Some(start)));
    }

    /// The common start, if a peer has told it.
    pub(super) fn start(&self) -> Option<Instant> {
        self.lock().start
    }

    /// Who has not taken a step, unless the run is known to have begun; the tick thread is woken when it is
    /// nobody any more.
    pub(super) fn expect(&self, step: Step) -> Vec<MachineId> {
        let mut state = self.lock();
        state.awaited = Some(step);
        match state.is_over() {
            true => Vec::new(),
            false => state.absent(step).iter().copied().collect(),
        }
    }

    /// The common start; if it is not known, the tick thread is woken when it is.
    pub(super) fn expect_start(&self) -> Option<Instant> {
        let mut state = self.lock();
        state.awaited = None;
        state.start
    }

    fn note(&self, news: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        let was_over = state.is_over();
        news(&mut state);
        let is_over = state.is_over();
        drop(state);
        if is_over && !was_over {
            self.inbox.tell(Notice::RollCalled);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn absent(&self, step: Step) -> &BTreeSet<MachineId> {
        match step {
            Step::Welcome => &self.to_welcome,
            Step::Connection => &self.to_connect,
            Step::Readiness => &self.to_get_ready,
        }
    }

    /// Whether the wait is over.
    fn is_over(&self) -> bool {
        self.start.is_some() || self.awaited.is_some_and(|step| self.absent(step).is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::super::inbox::{Inbox, inbox};
    use super::*;
    use crate::wall_clock;

    fn roll_call() -> (RollCall, Inbox) {
        let (sender, inbox) = inbox(10);
        (RollCall::new([machine(2), machine(3)], sender), inbox)
    }

    fn machine(number: u16) -> MachineId {
        MachineId::new(number)
    }

    /// How often the tick thread was woken.
    fn wakes(inbox: &Inbox) -> usize {
        std::iter::from_fn(|| inbox.next_notice(wall_clock::now())).count()
    }

    #[test]
    fn only_the_last_of_those_who_are_waited_for_wakes() {
        let (roll_call, inbox) = roll_call();
        assert_eq!(roll_call.expect(Step::Welcome), [machine(2), machine(3)]);
        roll_call.note_connection(machine(2));
        roll_call.note_connection(machine(3));
        roll_call.note_welcome(machine(3), None);
        assert_eq!((roll_call.expect(Step::Welcome), wakes(&inbox)), (vec![machine(2)], 0));
        roll_call.note_welcome(machine(2), None);
        assert_eq!(wakes(&inbox), 1);
        assert!(
            roll_call.expect(Step::Welcome).is_empty()
                && roll_call.expect(Step::Connection).is_empty()
        );
        assert!(!roll_call.expect(Step::Readiness).is_empty());
        roll_call.note_readiness(machine(2));
        roll_call.note_readiness(machine(3));
        assert_eq!(wakes(&inbox), 1);
    }

    #[test]
    fn who_has_gone_is_waited_for_anew() {
        let (roll_call, inbox) = roll_call();
        roll_call.note_connection(machine(2));
        roll_call.note_connection(machine(3));
        roll_call.note_disconnection(machine(2));
        assert!(!roll_call.expect(Step::Connection).is_empty());
        roll_call.note_connection(machine(2));
        assert_eq!(wakes(&inbox), 1);
        assert!(roll_call.expect(Step::Connection).is_empty());
    }

    #[test]
    fn the_first_start_that_is_told_ends_every_wait() {
        let (roll_call, inbox) = roll_call();
        assert!(!roll_call.expect(Step::Connection).is_empty());
        let start = wall_clock::now();
        roll_call.note_welcome(machine(2), Some(start));
        roll_call.note_start(wall_clock::now());
        assert_eq!((wakes(&inbox), roll_call.start()), (1, Some(start)));
        assert!(roll_call.expect(Step::Connection).is_empty());
        assert_eq!(roll_call.expect_start(), Some(start));
    }

    #[test]
    fn a_start_that_is_waited_for_wakes() {
        let (roll_call, inbox) = roll_call();
        assert_eq!(roll_call.expect_start(), None);
        roll_call.note_readiness(machine(2));
        assert_eq!(wakes(&inbox), 0);
        roll_call.note_start(wall_clock::now());
        assert_eq!(wakes(&inbox), 1);
        assert!(roll_call.expect_start().is_some());
    }
}
