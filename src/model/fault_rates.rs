//! How faults change the clock rate of a machine.

use super::chance::{Dice, Seed, Stream};
use super::fault::{Fault, MachineFault, Span, numbered};
use super::machine::MachineId;
use super::schedule::ClockRate;
use super::stretches::RateChange;

/// A jittering rate is drawn anew after so many milliseconds of model time.
pub const JITTER_EVERY_MS: u64 = 500;

/// A ramp has no more steps than this.
pub const RAMP_STEPS_MAX: u64 = 100;

/// The largest rate that is drawn or given, as a number of ticks per second.
const RATE_MAX: u32 = 10_000;

/// Every change of a machine's clock rate, in order. The spans of its faults must not overlap.
#[must_use]
pub fn rate_changes(
    faults: &[Fault],
    seed: Seed,
    machine: MachineId,
    base: ClockRate,
) -> Vec<RateChange> {
    let mut struck: Vec<_> = numbered(faults)
        .filter_map(|(number, fault)| Some((fault.span, number, fault.on(machine)?)))
        .filter(|(_, _, fault)| !matches!(fault, MachineFault::Kill | MachineFault::Pause))
        .collect();
    struck.sort_by_key(|(span, ..)| span.at_ms);
    let mut changes = Vec::new();
    for (span, number, fault) in struck {
        let rates = match fault {
            MachineFault::Kill | MachineFault::Pause => Vec::new(),
            MachineFault::Freeze => vec![(span.at_ms, 0)],
            MachineFault::Step(rate) => vec![(span.at_ms, rate.0)],
            MachineFault::Ramp(rate) => ramp(span, base, rate),
            MachineFault::Jitter { spread } => {
                let dice = Dice::new(seed, Stream::FaultRate { fault: number, machine });
                jitter(span, base, spread, dice)
            }
        };
        let rates = rates.into_iter().chain([(span.end_ms(), base.0)]);
        changes
            .extend(rates.map(|(at_ms, ticks_per_second)| RateChange { at_ms, ticks_per_second }));
    }
    changes
}

/// Equal steps from one rate to the other, each as long as the others.
fn ramp(span: Span, from: ClockRate, to: ClockRate) -> Vec<(u64, u32)> {
    let (from, to) = (i64::from(from.0), i64::from(to.0));
    let steps = from.abs_diff(to).min(RAMP_STEPS_MAX);
    let rate = |step: u64| {
        let step = i64::try_from(step).expect("a ramp has few steps");
        let rate = from + (to - from) * step / i64::try_from(steps).expect("a ramp has few steps");
        u32::try_from(rate).expect("it lies between two rates")
    };
    (1..=steps).map(|step| (span.at_ms + span.for_ms * (step - 1) / steps, rate(step))).collect()
}

/// A rate for every half second, by chance.
fn jitter(span: Span, base: ClockRate, spread: u32, mut dice: Dice) -> Vec<(u64, u32)> {
    let least = base.0.saturating_sub(spread);
    let most = base.0.saturating_add(spread).min(RATE_MAX);
    let steps = span.for_ms.div_ceil(JITTER_EVERY_MS);
    let mut rate = || least + dice.roll(most - least + 1) - 1;
    (0..steps).map(|step| (span.at_ms + step * JITTER_EVERY_MS, rate())).collect()
}

/// How many changes a fault makes to the rate of each machine that it strikes, at most.
#[must_use]
pub fn rate_changes_max(fault: MachineFault, span: Span) -> u64 {
    match fault {
        MachineFault::Kill | MachineFault::Pause => 0,
        MachineFault::Freeze | MachineFault::Step(_) => 2,
        MachineFault::Ramp(_) => RAMP_STEPS_MAX + 1,
        MachineFault::Jitter { .. } => span.for_ms.div_ceil(JITTER_EVERY_MS) + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FaultKind;

    fn changes(fault: MachineFault, base: u32) -> Vec<(u64, u32)> {
        let machine = MachineId::new(1);
        let span = Span { at_ms: 1000, for_ms: 1200 };
        let faults = [Fault { span, kind: FaultKind::OnMachines(vec![machine], fault) }];
        let seed = Seed::new(42).unwrap();
        let changes = rate_changes(&faults, seed, machine, ClockRate(base));
        changes.iter().map(|change| (change.at_ms, change.ticks_per_second)).collect()
    }

    #[test]
    fn a_ramp_reaches_its_rate_in_steps_of_equal_length() {
        let up = changes(MachineFault::Ramp(ClockRate(5)), 2);
        assert_eq!(up, [(1000, 3), (1400, 4), (1800, 5), (2200, 2)]);
        let down = changes(MachineFault::Ramp(ClockRate(1)), 5);
        assert_eq!(down, [(1000, 4), (1300, 3), (1600, 2), (1900, 1), (2200, 5)]);
        assert_eq!(changes(MachineFault::Ramp(ClockRate(5)), 5), [(2200, 5)]);
        let long = changes(MachineFault::Ramp(ClockRate(10_000)), 1);
        assert_eq!((long.len(), long[0], long[99]), (101, (1000, 100), (2188, 10_000)));
    }

    #[test]
    fn a_jittering_rate_is_drawn_every_half_second() {
        let drawn = changes(MachineFault::Jitter { spread: 9 }, 5);
        let at_ms: Vec<_> = drawn.iter().map(|(at_ms, _)| *at_ms).collect();
        assert_eq!(at_ms, [1000, 1500, 2000, 2200]);
        assert!(drawn.iter().all(|(_, rate)| *rate <= 14), "{drawn:?}");
        assert_eq!(drawn.last(), Some(&(2200, 5)));
    }
}
