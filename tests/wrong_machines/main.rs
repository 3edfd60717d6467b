//! The oracle against wrong machines: each is wrong at one seam, and must be caught by the rule
//! that is meant for it; the right machine is never accused.
//!
//! - [`seams`]: every step that can go wrong, done right.
//! - [`turns`]: when each tick begins, and how late.
//! - [`workbench`]: runs a trial in one loop and writes its logs.
//! - [`catalogue`]: the wrong machines.
//! - [`trials`]: random trials that repeat.
//! - [`matrix`]: which rule accuses which wrong machine, and how often.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "the matrix and replays are for people")]

#[path = "../common/mod.rs"]
mod common;

mod catalogue;
mod matrix;
mod seams;
mod trials;
mod turns;
mod workbench;

use std::path::Path;
use std::{env, fs};

use catalogue::{Sight, WrongMachine, all, named};
use common::{run, stderr};
use matrix::{MATRIX, Row, in_parallel, page};
use scalemodel::analysis::check::{Findings, Rule, Verdict};
use scalemodel::logbook::log_path;
use scalemodel::model::{ClockRate, DrawRange};
use scalemodel::trial::Trial;
use scalemodel::trial::shrink::shrink;
use seams::{Right, Seams};
use tempfile::TempDir;
use trials::{Durations, random, random_for};
use workbench::{Scratch, Setting};

/// The page that shows the matrix.
const PAGE: &str = "docs/kill-matrix.md";

/// Set to write the page anew.
const WRITE_PAGE: &str = "WRITE_KILL_MATRIX";

#[test]
fn the_workbench_is_the_program_byte_for_byte() {
    let scratch = Scratch::new();
    let cases = (1..=30).map(|case| (Setting::Virtual, case));
    for (setting, case) in cases.chain((1..=200).map(|case| (Setting::Faults, case))) {
        let trial = random_for(setting, case, Durations { least_s: 1, lengths: 9 });
        let folder = TempDir::new().unwrap();
        let (file, logs) = (folder.path().join("trial.toml"), folder.path().join("logs"));
        fs::write(&file, trial.to_string()).unwrap();
        let args = ["simulate", file.to_str().unwrap(), "--logs", logs.to_str().unwrap()];
        let output = run(&args);
        assert!(output.status.success(), "{}", stderr(&output));
        scratch.run(&trial, setting, &mut Right);
        for (spec, ours) in trial.machines.iter().zip(scratch.logs(&trial)) {
            let its = fs::read_to_string(log_path(&logs, spec.port)).unwrap();
            assert!(its == ours, "the logs of port {} differ in the trial\n{trial}", spec.port);
        }
    }
}

#[test]
fn the_right_machine_is_never_accused() {
    let accused = in_parallel(10_000, || {
        let scratch = Scratch::new();
        move |index| {
            let setting = Setting::ALL[index % Setting::ALL.len()];
            let trial = random_for(setting, index as u64, Durations { least_s: 1, lengths: 2 });
            let is_wrong = |trial: &Trial| {
                scratch.run(trial, setting, &mut Right);
                let Findings { verdict, missing, .. } = scratch.findings();
                // A kill leaves something that cannot be said, and so does a fault that strikes
                // nothing, or keeps everybody away for the whole trial; nothing else does.
                let is_idle = |what: &String| {
                    what.contains("did not take effect") || what.starts_with("events: ")
                };
                let may_miss = match setting {
                    Setting::Kill => true,
                    Setting::Faults => missing.iter().all(is_idle),
                    _ => false,
                };
                !(verdict == Verdict::Holds || may_miss && verdict == Verdict::CannotSay)
            };
            is_wrong(&trial).then(|| report("right", setting, &trial, is_wrong))
        }
    });
    let accused: Vec<String> = accused.into_iter().flatten().collect();
    assert!(accused.is_empty(), "{} of 10,000 runs: {}", accused.len(), accused[0]);
}

