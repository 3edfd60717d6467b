//! `scalemodel machine`: one machine as an OS process.
//!
//! The work is done by a program of its own, `scalemodel-machine`.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::cli::{Answer, parse_seconds, whole};
use crate::machine::wire::RunId;
use crate::machine::{self, Limits, MachineConfig, Outcome};
use crate::model::MachineId;
use crate::pace::{Pace, Speed};
use crate::trial::Trial;

/// Run one machine of a resolved trial: one OS process, one listening socket, one log
///
/// The orchestrator, scripts/run_experiment.sh, starts one of these for every machine of a trial.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, in three terminals with K = 1, 2, 3:
  scalemodel machine --trial my-trial.toml --machine K --run my-run --logs my-logs")]
pub struct MachineArgs {
    /// The resolved trial
    #[arg(long, value_name = "FILE")]
    trial: PathBuf,

    /// The number of the machine, from 1 in the trial's order
    #[arg(long, value_name = "K", value_parser = whole(1..=u16::MAX))]
    pub machine: u16,

    /// The identity of the run; machines of different runs refuse each other
    #[arg(long, value_name = "ID")]
    run: RunId,

    /// The folder of the logs
    #[arg(long, value_name = "DIR")]
    logs: PathBuf,

    /// Go on from the log that this machine left behind when its OS process died, at the real pace
    #[arg(long)]
    resume: bool,

    /// The file of the run's secret, which all of its machines share; made if it is not there
    /// [default: DIR/secret]
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,

    #[command(flatten)]
    options: RunOptions,

    /// How long to wait for the peers' goodbyes after the last tick, in seconds
    #[arg(long, value_name = "S", default_value = "10", value_parser = parse_seconds)]
    goodbye_limit: Duration,

    /// How many messages may wait in the queue; more end the run
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = whole(1..=usize::MAX))]
    queue_limit: usize,
}

/// What all machines of a run have in common, and whoever starts one of them again hands on.
#[derive(Clone, Copy, Debug, Args)]
pub struct RunOptions {
    /// By the wall clock, or as fast as causality permits
    #[arg(long, value_enum, default_value_t = PaceName::Real)]
    pace: PaceName,

    /// How many model seconds pass in a second, at the real pace [default: 1]
    #[arg(long, value_name = "X")]
    speed: Option<Speed>,

    /// Skip missed ticks after standing still for more than S seconds of wall clock, at the real
    /// pace; 0 = never [default: 1]
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    skip_after: Option<Duration>,

    /// Ask for the priority of realtime (SCHED_FIFO), at the real pace; it is told when that is not
    /// granted
    #[arg(long)]
    realtime: bool,

    /// How long connecting and the common start may take, in seconds [default: 10]
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    connect_limit: Option<Duration>,
}

impl RunOptions {
    /// The pace that was asked for.
    ///
    /// # Errors
    /// When a speed is given for the pace that has none.
    pub(super) fn pace(self) -> Result<Pace> {
        match self.pace {
            PaceName::Real => Ok(Pace::Real(self.speed.unwrap_or(Speed::ONE))),
            PaceName::Virtual if self.speed.is_some() => {
                bail!("--speed is of the wall clock, and --pace virtual has none; leave it out")
            }
            PaceName::Virtual if self.realtime => {
                bail!("--realtime is of the wall clock, and --pace virtual has none; leave it out")
            }
            PaceName::Virtual => Ok(Pace::Virtual),
        }
    }

    /// The options as they are typed.
    pub(super) fn words(self) -> Vec<String> {
        let name = match self.pace {
            PaceName::Real => "real",
            PaceName::Virtual => "virtual",
        };
        let mut words = vec!["--pace".to_owned(), name.to_owned()];
        words.extend(self.speed.into_iter().flat_map(|x| ["--speed".to_owned(), x.to_string()]));
        words.extend(self.realtime.then(|| "--realtime".to_owned()));
        let limits = [("--skip-after", self.skip_after), ("--connect-limit", self.connect_limit)];
        for (name, limit) in limits {
            let limit = limit.map(|limit| limit.as_secs_f64().to_string());
            words.extend(limit.into_iter().flat_map(|s| [name.to_owned(), s]));
        }
        words
    }

    fn skip_after(self) -> Option<Duration> {
        let bound = self.skip_after.unwrap_or(SKIP_AFTER);
        (!bound.is_zero()).then_some(bound)
    }

    fn connect_limit(self) -> Duration {
        self.connect_limit.unwrap_or(CONNECT_LIMIT)
    }
}

/// A machine that stands still for longer skips what it missed, if nothing else is asked for.
const SKIP_AFTER: Duration = Duration::from_secs(1);

/// Connecting and the common start may take so long, if nothing else is asked for.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// A pace as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PaceName {
    /// Ticks are due by the wall clock
    Real,
    /// Ticks run as soon as causality permits
    Virtual,
}

/// What is typed for it.
const NAME: &str = "machine";

/// Whether a machine is what the command line asks for before anything else.
#[must_use]
pub fn is_asked_for() -> bool {
    env::args_os().nth(1).is_some_and(|word| word == NAME)
}

/// Where the program of a machine is: beside this one.
///
/// # Errors
/// When the operating system does not say where this one is.
pub fn program() -> Result<PathBuf> {
    let own = env::current_exe().context("cannot find this program")?;
    Ok(own.with_file_name("scalemodel-machine"))
}

/// Becomes the program of a machine, with the options that were typed; what is returned is why not.
#[must_use]
pub fn hand_over() -> anyhow::Error {
    let program = match program() {
        Ok(program) => program,
        Err(error) => return error,
    };
    let mut words: Vec<_> = env::args_os().skip(1).collect();
    if let Some(place) = words.iter().position(|word| word == NAME) {
        words.remove(place);
    }
    let error = Command::new(&program).args(words).exec();
    let (program, name) = (program.display(), program.file_name().unwrap_or_default().display());
    anyhow::Error::new(error)
        .context(format!("cannot start {program}: put {name} beside scalemodel"))
}

/// Runs the command. A signalled machine dies by its signal.
///
/// # Errors
/// When the machine cannot run its trial to the end.
pub fn run(args: &MachineArgs) -> Result<Answer> {
    let config = MachineConfig {
        trial: Trial::load_resolved(&args.trial)?,
        machine: MachineId::new(args.machine),
        run: args.run.clone(),
        logs: args.logs.clone(),
        secret: args.secret.clone().unwrap_or_else(|| args.logs.join("secret")),
        is_resumed: args.resume,
        pace: args.options.pace()?,
        is_realtime: args.options.realtime,
        limits: Limits {
            skip_after: args.options.skip_after(),
            connect: args.options.connect_limit(),
            goodbye: args.goodbye_limit,
            queue: args.queue_limit,
        },
    };
    let name = format!("machine {} of {}", args.machine, config.trial.name);
    match machine::run(&config).context(name)? {
        Outcome::Finished => Ok(Answer::Yes),
        Outcome::Signalled(signal) => {
            signal_hook::low_level::emulate_default_handler(signal)?;
            bail!("signal {signal} did not end the process")
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        options: RunOptions,
    }

    #[test]
    fn whoever_starts_a_machine_again_hands_on_all_options_of_its_run() {
        let typed = "--pace real --speed 2.5 --realtime --skip-after 0.5 --connect-limit 60";
        let typed_options =
            Typed::parse_from(["scalemodel"].into_iter().chain(typed.split(' '))).options;
        assert_eq!(typed_options.words().join(" "), typed);
    }
}
