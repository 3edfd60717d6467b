//! `scalemodel compare`: two runs of one trial side by side.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::{load, print};
use crate::analysis::compare::{Comparison, Parting, compare};
use crate::cli::Answer;

/// Compare two runs of one trial: equal, or the first event at which they part
///
/// A run at the real pace is its twin at the virtual pace, event for event, until some tick is
/// later than the gap to a neighbour's. Exit code 0 if the runs are equal, 1 if they part.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  scalemodel simulate logs/trial5/trial.toml --logs logs/twin
  scalemodel compare logs/trial5 logs/twin")]
pub struct CompareArgs {
    /// The folder of one run
    #[arg(value_name = "RUN")]
    one: PathBuf,

    /// The folder of the other
    #[arg(value_name = "RUN")]
    other: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When a run cannot be read, or the runs are of different trials.
pub fn run(args: &CompareArgs) -> Result<Answer> {
    let (one, other) = (load(&args.one)?, load(&args.other)?);
    match compare(&one, &other)? {
        Comparison::Equal { events } => {
            print(&format!("equal: {events} events\n"))?;
            Ok(Answer::Yes)
        }
        Comparison::Parted(parting) => {
            print(&describe(&parting))?;
            Ok(Answer::No)
        }
    }
}

fn describe(parting: &Parting) -> String {
    let Parting { due, machine, events_before, events, places, what } = parting;
    let place = |place: &Option<String>| place.clone().unwrap_or("the log has ended".to_owned());
    format!(
        "the runs part at {due} s of model time, after {events_before} of {events} events: machine \
         {machine}, {what}\n  here:  {}\n  there: {}\n",
        place(&places[0]),
        place(&places[1])
    )
}
