//! `scalemodel trial`: validates a trial file, resolves it and prints it; or makes one.

mod new;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use log::warn;

use super::print;
use crate::cli::{Answer, Overrides};
use crate::model::Seed;
use crate::trial::Trial;
use crate::trial::draft::Draft;
use new::NewTrial;

/// Ticks closer than this are in the computer's order at the real pace, not in the trial's.
const CLOSE_US: u64 = 1000;

/// Validate a trial file or make one, resolve it, and print it with nothing left to draw
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scalemodel trial scripts/trials/trial5.toml --seed 7 > my-trial.toml
  scalemodel trial --machines 100 > hundred.toml
  scalemodel trial --machines 30 --clock-rates 6,6,1 --topology random --degree 4 > sparse.toml")]
pub struct TrialArgs {
    /// The trial file
    #[arg(value_name = "FILE", required_unless_present = "machines")]
    file: Option<PathBuf>,

    #[command(flatten)]
    new: NewTrial,

    #[command(flatten)]
    overrides: Overrides,
}

/// Runs the command.
///
/// # Errors
/// When the trial cannot be read or resolved.
pub fn run(args: &TrialArgs) -> Result<Answer> {
    let trial = match (&args.file, args.new.machines) {
        (Some(file), _) => resolve(file, args.overrides)?,
        (None, machines) => {
            let draft = args.new.draft(machines.unwrap_or(2), args.overrides)?;
            resolve_draft(draft, args.overrides, "the new trial")?
        }
    };
    print(&trial.to_string())?;
    Ok(Answer::Yes)
}

/// Resolves a trial file, and warns of what a user should know before running it.
pub(super) fn resolve(file: &Path, overrides: Overrides) -> Result<Trial> {
    resolve_draft(Draft::load(file)?, overrides, &file.display().to_string())
}

fn resolve_draft(mut draft: Draft, overrides: Overrides, name: &str) -> Result<Trial> {
    draft.seed = overrides.seed.and_then(Seed::new).or(draft.seed);
    draft.duration_s = overrides.duration.unwrap_or(draft.duration_s);
    let trial = draft.resolve()?;
    let closest = trial.closest_ticks();
    if closest.gap_us < CLOSE_US {
        let [one, other] = closest.machines;
        warn!(
            "{name}: ticks of machines {one} and {other} come within {} us of each other; at the real \
             pace their order is the computer's, not the trial's",
            closest.gap_us
        );
    }
    Ok(trial)
}
