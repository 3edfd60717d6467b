//! `scalemodel check --format shiviz`: logs with vector clocks are read as ShiViz and GoVector write
//! them, and every rule for their clocks is kept, or told with its lines.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use common::{run, scalemodel, stderr, stdout};
use tempfile::TempDir;

/// Checks a stored log: the exit code, and what was printed.
fn check(name: &str) -> (i32, String) {
    check_with(&[&format!("tests/data/shiviz/{name}.log")])
}

fn check_with(arguments: &[&str]) -> (i32, String) {
    let output = run(&[&["check", "--format", "shiviz"], arguments].concat());
    (output.status.code().unwrap(), stdout(&output) + &stderr(&output))
}

/// Checks what arrives on standard input.
fn check_input(arguments: &[&str], input: &str) -> (i32, String) {
    let mut child = scalemodel()
        .args(["check", "--format", "shiviz"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever refuses the command line reads no input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), stdout(&output) + &stderr(&output))
}

/// Good logs, and what must be said of them.
const GOOD: &[(&str, &[&str])] = &[
    (
        "default",
        &[
            "default.log: holds\n",
            "(the default of ShiViz)",
            "3 hosts, 8 events, 2 receive edges; 7 pairs of events are concurrent",
            "no rule is broken: own-entry, own-start, own-step, monotone, known-events, ",
        ],
    ),
    ("govector", &["(the order of GoVector)", "2 hosts, 4 events, 1 receive edge; 2 pairs"]),
    (
        "header",
        &[
            "(from its first line)",
            "2 hosts, 4 events, 1 receive edge",
            "1 line belongs to no event: tests/data/shiviz/header.log:3",
        ],
    ),
];

#[test]
fn good_logs_hold_in_every_layout() {
    for (name, expected) in GOOD {
        let (code, text) = check(name);
        assert_eq!(code, 0, "{name}: {text}");
        for part in *expected {
            assert!(text.contains(part), "{name}: expected '{part}' in\n{text}");
        }
    }
}

/// Logs that break one rule once, and what must be said of it.
const BAD: &[(&str, &str)] = &[
    ("own-entry", ":4: own-entry: the clock of this event of host 'a' has no entry for 'a' itself"),
    ("own-start", ":2: own-start: the own entries of host 'a' start at 2; they must start at 1"),
    ("own-step", ":2: own-step: the own entry of host 'a' goes from 1 to 3; it must rise by 1"),
    (
        "own-step-repeated",
        ":4: own-step: the own entry 1 of host 'a' repeats that of another event",
    ),
    (
        "monotone",
        ":6: monotone: the entry for host 'b' falls from 1 to 0 at this event of host 'a'",
    ),
    (
        "known-events",
        ":4: known-events: the clock of this event of host 'a' has 3 for host 'b', of which the log \
         has 1 events: is a part of it missing? 1 more events have it too",
    ),
    (
        "known-events-host",
        ":2: known-events: the clock of this event of host 'a' has 1 for host 'zz', of which the log \
         has 0 events",
    ),
    (
        "transitive",
        ":6: transitive: this event of host 'c' knows event 1 of host 'b', whose clock has 1 for \
         host 'a', but has only 0 there",
    ),
    (
        "acyclic",
        ":2: acyclic: event 1 of host 'a' and event 1 of host 'b' are each in the other's past",
    ),
];

/// The second place of those violations that have one.
const SEE: &[(&str, usize)] = &[
    ("own-step", 4),
    ("own-step-repeated", 2),
    ("monotone", 4),
    ("transitive", 4),
    ("acyclic", 4),
];

#[test]
fn every_rule_is_told_with_its_lines() {
    for (name, expected) in BAD {
        let (code, text) = check(name);
        assert_eq!(code, 1, "{name}: {text}");
        assert!(text.contains(expected), "{name}: expected '{expected}' in\n{text}");
        let lines = text.lines().filter(|line| line.starts_with("  tests/data/shiviz/"));
        assert_eq!(lines.count(), 1, "{name}: one fault is one violation:\n{text}");
    }
    for (name, line) in SEE {
        let expected = format!("    see tests/data/shiviz/{name}.log:{line}\n");
        assert!(check(name).1.contains(&expected), "{name}: {expected}");
    }
}

#[test]
fn executions_are_checked_one_by_one() {
    let (code, text) = check("executions");
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("executions.log, execution seed 7: holds\n"), "{text}");
    assert!(text.contains("executions.log, execution seed 8: violated\n"), "{text}");
    assert!(text.contains("executions.log:14: known-events: "), "{text}");
    let body: String = fs::read_to_string("tests/data/shiviz/executions.log")
        .unwrap()
        .lines()
        .skip(2)
        .map(|line| format!("{line}\n"))
        .collect();
    let (code, text) = check_input(&["--delimiter", "seed (?<trace>\\d+)"], &body);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("standard input, execution 8: violated"), "{text}");
}

#[test]
fn standard_input_is_read_where_no_file_is_named() {
    let log = fs::read_to_string("tests/data/shiviz/govector.log").unwrap();
    for arguments in [&[][..], &["-"]] {
        for log in [&log, &log.replace('\n', "\r\n")] {
            let (code, text) = check_input(arguments, log);
            assert_eq!(code, 0, "{text}");
            assert!(text.starts_with("standard input: holds\n"), "{text}");
        }
    }
}

#[test]
fn an_expression_may_be_given_and_needs_only_a_part_of_the_line() {
    let log = "{\"host\":\"m1\",\"clock\":{\"m1\":1},\"event\":\"start\",\"more\":0}\n";
    let parser = r#""host":"(?<host>[^"]*)".*"clock":(?<clock>{[^}]*}).*"event":"(?<event>[^"]*)""#;
    let (code, text) = check_input(&["--parser", parser], log);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("(from --parser)"), "{text}");
}

