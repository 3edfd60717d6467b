//! `scalemodel prepare`: makes everything ready for a run, so that the orchestrator only has to
//! start and stop OS processes.

mod limits;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use log::{debug, warn};

use super::machine::RunOptions;
use super::{print, trial};
use crate::cli::{Answer, Overrides};
use crate::inflict;
use crate::logbook::{Log, SystemTime, log_path};
use crate::machine::Needs;
use crate::machine::secret::Secret;
use crate::model::{MachineId, Seed};
use crate::trial::{MachineSpec, Trial};

/// Resolve trials, refuse what cannot run here, and lay out one folder for each run
///
/// Prints one line a trial for the orchestrator, separated by tabs: the trial's name, its folder,
/// its number of machines, the random identity of the run, and whether its faults must be inflicted
/// by another OS process: 'inflict', or else '-'. With --hosts, then the hosts of its machines, and
/// their ports, both separated by commas.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  scalemodel prepare --logs logs scripts/trials/trial5.toml")]
pub struct PrepareArgs {
    /// The trial files
    #[arg(value_name = "TRIAL", required = true)]
    trials: Vec<PathBuf>,

    /// The folder in which each trial gets a folder of its name
    #[arg(long, value_name = "DIR", default_value = "logs")]
    logs: PathBuf,

    #[command(flatten)]
    overrides: Overrides,

    /// What the machines will be told; refused here if it is wrong, before anything is changed
    #[command(flatten)]
    options: RunOptions,

    /// The machines will be started on their hosts: what this computer allows does not count, and its
    /// addresses are not tried
    #[arg(long)]
    hosts: bool,

    /// Check everything, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command. Nothing is changed on disk before every trial has passed every check.
///
/// # Errors
/// When a trial is wrong, a port is taken or shared, the machines need more than this computer allows,
/// or a folder cannot be made.
pub fn run(args: &PrepareArgs) -> Result<Answer> {
    let pace = args.options.pace()?;
    let resolve = |file: &PathBuf| trial::resolve(file, args.overrides);
    let trials: Vec<Trial> = args.trials.iter().map(resolve).collect::<Result<_>>()?;
    refuse_shared(&trials)?;
    if args.hosts {
        trials.iter().try_for_each(refuse_inflicted)?;
    } else {
        limits::refuse_what_does_not_fit(
            trials.iter().map(Needs::of).fold(Needs::default(), Needs::beside),
        )?;
        refuse_taken(&trials)?;
    }
    debug!("the machines will run with {pace:?}");
    if args.dry_run {
        return Ok(Answer::Yes);
    }
    let mut plan = String::new();
    for trial in &trials {
        let folder = args.logs.join(&trial.name);
        move_earlier_run(&folder)?;
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        trial.save_new(&folder.join("trial.toml"))?;
        Secret::create(&folder.join("secret"))?;
        let (name, machines) = (&trial.name, trial.machines.len());
        let run = new_run_id()?;
        let inflict = if inflict::is_needed(trial) { "inflict" } else { "-" };
        let hosts = if args.hosts { hosts_and_ports(trial) } else { String::new() };
        writeln!(plan, "{name}\t{}\t{machines}\t{run}\t{inflict}{hosts}", folder.display())
            .expect("writing into a string cannot fail");
    }
    print(&plan)?;
    Ok(Answer::Yes)
}

fn new_run_id() -> Result<String> {
    let word = || Seed::from_entropy().context("cannot draw the identity of the run");
    Ok(format!("{:016x}{:016x}", word()?.get(), word()?.get()))
}

/// Refuses trials that could not run side by side.
fn refuse_shared(trials: &[Trial]) -> Result<()> {
    let (mut names, mut addresses) = (BTreeMap::new(), BTreeMap::new());
    for trial in trials {
        if names.insert(&trial.name, ()).is_some() {
            bail!("two of the trials are named '{}'; their logs would share a folder", trial.name);
        }
        for (spec, number) in trial.machines.iter().zip(1..) {
            let here = format!("machine {number} of {}", trial.name);
            if let Some(other) = addresses.insert(spec.address(), here.clone()) {
                bail!("{here} and {other} both listen on {}; change a port", spec.address());
            }
        }
    }
    Ok(())
}

fn hosts_and_ports(trial: &Trial) -> String {
    let all = |of: fn(&MachineSpec) -> String| -> String {
        trial.machines.iter().map(of).collect::<Vec<_>>().join(",")
    };
    format!("\t{}\t{}", all(|spec| spec.host.to_string()), all(|spec| spec.port.to_string()))
}

/// Refuses faults that need a signal to a machine, which only reaches OS processes of this computer.
fn refuse_inflicted(trial: &Trial) -> Result<()> {
    let is_struck = |machine: &MachineId| !trial.absences(*machine).is_empty();
    if let Some(machine) = trial.machine_ids().find(is_struck) {
        bail!(
            "{}: a fault kills or pauses machine {machine}, which is done from this computer alone; \
             leave out --hosts, or the faults of the kinds 'kill' and 'pause'",
            trial.name
        );
    }
    Ok(())
}

/// Refuses addresses that are in use, all of them at once.
fn refuse_taken(trials: &[Trial]) -> Result<()> {
    let mut taken = Vec::new();
    for trial in trials {
        for (spec, number) in trial.machines.iter().zip(1..) {
            if let Err(error) = TcpListener::bind(spec.address()) {
                let (address, name) = (spec.address(), &trial.name);
                taken.push(format!(
                    "machine {number} of {name} cannot listen on {address}: {error}"
                ));
            }
        }
    }
    if !taken.is_empty() {
        bail!(
            "{}; end what uses it (another run?), or give another port in the trial; machines on other \
             hosts need --hosts",
            taken.join("; ")
        );
    }
    Ok(())
}

/// Moves the folder of an earlier run out of the way, named by its start, and says so.
fn move_earlier_run(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let start = start_of(folder)?.file_name();
    let candidates = (1_u32..).map(|copy| {
        let copy = if copy == 1 { String::new() } else { format!("-{copy}") };
        PathBuf::from(format!("{}.{start}{copy}", folder.display()))
    });
    let aside =
        candidates.into_iter().find(|candidate| !candidate.exists()).expect("some name is free");
    fs::rename(folder, &aside).with_context(|| {
        format!("cannot move the earlier run {} to {}", folder.display(), aside.display())
    })?;
    warn!("the earlier run is moved to {}", aside.display());
    Ok(())
}

/// When a run started: by its logs, or else by when its folder was last changed.
fn start_of(folder: &Path) -> Result<SystemTime> {
    let trial = Trial::load_resolved(&folder.join("trial.toml"));
    let ports = trial.map(|trial| trial.machines).unwrap_or_default();
    let logs = ports.iter().map(|spec| Log::load(&log_path(folder, spec.port)));
    // A run at the virtual pace starts in 1970, which tells nothing.
    let starts = logs.filter_map(|log| log.ok()?.start).filter(|start| 0 < start.0);
    if let Some(start) = starts.into_iter().next() {
        return Ok(start);
    }
    let changed = fs::metadata(folder).and_then(|metadata| metadata.modified());
    let changed = changed.with_context(|| format!("cannot look at {}", folder.display()))?;
    let since_1970 = changed.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(SystemTime(i64::try_from(since_1970.as_micros()).unwrap_or(0)))
}
