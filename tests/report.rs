//! `scalemodel report`: what is written, and where; how it looks is tested in a browser.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::Path;

use common::{run, stderr, stdout};
use tempfile::TempDir;

const RUN: &str = "tests/data/run";

/// What the page knows in words and figures.
fn facts(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once("id=\"facts\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn report(arguments: &[&str], page: &Path) -> String {
    let output = run(&[&["report"], arguments, &["-o", page.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    fs::read_to_string(page).unwrap()
}

#[test]
fn a_page_knows_what_check_and_stats_say() {
    let folder = TempDir::new().unwrap();
    let facts = facts(&report(&[RUN], &folder.path().join("page.html")));
    assert_eq!(facts["schema_version"], 1);
    let json = |command| {
        let output = run(&[command, "--format", "json", RUN]);
        serde_json::from_str::<serde_json::Value>(&stdout(&output)).unwrap()["runs"][0].clone()
    };
    let (checked, stats) = (json("check"), json("stats"));
    let run = &facts["runs"][0];
    for fact in ["verdict", "events", "sent", "received", "pairs"] {
        assert_eq!(run["verdict"][fact], checked[fact], "{fact}");
    }
    assert_eq!(run["stats"], stats);
    let title = run["sheet"]["title"].as_str().unwrap();
    assert!(include_str!("data/stats.txt").starts_with(title));
    let seconds = run["drift"]["seconds"].as_array().unwrap().iter();
    let total: f64 = seconds.map(|seconds| seconds.as_f64().unwrap()).sum();
    let duration_s = run["duration_s"].as_f64().unwrap();
    assert!(duration_s - 1.0 < total && total <= duration_s, "{total}");
}

#[test]
fn a_page_names_the_seed_to_the_last_digit() {
    let folder = TempDir::new().unwrap();
    let logs = folder.path().join("run");
    let seed = "9223372036854775807";
    let trial = "scripts/trials/trial5.toml";
    let simulated = run(&["simulate", trial, "--seed", seed, "--logs", logs.to_str().unwrap()]);
    assert_eq!(simulated.status.code(), Some(0), "{}", stderr(&simulated));
    let facts = facts(&report(&[logs.to_str().unwrap()], &folder.path().join("page.html")));
    assert_eq!(facts["runs"][0]["seed"], seed);
}

#[test]
fn several_runs_are_compared_on_the_page() {
    let folder = TempDir::new().unwrap();
    let runs = [RUN, RUN, "tests/data/pinned", "tests/data/faults"];
    let facts = facts(&report(&runs, &folder.path().join("page.html")));
    assert_eq!(facts["runs"].as_array().unwrap().len(), runs.len());
    let outcomes = ["equal", "parted", "refused"];
    for (comparison, (other, outcome)) in
        facts["comparisons"].as_array().unwrap().iter().zip((1..).zip(outcomes))
    {
        assert_eq!(
            (&comparison["outcome"], &comparison["other"]),
            (&outcome.into(), &other.into())
        );
    }
}

#[test]
fn an_older_report_is_replaced_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let page = folder.path().join("page.html");
    let first = report(&[RUN], &page);
    assert_eq!(report(&[RUN], &page), first);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");

    let other = folder.path().join("log20001.txt");
    fs::write(&other, "precious").unwrap();
    let output = run(&["report", RUN, "-o", other.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("it is no report, and would be lost"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&other).unwrap(), "precious");
}

#[test]
fn what_cannot_be_written_is_told() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().to_str().unwrap();
    let output = run(&["report", "no-such-run", "-o", place]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("it is a folder; name a file"), "{}", stderr(&output));

    let nowhere = folder.path().join("none").join("page.html");
    let output = run(&["report", RUN, "-o", nowhere.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let told = format!("cannot write {}: No such file or directory", nowhere.display());
    assert!(stderr(&output).contains(&told), "{}", stderr(&output));
}

#[test]
fn a_folder_that_is_no_run_gets_the_error_of_check() {
    let folder = TempDir::new().unwrap();
    let (place, page) = (folder.path().to_str().unwrap(), folder.path().join("page.html"));
    let output = run(&["report", place, "-o", page.to_str().unwrap()]);
    let checked = run(&["check", place]);
    assert_eq!((output.status.code(), checked.status.code()), (Some(2), Some(2)));
    assert_eq!(stderr(&output), stderr(&checked));
    assert!(!page.exists());
}

#[test]
fn a_violation_is_told_with_its_events_and_the_path_of_what_follows() {
    let folder = TempDir::new().unwrap();
    let run_folder = folder.path().join("run");
    fs::create_dir(&run_folder).unwrap();
    for port in 20001..=20003 {
        let name = format!("log{port}.txt");
        fs::copy(Path::new(RUN).join(&name), run_folder.join(&name)).unwrap();
    }
    // The clock of the slow machine's fifth event falls below that of the send that it receives.
    let log = run_folder.join("log20002.txt");
    let text = fs::read_to_string(&log).unwrap();
    let tick = text.lines().filter(|line| line.contains(" receive ")).nth(3).unwrap();
    let clock = tick.split_whitespace().nth(6).unwrap();
    let lowered = tick.replacen(&format!(" {clock} "), &format!(" {:>1$} ", 1, clock.len()), 1);
    assert_ne!(lowered, tick);
    fs::write(&log, text.replace(tick, &lowered)).unwrap();

    let page = folder.path().join("page.html");
    let facts = facts(&report(&[run_folder.to_str().unwrap()], &page));
    let verdict = &facts["runs"][0]["verdict"];
    assert_eq!(verdict["verdict"], "violated");
    let violation = &verdict["violations"][0];
    assert_eq!(violation["events"][0][0], 1);
    let path = violation["path"].as_array().unwrap();
    assert_eq!(path.last().unwrap()[1], violation["events"][0]);

    let page = report(&[run_folder.to_str().unwrap(), "--limit", "0"], &page);
    let verdict = &self::facts(&page)["runs"][0]["verdict"];
    assert_eq!(verdict["violations"], serde_json::json!([]));
    assert!(0 < verdict["violations_total"].as_u64().unwrap());
}
