//! Trials with faults: run in process, checked, compared, swept.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{check, run, stderr, stdout};
use tempfile::TempDir;

/// A trial with a fault of every kind, and its logs.
const PINNED: &str = "tests/data/faults";

fn simulate(trial: &Path) -> TempDir {
    let folder = TempDir::new().unwrap();
    let logs = folder.path().join("logs");
    let args = ["simulate", trial.to_str().unwrap(), "--logs", logs.to_str().unwrap()];
    let output = run(&args);
    assert!(output.status.success(), "{}", stderr(&output));
    folder
}

fn without_version(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.lines().filter(|line| !line.starts_with("# version: ")).collect::<Vec<_>>().join("\n")
}

/// A copy of the pinned run.
fn copy() -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in ["log20001.txt", "log20002.txt", "log20003.txt", "trial.toml"] {
        fs::copy(Path::new(PINNED).join(name), folder.path().join(name)).unwrap();
    }
    folder
}

/// Checks the pinned run with one text of machine 1's log replaced.
fn check_with(good: &str, bad: &str) -> (i32, String) {
    let run = copy();
    let file = run.path().join("log20001.txt");
    let log = fs::read_to_string(&file).unwrap();
    assert_eq!(log.matches(good).count(), 1, "{good}");
    fs::write(&file, log.replace(good, bad)).unwrap();
    check(run.path())
}

#[test]
fn what_a_seed_gave_under_faults_it_gives_for_ever() {
    let again = simulate(&Path::new(PINNED).join("trial.toml"));
    for name in ["log20001.txt", "log20002.txt", "log20003.txt"] {
        let stored = without_version(&Path::new(PINNED).join(name));
        assert_eq!(without_version(&again.path().join("logs").join(name)), stored, "{name}");
    }
    let trial = |path: PathBuf| fs::read_to_string(path).unwrap();
    let printed = trial(again.path().join("logs/trial.toml"));
    assert_eq!(printed, trial(Path::new(PINNED).join("trial.toml")));
}

#[test]
fn a_run_with_every_kind_of_fault_holds() {
    let (code, said) = check(Path::new(PINNED));
    assert_eq!(code, 0, "{said}");
    let output = run(&["compare", PINNED, PINNED]);
    assert!(stdout(&output).contains("equal"), "{}", stdout(&output));
}

#[test]
fn the_trials_that_teach_faults_hold_for_many_seeds() {
    for name in ["partition", "crash", "slowing"] {
        let file = format!("scripts/trials/faults-{name}.toml");
        let output = run(&["sweep", &file, "--runs", "40", "--check"]);
        let said = stdout(&output);
        assert_eq!(said, format!("faults-{name}: 40 runs checked, each holds\n"));
    }
}

#[test]
fn an_entry_that_contradicts_the_trial_is_a_violation() {
    let log = fs::read_to_string(Path::new(PINNED).join("log20001.txt")).unwrap();
    let of_loss = log.lines().find(|line| line.starts_with("# fault: number=9 ")).unwrap();
    let hits = of_loss.split(' ').find(|field| field.starts_with("hits=")).unwrap();
    for (bad, expected) in [
        (of_loss.replace(hits, "hits=999"), "faults: fault 9 (loss) struck "),
        (of_loss.replace("loss", "delay"), "faults: fault 9 is a loss, not a delay"),
        (of_loss.replace("number=9", "number=99"), "machine 1 has no fault 99 to tell of"),
        (of_loss.replace("number=9", "number=1"), "machine 1 has no fault 1 to tell of"),
        (format!("{of_loss}\n{of_loss}"), "faults: fault 9 was told of before"),
    ] {
        let (code, said) = check_with(of_loss, &bad);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(expected), "{said}\n{expected}");
    }
}

#[test]
fn a_fault_that_a_log_leaves_out_cannot_be_said() {
    let log = fs::read_to_string(Path::new(PINNED).join("log20001.txt")).unwrap();
    let of_loss = log.lines().find(|line| line.starts_with("# fault: number=9 ")).unwrap();
    let (code, said) = check_with(&format!("{of_loss}\n"), "");
    assert_eq!(code, 2, "{said}");
    let path = "log20001.txt does not tell of it";
    assert!(said.contains("fault 9 (loss) did not take effect: ") && said.contains(path), "{said}");
}

#[test]
fn a_fault_that_strikes_nothing_cannot_be_said() {
    let folder = TempDir::new().unwrap();
    let trial = fs::read_to_string("scripts/trials/faults-partition.toml").unwrap();
    let trial =
        trial.replace("for_ms = 15_000", "for_ms = 1").replace("at_ms = 20_000", "at_ms = 0");
    let file = folder.path().join("trial.toml");
    fs::write(&file, trial).unwrap();
    let (code, said) = check(&simulate(&file).path().join("logs"));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("fault 1 (partition) did not take effect: it struck nothing"), "{said}");
    let output = run(&["sweep", file.to_str().unwrap(), "--runs", "3", "--check"]);
    let idle = "each holds, but that 3 have a fault that did not take effect\n";
    assert!(output.status.success() && stdout(&output).ends_with(idle), "{}", stdout(&output));
}

#[test]
fn logs_with_other_faults_are_of_another_run() {
    let (code, said) = check_with("at_ms=0 for_ms=16000", "at_ms=0 for_ms=15999");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the lines that begin with 'fault' differ"), "{said}");
}

#[test]
fn what_theory_leaves_out_is_said() {
    let output = run(&["predict", "scripts/trials/faults-crash.toml"]);
    assert!(stderr(&output).contains("leaves the trial's faults out"), "{}", stderr(&output));
    let output = run(&["stats", PINNED]);
    assert!(stderr(&output).contains("leaves the trial's faults out"), "{}", stderr(&output));
}

#[test]
fn a_duration_that_ends_before_a_fault_is_refused() {
    let output = run(&["trial", "scripts/trials/faults-crash.toml", "--duration", "25"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("fault 1 of faults-crash: for_ms: the kill ends at 30000 ms"), "{said}");
}
