//! `scalemodel watch`: shows what runs are doing until they end, as a picture on a terminal, line by
//! line elsewhere.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use crossbeam_channel::tick;

use super::{COLUMNS_MAX, print};
use crate::cli::{Answer, parse_seconds};
use crate::live::{self, Follower, Outcome, RunView, Terminal};
use crate::wall_clock;

/// Lines are printed after so long, if nothing else is asked for.
const EVERY: Duration = Duration::from_secs(5);

/// Show the ticks, clocks, queues and drift of runs that are going on
///
/// Tails the logs until every machine has ended. On a terminal it draws a picture, four times a second:
/// a row a machine, with the way its queue is going; Ctrl-C leaves it, and leaves the runs alone.
/// Elsewhere, and on a terminal that is 'dumb', it prints a line a run again and again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples, in a second terminal while scripts/run_experiment.sh runs in the first:
  scalemodel watch logs/trial5               one run
  scalemodel watch logs/trial?               all the trials of the notebook
  NO_COLOR=1 scalemodel watch logs/trial5    without colours
  scalemodel watch --every 1 logs/trial5     lines, one a second")]
pub struct WatchArgs {
    /// The folders of the runs
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,

    /// Print lines, every S seconds; on a terminal too [default: 5, where there is no terminal]
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    every: Option<Duration>,
}

/// Runs the command. Signalled on a terminal, it leaves it as it was, and dies by the signal.
///
/// # Errors
/// When a run's folder holds no resolved trial, or a log cannot be read.
pub fn run(args: &WatchArgs) -> Result<Answer> {
    let runs: Result<Vec<_>> = args.runs.iter().map(|folder| Follower::new(folder)).collect();
    match Terminal::of_stdout().filter(|_| args.every.is_none()) {
        Some(terminal) => match live::watch(&mut runs?, terminal)? {
            Outcome::Over => Ok(Answer::Yes),
            Outcome::Signalled(signal) => {
                signal_hook::low_level::emulate_default_handler(signal)?;
                bail!("signal {signal} did not end the process")
            }
        },
        None => print_lines(runs?, args.every.unwrap_or(EVERY)),
    }
}

fn print_lines(mut runs: Vec<Follower>, every: Duration) -> Result<Answer> {
    let ticker = tick(every.max(Duration::from_millis(10)));
    // Of a run that is over there is nothing to wait for.
    print_some(&mut runs, RunView::is_over)?;
    while !runs.is_empty() {
        ticker.recv().context("the ticker ended")?;
        print_some(&mut runs, |_| true)?;
    }
    Ok(Answer::Yes)
}

/// Looks at all runs, says how some are, and forgets those that are over.
fn print_some(runs: &mut Vec<Follower>, is_told: impl Fn(&RunView) -> bool) -> Result<()> {
    let mut lines = String::new();
    for run in &mut *runs {
        run.look(wall_clock::system_time())?;
        if is_told(run.view()) {
            lines.push_str(&progress_line(run.view()));
        }
    }
    print(&lines)?;
    runs.retain(|run| !run.view().is_over());
    Ok(())
}

fn progress_line(run: &RunView) -> String {
    let seconds = run.model_time_us() / 1_000_000;
    let (clocks, queues): (Vec<_>, Vec<_>) = run.clocks_and_queues().into_iter().unzip();
    let (clocks, queues) = (in_a_line(&clocks), in_a_line(&queues));
    let (name, duration) = (&run.trial.name, run.trial.duration_s);
    format!("{name}: {seconds:>3} of {duration} s, clocks {clocks}, queues {queues}\n")
}

/// The figures of all machines; of many the least and the largest.
fn in_a_line(figures: &[u64]) -> String {
    match (figures.iter().min(), figures.iter().max()) {
        (Some(least), Some(most)) if COLUMNS_MAX < figures.len() => format!("{least} .. {most}"),
        _ => figures.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_figures_of_few_machines_and_the_range_of_many() {
        assert_eq!(in_a_line(&[7, 0, 9]), "7 0 9");
        assert_eq!(in_a_line(&[7, 12, 9, 30, 4, 5, 6]), "4 .. 30");
    }
}
