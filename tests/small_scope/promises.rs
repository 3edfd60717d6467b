//! The virtual pace's synchronisation: every order in which machines can go on and lines arrive.
//!
//! Every machine does what the pacemaker does, with the very same lookahead; connections keep the
//! order of their lines and nothing else. Each tick is held against the in-process engine, so that
//! none runs too early or sees too much; and a state from which nothing goes on is the end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use scalemodel::model::{
    Event, Lookahead, Machine, MachineId, Message, ModelTime, Step, Tick, Timestamp,
};
use scalemodel::trial::Trial;

/// A line on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Line {
    Message { timestamp: Timestamp, tick: Tick },
    Promise(Tick),
}

/// What a tick did, for comparison with the engine: event, timestamp, draw, length of the queue.
type Deed = (Option<Message>, Vec<MachineId>, Timestamp, Option<u32>, u64);

#[derive(Clone, Debug)]
struct Node {
    machine: Machine,
    lookahead: Lookahead,
    queue: VecDeque<Message>,
    early: BTreeSet<(ModelTime, MachineId, Timestamp)>,
    done: u64,
    /// What each peer has promised, by its position.
    board: Vec<Tick>,
    /// Lines that wait until the machine has to.
    outbox: Vec<(MachineId, Line)>,
    is_waiting: bool,
}

#[derive(Clone, Debug)]
struct State {
    nodes: Vec<Node>,
    channels: BTreeMap<(MachineId, MachineId), VecDeque<Line>>,
}

/// What tells one state from another; everything else follows from it and the trial.
type Key = (Vec<(u64, Vec<Tick>, Vec<(MachineId, Line)>, bool, usize)>, Vec<VecDeque<Line>>);

struct Search<'a> {
    trial: &'a Trial,
    deeds: BTreeMap<(MachineId, u64), Deed>,
    seen: BTreeSet<Key>,
    ends: usize,
}

fn deed(step: &Step<'_>, queue_len: u64) -> Deed {
    let (received, sent) = match step.event {
        Event::Receive(message) => (Some(message), Vec::new()),
        Event::Send(to) => (None, to.to_vec()),
        Event::Internal => (None, Vec::new()),
    };
    (received, sent, step.timestamp, step.draw, queue_len)
}

/// What the in-process engine does on every tick.
fn deeds(trial: &Trial) -> BTreeMap<(MachineId, u64), Deed> {
    let mut deeds = BTreeMap::new();
    let run = trial.engine().run(trial.duration_s, |outcome| {
        let deed = deed(&outcome.step, outcome.queue_len);
        deeds.insert((outcome.machine, outcome.tick.0), deed);
        Ok::<(), ()>(())
    });
    assert_eq!(run, Ok(()));
    deeds
}

impl<'a> Search<'a> {
    fn of(trial: &'a Trial) -> Self {
        let mut search = Self { trial, deeds: deeds(trial), seen: BTreeSet::new(), ends: 0 };
        let nodes = trial.machine_ids().map(|machine| Node::new(trial, machine)).collect();
        let mut channels = BTreeMap::new();
        for from in trial.machine_ids() {
            for to in trial.peers(from) {
                channels.insert((from, to), VecDeque::new());
            }
        }
        let mut open = vec![State { nodes, channels }];
        while let Some(state) = open.pop() {
            if search.seen.insert(state.key()) {
                let next = search.next(&state);
                if next.is_empty() {
                    search.end(&state);
                }
                open.extend(next);
            }
        }
        search
    }

    fn next(&self, state: &State) -> Vec<State> {
        let mut states = Vec::new();
        for (&(from, to), lines) in &state.channels {
            if !lines.is_empty() {
                let mut next = state.clone();
                let line = next.channels.get_mut(&(from, to)).unwrap().pop_front().unwrap();
                next.nodes[to.index()].take(self.trial, from, line);
                states.push(next);
            }
        }
        for machine in self.trial.machine_ids() {
            let mut next = state.clone();
            if self.go_on(&mut next, machine) {
                states.push(next);
            }
        }
        states
    }

    /// Does what a machine does next; false if it waits, or is done.
    fn go_on(&self, state: &mut State, machine: MachineId) -> bool {
        let State { nodes, channels } = state;
        let node = &mut nodes[machine.index()];
        if self.trial.schedule(machine).ticks() == node.done {
            return node.settle(machine, channels);
        }
        if node.lookahead.may_tick() {
            let found = node.tick(machine);
            assert_eq!(found, self.deeds[&(machine, node.done)], "machine {machine}, {node:?}");
            return true;
        }
        let is_promised = |(peer, tick): (MachineId, Tick)| tick <= node.board[peer.index()];
        if node.lookahead.needed().all(is_promised) {
            let board = node.board.clone();
            node.lookahead.hear(|peer| board[peer.index()]);
            node.is_waiting = false;
            return true;
        }
        node.settle(machine, channels)
    }

