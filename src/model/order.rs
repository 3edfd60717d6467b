//! The order of all ticks of all machines: by due time, and by machine number at one instant.
//!
//! Clock rates are whole numbers a second, and every phase is in (0, 1] of a period. So the ticks
//! of a model second are due after its beginning and not after its end, each second holds the same
//! ticks in the same order, and one round of them orders the whole trial.

use super::machine::MachineId;
use super::schedule::{ClockRate, ModelTime, Schedule, Tick};

/// The ticks of one model second, in order.
#[derive(Clone, Debug)]
pub struct Round {
    slots: Vec<Slot>,
}

/// One tick of the round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The machine that ticks.
    pub machine: MachineId,
    /// Its tick in the first second.
    pub first_tick: Tick,
    /// Whether it is due at the same instant as the slot before it.
    pub is_same_instant: bool,
    clock_rate: ClockRate,
}

impl Slot {
    /// The tick that the slot stands for in a later second; seconds are counted from 0.
    #[must_use]
    pub fn tick_in(&self, second: u64) -> Tick {
        Tick(second * u64::from(self.clock_rate.0) + self.first_tick.0)
    }
}

impl Round {
    /// Orders the ticks of machines with these schedules, given in the trial's order.
    #[must_use]
    pub fn new(schedules: &[Schedule]) -> Self {
        let mut ticks: Vec<(ModelTime, MachineId, Tick)> = Vec::new();
        for (index, schedule) in schedules.iter().enumerate() {
            let numbers = 1..=u64::from(schedule.clock_rate.0);
            ticks.extend(numbers.map(|n| (schedule.due(Tick(n)), MachineId::at(index), Tick(n))));
        }
        ticks.sort_unstable();
        let mut before = None;
        let slots = ticks.into_iter().map(|(due, machine, first_tick)| {
            let is_same_instant = before.replace(due) == Some(due);
            let clock_rate = schedules[machine.index()].clock_rate;
            Slot { machine, first_tick, is_same_instant, clock_rate }
        });
        Self { slots: slots.collect() }
    }

    /// The slots of one second, in order.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::schedule::Phase;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_round_orders_all_seconds_as_a_sort_of_all_ticks_does(
            machines in proptest::collection::vec((1_u32..=9, 1_u32..=1000), 1..6),
        ) {
            let schedules: Vec<Schedule> = machines
                .iter()
                .map(|&(rate, phase)| Schedule::new(ClockRate(rate), Phase(phase), 3))
                .collect();
            let mut sorted: Vec<_> = schedules
                .iter()
                .enumerate()
                .flat_map(|(index, schedule)| {
                    let ticks = (1..=schedule.ticks()).map(Tick);
                    ticks.map(move |tick| (schedule.due(tick), MachineId::at(index), tick))
                })
                .collect();
            sorted.sort();
            let round = Round::new(&schedules);
            let seconds = (0..3).flat_map(|second| {
                let round = &round;
                let ticks = round.slots().iter();
                ticks.map(move |slot| (slot.machine, slot.tick_in(second)))
            });
            let in_rounds: Vec<_> = seconds.collect();
            let in_order: Vec<_> = sorted.iter().map(|(_, id, tick)| (*id, *tick)).collect();
            prop_assert_eq!(in_rounds, in_order);
        }
    }
}
