//! The virtual pace's synchronisation: every order in which machines can go on and lines arrive.
//!
//! Every machine does what the pacemaker does, with the very same lookahead; connections keep the
//! order of their lines and nothing else. Each tick is held against the in-process engine, so that
//! none runs too early or sees too much; and a state from which nothing goes on is the end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use scalemodel::model::{
    Absence, Arrival, ChannelFault, Channels, ClockRate, Event, Fault, FaultKind, Links, Lookahead,
    Machine, MachineFault, MachineId, Message, ModelTime, Schedule, Span, Step, Tick, Timestamp,
};
use scalemodel::trial::Trial;

/// A line on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Message { timestamp: Timestamp, tick: Tick, arrival: Arrival },
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
    absences: Vec<Absence>,
    links: Links,
    /// The number of the tick that was done or skipped last.
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
type Key = (Vec<(u64, Vec<Tick>, Vec<LineKey>, bool, usize)>, Vec<Vec<LineKey>>);

/// What tells one line from another: its addressee, its tick, and whether it is a message.
type LineKey = (MachineId, Tick, bool);

struct Search<'a> {
    trial: &'a Trial,
    schedules: Vec<Schedule>,
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
        let schedules = trial.machine_ids().map(|machine| trial.schedule(machine)).collect();
        let (deeds, seen) = (deeds(trial), BTreeSet::new());
        let mut search = Self { trial, schedules, deeds, seen, ends: 0 };
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
                next.nodes[to.index()].take(&self.schedules[from.index()], from, line);
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
        if node.skip() {
            return true;
        }
        if self.schedules[machine.index()].ticks() == node.done {
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
            let ticks = self.schedules[machine.index()].ticks();
            assert_eq!(node.done, ticks, "machine {machine} is stuck: {state:?}");
        }
    }
}

impl State {
    fn key(&self) -> Key {
        let nodes = self.nodes.iter().map(|node| {
            let Node { done, board, outbox, is_waiting, early, queue, .. } = node;
            let outbox = outbox.iter().map(|(to, line)| line.key(*to));
            (*done, board.clone(), outbox.collect(), *is_waiting, early.len() + queue.len())
        });
        let channels = self
            .channels
            .iter()
            .map(|((_, to), lines)| lines.iter().map(|line| line.key(*to)).collect());
        (nodes.collect(), channels.collect())
    }
}

impl Line {
    fn key(self, to: MachineId) -> LineKey {
        match self {
            Self::Message { tick, .. } => (to, tick, true),
            Self::Promise(tick) => (to, tick, false),
        }
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
            absences: trial.absences(machine),
            links: trial.links(),
            done: 0,
            board: vec![Tick(1); trial.machines.len()],
            outbox: Vec::new(),
            is_waiting: false,
        }
    }

    fn take(&mut self, sender: &Schedule, from: MachineId, line: Line) {
        match line {
            Line::Message { timestamp, tick, arrival } => {
                assert!(self.board[from.index()] <= tick, "a message breaks a promise");
                self.early.insert((arrival.time(sender), from, timestamp));
            }
            Line::Promise(tick) => {
                assert!(self.board[from.index()] < tick, "a promise does not grow");
                self.board[from.index()] = tick;
            }
        }
    }

    /// Passes over the ticks of an absence; false if the machine is there.
    fn skip(&mut self) -> bool {
        let next = Tick(self.done + 1);
        let absence = self.absences.iter().find(|absence| absence.has(next));
        absence.inspect(|absence| {
            self.lookahead.skip_to(absence.next);
            self.done = absence.next.0 - 1;
        });
        absence.is_some()
    }

    fn tick(&mut self, id: MachineId) -> Deed {
        let now = self.lookahead.now();
        while let Some(&(arrives_at, from, timestamp)) = self.early.first().filter(|e| e.0 < now) {
            self.early.remove(&(arrives_at, from, timestamp));
            self.queue.push_back(Message { from, timestamp });
        }
        let oldest = self.queue.pop_front();
        let step = self.machine.tick(oldest);
        let deed = deed(&step, self.queue.len() as u64);
        self.lookahead.ticked(step.draw);
        self.done += 1;
        for to in &deed.1 {
            assert_ne!(*to, id);
            let tick = Tick(self.done);
            let arrival = self.links.send((id, *to), (tick, now)).arrival;
            let line = Line::Message { timestamp: deed.2, tick, arrival };
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
    exhaust_with(name, &[], seeds, |seed| super::trial(machines, duration_s, draw_range, seed));
}

/// Exhausts a trial with faults for many seeds.
fn exhaust_with(name: &str, faults: &[Fault], seeds: u64, trial: impl Fn(u64) -> Trial) {
    let (mut states, mut ends) = (0, 0);
    for seed in 0..seeds {
        let trial = Trial { faults: faults.to_vec(), ..trial(seed) };
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

fn on_first(at_ms: u64, for_ms: u64, fault: MachineFault) -> Fault {
    let kind = FaultKind::OnMachines(vec![MachineId::new(1)], fault);
    Fault { span: Span { at_ms, for_ms }, kind }
}

fn from_first(at_ms: u64, for_ms: u64, fault: ChannelFault) -> Fault {
    let [from, to] = [1, 2].map(|number| vec![MachineId::new(number)]);
    let channels = Channels { from, to, both_ways: false };
    Fault { span: Span { at_ms, for_ms }, kind: FaultKind::OnChannels(channels, fault) }
}

#[test]
fn machines_never_wait_for_one_that_is_away() {
    let faults = [on_first(600, 700, MachineFault::Kill), on_first(1500, 400, MachineFault::Pause)];
    let trial = |seed| super::trial(&[(4, 300), (2, 600)], 2, 3, seed);
    exhaust_with("2 machines, one of them away twice", &faults, 100, trial);
    let to_the_end = [on_first(900, 1100, MachineFault::Kill)];
    exhaust_with("2 machines, one of them away to the end", &to_the_end, 100, trial);
}

#[test]
fn machines_whose_messages_are_held_back_never_wait_for_each_other() {
    let faults = [
        from_first(0, 1200, ChannelFault::Delay { delay_ms: 333, jitter_ms: 200 }),
        from_first(500, 1000, ChannelFault::Loss { percent: 60 }),
    ];
    let trial = |seed| super::trial(&[(3, 500), (2, 500)], 2, 3, seed);
    exhaust_with("2 machines, one channel slow and lossy", &faults, 100, trial);
}

#[test]
fn machines_whose_rates_change_never_wait_for_each_other() {
    let faults = [
        on_first(200, 500, MachineFault::Step(ClockRate(7))),
        on_first(900, 600, MachineFault::Freeze),
        from_first(0, 2000, ChannelFault::Partition),
    ];
    let trial = |seed| super::trial(&[(2, 300), (2, 600)], 2, 3, seed);
    exhaust_with("2 machines, the rate of one changes", &faults, 100, trial);
}
