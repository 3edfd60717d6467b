//! `scalemodel check`: proves from the logs that causality held, or names what breaks it.

mod shiviz;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use log::error;
use serde::Serialize;

use super::verdict::describe;
use super::{check_run, load, print, print_json};
use crate::analysis::check::Findings;
use crate::cli::{Answer, whole};
use crate::vector_log::Options;

/// Prove from the logs of a run that causality held
///
/// The verdict is holds (exit code 0), violated (1) or cannot say (2). Violated beats cannot say,
/// and cannot say beats holds.
///
/// With --format shiviz, files with vector clocks are read instead, as ShiViz and GoVector write
/// and read them, and their clocks are checked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scalemodel check logs/trial5
  scalemodel check --format shiviz session.log           a log with vector clocks of any program
  cat a.log b.log | scalemodel check --format shiviz     one log for each host
  scalemodel check --format shiviz,json session.log
  scalemodel check --format shiviz --parser '(?<host>\\S+) (?<clock>{[^}]*}) (?<event>.*)' session.log
  scalemodel check --format shiviz --delimiter '=== (?<trace>.*) ===' sessions.log")]
pub struct CheckArgs {
    /// The folders of the runs; with --format shiviz files, or - for standard input
    #[arg(value_name = "RUN|FILE")]
    runs: Vec<PathBuf>,

    /// How many violations of a run to list
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = whole(0..=usize::MAX))]
    limit: usize,

    /// How to print, and what to read; both as in 'shiviz,json'
    #[arg(long, value_enum, value_delimiter = ',', default_value = "text")]
    format: Vec<Format>,

    /// The expression of an event, with the groups host, clock and event
    #[arg(long, value_name = "EXPR")]
    parser: Option<String>,

    /// The expression of what stands between two executions; a group trace names them
    #[arg(long, value_name = "EXPR")]
    delimiter: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Print for people
    Text,
    /// Print for programs
    Json,
    /// Read logs with vector clocks
    Shiviz,
}

/// For whom to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    People,
    Programs,
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
/// When the options exclude each other, or standard output cannot be written.
pub fn run(args: &CheckArgs) -> Result<Answer> {
    let output = args.output()?;
    if args.has(Format::Shiviz) {
        let options = Options { parser: args.parser.clone(), delimiter: args.delimiter.clone() };
        let files = &args.runs;
        return shiviz::run(&shiviz::Request { files, options, limit: args.limit, output });
    }
    if args.parser.is_some() || args.delimiter.is_some() {
        bail!("--parser and --delimiter need --format shiviz");
    }
    if args.runs.is_empty() {
        bail!("no run is named; name its folder, as in: scalemodel check logs/trial5");
    }
    check_runs(args, output)
}

impl CheckArgs {
    fn has(&self, format: Format) -> bool {
        self.format.contains(&format)
    }

    fn output(&self) -> Result<Output> {
        match (self.has(Format::Text), self.has(Format::Json)) {
            (true, true) => bail!("--format text and --format json exclude each other; name one"),
            (_, true) => Ok(Output::Programs),
            (_, false) => Ok(Output::People),
        }
    }
}

fn check_runs(args: &CheckArgs, output: Output) -> Result<Answer> {
    let mut worst = Answer::Yes;
    let mut reports = Vec::new();
    for folder in &args.runs {
        let findings = match load(folder) {
            Ok(history) => check_run(&history),
            Err(error) => {
                error!("{error:#}");
                worst = worst.max(Answer::CannotSay);
                continue;
            }
        };
        worst = worst.max(findings.verdict.into());
        let run = folder.display().to_string();
        if output == Output::People {
            print(&describe(&run, &findings, args.limit))?;
        } else {
            reports.push(report(run, findings, args.limit));
        }
    }
    if output == Output::Programs {
        print_json(&Document { schema_version: 1, runs: &reports })?;
    }
    Ok(worst)
}

fn report(run: String, mut findings: Findings, limit: usize) -> Report {
    let violations_total = findings.violations.len();
    findings.violations.truncate(limit);
    Report { run, violations_total, findings }
}
