//! What it costs to have every entry in the log before its message is sent: handed to the operating
//! system, and brought to the disk.
//!
//! The logs lie in the target folder, so that they are on a disk, not in memory.

use std::fs;
use std::path::Path;
use std::time::Instant;

use scalemodel::logbook::{Header, LogWriter, LoggedEvent, SystemTime, TickRecord};
use scalemodel::model::{MachineId, Tick, Timestamp};
use scalemodel::pace::{Pace, Speed};
use scalemodel::trial::{Durability, Trial};

use crate::Plan;
use crate::figures::{median, percentile};
use crate::machines::known_trial;
use crate::table::Row;

const ENTRIES: u64 = 2000;

/// The period of the highest clock rate: an entry that takes longer makes a tick late.
const PERIOD_US: f64 = 100.0;

pub(crate) fn measure(plan: &Plan) -> Vec<Row> {
    let known = known_trial("trial7", 60);
    let all = [("process", Durability::Process), ("host", Durability::Host)];
    let all = all.map(|(name, durability)| (name, Trial { durability, ..known.clone() }));
    let mut found = [[const { Vec::new() }; 2], [const { Vec::new() }; 2]];
    for _ in 0..plan.runs {
        for ((_, trial), [medians, p99s]) in all.iter().zip(&mut found) {
            let micros = append(trial, &plan.folder.join("log.txt"));
            medians.push(percentile(&micros, 50));
            p99s.push(percentile(&micros, 99));
        }
    }
    let row = |name: &str, figure: &str, found: &[f64]| {
        Row::new(format!("an entry, {figure}"), format!("durability `{name}`"))
            .measured(median(found), "us")
            .against("the period at 10,000 ticks a second", PERIOD_US)
    };
    let rows = all.iter().zip(&found).flat_map(|((name, _), [medians, p99s])| {
        [row(name, "median", medians), row(name, "p99", p99s)]
    });
    rows.collect()
}

/// Appends entries, each by itself, and times them.
fn append(trial: &Trial, path: &Path) -> Vec<f64> {
    let header = Header::new(trial.clone(), MachineId::new(1), Pace::Real(Speed::ONE));
    let mut writer = LogWriter::create(path, &header).unwrap();
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
    fs::remove_file(path).unwrap();
    micros
}
