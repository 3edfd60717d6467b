//! One machine: what `scalemodel machine` becomes.
//!
//! It is a program of its own, as most of the memory of a machine are the pages of its program, and
//! many machines run at one time: none holds what only checks, statistics and pictures need.

use std::process::ExitCode;

use clap::Parser;
use scalemodel::cli::{Volume, exit_code};
use scalemodel::commands::machine::{self, MachineArgs};

// Without a text of its own, help shows that of the arguments.
#[derive(Debug, Parser)]
#[command(bin_name = "scalemodel machine", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    args: MachineArgs,

    #[command(flatten)]
    volume: Volume,
}

fn main() -> ExitCode {
    let Cli { args, volume } = Cli::parse();
    volume.start_logging(format!("scalemodel machine {}", args.machine));
    exit_code(machine::run(&args))
}