#[test]
fn what_cannot_be_read_or_is_empty_cannot_be_said() {
    for (arguments, input, expected) in [
        (&[][..], "", "missing: events: the expression finds none"),
        (&[], "no event\nat all\n", "2 lines belong to no event, the first is standard input:1"),
        (
            &[],
            "x\nm1 {\"m1\":1,}\n",
            "standard input:2: the clock '{\\\"m1\\\":1,}' cannot be read",
        ),
        (&[], "x\nm1 {\"m1\":1,\"m1\":2}\n", "host 'm1' stands in it twice"),
        (
            &[],
            "(?<host>.)\n\n",
            "standard input:1: the expression '(?<host>.)' has no group 'clock'",
        ),
        (
            &["--parser", "(?=a)"],
            "",
            "standard input: --parser: cannot read the expression '(?=a)'",
        ),
        (
            &["--delimiter", "("],
            "",
            "--delimiter: cannot read the expression '(': found open group without closing",
        ),
        (&["--format", "text"], "x\n", "missing: events"),
        (&["--format", "text,json"], "", "--format text and --format json exclude each other"),
        (&["no/such.log"], "", "cannot read no/such.log: No such file"),
    ] {
        let (code, text) = check_input(arguments, input);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(expected), "expected '{expected}' in\n{text}");
    }
    let trace = ["--delimiter", "== (?<trace>.*)"];
    let (code, text) = check_input(&trace, "== a\nx\nm {\"m\":1}\n== a\n");
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("standard input:4: the execution 'a' began on line 1 already"), "{text}");
    let (code, text) = check_input(&trace, "== a\nx\nm {\"m\":1}\n== b\n");
    assert_eq!(code, 2, "an empty execution never holds: {text}");
}

#[test]
fn the_options_of_other_logs_need_their_format() {
    for arguments in [&["check", "--parser", "x", "a"][..], &["check", "--delimiter", "x", "a"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("need --format shiviz"), "{}", stderr(&output));
    }
    let output = run(&["check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no run is named"), "{}", stderr(&output));
}

#[test]
fn violations_are_machine_readable_and_limited() {
    let mut log = String::new();
    for own in 1..=10 {
        writeln!(log, "x\nm1 {{\"m1\":{}}}", 2 * own).unwrap();
    }
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("steps.log");
    fs::write(&file, log).unwrap();
    let file = file.to_str().unwrap();
    let output = run(&["check", "--format", "shiviz,json", "--limit", "3", file]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let execution = &report["executions"][0];
    assert_eq!(report["schema_version"], 1);
    assert_eq!(execution["verdict"], "violated");
    assert_eq!(execution["expression_source"], "shiviz");
    assert_eq!(execution["violations_total"], 10);
    assert_eq!(execution["violations"].as_array().unwrap().len(), 3);
    assert_eq!(execution["violations"][1]["rule"], "own-step");
    assert_eq!(execution["violations"][1]["places"][0], format!("{file}:4"));
    let (_, text) = check_with(&["--limit", "3", file]);
    assert!(text.contains("and 7 more violations (--limit)"), "{text}");
}

/// A tick of a log of ours, by its port.
struct Tick {
    logical_clock: u64,
    port: u64,
    /// Whose message was received, and its timestamp.
    received: Option<(u64, u64)>,
}

/// Runs a trial in process, and gives its ticks in an order that respects causality.
fn simulated_ticks() -> Vec<Tick> {
    let folder = TempDir::new().unwrap();
    let logs = folder.path().join("run");
    let trial = "scripts/trials/trial5.toml";
    let output = run(&["simulate", trial, "--logs", logs.to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let mut ticks = Vec::new();
    for entry in fs::read_dir(&logs).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let Some(port) = name.strip_prefix("log") else { continue };
        for line in fs::read_to_string(&path).unwrap().lines() {
            let cells: Vec<&str> = line.split_ascii_whitespace().collect();
            if !line.starts_with(|first: char| first.is_ascii_digit()) {
                continue;
            }
            let received = (cells[4] == "receive")
                .then(|| (cells[5].parse().unwrap(), cells[8].parse().unwrap()));
            let logical_clock = cells[6].parse().unwrap();
            ticks.push(Tick { logical_clock, port: port.parse().unwrap(), received });
        }
    }
    ticks.sort_by_key(|tick| (tick.logical_clock, tick.port));
    ticks
}

#[test]
fn a_run_of_ours_told_as_a_vector_log_holds() {
    let ticks = simulated_ticks();
    let mut now: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
    let mut sent: BTreeMap<(u64, u64), BTreeMap<u64, u64>> = BTreeMap::new();
    let mut lines = Vec::new();
    for tick in &ticks {
        let clock = now.entry(tick.port).or_default();
        for (port, value) in tick.received.iter().flat_map(|message| &sent[message]) {
            let entry = clock.entry(*port).or_default();
            *entry = (*value).max(*entry);
        }
        *clock.entry(tick.port).or_default() += 1;
        sent.insert((tick.port, tick.logical_clock), clock.clone());
        lines.push(format!("tick\n{} {}\n", tick.port, serde_json::to_string(clock).unwrap()));
    }
    let (code, text) = check_input(&[], &lines.concat());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(&format!("3 hosts, {} events, ", ticks.len())), "{text}");
    assert!(300 < ticks.len(), "a minute of trial 5 has some 660 ticks");
    lines.remove(lines.len() / 2);
    assert_eq!(check_input(&[], &lines.concat()).0, 1, "an event less must be missed");
}
