//! `scalemodel claims`: the verdicts on the notebook's claims do not depend on how many seeds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{run, stderr, stdout};

#[test]
fn two_hundred_seeds_lead_to_the_expected_verdicts() {
    let output = run(&["claims", "--runs", "200"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let document = stdout(&output);
    assert_eq!(document.matches("- Verdict: ").count(), document.matches("](#").count());
    assert_eq!(document.matches("\n### Trial ").count(), 9);
    assert!(document.contains("(#two-a-second)"));
}

#[test]
fn a_folder_without_the_trials_is_refused() {
    let output = run(&["claims", "--runs", "20", "--trials", "tests/data"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("trial1.toml"));
}
