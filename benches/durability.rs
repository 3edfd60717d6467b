//! What it costs to have every entry in the log before its message is sent: handed to the operating
//! system, and brought to the disk.
//!
//! Run with: cargo bench --bench durability
//!
//! The logs lie in the target folder, so that they are on a disk, not in memory.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::time::Instant;

use scalemodel::logbook::{Header, LogWriter, LoggedEvent, SystemTime, TickRecord};
use scalemodel::model::{MachineId, Tick, Timestamp};
use scalemodel::pace::{Pace, Speed};
use scalemodel::trial::{Durability, Trial};

const ENTRIES: u64 = 5000;

/// The period of the highest clock rate: an entry that takes longer makes a tick late.
const PERIOD_US: f64 = 100.0;

fn main() {
    let trial = Trial::load_resolved(Path::new("tests/data/pinned/trial.toml")).unwrap();
    println!("{ENTRIES} entries, microseconds an entry");
    let over = format!("over {PERIOD_US:.0} us");
    println!("{:<10} {:>8} {:>8} {:>8} {over:>12}", "durability", "median", "p99", "max");
    for (name, durability) in [("process", Durability::Process), ("host", Durability::Host)] {
        let mut micros = append(&Trial { durability, ..trial.clone() });
        micros.sort_by(f64::total_cmp);
        let at = |percent: usize| micros[(micros.len() - 1) * percent / 100];
        let over = micros.iter().filter(|micros| PERIOD_US < **micros).count() as f64;
        let (median, p99, max, over) = (at(50), at(99), at(100), 100.0 * over / ENTRIES as f64);
        println!("{name:<10} {median:>8.1} {p99:>8.1} {max:>8.1} {over:>10.2} %");
    }
}

/// Appends entries, each by itself, and times them.
fn append(trial: &Trial) -> Vec<f64> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("durability.txt");
    let _ = fs::remove_file(&path);
    let header = Header::new(trial.clone(), MachineId::new(1), Pace::Real(Speed::ONE));
    let mut writer = LogWriter::create(&path, &header).unwrap();
    writer.start(SystemTime(0)).unwrap();
    let micros = (1..=ENTRIES).map(|number| {
        let record = TickRecord {
            system_time: SystemTime(1_790_000_000_000_000),
            tick: Tick(number),
            model_time_us: number * 1000,
            lateness_us: 35,
            event: LoggedEvent::Internal,
            logical_clock: Timestamp(number),
            queue_len: 0,
            draw: Some(7),
        };
        let begin = Instant::now();
        writer.tick(&record).unwrap();
        writer.flush().unwrap();
        begin.elapsed().as_secs_f64() * 1e6
    });
    let micros = micros.collect();
    fs::remove_file(&path).unwrap();
    micros
}
