//! How long the real runs of the nine trials stay their virtual twins: the model held against the
//! machine.
//!
//! All trials run side by side at the real pace and speed 1, each then in process, and both are compared
//! event by event: event, peers, logical clock, queue length, received timestamp and draw. Once: it takes
//! two minutes.

use std::path::Path;
use std::process::Command;

use scalemodel::trial::Trial;

use crate::Plan;
use crate::program::{output, scalemodel};
use crate::table::Row;

pub(crate) fn measure(plan: &Plan) -> Vec<Row> {
    let mut experiment = Command::new("scripts/run_experiment.sh");
    experiment.args(["--no-plots", "--logs"]).arg(&plan.folder).arg("all");
    output(experiment.env("SCALEMODEL", env!("CARGO_BIN_EXE_scalemodel")));
    (1..=9).map(|number| compare(&plan.folder.join(format!("trial{number}")), number)).collect()
}

fn compare(run: &Path, number: u32) -> Row {
    let (file, twin) = (run.join("trial.toml"), run.with_extension("twin"));
    let events = Trial::load_resolved(&file).unwrap().events();
    output(scalemodel(&["simulate", "--quiet"]).arg(&file).arg("--logs").arg(&twin));
    let answer = scalemodel(&["compare"]).arg(run).arg(&twin).output().unwrap();
    let said = String::from_utf8(answer.stdout).unwrap();
    let equal = if answer.status.success() { events } else { before_parting(&said) };
    Row::new("events like its virtual twin's, from the first", format!("trial {number}"))
        .measured(equal as f64, "")
        .against("all of its events", events as f64)
}

/// The number of events before two runs part, as `compare` says it: "after 115 of 660 events".
fn before_parting(said: &str) -> u64 {
    let number = said.split_once(" after ").and_then(|(_, rest)| rest.split_once(" of "));
    number.expect("the runs part somewhere").0.parse().unwrap()
}
