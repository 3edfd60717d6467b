//! The subcommands: one file each, with its arguments and its `run`.

pub mod check;
pub mod claims;
pub mod compare;
pub mod completions;
pub mod export;
pub mod health;
pub mod inflict;
pub mod machine;
pub mod man;
pub mod predict;
pub mod prepare;
mod progress;
pub mod report;
pub mod simulate;
pub mod stats;
pub mod swarm;
pub mod sweep;
pub mod trial;
mod verdict;
pub mod watch;
mod whole_file;

use std::io::{self, Write as _};

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::Serialize;

use crate::analysis::check::{self as oracle, Findings};
use crate::analysis::history::History;
use progress::{Progress, Unit};

/// With more machines than this, a line for people has no room for each: a table has a line a machine
/// instead of a column.
const COLUMNS_MAX: usize = 6;

/// How figures are printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A table for people
    Text,
    /// For programs
    Json,
    /// For spreadsheets and gnuplot
    Csv,
}

/// Writes a result to standard output. Whoever closed it has seen enough, as in
/// `scalemodel check RUN | head -1`; the answer is still told by the exit code.
fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

/// Reads the logs of a run.
fn load(folder: &Path) -> Result<History> {
    History::load_metered(folder, |total| Progress::meter("reading logs", total, Unit::Bytes))
}

/// Checks a run.
fn check_run(history: &History) -> Findings {
    oracle::check_metered(history, |total| Progress::meter("checking", total, Unit::Of("steps")))
}

/// Writes a result to standard output as JSON.
fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    print(&(text + "\n"))
}
