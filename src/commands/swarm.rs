//! `scalemodel swarm`: random trials with random faults, for `scripts/swarm.sh`.

use std::fs;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::print;
use crate::cli::{Answer, whole};
use crate::model::Seed;
use crate::trial::swarm::{self, MACHINES_MAX};

/// Ports below those that the operating system hands out itself.
const PORTS: RangeInclusive<u16> = 20_001..=32_000;

/// Draw trials with random machines and a random schedule of faults, each from its seed
///
/// Writes DIR/swarm-SEED.toml for each seed, and prints the names of the files. The trials can run
/// side by side: no two share a port. scripts/swarm.sh runs and checks them.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  scalemodel swarm --first-seed 7 --trials 1 --host 127.0.0.1 --folder my-trials")]
pub struct SwarmArgs {
    /// The seed of the first trial; the next has the next seed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole(0..=Seed::MAX))]
    first_seed: u64,

    /// How many trials
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole(1..=2000_u16))]
    trials: u16,

    /// The address of all machines
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,

    /// Where the trial files go
    #[arg(long, value_name = "DIR")]
    folder: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When a seed is too large, or a file cannot be written.
pub fn run(args: &SwarmArgs) -> Result<Answer> {
    fs::create_dir_all(&args.folder)
        .with_context(|| format!("cannot make the folder {}", args.folder.display()))?;
    let mut files = String::new();
    let ports = PORTS.step_by(usize::from(MACHINES_MAX));
    for (port, number) in ports.zip(0..u64::from(args.trials)) {
        let Some(seed) = Seed::new(args.first_seed + number) else {
            bail!("--first-seed: seeds end at {}", Seed::MAX);
        };
        let trial = swarm::draw(seed, args.host, port);
        let file = args.folder.join(format!("{}.toml", trial.name));
        fs::write(&file, trial.to_string())
            .with_context(|| format!("cannot write {}", file.display()))?;
        files += &format!("{}\n", file.display());
    }
    print(&files)?;
    Ok(Answer::Yes)
}
