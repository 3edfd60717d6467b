//! How fast the in-process engine is: ticks a second on one core, no logs written.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};
use scalemodel::trial::Trial;

use crate::Plan;
use crate::figures::median;
use crate::machines::trial;
use crate::scale::CLOCK_RATES;
use crate::table::Row;

/// Full meshes of so many machines.
const MACHINES: [usize; 6] = [3, 10, 30, 100, 300, 1000];

/// About so many ticks make a run.
const TICKS: u64 = 3_000_000;

pub(crate) fn measure(plan: &Plan) -> Vec<Row> {
    let mut cases: Vec<(String, Trial)> = MACHINES
        .into_iter()
        .map(|machines| (format!("{machines} machines, mesh"), long(machines, CLOCK_RATES)))
        .collect();
    cases.push(("3 machines at 1000".to_owned(), long(3, "1000")));
    let mut bare = Vec::new();
    let mut found = vec![Vec::new(); cases.len()];
    for _ in 0..plan.runs {
        bare.push(generator());
        for ((_, trial), found) in cases.iter().zip(&mut found) {
            found.push(engine(trial));
        }
    }
    let row = |((on, _), found): (&(String, Trial), &Vec<f64>)| {
        Row::new("million ticks a second, one core", on)
            .measured(median(found), "")
            .against("bare draws of ChaCha8", median(&bare))
    };
    cases.iter().zip(&found).map(row).collect()
}

fn long(machines: usize, clock_rates: &str) -> Trial {
    let second = trial(machines, clock_rates, 1, &[]);
    trial(machines, clock_rates, TICKS.div_ceil(second.events()), &[])
}

/// Million ticks a second of one run.
fn engine(trial: &Trial) -> f64 {
    let mut engine = trial.engine();
    let begin = Instant::now();
    let done: Result<(), Infallible> = engine.run(trial.duration_s, |outcome| {
        black_box(outcome.step.timestamp);
        Ok(())
    });
    let Ok(()) = done;
    trial.events() as f64 / begin.elapsed().as_secs_f64() / 1e6
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
