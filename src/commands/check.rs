//! `scalemodel check`: proves from the logs that causality held, or names what breaks it.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use log::error;
use serde::Serialize;

use super::{print, print_json};
use crate::analysis::check::{Findings, Rule, Verdict, check};
use crate::analysis::history::History;
use crate::cli::Answer;

/// Prove from the logs of a run that causality held
///
/// The verdict is holds (exit code 0), violated (1) or cannot say (2). Violated beats cannot say,
/// and cannot say beats holds.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  scalemodel check logs/trial5")]
pub struct CheckArgs {
    /// The folders of the runs
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,

    /// How many violations of a run to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,

    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    runs: &'a [Report],
}

/// What is printed of one run as JSON.
#[derive(Serialize)]
struct Report {
    run: String,
    violations_total: usize,
    #[serde(flatten)]
    findings: Findings,
}

/// Runs the command. A folder that holds no run cannot be said, and the others are checked.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(args: &CheckArgs) -> Result<Answer> {
    let mut worst = Answer::Yes;
    let mut reports = Vec::new();
    for folder in &args.runs {
        let findings = match History::load(folder) {
            Ok(history) => check(&history),
            Err(error) => {
                error!("{error:#}");
                worst = worst.max(Answer::CannotSay);
                continue;
            }
        };
        worst = worst.max(findings.verdict.into());
        let run = folder.display().to_string();
        if args.format == Format::Text {
            print(&describe(&run, &findings, args.limit))?;
        } else {
            reports.push(report(run, findings, args.limit));
        }
    }
    if args.format == Format::Json {
        print_json(&Document { schema_version: 1, runs: &reports })?;
    }
    Ok(worst)
}

fn report(run: String, mut findings: Findings, limit: usize) -> Report {
    let violations_total = findings.violations.len();
    findings.violations.truncate(limit);
    Report { run, violations_total, findings }
}

fn describe(run: &str, findings: &Findings, limit: usize) -> String {
    let Findings { verdict, machines, events, sent, received, missing, violations } = findings;
    let mut text = format!("{run}: {verdict}\n");
    let mut line = |args: std::fmt::Arguments<'_>| {
        writeln!(text, "  {args}").expect("writing into a string cannot fail");
    };
    line(format_args!(
        "{machines} machines, {events} events; messages: {sent} sent, {received} received"
    ));
    if *verdict == Verdict::Holds {
        let rules: Vec<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        line(format_args!("no rule is broken: {}", rules.join(", ")));
    }
    for what in missing {
        line(format_args!("missing: {what}"));
    }
    for violation in violations.iter().take(limit) {
        let (first, others) = violation.places.split_first().map_or(("", &[][..]), |(f, o)| (f, o));
        line(format_args!("{first}: {}: {}", violation.rule.name(), violation.what));
        for place in others {
            line(format_args!("  see {place}"));
        }
    }
    if limit < violations.len() {
        line(format_args!("and {} more violations (--limit)", violations.len() - limit));
    }
    text
}
