//! What can be typed: the top-level parser and what its subcommands share.

use std::fmt;
use std::io::{self, Write as _};
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Result;
use clap::{ArgAction, Args, Parser, Subcommand};
use log::LevelFilter;

use crate::analysis::check::Verdict;
use crate::commands::{
    check, claims, compare, completions, export, health, inflict, machine, man, predict, prepare,
    report, simulate, stats, swarm, sweep, trial, watch,
};
use crate::model::Seed;
use crate::trial::DURATION_S;

/// A laboratory for logical time: machines as OS processes, each at its own clock rate.
#[derive(Debug, Parser)]
#[command(name = "scalemodel", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  scripts/run_experiment.sh scripts/trials/trial5.toml   run a trial, check it, plot it
  scalemodel check logs/trial5                           prove from its logs that causality held
  scalemodel stats logs/trial5                           measure jumps, queues and drift

Exit codes: 0 yes or done; 1 the answer is no; 2 could not answer.")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    volume: Volume,
}

/// How much is said on standard error.
#[derive(Clone, Copy, Debug, Args)]
pub struct Volume {
    /// Say more on standard error; twice for debugging
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,

    /// Say less on standard error: errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Trial(trial::TrialArgs),
    Prepare(prepare::PrepareArgs),
    Machine(machine::MachineArgs),
    Inflict(inflict::InflictArgs),
    Simulate(simulate::SimulateArgs),
    Watch(watch::WatchArgs),
    Health(health::HealthArgs),
    Check(check::CheckArgs),
    Stats(stats::StatsArgs),
    Compare(compare::CompareArgs),
    Export(export::ExportArgs),
    Report(report::ReportArgs),
    Predict(predict::PredictArgs),
    Sweep(sweep::SweepArgs),
    Swarm(swarm::SwarmArgs),
    Claims(claims::ClaimsArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// What a command answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Yes, or done.
    Yes,
    /// It could not be said.
    CannotSay,
    /// No: a condition is violated.
    No,
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::SUCCESS,
            Answer::No => Self::from(1),
            Answer::CannotSay => Self::from(2),
        }
    }
}

impl From<Verdict> for Answer {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Holds => Self::Yes,
            Verdict::CannotSay => Self::CannotSay,
            Verdict::Violated => Self::No,
        }
    }
}

impl Volume {
    /// Starts logging to standard error in somebody's name; the variable `RUST_LOG` beats the flags.
    pub fn start_logging(self, who: String) {
        let level = match (self.quiet, self.verbose) {
            (true, _) => LevelFilter::Error,
            (false, 0) => LevelFilter::Warn,
            (false, 1) => LevelFilter::Info,
            (false, _) => LevelFilter::Debug,
        };
        env_logger::Builder::new()
            .filter_level(level)
            .parse_default_env()
            .format(move |out, record| {
                let level = record.level().as_str().to_lowercase();
                writeln!(out, "{who}: {level}: {}", record.args())
            })
            .init();
    }
}

impl Cli {
    /// Runs the subcommand.
    ///
    /// # Errors
    /// What the subcommand could not do.
    pub fn run(self) -> Result<Answer> {
        self.volume.start_logging("scalemodel".to_owned());
        match self.command {
            Command::Trial(args) => trial::run(&args),
            Command::Prepare(args) => prepare::run(&args),
            Command::Machine(_) => Err(machine::hand_over()),
            Command::Inflict(args) => inflict::run(&args),
            Command::Simulate(args) => simulate::run(&args),
            Command::Watch(args) => watch::run(&args),
            Command::Health(args) => health::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Stats(args) => stats::run(&args),
            Command::Compare(args) => compare::run(&args),
            Command::Export(args) => export::run(&args),
            Command::Report(args) => report::run(&args),
            Command::Predict(args) => predict::run(&args),
            Command::Sweep(args) => sweep::run(&args),
            Command::Swarm(args) => swarm::run(&args),
            Command::Claims(args) => claims::run(&args),
            Command::Completions(args) => completions::run(&args),
            Command::Man(args) => man::run(&args),
        }
    }
}

/// Tells how a program ended: by its exit code, and what went wrong on standard error.
#[must_use]
pub fn exit_code(result: Result<Answer>) -> ExitCode {
    match result {
        Ok(answer) => answer.into(),
        Err(error) => {
            // One write: machines that fail at the same time share a terminal.
            let line = format!("scalemodel: error: {error:#}\n");
            // Standard error may be closed too; the exit code still tells.
            let _ = io::stderr().write_all(line.as_bytes());
            ExitCode::from(2)
        }
    }
}

/// What may be changed in a trial on the command line.
#[derive(Clone, Copy, Debug, Args)]
pub struct Overrides {
    /// The seed, instead of the trial's
    #[arg(long, value_name = "N", value_parser = whole(0..=Seed::MAX))]
    pub seed: Option<u64>,

    /// The duration in model seconds, instead of the trial's
    #[arg(long, value_name = "S", value_parser = whole(DURATION_S))]
    pub duration: Option<u64>,
}

/// Reads a whole number; a refusal says which ones are allowed.
pub fn whole<T>(
    allowed: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync
where
    T: Copy + fmt::Display + FromStr + PartialOrd + Send + Sync,
{
    move |text| {
        let number = text.parse().ok().filter(|number| allowed.contains(number));
        let refusal =
            || format!("allowed: a whole number in {}..={}", allowed.start(), allowed.end());
        number.ok_or_else(refusal)
    }
}

/// Reads a length of time in seconds; 0 is allowed.
///
/// # Errors
/// When the text is no number in 0..=1000000.
pub fn parse_seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|seconds| (0.0..=1_000_000.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "allowed: a number of seconds in 0..=1000000".to_owned())
}
