//! What can be typed: the top-level parser and what its subcommands share.

use std::fmt;
use std::io::Write as _;
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Result;
use clap::{ArgAction, Args, Parser, Subcommand};
use log::LevelFilter;

use crate::analysis::check::Verdict;
use crate::commands::{
    check, claims, compare, inflict, machine, predict, prepare, simulate, stats, swarm, sweep,
    trial, watch,
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
struct Typed<C: Subcommand> {
    #[command(subcommand)]
    command: C,

    /// Say more on standard error; twice for debugging
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,

    /// Say less on standard error: errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

/// The command line, read.
#[derive(Debug)]
pub struct Cli(Typed<Command>);

#[derive(Debug, Subcommand)]
enum Command {
    Trial(trial::TrialArgs),
    Prepare(prepare::PrepareArgs),
    Machine(machine::MachineArgs),
    Inflict(inflict::InflictArgs),
    Simulate(simulate::SimulateArgs),
    Watch(watch::WatchArgs),
    Check(check::CheckArgs),
    Stats(stats::StatsArgs),
    Compare(compare::CompareArgs),
    Predict(predict::PredictArgs),
    Sweep(sweep::SweepArgs),
    Swarm(swarm::SwarmArgs),
    Claims(claims::ClaimsArgs),
}

/// The subcommand of which many run at one time. To build the parsers of all the others would take a
/// tenth of a machine's memory.
#[derive(Debug, Subcommand)]
enum MachineAlone {
    Machine(machine::MachineArgs),
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

impl Cli {
    /// Reads the command line; what is wrong with it is told, and ends the process.
    #[must_use]
    pub fn read() -> Self {
        let is_machine = std::env::args_os().nth(1).is_some_and(|word| word == "machine");
        if !is_machine {
            return Self(Typed::parse());
        }
        let Typed { command: MachineAlone::Machine(args), verbose, quiet } = Typed::parse();
        Self(Typed { command: Command::Machine(args), verbose, quiet })
    }

    /// Starts logging to standard error; the variable `RUST_LOG` beats the flags.
    pub fn start_logging(&self) {
        let level = match (self.0.quiet, self.0.verbose) {
            (true, _) => LevelFilter::Error,
            (false, 0) => LevelFilter::Warn,
            (false, 1) => LevelFilter::Info,
            (false, _) => LevelFilter::Debug,
        };
        let who = self.0.command.speaker();
        env_logger::Builder::new()
            .filter_level(level)
            .parse_default_env()
            .format(move |out, record| {
                let level = record.level().as_str().to_lowercase();
                writeln!(out, "{who}: {level}: {}", record.args())
            })
            .init();
    }

    /// Runs the subcommand.
    ///
    /// # Errors
    /// What the subcommand could not do.
    pub fn run(self) -> Result<Answer> {
        match self.0.command {
            Command::Trial(args) => trial::run(&args),
            Command::Prepare(args) => prepare::run(&args),
            Command::Machine(args) => machine::run(&args),
            Command::Inflict(args) => inflict::run(&args),
            Command::Simulate(args) => simulate::run(&args),
            Command::Watch(args) => watch::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Stats(args) => stats::run(&args),
            Command::Compare(args) => compare::run(&args),
            Command::Predict(args) => predict::run(&args),
            Command::Sweep(args) => sweep::run(&args),
            Command::Swarm(args) => swarm::run(&args),
            Command::Claims(args) => claims::run(&args),
        }
    }
}

impl Command {
    /// Who speaks in the diagnostic log.
    fn speaker(&self) -> String {
        match self {
            Self::Machine(args) => format!("scalemodel machine {}", args.machine),
            _ => "scalemodel".to_owned(),
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
