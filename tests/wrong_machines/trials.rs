//! Random trials that repeat: each is drawn from the number of its case.

use scalemodel::model::{ClockRate, Dice, DrawRange, MachineId, Phase, Seed, Stream};
use scalemodel::trial::{MachineSpec, Trial};

/// How long random trials are, in seconds: at least, and how many lengths there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Durations {
    pub(crate) least_s: u64,
    pub(crate) lengths: u32,
}

/// Two to six machines with odd clock rates and often equal phases, and any draw range from the
/// least that is allowed.
pub(crate) fn random(case: u64, durations: Durations) -> Trial {
    let seed = Seed::new(case).unwrap();
    let mut dice = Dice::new(seed, Stream::ClockRate(MachineId::new(1)));
    let machines = 1 + dice.roll(5);
    // Two phases in three are of a few, so that ticks of several machines fall into one instant.
    let mut phase = || if dice.roll(3) == 3 { dice.roll(1000) } else { 250 * dice.roll(4) };
    let phases: Vec<u32> = (0..machines).map(|_| phase()).collect();
    let machines = (20_001..).zip(phases).map(|(port, phase)| MachineSpec {
        host: "127.0.0.1".parse().unwrap(),
        port,
        clock_rate: ClockRate(2 * dice.roll(4) - 1),
        phase: Phase(phase),
    });
    let machines: Vec<MachineSpec> = machines.collect();
    let least = u32::try_from(machines.len()).unwrap();
    Trial {
        name: format!("random-{case}"),
        duration_s: durations.least_s + u64::from(dice.roll(durations.lengths)) - 1,
        draw_range: DrawRange(least + dice.roll(6) - 1),
        seed,
        machines,
        faults: Vec::new(),
    }
}
