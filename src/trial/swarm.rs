//! Random fault schedules: trials that nobody would think of.
//!
//! Every trial has a random subset of the kinds of faults ("swarm testing": Groce, Zhang, Eide, Chen and
//! Regehr, ISSTA 2012), with random parameters, in the first two thirds of its duration. The rest
//! of the time nothing is wrong, so that what was held back can arrive. What would strike nothing is
//! left out, so that a run can show that it stood every fault.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use super::{MachineSpec, Trial};
use crate::model::{
    ChannelFault, Channels, ClockRate, Dice, DrawRange, Fault, FaultId, FaultKind, MachineFault,
    MachineId, Over, Phase, Seed, Shape, Span, Stream, Topology,
};

/// So often a fault of channels strikes at least, as the engine has it: at the real pace it may be
/// a little less often.
const HITS_MIN: u64 = 4;

/// The kinds of faults there are.
const KINDS: u32 = 13;

/// Draws the trial of a seed. Its machines listen on ports from `port` on; its name ends with the
/// seed.
///
/// # Panics
/// When the ports do not fit below 65,536: at most [`MACHINES_MAX`] are used.
#[must_use]
pub fn draw(seed: Seed, host: IpAddr, port: u16) -> Trial {
    let mut chance = Chance { dice: Dice::new(seed, Stream::Swarm) };
    let mut trial = chance.trial(seed, host, port);
    let kinds: Vec<u32> = (1..=KINDS).filter(|_| chance.up_to(2) == 1).collect();
    for _ in 0..chance.between(1, 8) {
        let Some(&kind) = kinds.get(chance.index(kinds.len().max(1))) else { break };
        let fault = chance.fault(kind, &trial);
        trial.faults.push(fault);
        if !is_allowed(&trial) {
            trial.faults.pop();
        }
    }
    leave_idle_out(&mut trial);
    trial
}

/// How many machines a drawn trial has at most.
pub const MACHINES_MAX: u16 = 5;

/// Whether the trial reads itself: what its faults must keep to is said there.
fn is_allowed(trial: &Trial) -> bool {
    Trial::parse_resolved(Path::new("swarm"), &trial.to_string()).is_ok()
}

/// Takes out faults that strike nothing, or next to nothing, until all of those that are left do: each
/// changes what the others strike.
fn leave_idle_out(trial: &mut Trial) {
    loop {
        let hits = hits(trial);
        let mut index = 0..trial.faults.len();
        let is_idle = |index: &usize| {
            let needed = match trial.faults[*index].kind {
                FaultKind::OnMachines(..) => 1,
                FaultKind::OnChannels(..) => HITS_MIN,
            };
            hits.get(&FaultId::at(*index)).copied().unwrap_or(0) < needed
        };
        let Some(idle) = index.find(is_idle) else { return };
        trial.faults.remove(idle);
    }
}

/// How often each fault strikes, by the engine.
fn hits(trial: &Trial) -> BTreeMap<FaultId, u64> {
    let mut hits = BTreeMap::new();
    let mut count = |over: &Over| *hits.entry(over.fault).or_default() += over.hits;
    let mut engine = trial.engine();
    let run = engine.run(trial.duration_s, |outcome| {
        outcome.over.iter().for_each(&mut count);
        Ok::<(), std::convert::Infallible>(())
    });
    let Ok(()) = run;
    for machine in trial.machine_ids() {
        engine.over_at_the_end(machine).iter().for_each(&mut count);
    }
    hits
}

/// The topology of a swarm trial of so many machines: half of them are full meshes.
fn topology(seed: Seed, machines: usize) -> Topology {
    let mut dice = Dice::new(seed, Stream::Topology);
    let shape = match dice.roll(8) {
        1 => Shape::Ring,
        2 => Shape::Star,
        3 => Shape::Grid,
        4 if 2 < machines => Shape::Random { degree: 2 },
        _ => Shape::FullMesh,
    };
    shape.topology(machines, &mut dice)
}

/// The random stream of a swarm trial.
struct Chance {
    dice: Dice,
}

impl Chance {
    /// One of `1..=max`.
    fn up_to(&mut self, max: u32) -> u32 {
        self.dice.roll(max)
    }

    fn between(&mut self, min: u32, max: u32) -> u32 {
        min - 1 + self.up_to(max - min + 1)
    }

    fn index(&mut self, len: usize) -> usize {
        let len = u32::try_from(len).expect("what is chosen from is short");
        usize::try_from(self.up_to(len)).expect("a short length fits") - 1
    }

