//! The engine's way through a trial with faults: rates change, machines are away, messages are held
//! back. So ticks no longer come round every second, and messages no longer in the order of their
//! sends: the next tick and the next arrival are taken from heaps.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::absence::{Absence, absences};
use super::clock::Timestamp;
use super::engine::Outcome;
use super::fault::Fault;
use super::ledger::{Ledger, Over};
use super::link::Links;
use super::machine::{Event, Machine, MachineId, Message};
use super::schedule::{ModelTime, Schedule, Tick};

/// All that a trial with faults needs besides its machines.
#[derive(Debug)]
pub(super) struct Disturbed {
    stations: Vec<Station>,
    links: Links,
    /// The next tick of every machine that is not at its end.
    next: BinaryHeap<Reverse<(ModelTime, MachineId, Tick)>>,
}

/// One machine's schedule, absences and messages.
#[derive(Debug)]
struct Station {
    schedule: Schedule,
    ticks: u64,
    absences: VecDeque<Absence>,
    ledger: Ledger,
    /// Messages that were sent and have not arrived.
    coming: BinaryHeap<Reverse<Coming>>,
    queue: VecDeque<Coming>,
}

/// A message; the order is that of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Coming {
    arrives_at: ModelTime,
    from: MachineId,
    timestamp: Timestamp,
    sent_at: Tick,
}

impl Disturbed {
    /// Begins before the first tick of machines with these schedules, in the trial's order.
    pub(super) fn new(schedules: Vec<Schedule>, faults: &[Fault], links: Links) -> Self {
        let station = |(index, schedule): (usize, Schedule)| {
            let machine = MachineId::at(index);
            Station {
                absences: absences(faults, &schedule, machine).into(),
                ledger: Ledger::new(faults, &schedule, machine),
                ticks: schedule.ticks(),
                schedule,
                coming: BinaryHeap::new(),
                queue: VecDeque::new(),
            }
        };
        let mut stations: Vec<Station> = schedules.into_iter().enumerate().map(station).collect();
        let first = |(index, station): (usize, &mut Station)| {
            station.next_tick(Tick(1)).map(|(due, tick)| Reverse((due, MachineId::at(index), tick)))
        };
        let next = stations.iter_mut().enumerate().filter_map(first).collect();
        Self { stations, links, next }
    }

    /// Runs every tick that is left, in order.
    pub(super) fn run<E>(
        &mut self,
        machines: &mut [Machine],
        mut sink: impl FnMut(Outcome<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { stations, links, next } = self;
        let mut before = None;
        let mut over: Vec<Over> = Vec::new();
        while let Some(Reverse((now, machine, tick))) = next.pop() {
            let station = &mut stations[machine.index()];
            let coming = station.next_tick(Tick(tick.0 + 1));
            next.extend(coming.map(|(due, tick)| Reverse((due, machine, tick))));
            over.clear();
            let hits = |fault| links.hits(fault, machine);
            over.extend(std::iter::from_fn(|| station.ledger.next_over(Some(now), hits)));
            station.let_arrive(now);
            let oldest = station.queue.pop_front();
            let queue_len = station.queue.len() as u64;
            let message = oldest.map(|Coming { from, timestamp, .. }| Message { from, timestamp });
            let step = machines[machine.index()].tick(message);
            if let Event::Send(to) = step.event {
                let timestamp = step.timestamp;
                for peer in to {
                    let arrives_at = links.send((machine, *peer), (tick, now)).arrives_at;
                    let coming = Coming { arrives_at, from: machine, timestamp, sent_at: tick };
                    stations[peer.index()].coming.push(Reverse(coming));
                }
            }
            sink(Outcome {
                machine,
                tick,
                is_same_instant: before.replace(now) == Some(now),
                step,
                queue_len,
                sent_at: oldest.map(|message| message.sent_at),
                over: &over,
            })?;
        }
        Ok(())
    }

    /// Tells of the faults of a machine that nobody has heard of, as they are over with the trial.
    pub(super) fn rest(&mut self, machine: MachineId) -> Vec<Over> {
        let (links, ledger) = (&self.links, &mut self.stations[machine.index()].ledger);
        let hits = |fault| links.hits(fault, machine);
        std::iter::from_fn(|| ledger.next_over(None, hits)).collect()
    }

    /// The senders of the messages that a machine has not received, whether they have arrived or not.
    pub(super) fn left(&self, machine: MachineId) -> impl Iterator<Item = MachineId> {
        let Station { coming, queue, .. } = &self.stations[machine.index()];
        let coming = coming.iter().map(|Reverse(coming)| coming);
        queue.iter().chain(coming).map(|message| message.from)
    }
}

impl Station {
    /// The first tick from this one on that is not skipped, and when it is due.
    fn next_tick(&mut self, mut tick: Tick) -> Option<(ModelTime, Tick)> {
        while let Some(absence) = self.absences.front().filter(|absence| absence.first <= tick) {
            tick = tick.max(absence.next);
            self.absences.pop_front();
        }
        (tick.0 <= self.ticks).then(|| (self.schedule.due(tick), tick))
    }

    /// Moves what has arrived before a tick into its queue.
    fn let_arrive(&mut self, now: ModelTime) {
        while let Some(Reverse(coming)) = self.coming.peek().copied()
            && coming.arrives_at < now
        {
            self.coming.pop();
            self.queue.push_back(coming);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClockRate, DrawRange, Engine, Phase, Round, Seed, peers_in_mesh};
    use proptest::prelude::*;

    /// Machine, tick, whether of one instant, event, timestamp, queue, tick of the send.
    type Deed = (MachineId, Tick, bool, String, Timestamp, u64, Option<Tick>);

    fn deeds(mut engine: Engine, duration_s: u64) -> (Vec<Deed>, Vec<u64>) {
        let mut deeds = Vec::new();
        let run = engine.run(duration_s, |outcome| {
            let Outcome { machine, tick, is_same_instant, step, queue_len, sent_at, .. } = outcome;
            let event = format!("{:?}", step.event);
            deeds.push((machine, tick, is_same_instant, event, step.timestamp, queue_len, sent_at));
            Ok::<(), ()>(())
        });
        assert_eq!(run, Ok(()));
        (deeds, engine.left(MachineId::at(0)))
    }

    proptest! {
        #[test]
        fn without_faults_both_ways_lead_through_the_same_run(
            machines in proptest::collection::vec((1_u32..=9, 1_u32..=4), 2..6),
            seed in 0_u64..1000,
            more in 0_u32..5,
        ) {
            let schedules: Vec<Schedule> = machines
                .iter()
                .map(|&(rate, phase)| Schedule::new(ClockRate(rate), Phase(250 * phase), 6))
                .collect();
            let count = schedules.len();
            let range = DrawRange(u32::try_from(count).unwrap() + more);
            let all = || {
                let machine = |index| {
                    let id = MachineId::at(index);
                    Machine::new(id, peers_in_mesh(id, count), range, Seed::new(seed).unwrap())
                };
                (0..count).map(machine).collect::<Vec<_>>()
            };
            let straight = Engine::new(all(), Round::new(&schedules));
            let disturbed = Engine::with_faults(all(), schedules, &[], Links::default());
            prop_assert_eq!(deeds(straight, 6), deeds(disturbed, 6));
        }
    }
}
