//! A checkup in which all is well, for the tests of the layers to spoil.

use std::time::Duration;

use crate::health::heard::{Heard, Look, Testimony};
use crate::health::question::Question;
use crate::logbook::SystemTime;
use crate::machine::wire::{BackLine, ChannelLine, Progress, Standing, StateLine};
use crate::model::{ClockRate, DrawRange, MachineId, Phase, Seed, Tick, Timestamp, Topology};
use crate::pace::Speed;
use crate::trial::{Durability, MachineSpec, Trial};

pub(in crate::health) fn id(number: u16) -> MachineId {
    MachineId::new(number)
}

/// So many machines at five ticks a second, of which all is well.
pub(in crate::health) fn healthy(machines: usize) -> Heard {
    of_rates(&vec![5; machines])
}

/// Machines with these clock rates, of which all is well.
pub(in crate::health) fn of_rates(clock_rates: &[u32]) -> Heard {
    let machines = clock_rates.iter().zip(20_001..).map(|(rate, port)| MachineSpec {
        host: "127.0.0.1".parse().unwrap(),
        port,
        clock_rate: ClockRate(*rate),
        phase: Phase(500),
    });
    let trial = Trial {
        name: "well".to_owned(),
        duration_s: 60,
        draw_range: DrawRange(10),
        seed: Seed::new(1).unwrap(),
        machines: machines.collect(),
        faults: Vec::new(),
        durability: Durability::Process,
        topology: Topology::FullMesh,
    };
    let question = Question {
        probes: 10,
        window: Duration::from_secs(1),
        span: Duration::from_secs(2),
        limit: Duration::from_secs(2),
        lateness: Duration::from_millis(100),
        skew: Duration::from_millis(100),
    };
    let testimonies = trial.machine_ids().map(|machine| testimony(&trial, machine, &question));
    Heard { testimonies: testimonies.collect(), trial, question }
}

fn testimony(trial: &Trial, machine: MachineId, question: &Question) -> Testimony {
    let peers = trial.contacts(machine);
    let probes =
        peers.iter().flat_map(|peer| (1..=question.probes).map(|number| back(*peer, number)));
    Testimony {
        first: Some(look(&peers, 10_000_000, 0)),
        last: Some(look(&peers, 12_000_000, question.probes)),
        sent: question.probes,
        back: probes.collect(),
        ..Testimony::new(machine)
    }
}

fn look(peers: &[MachineId], elapsed_us: i64, probes: u32) -> Look {
    let state = StateLine {
        run: "the-run".parse().unwrap(),
        incarnation: 1,
        pid: 4711,
        progress: Some(Progress { elapsed_us, speed: Speed::ONE }),
        next: Tick(50),
        done: 49,
        clock: Timestamp(60),
        queue_len: 0,
        lateness_us: 300,
        echoes: 0,
    };
    let channel = |peer: &MachineId| ChannelLine {
        peer: *peer,
        out: Standing::Stands,
        sent: 10,
        settled: 8,
        back: Standing::Stands,
        accepted: 10,
        recorded: 10,
        probes,
    };
    Look { state, channels: peers.iter().map(channel).collect() }
}

/// A probe that took a tenth of a millisecond there, and as long back.
fn back(peer: MachineId, number: u32) -> BackLine {
    let times = [0, 100, 105, 205].map(|us| SystemTime(1_000_000 * i64::from(number) + us));
    let [sent, heard, answered, back] = times;
    BackLine { peer, number, sent, heard, answered, back }
}
