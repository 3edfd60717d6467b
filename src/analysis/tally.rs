//! Figures of one machine and of one run, taken event by event: from logs and from the in-process
//! engine alike, so that both say the same.

use serde::Serialize;

use crate::model::MachineId;

/// The upper ends of the buckets of the histogram of jumps; the last bucket has none.
pub const JUMP_BUCKETS: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// The figures of one machine that do not depend on the wall clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MachineFigures {
    /// Internal events.
    pub internal: u64,
    /// Send events; one to all peers is one event.
    pub sends: u64,
    /// Receives.
    pub receives: u64,
    /// Fraction of the ticks done that received.
    pub busy: f64,
    /// The logical clock at the end.
    pub clock_end: u64,
    /// The clock at the end, compared with the largest of all machines.
    pub clock_ratio: f64,
    /// Mean jump, over all events.
    pub jump_mean: f64,
    /// Largest jump.
    pub jump_max: u64,
    /// How many jumps were 1, 2, 3..=4, 5..=8, 9..=16, 17..=32, more.
    pub jump_histogram: [u64; JUMP_BUCKETS.len() + 1],
    /// Mean queue length after a tick.
    pub queue_mean: f64,
    /// Largest queue length after a tick.
    pub queue_max: u64,
    /// Queue length at the end, late arrivals included.
    pub queue_end: u64,
    /// Mean waiting time of the messages received: receive minus send, in model seconds. At the
    /// real pace one may be negative: a late tick may receive what was sent after its due time.
    pub wait_mean_s: f64,
    /// Longest waiting time, in model seconds.
    pub wait_max_s: f64,
}

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An internal event.
    Internal,
    /// A send.
    Send,
    /// A receive.
    Receive,
}

/// Takes the figures of one machine, event by event.
#[derive(Clone, Debug, Default)]
pub struct MachineTally {
    figures: MachineFigures,
    queue_sum: u64,
    waits: u64,
    wait_sum_s: f64,
    wait_max_s: Option<f64>,
}

impl MachineTally {
    /// Takes one tick: its event, the timestamp of the event, and the queue after it.
    pub fn tick(&mut self, kind: EventKind, clock: u64, queue_len: u64) {
        let figures = &mut self.figures;
        match kind {
            EventKind::Internal => figures.internal += 1,
            EventKind::Send => figures.sends += 1,
            EventKind::Receive => figures.receives += 1,
        }
        // The first event grows from 0.
        let jump = clock.saturating_sub(figures.clock_end);
        figures.jump_histogram[JUMP_BUCKETS.partition_point(|end| *end < jump)] += 1;
        figures.jump_max = figures.jump_max.max(jump);
        figures.clock_end = clock;
        figures.queue_max = figures.queue_max.max(queue_len);
        figures.queue_end = queue_len;
        self.queue_sum = self.queue_sum.saturating_add(queue_len);
    }

    /// Takes the waiting time of a message that was received, in model seconds.
    pub fn wait(&mut self, wait_s: f64) {
        self.waits += 1;
        self.wait_sum_s += wait_s;
        self.wait_max_s = Some(self.wait_max_s.map_or(wait_s, |max| max.max(wait_s)));
    }

    /// The figures so far, with the queue at the end if it is known better than from the ticks.
    #[must_use]
    pub fn figures(&self, left: Option<u64>) -> MachineFigures {
        let figures = &self.figures;
        let ticks = (figures.internal + figures.sends + figures.receives).max(1) as f64;
        // Jumps add up to the clock at the end, as long as no clock falls.
        MachineFigures {
            busy: figures.receives as f64 / ticks,
            clock_ratio: 1.0,
            jump_mean: figures.clock_end as f64 / ticks,
            queue_mean: self.queue_sum as f64 / ticks,
            queue_end: left.unwrap_or(figures.queue_end),
            wait_mean_s: self.wait_sum_s / self.waits.max(1) as f64,
            wait_max_s: self.wait_max_s.unwrap_or(0.0),
            ..figures.clone()
        }
    }
}

/// Holds every machine's clock at the end against the largest.
pub fn compare_clocks<'a>(machines: impl Iterator<Item = &'a mut MachineFigures>) {
    let machines: Vec<_> = machines.collect();
    let clock_max = machines.iter().map(|machine| machine.clock_end).max().unwrap_or(0).max(1);
    for machine in machines {
        machine.clock_ratio = machine.clock_end as f64 / clock_max as f64;
    }
}

