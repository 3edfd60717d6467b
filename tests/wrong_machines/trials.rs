//! Random trials that repeat: each is drawn from the number of its case.

use scalemodel::model::{
    ChannelFault, Channels, ClockRate, Dice, DrawRange, Fault, FaultKind, MachineFault, MachineId,
    Phase, Seed, Span, Stream,
};
use scalemodel::trial::faults::misfits;
use scalemodel::trial::{MachineSpec, Trial};

use crate::workbench::Setting;

/// How long random trials are, in seconds: at least, and how many lengths there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Durations {
    pub(crate) least_s: u64,
    pub(crate) lengths: u32,
}

/// A random trial that suits a setting.
pub(crate) fn random_for(setting: Setting, case: u64, durations: Durations) -> Trial {
    let mut trial = random(case, durations);
    if setting == Setting::Faults {
        add_faults(&mut trial);
    }
    trial
}

/// One to six faults of any kind, at any time, on any machines.
fn add_faults(trial: &mut Trial) {
    let mut dice = Dice::new(trial.seed, Stream::ClockRate(MachineId::new(2)));
    let machines = trial.machines.len();
    for _ in 0..dice.roll(6) {
        let fault = random_fault(trial, &mut dice);
        trial.faults.push(fault);
        if !misfits(&trial.faults, machines, trial.duration_s).is_empty() {
            trial.faults.pop();
        }
    }
}

fn random_fault(trial: &Trial, dice: &mut Dice) -> Fault {
    let trial_ms = u32::try_from(1000 * trial.duration_s).unwrap();
    // Half of the spans begin and end at times at which ticks are often due.
    let unit = if dice.roll(2) == 1 { 250 } else { 1 };
    let at_ms = (dice.roll(trial_ms) - 1) / unit * unit;
    let for_ms = (dice.roll(trial_ms - at_ms).div_ceil(unit) * unit).min(trial_ms - at_ms);
    let span = Span { at_ms: u64::from(at_ms), for_ms: u64::from(for_ms) };
    let count = u32::try_from(trial.machines.len()).unwrap();
    let some = |dice: &mut Dice| {
        let first = usize::try_from(dice.roll(count) - 1).unwrap();
        let more = usize::try_from(dice.roll(count) - 1).unwrap() / 2;
        (0..=more).map(|step| MachineId::at((first + step) % trial.machines.len())).collect()
    };
    let kind = dice.roll(13);
    let on_machine = match kind {
        1 => Some(MachineFault::Kill),
        2 => Some(MachineFault::Pause),
        3 => Some(MachineFault::Freeze),
        4 => Some(MachineFault::Step(ClockRate(dice.roll(20)))),
        5 => Some(MachineFault::Ramp(ClockRate(dice.roll(20)))),
        6 => Some(MachineFault::Jitter { spread: dice.roll(9) }),
        _ => None,
    };
    let kind = match on_machine {
        Some(fault) => FaultKind::OnMachines(some(dice), fault),
        None => {
            let channels =
                Channels { from: some(dice), to: some(dice), both_ways: dice.roll(2) == 1 };
            FaultKind::OnChannels(channels, random_channel_fault(kind, dice))
        }
    };
    Fault { span, kind }
}

fn random_channel_fault(kind: u32, dice: &mut Dice) -> ChannelFault {
    // One in four strikes always.
    let percent = (dice.roll(133)).min(100);
    match kind {
        7 => ChannelFault::Delay { delay_ms: dice.roll(900), jitter_ms: dice.roll(300) - 1 },
        8 => ChannelFault::Loss { percent },
        9 => ChannelFault::Duplication { percent },
        10 => ChannelFault::Corruption { percent },
        11 => ChannelFault::Reordering { percent, delay_ms: dice.roll(1500) },
        12 => ChannelFault::Partition,
        _ => ChannelFault::Bandwidth { bytes_per_s: 10 * dice.roll(40) },
    }
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
        durability: scalemodel::trial::Durability::Process,
        topology: scalemodel::model::Topology::FullMesh,
    }
}
