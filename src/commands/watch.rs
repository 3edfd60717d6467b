//! `scalemodel watch`: shows how far the runs are, line by line, until they end.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use crossbeam_channel::tick;

use super::print;
use crate::cli::{Answer, parse_seconds};
use crate::logbook::{TickRecord, log_path};
use crate::trial::Trial;

/// How much of the end of a log is read: more than any one entry of a common trial.
const TAIL_LEN: u64 = 4096;

/// Show the model time, clocks and queues of runs that are going on
///
/// Tails the logs and prints a line a run, again and again, until every log has its end entry.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  scalemodel watch logs/trial5")]
pub struct WatchArgs {
    /// The folders of the runs
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,

    /// How many seconds lie between two lines of a run
    #[arg(long, value_name = "S", default_value = "5", value_parser = parse_seconds)]
    every: Duration,
}

/// Runs the command.
///
/// # Errors
/// When a run's folder holds no resolved trial.
pub fn run(args: &WatchArgs) -> Result<Answer> {
    let mut runs = Vec::new();
    for folder in &args.runs {
        runs.push((folder, Trial::load_resolved(&folder.join("trial.toml"))?));
    }
    let ticker = tick(args.every.max(Duration::from_millis(10)));
    while !runs.is_empty() {
        ticker.recv().context("the ticker ended")?;
        let mut lines = String::new();
        runs.retain(|(folder, trial)| {
            let views: Vec<View> =
                trial.machines.iter().map(|spec| look_at(&log_path(folder, spec.port))).collect();
            lines.push_str(&progress_line(trial, &views));
            !views.iter().all(|view| view.has_ended)
        });
        print(&lines)?;
    }
    Ok(Answer::Yes)
}

/// What the tail of one log shows.
#[derive(Debug, Default)]
struct View {
    last: Option<TickRecord>,
    has_ended: bool,
}

/// Looks at the end of a log that is being written; what cannot be read yet shows nothing.
fn look_at(path: &Path) -> View {
    let tail = File::open(path).and_then(|mut file| {
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(TAIL_LEN)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        Ok(String::from_utf8_lossy(&tail).into_owned())
    });
    let tail = tail.unwrap_or_default();
    let whole = tail.rfind('\n').map_or("", |end| &tail[..end]);
    View {
        last: whole.lines().rev().find_map(|line| TickRecord::parse(line).ok()),
        has_ended: whole.lines().next_back().is_some_and(|line| line.starts_with("# end: ")),
    }
}

fn progress_line(trial: &Trial, views: &[View]) -> String {
    let latest = views.iter().filter_map(|view| Some(view.last.as_ref()?.model_time_us)).max();
    let seconds = latest.unwrap_or(0) / 1_000_000;
    let column = |value: fn(&TickRecord) -> u64| {
        let cells = views.iter().map(|view| view.last.as_ref().map_or(0, value).to_string());
        cells.collect::<Vec<_>>().join(" ")
    };
    let clocks = column(|record| record.logical_clock.0);
    let queues = column(|record| record.queue_len);
    let (name, duration) = (&trial.name, trial.duration_s);
    format!("{name}: {seconds:>3} of {duration} s, clocks {clocks}, queues {queues}\n")
}