/// Measures the drift: the spread between the machines' logical clocks at one model time.
///
/// It is asked for after every event, so the clocks stand at the leaves of a tree: a change goes up
/// from its leaf, no further than it changes a spread.
#[derive(Clone, Debug)]
pub struct DriftMeter {
    /// The spread of all is at 1, those of the halves of i at 2 i and 2 i + 1; the leaves come last.
    spreads: Vec<Spread>,
    drift_max: u64,
}

/// The least and the largest of some clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spread {
    least: u64,
    most: u64,
}

impl Spread {
    /// Of no clocks.
    const NONE: Self = Self { least: u64::MAX, most: 0 };

    fn of(clock: u64) -> Self {
        Self { least: clock, most: clock }
    }

    fn with(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), most: self.most.max(other.most) }
    }
}

impl DriftMeter {
    /// A meter of these machines, whose clocks are at 0.
    pub fn new(machines: impl IntoIterator<Item = MachineId>) -> Self {
        let machines: Vec<_> = machines.into_iter().collect();
        let places = machines.iter().map(|machine| machine.index() + 1).max().unwrap_or(0);
        let leaves = places.next_power_of_two();
        let mut meter = Self { spreads: vec![Spread::NONE; 2 * leaves], drift_max: 0 };
        machines.into_iter().for_each(|machine| meter.set(machine, 0));
        meter
    }

    /// Takes a tick, in the order of due times. Ticks of one instant are one change.
    pub fn tick(&mut self, machine: MachineId, clock: u64, is_same_instant: bool) {
        if !is_same_instant {
            self.drift_max = self.drift_max.max(self.drift());
        }
        self.set(machine, clock);
    }

    /// The drift now.
    #[must_use]
    pub fn drift(&self) -> u64 {
        let Spread { least, most } = self.spreads[1];
        most.saturating_sub(least)
    }

    /// The largest drift so far.
    #[must_use]
    pub fn drift_max(&self) -> u64 {
        self.drift_max.max(self.drift())
    }

    fn set(&mut self, machine: MachineId, clock: u64) {
        let mut place = self.spreads.len() / 2 + machine.index();
        let mut spread = Spread::of(clock);
        while self.spreads[place] != spread {
            self.spreads[place] = spread;
            if place == 1 {
                break;
            }
            spread = spread.with(self.spreads[place ^ 1]);
            place /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn jumps_fall_into_their_buckets() {
        let mut tally = MachineTally::default();
        let mut clock = 0;
        for jump in [1, 1, 2, 3, 4, 5, 32, 33, 900] {
            clock += jump;
            tally.tick(EventKind::Internal, clock, 0);
        }
        let figures = tally.figures(None);
        assert_eq!(figures.jump_histogram, [2, 1, 2, 1, 0, 1, 2]);
        assert_eq!((figures.jump_max, figures.clock_end), (900, 981));
        assert!((figures.jump_mean - 109.0).abs() < 1e-12);
    }

    #[test]
    fn ticks_of_one_instant_are_one_change() {
        let mut meter = DriftMeter::new([1, 2].map(MachineId::new));
        meter.tick(MachineId::new(1), 5, false);
        meter.tick(MachineId::new(2), 4, true);
        assert_eq!((meter.drift_max(), meter.drift()), (1, 1));
        meter.tick(MachineId::new(1), 9, false);
        meter.tick(MachineId::new(2), 8, false);
        assert_eq!((meter.drift_max(), meter.drift()), (5, 1));
    }

    proptest! {
        #[test]
        fn the_drift_is_the_largest_clock_less_the_smallest(
            machines in prop::collection::btree_set(1_u16..40, 1..20),
            ticks in prop::collection::vec((any::<prop::sample::Index>(), 0_u64..50), 0..60),
        ) {
            let machines: Vec<_> = machines.into_iter().map(MachineId::new).collect();
            let mut clocks = vec![0; machines.len()];
            let mut meter = DriftMeter::new(machines.iter().copied());
            for (index, clock) in ticks {
                let place = index.index(machines.len());
                // Clocks may fall here, as they may in a log that is wrong.
                clocks[place] = clock;
                meter.tick(machines[place], clock, false);
                let spread = clocks.iter().max().unwrap() - clocks.iter().min().unwrap();
                prop_assert_eq!(meter.drift(), spread);
            }
        }
    }
}
