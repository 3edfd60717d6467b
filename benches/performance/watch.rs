//! What the live view costs: four pictures a second on a terminal of 80 by 40, each after a look at
//! every log.

use std::fs;
use std::process::Command;

use crate::figures::median;
use crate::machines::{Machines, trial};
use crate::scale::CLOCK_RATES;
use crate::table::Row;
use crate::{Plan, program};

const DURATION_S: u64 = 8;
const MACHINES: [usize; 3] = [3, 20, 100];

pub(crate) fn measure(plan: &Plan) -> Vec<Row> {
    let row = |machines| {
        let runs: Vec<f64> = (0..plan.runs).map(|_| cpu_ms(machines, plan)).collect();
        Row::new("CPU time of the live view a second", format!("{machines} machines, real pace"))
            .measured(median(&runs), "ms")
            .against("a core", 1000.0)
    };
    MACHINES.into_iter().map(row).collect()
}

/// User and system time of the view, as the shell counts it; it ends with the run.
fn cpu_ms(machines: usize, plan: &Plan) -> f64 {
    let topology: &[&str] = if machines < 100 { &[] } else { &["--topology", "ring"] };
    let trial = trial(machines, CLOCK_RATES, DURATION_S, topology);
    let (run, used) = (plan.folder.join("run"), plan.folder.join("used"));
    let machines = Machines::start(&trial, &run, &[]);
    machines.wait_for_model_time(0);
    let view = "stty rows 40 cols 80; TIMEFORMAT='%3U %3S'; exec 3>&2 2>\"$USED\"; \
                time \"$SCALEMODEL\" watch \"$RUN\" 2>&3";
    let mut script = Command::new("script");
    script.args(["--quiet", "--command", view, "/dev/null"]);
    script.env("SHELL", "/bin/bash").env("TERM", "xterm").env("USED", &used).env("RUN", &run);
    program::output(script.env("SCALEMODEL", env!("CARGO_BIN_EXE_scalemodel")));
    machines.finish();
    let used = fs::read_to_string(used).unwrap();
    let cpu_s: f64 = used.split_whitespace().map(|part| part.parse::<f64>().unwrap()).sum();
    1e3 * cpu_s / DURATION_S as f64
}
