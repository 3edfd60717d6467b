//! `scalemodel inflict`: the faults of a trial that need another OS process.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::machine::{self, RunOptions};
use crate::cli::Answer;
use crate::inflict::{Inflictor, Outcome};
use crate::machine::wire::RunId;
use crate::trial::Trial;

/// Kill and stop the machines of a run when its trial says so, and start again what was killed
///
/// The orchestrator, scripts/run_experiment.sh, starts one of these for every trial with kills or
/// pauses. Machines that are started again are its children; it waits for them.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, for machines of a trial that run as the OS processes 4711, 4712 and 4713:
  scalemodel inflict --trial my-trial.toml --run my-run --logs my-logs --pids 4711,4712,4713")]
pub struct InflictArgs {
    /// The resolved trial
    #[arg(long, value_name = "FILE")]
    trial: PathBuf,

    /// The identity of the run
    #[arg(long, value_name = "ID")]
    run: RunId,

    /// The folder of the logs
    #[arg(long, value_name = "DIR")]
    logs: PathBuf,

    /// The OS processes of the machines, in the trial's order
    #[arg(long, value_name = "PID,...", value_delimiter = ',', required = true)]
    pids: Vec<i32>,

    #[command(flatten)]
    options: RunOptions,
}

/// Runs the command. Signalled, it ends the machines that it has started, and dies by the signal.
///
/// # Errors
/// When a machine is not there, ends without having been told to, or cannot go on.
pub fn run(args: &InflictArgs) -> Result<Answer> {
    let inflictor = Inflictor {
        trial: Trial::load_resolved(&args.trial)?,
        logs: args.logs.clone(),
        pace: args.options.pace()?,
        pids: args.pids.clone(),
        command: machine_command(args)?,
    };
    let name = format!("the faults of {}", inflictor.trial.name);
    match inflictor.run().context(name)? {
        Outcome::Finished => Ok(Answer::Yes),
        Outcome::Signalled(signal) => {
            signal_hook::low_level::emulate_default_handler(signal)?;
            bail!("signal {signal} did not end the process")
        }
    }
}

/// How to start a machine of the run, but for its number.
fn machine_command(args: &InflictArgs) -> Result<Vec<String>> {
    let text = |path: &std::path::Path| {
        let found = path.to_str().map(str::to_owned);
        found.with_context(|| format!("{} is not UTF-8; give another name", path.display()))
    };
    let mut command = vec![text(&machine::program()?)?];
    command.extend(["--trial".to_owned(), text(&args.trial)?, "--run".to_owned()]);
    command.extend([args.run.to_string(), "--logs".to_owned(), text(&args.logs)?]);
    command.extend(args.options.words());
    Ok(command)
}
