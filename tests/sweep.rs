//! `scalemodel sweep` and `scalemodel predict`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{run, stderr, stdout};
use tempfile::TempDir;

const TRIAL: &str = "scripts/trials/trial5.toml";

fn sweep(options: &[&str]) -> String {
    let output = run(&[&["sweep"], options].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn the_number_of_threads_cannot_be_seen() {
    let formats = ["text", "csv", "json"];
    for format in formats {
        let [one, four] = ["1", "4"].map(|threads| {
            sweep(&[TRIAL, "--runs", "40", "--threads", threads, "--format", format])
        });
        assert_eq!(one, four, "{format}");
    }
}

#[test]
fn merged_parts_equal_the_whole() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (a, b, whole) = (file("a.json"), file("b.json"), file("whole.json"));
    let vary = ["--vary", "draw_range=5..6"];
    sweep(&[&[TRIAL, "--runs", "25", "--save", &a], &vary[..]].concat());
    sweep(&[&[TRIAL, "--runs", "15", "--first-seed", "26", "--save", &b], &vary[..]].concat());
    for format in ["text", "csv", "json"] {
        let options = [TRIAL, "--runs", "40", "--format", format, "--save", &whole];
        let unsplit = sweep(&[&options, &vary[..]].concat());
        assert_eq!(sweep(&["--merge", &b, "--merge", &a, "--format", format]), unsplit);
    }
    let twice = run(&["sweep", "--merge", &a, "--merge", &whole]);
    assert_eq!(twice.status.code(), Some(2));
    assert!(stderr(&twice).contains("seed 1 is in more than one of the files"));
}

#[test]
fn seeds_of_different_trials_are_not_merged() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let text = std::fs::read_to_string(TRIAL).unwrap();
    sweep(&[TRIAL, "--runs", "2", "--save", &file("a.json")]);
    let moved = text.replacen("clock_rate = 5", "clock_rate = 5\nphase = 500", 1);
    let kill = "[[fault]]\nkind = \"kill\"\nat_ms = 1000\nfor_ms = 1000\nmachine = 1\n";
    for other in [moved, format!("{text}\n{kill}")] {
        assert_ne!(text, other);
        std::fs::write(file("other.toml"), other).unwrap();
        let options = ["--runs", "2", "--first-seed", "3", "--save", &file("b.json")];
        sweep(&[&[file("other.toml").as_str()], &options[..]].concat());
        let merged = run(&["sweep", "--merge", &file("a.json"), "--merge", &file("b.json")]);
        assert_eq!(merged.status.code(), Some(2));
        let said = stderr(&merged);
        assert!(said.contains("b.json: trial5 has other phases or faults there"), "{said}");
    }
}

#[test]
fn what_no_sweep_has_kept_is_not_merged() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("kept.json");
    let path = file.to_str().unwrap();
    sweep(&[TRIAL, "--runs", "2", "--save", path]);
    let kept: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let (mut without_runs, mut without_a_figure, mut of_later) = (kept.clone(), kept.clone(), kept);
    without_runs["points"][0]["rows"] = serde_json::json!([]);
    without_a_figure["points"][0]["rows"][1]["values"].as_array_mut().unwrap().pop();
    of_later["schema_version"] = 2.into();
    for (edited, why) in [
        (without_runs, "kept.json: trial5 has no runs there"),
        (without_a_figure, "kept.json: a row does not have"),
        (of_later, "kept.json: kept by another version"),
    ] {
        std::fs::write(&file, edited.to_string()).unwrap();
        let merged = run(&["sweep", "--merge", path]);
        assert_eq!((merged.status.code(), stdout(&merged).as_str()), (Some(2), ""));
        assert!(stderr(&merged).contains(why), "{}", stderr(&merged));
    }
}

