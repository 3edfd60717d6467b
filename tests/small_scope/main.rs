//! Small scope, all of it: few machines and few ticks, but every order and every draw.
//!
//! A fault that needs many machines or a long run to show itself is rare; most show in a small one
//! (D. Jackson's small scope hypothesis). So the small ones are not sampled but exhausted.
//!
//! Run with `cargo test --test small_scope -- --nocapture` to see the numbers of states.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "the numbers of states are a result")]

mod promises;
mod rule;

use std::net::{IpAddr, Ipv4Addr};

use scalemodel::model::{ClockRate, DrawRange, Phase, Seed};
use scalemodel::trial::{MachineSpec, Trial};

/// A trial of machines with these clock rates and phases.
fn trial(machines: &[(u32, u32)], duration_s: u64, draw_range: u32, seed: u64) -> Trial {
    let machines = machines.iter().zip(20_001..).map(|(&(rate, phase), port)| MachineSpec {
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port,
        clock_rate: ClockRate(rate),
        phase: Phase(phase),
    });
    Trial {
        name: "small".to_owned(),
        duration_s,
        draw_range: DrawRange(draw_range),
        seed: Seed::new(seed).unwrap(),
        machines: machines.collect(),
        faults: Vec::new(),
        durability: scalemodel::trial::Durability::Process,
        topology: scalemodel::model::Topology::FullMesh,
    }
}
