//! The battery: everything that can break a run is done to one, and what must happen then happens.
//!
//! ```sh
//! cargo test --test battery                      # the quick rows
//! cargo test --release --test battery -- --all   # all of them; W1 or wire picks rows or groups
//! scripts/battery.sh                             # all of them, and docs/reliability.md anew
//! ```
//!
//! - [`row`]: one fault, how it is injected, what must happen.
//! - [`rows`]: the rows, by group.
//! - [`runner`]: runs rows side by side, each within its bound of time.
//! - [`scene`]: what a row works with: a loopback address, a folder, a deadline.
//! - [`bench`]: a trial and its machines; [`running`]: one OS process.
//! - [`stranger`]: a connection of someone who is no machine.
//! - [`guest`]: someone who plays a machine, and may say whatever it likes.
//! - [`page`]: the rows as a page of the docs.

#![allow(clippy::disallowed_methods, reason = "tests read the clock and wait between two looks")]
#![allow(clippy::print_stdout, reason = "the table is for people")]

mod bench;
mod guest;
mod options;
mod page;
mod row;
mod rows;
mod runner;
mod running;
mod scene;
mod stranger;

use std::process::ExitCode;

use options::{Options, Wish};
use row::{Extent, Finding, Row, Verdict};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(what) => {
            println!("battery: {what}");
            return ExitCode::from(2);
        }
    };
    let rows: Vec<&'static Row> = rows::all().filter(|row| options.wants(row)).collect();
    match options.wish {
        Wish::List => {
            for row in rows {
                println!("{}: {}", row.id, row.fault);
            }
            ExitCode::SUCCESS
        }
        Wish::Run => run(&rows, &options),
    }
}

fn run(rows: &[&'static Row], options: &Options) -> ExitCode {
    println!("\nrunning {} of {} rows", rows.len(), rows::all().count());
    let findings = runner::run_all(rows, options.jobs, |row, finding| {
        println!("{}", told(row, finding));
    });
    let count = |wanted: fn(&Verdict) -> bool| {
        findings.iter().filter(|finding| wanted(&finding.verdict)).count()
    };
    let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
    let passed = count(|verdict| matches!(verdict, Verdict::Passed(_)));
    let skipped = count(|verdict| matches!(verdict, Verdict::Skipped(_)));
    println!("\nbattery: {passed} passed, {failed} failed, {skipped} skipped");
    let mut is_well = failed == 0;
    if let Some(file) = &options.page {
        if let Err(error) = page::write(file, rows, &findings) {
            println!("battery: {error:#}");
            is_well = false;
        }
    } else if let Some(what) = page::outdated() {
        println!("battery: {what}");
        is_well = false;
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// One line about a row that was run, and more if it went wrong.
fn told(row: &Row, finding: &Finding) -> String {
    let seconds = finding.took.as_secs_f64();
    let (word, text) = match &finding.verdict {
        Verdict::Passed(outcome) => ("ok", outcome),
        Verdict::Failed(what) => ("FAILED", what),
        Verdict::Skipped(why) => ("skipped", why),
    };
    let slow = if row.extent == Extent::Full { ", only with --all" } else { "" };
    format!("{:<4} {:<60} {word} ({seconds:.1} s{slow}): {text}", row.id, row.fault)
}