#[test]
fn a_sweep_of_one_run_says_what_stats_says_of_its_logs() {
    let folder = TempDir::new().unwrap();
    let logs = folder.path().join("run").to_str().unwrap().to_owned();
    assert!(run(&["simulate", TRIAL, "--seed", "77", "--logs", &logs]).status.success());
    let stats: serde_json::Value =
        serde_json::from_str(&stdout(&run(&["stats", "--format", "json", &logs]))).unwrap();
    let swept: serde_json::Value = serde_json::from_str(&sweep(&[
        TRIAL,
        "--runs",
        "1",
        "--first-seed",
        "77",
        "--format",
        "json",
    ]))
    .unwrap();
    for machine in 0..3 {
        let measured = &stats["runs"][0]["machines"][machine];
        let figures = swept["points"][0]["machines"][machine].as_object().unwrap();
        for (name, found) in figures {
            let expected = match name.as_str() {
                "drift_max" | "drift_end" => &stats["runs"][0][name],
                "jumps_1" => &measured["jump_histogram"][0],
                "jumps_2" => &measured["jump_histogram"][1],
                "jumps_3_to_4" => &measured["jump_histogram"][2],
                "jumps_5_to_8" => &measured["jump_histogram"][3],
                "jumps_9_to_16" => &measured["jump_histogram"][4],
                "jumps_17_to_32" => &measured["jump_histogram"][5],
                "jumps_33_or_more" => &measured["jump_histogram"][6],
                _ => &measured[name],
            };
            assert_eq!(found["median"].as_f64(), expected.as_f64(), "machine {machine}: {name}");
        }
    }
}

#[test]
fn every_combination_of_what_is_varied_is_a_line_a_machine() {
    let csv = sweep(&[
        TRIAL,
        "--runs",
        "3",
        "--format",
        "csv",
        "--vary",
        "clock_rate:2=1..3",
        "--vary",
        "draw_range=5..6",
    ]);
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 1 + 3 * 2 * 3);
    let column = |name: &str| lines[0].iter().position(|head| *head == name).unwrap();
    let points =
        lines[1..].iter().map(|line| (line[column("clock_rate_2")], line[column("draw_range")]));
    let expected =
        ["1", "2", "3"].into_iter().flat_map(|rate| ["5", "6"].map(|range| (rate, range)));
    assert!(points.step_by(3).eq(expected));
    let bad = run(&["sweep", TRIAL, "--vary", "clock_rate:9=1..2"]);
    assert!(stderr(&bad).contains("there is no machine 9: the trial has 3"), "{}", stderr(&bad));
    let bad = run(&["sweep", TRIAL, "--vary", "draw_range=1..9"]);
    assert!(stderr(&bad).contains("draw_range: found 1, allowed: 3 or more"), "{}", stderr(&bad));
}

#[test]
fn theory_and_a_thousand_seeds_agree() {
    // Prediction and simulation share no code but the trial: mean queue at the end, and its band.
    for (trial, machine, tolerance) in [(TRIAL, 1, 1.5), ("scripts/trials/trial7.toml", 2, 1.5)] {
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let swept = json(&sweep(&[trial, "--runs", "1000", "--format", "json"]));
        let predicted = json(&stdout(&run(&["predict", "--format", "json", trial])));
        let found = &swept["points"][0]["machines"][machine]["queue_end"];
        let theory = &predicted["machines"][machine];
        for (name, expected) in
            [("mean", "queue_end_mean"), ("p5", "queue_end_p5"), ("p95", "queue_end_p95")]
        {
            let (found, expected) =
                (found[name].as_f64().unwrap(), theory[expected].as_f64().unwrap());
            assert!((found - expected).abs() < 2.0 * tolerance, "{name}: {found} and {expected}");
        }
    }
}

#[test]
fn every_run_of_a_sweep_can_be_checked() {
    let trial = "scripts/trials/trial5.toml";
    let output = run(&["sweep", trial, "--runs", "3", "--check"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "trial5: 3 runs checked, each holds\n");
    let output = run(&["sweep", trial, "--check", "--format", "json"]);
    assert_eq!(output.status.code(), Some(2), "a check measures nothing");
}

#[test]
fn many_machines_have_a_line_each_that_fits_a_terminal() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("many.toml");
    let trial = run(&["trial", "--machines", "100", "--seed", "5"]);
    std::fs::write(&file, &trial.stdout).unwrap();
    let text = sweep(&[file.to_str().unwrap(), "--runs", "3"]);
    let widest = text.lines().map(str::len).max().unwrap();
    assert!(widest <= 80, "{widest} columns:\n{text}");
    let of_last = text.lines().find(|line| line.trim_start().starts_with("100 ")).unwrap();
    // Machine, rate, and the medians of six figures.
    assert_eq!(of_last.split_ascii_whitespace().count(), 8, "{of_last}");
    assert!(text.contains("drift_max: "), "{text}");
}
