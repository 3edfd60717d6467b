//! How fast the in-process engine is: ticks a second on one core, no logs written.
//!
//! Run with: cargo bench --bench engine

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock and makes a generator")]

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};
use scalemodel::model::{ClockRate, DrawRange, Phase, Seed};
use scalemodel::trial::{MachineSpec, Trial};

const RUNS: usize = 10;

fn trial(rates: &[u32], duration_s: u64) -> Trial {
    let machines =
        rates.iter().zip(20_001..).enumerate().map(|(index, (rate, port))| MachineSpec {
            host: std::net::IpAddr::from([127, 0, 0, 1]),
            port,
            clock_rate: ClockRate(*rate),
            phase: Phase(1 + u32::try_from(index * 331).expect("few machines") % 1000),
        });
    Trial {
        name: "bench".to_owned(),
        duration_s,
        draw_range: DrawRange(u32::try_from(rates.len()).expect("few machines").max(10)),
        seed: Seed::new(1).expect("a small seed"),
        machines: machines.collect(),
        faults: Vec::new(),
        durability: scalemodel::trial::Durability::Process,
        topology: scalemodel::model::Topology::FullMesh,
    }
}

/// Million ticks a second of one run.
fn engine(trial: &Trial) -> f64 {
    let ticks: u64 = trial.machine_ids().map(|machine| trial.schedule(machine).ticks()).sum();
    let mut engine = trial.engine();
    let begin = Instant::now();
    let done: Result<(), Infallible> = engine.run(trial.duration_s, |outcome| {
        black_box(outcome.step.timestamp);
        Ok(())
    });
    let Ok(()) = done;
    ticks as f64 / begin.elapsed().as_secs_f64() / 1e6
}

/// Million draws a second of the bare generator: what no engine can beat.
fn generator() -> f64 {
    const DRAWS: u32 = 20_000_000;
    let mut generator = ChaCha8Rng::seed_from_u64(1);
    let begin = Instant::now();
    for _ in 0..DRAWS {
        black_box(generator.next_u32());
    }
    f64::from(DRAWS) / begin.elapsed().as_secs_f64() / 1e6
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let cases: [(&str, Trial); 4] = [
        ("3 machines at 6, 6, 1", trial(&[6, 6, 1], 200_000)),
        ("3 machines at 1000", trial(&[1000; 3], 1000)),
        ("10 machines at 1000", trial(&[1000; 10], 300)),
        ("100 machines at 6", trial(&[6; 100], 5000)),
    ];
    println!("million a second, one core, medians of {RUNS} interleaved runs");
    let mut results = vec![Vec::new(); cases.len() + 1];
    for _ in 0..RUNS {
        results[0].push(generator());
        for (result, (_, trial)) in results[1..].iter_mut().zip(&cases) {
            result.push(engine(trial));
        }
    }
    let medians: Vec<f64> = results.into_iter().map(median).collect();
    println!("{:<28} {:>7.1}", "bare ChaCha8 draws", medians[0]);
    for ((name, _), found) in cases.iter().zip(&medians[1..]) {
        println!("{name:<28} {found:>7.1}   {:.2} of the bare draws", found / medians[0]);
    }
}
