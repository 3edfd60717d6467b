//! The rule of a tick at the real pace: a tick may find anything that was sent in its queue, and not
//! yet anything else, and draw any number.
//!
//! Every state is held against the clock condition and conservation, and against the checker: it
//! never accuses, and it says that a whole run holds. The draws are free here, so its rule about
//! the seed's draws is left out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use scalemodel::analysis::check::{Rule, Verdict, check};
use scalemodel::analysis::history::History;
use scalemodel::logbook::{
    ChannelCounts, EndRecord, Ending, Header, Log, LoggedEvent, Numbered, SystemTime, TickRecord,
    log_path,
};
use scalemodel::model::{Event, LogicalClock, MachineId, Message, Tick, Timestamp, tick};
use scalemodel::pace::{Pace, Speed};
use scalemodel::trial::Trial;

/// What one machine is and has done.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    clock: LogicalClock,
    queue: VecDeque<Message>,
    done: Vec<Done>,
}

/// A tick that is done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Done {
    timestamp: Timestamp,
    queue_len: u64,
    draw: Option<u32>,
    sent_to: Vec<MachineId>,
    received: Option<Message>,
}

/// All machines, and the messages on their way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    nodes: Vec<Node>,
    channels: BTreeMap<(MachineId, MachineId), VecDeque<Message>>,
}

struct Search {
    trial: Trial,
    seen: BTreeSet<State>,
    whole: usize,
}

impl Search {
    fn of(trial: Trial) -> Self {
        let nodes = vec![Node::default(); trial.machines.len()];
        let mut search = Self { trial, seen: BTreeSet::new(), whole: 0 };
        let mut open = vec![State { nodes, channels: BTreeMap::new() }];
        while let Some(state) = open.pop() {
            if !search.seen.contains(&state) {
                search.judge(&state);
                open.extend(search.next(&state));
                search.seen.insert(state);
            }
        }
        search
    }

    /// Every state that one step leads to: a message arrives, or a machine ticks.
    fn next(&self, state: &State) -> Vec<State> {
        let mut states = Vec::new();
        for (from, to) in state.channels.keys().copied() {
            let mut next = state.clone();
            let channel = next.channels.get_mut(&(from, to)).unwrap();
            let message = channel.pop_front().unwrap();
            if channel.is_empty() {
                next.channels.remove(&(from, to));
            }
            next.nodes[to.index()].queue.push_back(message);
            states.push(next);
        }
        for machine in self.trial.machine_ids() {
            let node = &state.nodes[machine.index()];
            if (node.done.len() as u64) < self.trial.schedule(machine).ticks() {
                let draws = if node.queue.is_empty() { self.trial.draw_range.0 } else { 1 };
                states.extend((1..=draws).map(|draw| self.ticked(state, machine, draw)));
            }
        }
        states
    }

    fn ticked(&self, state: &State, machine: MachineId, draw: u32) -> State {
        let mut next = state.clone();
        let node = &mut next.nodes[machine.index()];
        let peers = self.trial.peers(machine);
        let oldest = node.queue.pop_front();
        let step = tick(&mut node.clock, &peers, oldest, || draw);
        let sent_to = match step.event {
            Event::Send(to) => to.to_vec(),
            Event::Internal | Event::Receive(_) => Vec::new(),
        };
        for to in &sent_to {
            let message = Message { from: machine, timestamp: step.timestamp };
            next.channels.entry((machine, *to)).or_default().push_back(message);
        }
        let done = Done {
            timestamp: step.timestamp,
            queue_len: node.queue.len() as u64,
            draw: step.draw,
            sent_to,
            received: oldest,
        };
        node.done.push(done);
        next
    }

    fn judge(&mut self, state: &State) {
        for (node, machine) in state.nodes.iter().zip(self.trial.machine_ids()) {
            assert_clock_condition(state, node);
            for peer in self.trial.peers(machine) {
                assert_conservation(state, peer, machine);
            }
        }
        let history = self.history(state);
        let findings = check(&history);
        let accused = findings.violations.iter().find(|violation| violation.rule != Rule::Draws);
        assert!(accused.is_none(), "{accused:?} in {state:?}");
        if self.is_whole(state) {
            self.whole += 1;
        } else {
            assert_ne!(findings.verdict, Verdict::Holds, "{state:?}");
        }
    }

    fn is_whole(&self, state: &State) -> bool {
        let ticks = |machine| self.trial.schedule(machine).ticks();
        let mut nodes = state.nodes.iter().zip(self.trial.machine_ids());
        state.channels.is_empty()
            && nodes.all(|(node, machine)| node.done.len() as u64 == ticks(machine))
    }

    fn history(&self, state: &State) -> History {
        let folder = Path::new("small");
        let logs = self.trial.machine_ids().map(|machine| self.log(state, machine, folder));
        History::of(folder, logs.collect(), Vec::new())
    }