    /// Nothing goes on: everything has to be done.
    fn end(&mut self, state: &State) {
        self.ends += 1;
        for (node, machine) in state.nodes.iter().zip(self.trial.machine_ids()) {
            let ticks = self.trial.schedule(machine).ticks();
            assert_eq!(node.done, ticks, "machine {machine} is stuck: {state:?}");
        }
    }
}

impl State {
    fn key(&self) -> Key {
        let nodes = self.nodes.iter().map(|node| {
            let Node { done, board, outbox, is_waiting, early, queue, .. } = node;
            (*done, board.clone(), outbox.clone(), *is_waiting, early.len() + queue.len())
        });
        (nodes.collect(), self.channels.values().cloned().collect())
    }
}

impl Node {
    fn new(trial: &Trial, machine: MachineId) -> Self {
        let scheduled = |machine| (machine, trial.schedule(machine));
        let peers = trial.peers(machine).into_iter().map(scheduled);
        Self {
            machine: trial.machine(machine),
            lookahead: Lookahead::new(scheduled(machine), peers, trial.draw_range, trial.seed),
            queue: VecDeque::new(),
            early: BTreeSet::new(),
            done: 0,
            board: vec![Tick(1); trial.machines.len()],
            outbox: Vec::new(),
            is_waiting: false,
        }
    }

    fn take(&mut self, trial: &Trial, from: MachineId, line: Line) {
        match line {
            Line::Message { timestamp, tick } => {
                assert!(self.board[from.index()] <= tick, "a message breaks a promise");
                self.early.insert((trial.schedule(from).due(tick), from, timestamp));
            }
            Line::Promise(tick) => {
                assert!(self.board[from.index()] < tick, "a promise does not grow");
                self.board[from.index()] = tick;
            }
        }
    }

    fn tick(&mut self, id: MachineId) -> Deed {
        let now = self.lookahead.now();
        while let Some(&(sent_at, from, timestamp)) = self.early.first().filter(|e| e.0 < now) {
            self.early.remove(&(sent_at, from, timestamp));
            self.queue.push_back(Message { from, timestamp });
        }
        let oldest = self.queue.pop_front();
        let step = self.machine.tick(oldest);
        let deed = deed(&step, self.queue.len() as u64);
        self.lookahead.ticked(step.draw);
        self.done += 1;
        for to in &deed.1 {
            assert_ne!(*to, id);
            let line = Line::Message { timestamp: deed.2, tick: Tick(self.done) };
            self.outbox.push((*to, line));
        }
        deed
    }

    /// Lets everything out and waits; false if the machine waits already.
    fn settle(
        &mut self,
        id: MachineId,
        channels: &mut BTreeMap<(MachineId, MachineId), VecDeque<Line>>,
    ) -> bool {
        if std::mem::replace(&mut self.is_waiting, true) {
            return false;
        }
        let promises = self.lookahead.renew(self.queue.len() as u64);
        self.outbox.extend(promises.map(|(peer, tick)| (peer, Line::Promise(tick))));
        for (to, line) in self.outbox.drain(..) {
            channels.get_mut(&(id, to)).unwrap().push_back(line);
        }
        true
    }
}

/// Exhausts a trial for many seeds.
fn exhaust(name: &str, machines: &[(u32, u32)], duration_s: u64, draw_range: u32, seeds: u64) {
    let (mut states, mut ends) = (0, 0);
    for seed in 0..seeds {
        let trial = super::trial(machines, duration_s, draw_range, seed);
        let search = Search::of(&trial);
        states += search.seen.len();
        ends += search.ends;
    }
    println!("promises, {name}: {states} states, {ends} ends, {seeds} seeds");
    assert!(seeds <= ends as u64, "every run comes to its end");
}

#[test]
fn two_machines_never_wait_for_each_other() {
    exhaust("2 machines, 4 and 2 ticks", &[(2, 300), (1, 600)], 2, 3, 200);
}

#[test]
fn machines_of_one_instant_never_wait_for_each_other() {
    exhaust("2 machines, 3 and 3 ticks at the same instants", &[(3, 500), (3, 500)], 1, 3, 200);
}

#[test]
fn machines_of_very_different_rates_never_wait_for_each_other() {
    exhaust("2 machines, 9 ticks and 1", &[(9, 100), (1, 500)], 1, 4, 100);
}

#[test]
fn three_machines_never_wait_for_each_other() {
    exhaust("3 machines, 2, 2 and 1 ticks", &[(2, 300), (2, 700), (1, 600)], 1, 5, 20);
}