#[test]
fn every_wrong_machine_is_caught_by_the_rule_meant_for_it() {
    let failures: Vec<String> = MATRIX.iter().filter_map(failure).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is not as it should be with a wrong machine.
fn failure(row: &Row) -> Option<String> {
    let Row { machine, spoiled, caught, .. } = row;
    let (name, rule) = (machine.name, machine.rule.name());
    if *spoiled == 0 {
        return Some(format!("{name}: never met an occasion to go wrong"));
    }
    match machine.sight {
        Sight::Never(_) if 0 < *caught => Some(format!("{name}: caught, which it never was")),
        Sight::Never(_) => None,
        Sight::Always if caught < spoiled => {
            let (trial, setting) = row.missed.as_ref().unwrap();
            let is_missed = |trial: &Trial| is_spoiled_and_missed(machine, trial, *setting);
            let report = report(name, *setting, trial, is_missed);
            Some(format!("{name}: only {caught} of {spoiled} spoiled runs are caught: {report}"))
        }
        _ if row.by_its_rule() == 0 => Some(format!("{name}: never caught by {rule}: {row:?}")),
        _ => None,
    }
}

#[test]
fn every_rule_is_meant_for_a_wrong_machine() {
    for rule in Rule::ALL {
        assert!(
            all().any(|machine| machine.rule == rule && machine.sight == Sight::Always),
            "{}",
            rule.name()
        );
    }
}

#[test]
fn wrong_machines_have_names_of_their_own() {
    for machine in all() {
        let same = all().filter(|other| other.name == machine.name).count();
        assert_eq!(same, 1, "{}", machine.name);
        assert!(machine.name.bytes().all(|b| b == b'-' || b.is_ascii_lowercase() || b == b'1'));
    }
}

#[test]
fn the_stored_matrix_is_the_one_that_is_computed() {
    let computed = page();
    if env::var_os(WRITE_PAGE).is_some() {
        fs::write(PAGE, &computed).unwrap();
    }
    let stored = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(stored == computed, "{PAGE} is out of date; renew it with scripts/kill_matrix.sh");
}

#[test]
fn a_failing_trial_of_six_machines_shrinks_to_two() {
    let mut large = random(1, Durations { least_s: 20, lengths: 1 });
    let spec = large.machines[0];
    large.machines = (0..6).map(|index| large.machines[index % 2]).collect();
    for (machine, port) in large.machines.iter_mut().zip(spec.port..) {
        (machine.port, machine.clock_rate) = (port, ClockRate(5));
    }
    large.draw_range = DrawRange(12);
    for name in ["stamps-before-the-increment", "drops-a-message", "takes-the-newest"] {
        let machine = named(name).unwrap();
        let scratch = Scratch::new();
        let is_caught = |trial: &Trial| {
            scratch.run(trial, Setting::Virtual, (machine.make)().as_mut());
            scratch.findings().verdict == Verdict::Violated
        };
        assert!(is_caught(&large), "{name}");
        let shrunk = shrink(&large, is_caught);
        assert!(is_caught(&shrunk.trial), "{name}: {shrunk}");
        assert_eq!(shrunk.trial.machines.len(), 2, "{name}: {shrunk}");
        assert!(shrunk.trial.duration_s <= 5, "{name}: {shrunk}");
        assert_eq!(shrunk.trial.seed, large.seed);
        assert_eq!(shrink(&large, is_caught), shrunk, "{name}: shrinking repeats");
    }
}

/// Replays a trial that a failing test has printed; without one, a trial that is known to fail.
#[test]
fn replay() {
    let of = |name| env::var(name).ok();
    let name = of("WRONG_MACHINE").unwrap_or_else(|| "drops-a-message".to_owned());
    let setting = of("WRONG_SETTING").unwrap_or_else(|| Setting::Virtual.name().to_owned());
    let setting = Setting::ALL.into_iter().find(|s| s.name() == setting).unwrap();
    let trial = match of("WRONG_TRIAL") {
        Some(file) => Trial::load_resolved(Path::new(&file)).unwrap(),
        None => random(1, Durations { least_s: 9, lengths: 1 }),
    };
    let scratch = Scratch::new();
    let mut seams: Box<dyn Seams> = match named(&name) {
        Some(machine) => (machine.make)(),
        None if name == "right" => Box::new(Right),
        None => panic!("there is no wrong machine '{name}'"),
    };
    scratch.run(&trial, setting, seams.as_mut());
    for log in scratch.logs(&trial) {
        println!("{log}");
    }
    let findings = scratch.findings();
    println!("{findings:#?}");
    if of("WRONG_MACHINE").is_none() {
        assert_eq!(findings.verdict, Verdict::Violated);
    }
}

/// Whether a wrong machine spoils a run, and the oracle does not see it.
fn is_spoiled_and_missed(machine: &WrongMachine, trial: &Trial, setting: Setting) -> bool {
    let scratch = Scratch::new();
    scratch.run(trial, setting, &mut Right);
    let right = scratch.logs(trial);
    scratch.run(trial, setting, (machine.make)().as_mut());
    right != scratch.logs(trial) && scratch.findings().verdict != Verdict::Violated
}

/// A failing run as the smallest trial that shows it, with the command that replays it.
fn report(
    machine: &str,
    setting: Setting,
    trial: &Trial,
    is_failing: impl FnMut(&Trial) -> bool,
) -> String {
    let shrunk = shrink(trial, is_failing);
    let command = match (machine, setting) {
        // What the right machine does at the virtual pace the program does as well.
        ("right", Setting::Virtual | Setting::Faults) => String::new(),
        _ => format!(
            "# Here it takes the workbench:\n\
             #   WRONG_MACHINE={machine} WRONG_SETTING='{}' WRONG_TRIAL=FILE \\\n\
             #     cargo test --test wrong_machines replay -- --nocapture\n",
            setting.name()
        ),
    };
    format!("the {machine} machine, {}\n\n{command}{shrunk}", setting.name())
}