    fn trial(&mut self, seed: Seed, host: IpAddr, port: u16) -> Trial {
        let count = self.between(2, u32::from(MACHINES_MAX));
        let machines = (0..count).zip(port..=u16::MAX).map(|(_, port)| MachineSpec {
            host,
            port,
            clock_rate: ClockRate(self.up_to(8)),
            phase: Phase(self.up_to(Phase::MAX)),
        });
        let machines: Vec<MachineSpec> = machines.collect();
        assert_eq!(machines.len(), count as usize, "the ports fit below 65,536");
        Trial {
            name: format!("swarm-{seed}"),
            duration_s: u64::from(self.between(9, 24)),
            draw_range: DrawRange(self.between(count, 12)),
            seed,
            machines,
            faults: Vec::new(),
            durability: super::Durability::Process,
            topology: topology(seed, count as usize),
        }
    }

    fn fault(&mut self, kind: u32, trial: &Trial) -> Fault {
        let span = self.span(trial.duration_s);
        let machine_fault = match kind {
            1 => Some(MachineFault::Kill),
            2 => Some(MachineFault::Pause),
            3 => Some(MachineFault::Freeze),
            4 => Some(MachineFault::Step(ClockRate(self.up_to(12)))),
            5 => Some(MachineFault::Ramp(ClockRate(self.up_to(12)))),
            6 => Some(MachineFault::Jitter { spread: self.up_to(4) }),
            _ => None,
        };
        let kind = match machine_fault {
            Some(fault) => FaultKind::OnMachines(self.some_machines(trial), fault),
            None => FaultKind::OnChannels(self.channels(trial), self.channel_fault(kind)),
        };
        Fault { span, kind }
    }

    /// A span in the first two thirds of the trial.
    fn span(&mut self, duration_s: u64) -> Span {
        let end_ms = u32::try_from(duration_s * 1000 * 2 / 3).expect("drawn trials are short");
        let for_ms = self.between(500, end_ms / 2);
        let at_ms = self.between(1, end_ms - for_ms);
        Span { at_ms: u64::from(at_ms), for_ms: u64::from(for_ms) }
    }

    fn channel_fault(&mut self, kind: u32) -> ChannelFault {
        match kind {
            7 => ChannelFault::Delay { delay_ms: self.up_to(2000), jitter_ms: self.up_to(500) },
            8 => ChannelFault::Loss { percent: self.up_to(100) },
            9 => ChannelFault::Duplication { percent: self.up_to(100) },
            10 => ChannelFault::Corruption { percent: self.up_to(100) },
            11 => ChannelFault::Reordering { percent: self.up_to(100), delay_ms: self.up_to(1500) },
            12 => ChannelFault::Partition,
            _ => ChannelFault::Bandwidth { bytes_per_s: self.between(20, 400) },
        }
    }

    fn channels(&mut self, trial: &Trial) -> Channels {
        loop {
            let (from, to) = (self.some_machines(trial), self.some_machines(trial));
            let channels = Channels { from, to, both_ways: self.up_to(2) == 1 };
            if channels.pairs().iter().any(|(from, to)| trial.topology.links(*from, *to)) {
                return channels;
            }
        }
    }

    /// One or more machines, in order.
    fn some_machines(&mut self, trial: &Trial) -> Vec<MachineId> {
        let chosen = trial.machine_ids().filter(|_| self.up_to(2) == 1).collect::<Vec<_>>();
        if chosen.is_empty() {
            vec![MachineId::at(self.index(trial.machines.len()))]
        } else {
            chosen
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw_local(seed: u64) -> Trial {
        draw(Seed::new(seed).unwrap(), IpAddr::from([127, 0, 0, 1]), 20_001)
    }

    #[test]
    fn a_drawn_trial_reads_itself_and_every_kind_is_drawn() {
        let (mut seen, mut meshes) = (std::collections::BTreeSet::new(), 0);
        for seed in 1..=300 {
            let trial = draw_local(seed);
            assert!(is_allowed(&trial), "{trial}");
            assert_eq!(draw_local(seed), trial);
            let end_ms = trial.duration_s * 1000 * 2 / 3;
            assert!(trial.faults.iter().all(|fault| fault.span.end_ms() <= end_ms), "{trial}");
            let hits = hits(&trial);
            assert_eq!(hits.len(), trial.faults.len(), "{trial}");
            seen.extend(trial.faults.iter().map(Fault::name));
            meshes += u32::from(trial.topology == Topology::FullMesh);
        }
        assert_eq!(seen.len(), KINDS as usize, "{seen:?}");
        assert!((100..200).contains(&meshes), "{meshes}");
    }
}
