//! `scalemodel export`: what is written, held against stored copies and against what the checker
//! knows of the same runs. Other people's readers are in `tests/outside/`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use common::{Bench, run, scalemodel, stderr, stdout};
use scalemodel::analysis::causality::Causality;
use scalemodel::analysis::history::{EventRef, History};
use scalemodel::export::{Merge, Moment, Run, Survey};
use tempfile::TempDir;

/// Two machines: one that skipped ticks and was killed, one that came back; its clock runs behind.
const RUN: &str = "tests/data/export/run";

const FORMATS: [&str; 5] = ["csv", "jsonl", "perfetto", "shiviz", "tsviz"];

fn export(folder: &Path, format: &str) -> Output {
    run(&["export", folder.to_str().unwrap(), "--to", format])
}

/// Simulates a trial into a folder.
fn simulate(trial: &str, folder: &Path) {
    let output = run(&["simulate", trial, "--logs", folder.to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
}

/// Holds every event of a run against the checker's causal order, and the order in which they come
/// against their vector clocks; gives their number.
fn assert_fits_checker(folder: &Path) -> usize {
    let history = History::load(folder).unwrap();
    let causality = Causality::of(&history);
    let run = Run::open(folder).unwrap();
    let mut merge = Merge::surveyed(&run, &Survey::of(&run, |_| ()).unwrap()).unwrap();
    let mut came = vec![0_u64; run.trial.machines.len()];
    let mut sent: BTreeMap<u64, u64> = BTreeMap::new();
    while let Some(moment) = merge.next().unwrap() {
        let Moment::Row(row) = moment else { continue };
        let place = row.machine.index();
        let index = usize::try_from(came[place]).unwrap();
        let expected = causality.clock(EventRef { machine: row.machine, index });
        let expected: Vec<u64> = expected.iter().map(|count| u64::from(*count)).collect();
        assert_eq!(row.vector, expected, "machine {} event {index}", row.machine);
        came[place] += 1;
        assert!(row.vector.iter().zip(&came).all(|(known, came)| known <= came));
        if row.received_timestamp().is_some() {
            let send_us = sent.remove(&row.messages[0]).unwrap();
            assert!(send_us <= row.time_us);
        } else {
            sent.extend(row.messages.iter().map(|message| (*message, row.time_us)));
        }
    }
    let events: u64 = came.iter().sum();
    assert_eq!(events, history.event_count() as u64);
    usize::try_from(events).unwrap()
}

#[test]
fn every_format_of_the_stored_run_is_the_stored_copy() {
    for format in FORMATS {
        let output = export(Path::new(RUN), format);
        let stored = fs::read_to_string(format!("tests/data/export/small.{format}")).unwrap();
        assert!(output.status.success());
        assert_eq!(stdout(&output), stored, "{format}");
    }
}

#[test]
fn what_was_left_out_or_moved_is_said() {
    let csv = stderr(&export(Path::new(RUN), "csv"));
    assert!(csv.contains("log20001.txt:19: the last line is torn, and left out"), "{csv}");
    assert!(csv.contains("log20001.txt: no end entry"), "{csv}");
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let perfetto = stderr(&export(Path::new(RUN), "perfetto"));
    assert!(perfetto.contains("moved on the time line, by 15000 us at most"), "{perfetto}");
    assert_eq!(perfetto.lines().count(), 3, "{perfetto}");
}

#[test]
fn vector_clocks_are_the_checkers_and_the_order_respects_them() {
    let folder = TempDir::new().unwrap();
    for (trial, events) in [("trial5", 660), ("trial7", 780), ("faults-crash", 0)] {
        let run = folder.path().join(trial);
        simulate(&format!("scripts/trials/{trial}.toml"), &run);
        assert!(events <= assert_fits_checker(&run));
        let output = export(&run, "shiviz");
        assert_eq!(stderr(&output), "");
    }
    assert_fits_checker(Path::new("tests/data/run"));
    assert_fits_checker(Path::new(RUN));
}

#[test]
fn a_run_at_the_real_pace_is_exported_and_its_clocks_hold() {
    let bench = Bench::new("127.20.9.1", 1, &[300, 100, 200]);
    bench.run_all(&[]);
    assert_eq!(assert_fits_checker(bench.folder()), 600);
    for format in ["shiviz", "tsviz"] {
        let file = bench.folder().join(format);
        let file = file.to_str().unwrap();
        let folder = bench.folder().to_str().unwrap();
        assert!(run(&["export", folder, "--to", format, "-o", file]).status.success());
        let check = stdout(&run(&["check", "--format", "shiviz", file]));
        assert!(check.contains("holds") && check.contains("3 hosts, 603 events"), "{check}");
    }
}

#[test]
fn machines_that_came_back_are_told() {
    let folder = TempDir::new().unwrap();
    let crash = folder.path().join("run");
    simulate("scripts/trials/faults-crash.toml", &crash);
    let restarts = fs::read_dir(&crash).unwrap().map(|file| {
        let log = fs::read_to_string(file.unwrap().path()).unwrap();
        log.matches("# restart: incarnation=2").count()
    });
    let restarts: usize = restarts.sum();
    assert!(0 < restarts);
    let shiviz = stdout(&export(&crash, "shiviz"));
    assert_eq!(shiviz.matches("before=restart:2,fault:").count(), restarts);
    let perfetto = stdout(&export(&crash, "perfetto"));
    assert_eq!(perfetto.matches("\"name\":\"restart\"").count(), restarts);
    let csv = stdout(&export(&crash, "csv"));
    let incarnations = csv.lines().skip(1).map(|line| line.split(',').nth(2).unwrap());
    assert!(incarnations.clone().any(|incarnation| incarnation == "2"));
    assert!(incarnations.clone().all(|incarnation| matches!(incarnation, "1" | "2")));
}

#[test]
fn messages_that_vector_clocks_cannot_tell_are_counted() {
    let folder = TempDir::new().unwrap();
    let (partition, file) = (folder.path().join("run"), folder.path().join("file"));
    let file = file.to_str().unwrap();
    simulate("scripts/trials/faults-partition.toml", &partition);
    let told =
        stderr(&run(&["export", partition.to_str().unwrap(), "--to", "shiviz", "--output", file]));
    assert!(told.contains("knew of the send already: 15 of 204 messages"), "{told}");
    let check = stdout(&run(&["check", "--format", "shiviz", file]));
    assert!(check.contains("189 receive edges"), "{check}");
    assert_eq!(stderr(&export(&partition, "perfetto")), "");
}

#[test]
fn a_run_without_one_of_its_logs_is_refused() {
    let folder = TempDir::new().unwrap();
    let output = export(folder.path(), "csv");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no log<PORT>.txt; give the folder of a run"));

    let from = |name: &str| format!("tests/data/run/{name}");
    let to = |name: &str| folder.path().join(name);
    for name in ["log20001.txt", "log20003.txt"] {
        fs::copy(from(name), to(name)).unwrap();
    }
    let output = export(folder.path(), "csv");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
    let error = stderr(&output);
    assert!(error.contains("the log of machine 2,") && error.contains("is missing"), "{error}");

    let log = fs::read_to_string(from("log20002.txt")).unwrap();
    fs::write(to("log20002.txt"), log.replace("# seed: ", "# seed: 1")).unwrap();
    let output = export(folder.path(), "csv");
    assert_eq!(output.status.code(), Some(2));
    let error = stderr(&output);
    assert!(error.contains("log20002.txt: another run than the first log's: 'seed'"), "{error}");
}

#[test]
fn a_wrong_format_is_refused_with_those_there_are() {
    let output = export(Path::new(RUN), "otlp");
    assert_eq!(output.status.code(), Some(2));
    let error = stderr(&output);
    assert!(error.contains("possible values: csv, jsonl, perfetto, shiviz, tsviz"), "{error}");
}

#[test]
fn a_file_gets_its_name_when_it_is_whole() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("small.csv");
    fs::write(&file, "old").unwrap();
    let to_file = |run_folder: &str, file: &Path| {
        run(&["export", run_folder, "--to", "csv", "-o", file.to_str().unwrap()])
    };
    assert!(to_file(RUN, &file).status.success());
    let stored = fs::read_to_string("tests/data/export/small.csv").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), stored);

    // A log that is wrong at its end: the export fails, and the file is as it was.
    let broken = folder.path().join("broken");
    fs::create_dir(&broken).unwrap();
    for name in ["log20001.txt", "log20002.txt"] {
        let log = fs::read_to_string(format!("{RUN}/{name}")).unwrap();
        fs::write(broken.join(name), log + "\nnonsense\n").unwrap();
    }
    let output = to_file(broken.to_str().unwrap(), &file);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read_to_string(&file).unwrap(), stored);

    let nowhere = to_file(RUN, &folder.path().join("nowhere/small.csv"));
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(stderr(&nowhere).contains("nowhere/small.csv: No such file"));
    let onto_folder = to_file(RUN, folder.path());
    assert!(stderr(&onto_folder).contains("it is a folder"), "{}", stderr(&onto_folder));
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["broken", "small.csv"]);
    assert!(to_file(RUN, Path::new("/dev/null")).status.success());
    let full = to_file(RUN, Path::new("/dev/full"));
    assert_eq!(full.status.code(), Some(2));
    assert!(stderr(&full).contains("/dev/full: No space left"), "{}", stderr(&full));
}

#[test]
fn whoever_closes_standard_output_has_seen_enough() {
    let folder = TempDir::new().unwrap();
    let trial5 = folder.path().join("run");
    simulate("scripts/trials/trial5.toml", &trial5);
    // 300 kB, more than any pipe holds by default.
    let mut child = scalemodel()
        .args(["export", trial5.to_str().unwrap(), "--to", "perfetto"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(stderr(&output), "");
}
