//! `scalemodel stats`: the figures of a stored run, compared with a stored copy.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{run, stdout};

const RUN: &str = "tests/data/run";

#[test]
fn the_sheet_of_the_stored_run_is_the_stored_sheet() {
    let sheet = stdout(&run(&["stats", RUN]));
    assert_eq!(sheet, include_str!("data/stats.txt"));
}

#[test]
fn json_says_what_the_sheet_says() {
    let report: serde_json::Value =
        serde_json::from_str(&stdout(&run(&["stats", "--format", "json", RUN]))).unwrap();
    assert_eq!(report["schema_version"], 1);
    let run = &report["runs"][0];
    assert_eq!(run["drift_max"], 22);
    let slow = &run["machines"][1];
    assert_eq!(slow["clock_rate"], 1);
    assert_eq!(slow["receives"], 9);
    assert_eq!(slow["queue_end"], 12);
    assert_eq!(slow["clock_end"], 31);
    assert_eq!(slow["jump_histogram"], serde_json::json!([3, 2, 2, 3, 0, 0, 0]));
}

#[test]
fn csv_has_a_line_a_machine_under_named_columns() {
    let csv = stdout(&run(&["stats", "--format", "csv", RUN, RUN]));
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 1 + 6);
    assert!(lines.iter().all(|line| line.len() == lines[0].len()));
    let column = lines[0].iter().position(|name| *name == "clock_end").unwrap();
    assert_eq!(lines[2][column], "31");
}

#[test]
fn several_runs_give_one_table_with_a_line_a_machine() {
    let table = stdout(&run(&["stats", RUN, RUN]));
    assert_eq!(table.lines().count(), 1 + 6);
    assert_eq!(table.matches("stored").count(), 2);
}
