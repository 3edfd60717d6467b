//! The clock condition, over thousands of random schedules of the pure machines.
//!
//! Machines tick in any order, and messages arrive after any delay (in order on a channel). Vector
//! clocks, kept beside the machines and unknown to them, tell what truly happened before what.

use std::collections::VecDeque;

use proptest::prelude::*;
use scalemodel::model::{DrawRange, Event, Machine, MachineId, Message, Seed, peers_in_mesh};

/// An event: its machine, its Lamport timestamp, and its vector clock.
struct Stamped {
    machine: usize,
    timestamp: u64,
    vector: Vec<u64>,
}

/// What one step of a schedule does.
#[derive(Clone, Copy, Debug)]
enum Action {
    Tick(usize),
    /// Lets the oldest message under way from one machine to another arrive.
    Arrive(usize, usize),
}

fn actions(machines: usize) -> impl Strategy<Value = Vec<Action>> {
    let tick = (0..machines).prop_map(Action::Tick);
    let arrive = (0..machines, 0..machines).prop_map(|(from, to)| Action::Arrive(from, to));
    proptest::collection::vec(prop_oneof![2 => tick, 3 => arrive], 1..300)
}

fn schedule() -> impl Strategy<Value = (usize, u32, u64, Vec<Action>)> {
    (2_usize..=5).prop_flat_map(|machines| {
        let least = u32::try_from(machines).expect("five machines at most");
        (Just(machines), least..=least + 7, 0..=Seed::MAX, actions(machines))
    })
}

/// Runs a schedule; gives all events, and how many messages were sent, received and left.
fn run(machines: usize, range: u32, seed: u64, actions: &[Action]) -> (Vec<Stamped>, [usize; 3]) {
    let seed = Seed::new(seed).expect("drawn in range");
    let mut models: Vec<Machine> = (0..machines)
        .map(|index| {
            let id = MachineId::at(index);
            Machine::new(id, peers_in_mesh(id, machines), DrawRange(range), seed)
        })
        .collect();
    let mut vectors = vec![vec![0; machines]; machines];
    let mut under_way = vec![vec![VecDeque::new(); machines]; machines];
    let mut queues: Vec<VecDeque<(Message, Vec<u64>)>> = vec![VecDeque::new(); machines];
    let (mut events, mut sent, mut received) = (Vec::new(), 0, 0);
    for action in actions {
        match *action {
            Action::Arrive(from, to) => queues[to].extend(under_way[from][to].pop_front()),
            Action::Tick(machine) => {
                let oldest = queues[machine].pop_front();
                vectors[machine][machine] += 1;
                if let Some((_, vector)) = &oldest {
                    received += 1;
                    for (own, other) in vectors[machine].iter_mut().zip(vector) {
                        *own = (*own).max(*other);
                    }
                }
                let step = models[machine].tick(oldest.map(|(message, _)| message));
                let (timestamp, vector) = (step.timestamp, vectors[machine].clone());
                if let Event::Send(to) = step.event {
                    let message = Message { from: MachineId::at(machine), timestamp };
                    for peer in to {
                        sent += 1;
                        under_way[machine][peer.index()].push_back((message, vector.clone()));
                    }
                }
                events.push(Stamped { machine, timestamp: timestamp.0, vector });
            }
        }
    }
    let left = queues.iter().map(VecDeque::len).sum::<usize>()
        + under_way.iter().flatten().map(VecDeque::len).sum::<usize>();
    (events, [sent, received, left])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_happened_before_has_the_smaller_timestamp(
        (machines, range, seed, actions) in schedule()
    ) {
        let (events, [sent, received, left]) = run(machines, range, seed, &actions);
        prop_assert_eq!(sent, received + left, "no message is lost, doubled or invented");
        for (a, b) in events.iter().flat_map(|a| events.iter().map(move |b| (a, b))) {
            let happened_before =
                a.vector != b.vector && a.vector[a.machine] <= b.vector[a.machine];
            if happened_before {
                prop_assert!(a.timestamp < b.timestamp);
            }
        }
    }
}
