//! How punctual machines are while strangers flood their doors.
//!
//! Trial 7 at speed 1, in turn quiet and under a thousand connections a second. Every stranger says
//! something that is no hello, and hangs up when it is refused.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use scalemodel::trial::Trial;

use crate::Plan;
use crate::figures::{median, percentile};
use crate::machines::{Machines, known_trial};
use crate::table::Row;

const DURATION_S: u64 = 10;
const CONNECTIONS_PER_S: u64 = 1000;
const FLOODERS: u64 = 4;

pub(crate) fn measure(plan: &Plan) -> Vec<Row> {
    let trial = known_trial("trial7", DURATION_S);
    let (mut quiet, mut flooded, mut strangers) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        let machines = Machines::start(&trial, &plan.folder, &[]);
        quiet.push(percentile(&machines.finish().lateness_us(), 99));
        let (late_us, strangers_per_s) = run_flooded(&trial, plan);
        flooded.push(percentile(&late_us, 99));
        strangers.push(strangers_per_s);
    }
    let on = format!("trial 7, {DURATION_S} s");
    vec![
        Row::new("lateness under a flood, p99", &on)
            .measured(median(&flooded), "us")
            .against("without the flood", median(&quiet)),
        Row::new("connections of strangers a second", on)
            .measured(median(&strangers), "")
            .against("as many as were meant to come", CONNECTIONS_PER_S as f64),
    ]
}

/// Lateness, and strangers a second.
fn run_flooded(trial: &Trial, plan: &Plan) -> (Vec<f64>, f64) {
    let addresses: Vec<SocketAddr> = trial.machines.iter().map(|spec| spec.address()).collect();
    let (is_over, strangers) = (AtomicBool::new(false), AtomicU64::new(0));
    let machines = Machines::start(trial, &plan.folder, &[]);
    let logs = std::thread::scope(|scope| {
        for flooder in 0..FLOODERS {
            let (addresses, is_over, strangers) = (&addresses, &is_over, &strangers);
            scope.spawn(move || flood(addresses, flooder, is_over, strangers));
        }
        let logs = machines.finish();
        is_over.store(true, Ordering::Relaxed);
        logs
    });
    (logs.lateness_us(), strangers.load(Ordering::Relaxed) as f64 / DURATION_S as f64)
}

/// Connects again and again, at a steady rate, to one machine after the other.
fn flood(addresses: &[SocketAddr], flooder: u64, is_over: &AtomicBool, strangers: &AtomicU64) {
    let period = Duration::from_secs(1) / u32::try_from(CONNECTIONS_PER_S / FLOODERS).unwrap();
    let mut next = Instant::now() + period * u32::try_from(flooder).unwrap() / 4;
    let mut place = usize::try_from(flooder).unwrap();
    while !is_over.load(Ordering::Relaxed) {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        next += period;
        place += 1;
        let limit = Duration::from_millis(500);
        let address = addresses[place % addresses.len()];
        let Ok(mut stream) = TcpStream::connect_timeout(&address, limit) else { continue };
        stream.set_read_timeout(Some(limit)).unwrap();
        strangers.fetch_add(1, Ordering::Relaxed);
        if stream.write_all(b"500000\n").is_ok() {
            let _ = stream.read(&mut [0; 64]);
        }
    }
}
