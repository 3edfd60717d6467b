//! How long the checker takes, and how much memory, against the number of events; beside `wc`, which
//! counts the lines, words and bytes of the same logs.
//!
//! The logs are made by the in-process engine: 1.3 GB for ten million events. Linear means that an
//! event takes as long in long logs as in short ones.

use std::fs;
use std::path::Path;
use std::process::Command;

use scalemodel::logbook::log_path;

use crate::Plan;
use crate::figures::{median, median_of};
use crate::machines::trial;
use crate::program::{Cost, cost, output, scalemodel};
use crate::table::Row;

const EVENTS: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

pub(crate) fn measure(plan: &Plan) -> Vec<Row> {
    let check = |logs: &Path| {
        let mut check = scalemodel(&["check", "--quiet"]);
        check.arg(logs);
        check
    };
    EVENTS.into_iter().flat_map(|events| against_wc(plan, "check", events, check)).collect()
}

/// The time and the memory of a command that reads the logs of a run, beside `wc`.
pub(crate) fn against_wc(
    plan: &Plan,
    name: &str,
    events: u64,
    command: impl Fn(&Path) -> Command,
) -> Vec<Row> {
    let run = simulate(&plan.folder, events);
    let (command, wc) = (command(&run.folder), run.wc());
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        ours.push(cost(&command));
        others.push(cost(&wc).seconds);
    }
    fs::remove_dir_all(&run.folder).unwrap();
    let of = |figure: fn(&Cost) -> f64| median_of(&ours, figure);
    let an_event = |seconds: f64| seconds * 1e9 / events as f64;
    let row = |what: &str| Row::new(what, format!("{events} events"));
    vec![
        row(&format!("{name}, an event"))
            .measured(an_event(of(|cost| cost.seconds)), "ns")
            .against("wc, same logs", an_event(median(&others))),
        row(&format!("memory of {name}"))
            .measured(of(|cost| cost.megabytes), "MB")
            .against("its logs", run.megabytes),
    ]
}

/// A run in process.
struct Simulated {
    folder: std::path::PathBuf,
    logs: Vec<std::path::PathBuf>,
    megabytes: f64,
}

impl Simulated {
    fn wc(&self) -> Command {
        let mut wc = Command::new("wc");
        wc.env("LC_ALL", "C").args(&self.logs);
        wc
    }
}

/// Three machines with 1000 ticks a second together.
fn simulate(folder: &Path, events: u64) -> Simulated {
    let trial = trial(3, "400,400,200", events / 1000, &[]);
    assert_eq!(trial.events(), events);
    let (file, folder) = (folder.join("trial.toml"), folder.join("logs"));
    fs::write(&file, trial.to_string()).unwrap();
    output(scalemodel(&["simulate", "--quiet"]).arg(file).arg("--logs").arg(&folder));
    let logs: Vec<_> = trial.machines.iter().map(|spec| log_path(&folder, spec.port)).collect();
    let bytes: u64 = logs.iter().map(|log| fs::metadata(log).unwrap().len()).sum();
    Simulated { folder, logs, megabytes: bytes as f64 / 1e6 }
}