    /// The log that a machine would have written.
    fn log(&self, state: &State, machine: MachineId, folder: &Path) -> Log {
        let (trial, node) = (&self.trial, &state.nodes[machine.index()]);
        let ticks = node.done.iter().zip(1..).map(|(done, number)| Numbered {
            line: 16 + number,
            entry: self.record(machine, done, Tick(number as u64)),
        });
        let end = EndRecord {
            why: Ending::Finished,
            system_time: SystemTime(0),
            ticks_done: node.done.len() as u64,
            ticks_skipped: 0,
            logical_clock: node.clock.now(),
            sent: self.counts(machine, |peer| sent(node, peer)),
            received: self.counts(machine, |peer| received(node, peer)),
            left: self.counts(machine, |peer| waiting(node, peer)),
        };
        let line = 17 + node.done.len();
        Log {
            path: log_path(folder, trial.spec(machine).port),
            header: Header::new(trial.clone(), machine, Pace::Real(Speed::ONE)),
            start: Some(SystemTime(0)),
            ticks: ticks.collect(),
            skips: Vec::new(),
            restarts: Vec::new(),
            faults: Vec::new(),
            end: self.is_whole(state).then_some(Numbered { line, entry: end }),
            clock_offset: None,
            torn_line: None,
            settled: node.done.len(),
            is_settled: true,
        }
    }

    fn record(&self, machine: MachineId, done: &Done, tick: Tick) -> TickRecord {
        let port = |machine: MachineId| self.trial.spec(machine).port;
        let event = match (&done.received, &done.sent_to[..]) {
            (Some(message), _) => {
                LoggedEvent::Receive { from: port(message.from), timestamp: message.timestamp }
            }
            (None, []) => LoggedEvent::Internal,
            (None, to) => LoggedEvent::Send(to.iter().map(|to| port(*to)).collect()),
        };
        TickRecord {
            system_time: SystemTime(0),
            tick,
            model_time_us: self.trial.schedule(machine).due(tick).micros(),
            lateness_us: 0,
            event,
            logical_clock: done.timestamp,
            queue_len: done.queue_len,
            draw: done.draw,
        }
    }

    fn counts(&self, machine: MachineId, count: impl Fn(MachineId) -> u64) -> ChannelCounts {
        let peers = self.trial.peers(machine).into_iter();
        ChannelCounts(peers.map(|peer| (self.trial.spec(peer).port, count(peer))).collect())
    }
}

fn sent(node: &Node, to: MachineId) -> u64 {
    node.done.iter().filter(|done| done.sent_to.contains(&to)).count() as u64
}

fn received(node: &Node, from: MachineId) -> u64 {
    let received = node.done.iter().filter_map(|done| done.received);
    received.filter(|message| message.from == from).count() as u64
}

fn waiting(node: &Node, from: MachineId) -> u64 {
    node.queue.iter().filter(|message| message.from == from).count() as u64
}

/// Clocks rise along a machine, and from a send to its receive.
fn assert_clock_condition(state: &State, node: &Node) {
    assert!(node.done.is_sorted_by(|a, b| a.timestamp < b.timestamp), "{state:?}");
    for done in &node.done {
        if let Some(message) = done.received {
            assert!(message.timestamp < done.timestamp, "{state:?}");
            let sender = &state.nodes[message.from.index()];
            let is_send = |other: &Done| other.timestamp == message.timestamp;
            assert_eq!(sender.done.iter().filter(|other| is_send(other)).count(), 1, "{state:?}");
        }
    }
}

/// Sent = received + in the queue + on the way.
fn assert_conservation(state: &State, from: MachineId, to: MachineId) {
    let receiver = &state.nodes[to.index()];
    let on_the_way = state.channels.get(&(from, to)).map_or(0, VecDeque::len) as u64;
    let accounted = received(receiver, from) + waiting(receiver, from) + on_the_way;
    assert_eq!(sent(&state.nodes[from.index()], to), accounted, "{state:?}");
}

/// Exhausts trials of a second, in which each machine ticks as often as its clock rate.
fn exhaust(name: &str, rates: &[u32], draw_range: u32) {
    let machines: Vec<_> = rates.iter().map(|&rate| (rate, 500)).collect();
    let search = Search::of(super::trial(&machines, 1, draw_range, 1));
    println!("the rule, {name}: {} states, {} of them whole runs", search.seen.len(), search.whole);
    assert!(0 < search.whole);
}

#[test]
fn two_machines_and_every_order_and_draw() {
    exhaust("2 machines, 3 and 3 ticks, draws in 1..=3", &[3, 3], 3);
}

#[test]
fn three_machines_and_every_order_and_draw() {
    exhaust("3 machines, 2, 1 and 1 ticks, draws in 1..=4", &[2, 1, 1], 4);
}
