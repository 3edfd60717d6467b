//! How high clock rates may be: lateness at the real pace, beside an empty loop.
//!
//! For 3 and for 10 machines, and for one rate after the other, a run and an empty loop take turns: as
//! many threads, each sleeping to one absolute deadline after the other and doing nothing. The logs
//! lie in the target folder, so that they are on a disk, not in memory.

use std::num::NonZero;
use std::thread;

use rustix::thread::{ClockId, clock_nanosleep_absolute, set_current_timer_slack};
use rustix::time::{Timespec, clock_gettime};

use crate::Plan;
use crate::figures::{median, percentile};
use crate::machines::{Machines, trial};
use crate::table::Row;

const DURATION_S: u64 = 2;
const MACHINES: [usize; 2] = [3, 10];
const RATES: [u32; 7] = [1000, 2000, 3000, 4000, 5000, 7000, 10_000];

pub(crate) fn measure(plan: &Plan) -> Vec<Row> {
    let mut rows = Vec::new();
    for machines in MACHINES {
        let mut highest = 0;
        for rate in RATES {
            let (late_us, empty_us) = p99s(plan, machines, rate);
            let half_us = 500_000.0 / f64::from(rate);
            if late_us <= half_us {
                highest = rate;
            }
            let on = format!("{machines} machines at {rate}, half a period {half_us:.0} us");
            let row = Row::new("lateness, p99", on).measured(late_us, "us");
            rows.push(row.against("an empty loop", empty_us));
        }
        let row =
            Row::new("highest rate with p99 within half a period", format!("{machines} machines"));
        rows.push(row.measured(f64::from(highest), "").against("the highest allowed", 10_000.0));
    }
    rows
}

/// The lateness of the machines, and of the empty loop.
fn p99s(plan: &Plan, machines: usize, rate: u32) -> (f64, f64) {
    let trial = trial(machines, &rate.to_string(), DURATION_S, &[]);
    let (mut late, mut empty) = (Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        let logs = Machines::start(&trial, &plan.folder, &[]).finish();
        late.push(percentile(&logs.lateness_us(), 99));
        empty.push(percentile(&empty_loops(machines as u64, rate.into()), 99));
    }
    (median(&late), median(&empty))
}

/// Sleeps to as many deadlines, on as many threads; gives the lateness of each.
fn empty_loops(machines: u64, rate: u64) -> Vec<f64> {
    let period_ns = 1_000_000_000 / rate;
    let start_ns = now_ns() + 20_000_000;
    let sleep_to_all = |machine: u64| {
        // As a machine does.
        set_current_timer_slack(NonZero::new(1)).unwrap();
        let first_ns = start_ns + period_ns * machine / machines;
        let due = (0..rate * DURATION_S).map(|tick| first_ns + tick * period_ns);
        due.map(|due_ns| {
            clock_nanosleep_absolute(ClockId::Monotonic, &timespec(due_ns)).unwrap();
            (now_ns() - due_ns) as f64 / 1000.0
        })
        .collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..machines).map(|machine| scope.spawn(move || sleep_to_all(machine))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).unwrap()
}

fn timespec(ns: u64) -> Timespec {
    let part = |ns: u64| i64::try_from(ns).unwrap();
    Timespec { tv_sec: part(ns / 1_000_000_000), tv_nsec: part(ns % 1_000_000_000) }
}
