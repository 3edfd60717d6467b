//! The `scalemodel` command: parses the command line, hands over, and picks the exit code.

use std::process::ExitCode;

use clap::Parser as _;
use scalemodel::cli::{Cli, exit_code};
use scalemodel::commands::machine;

fn main() -> ExitCode {
    if machine::is_asked_for() {
        return exit_code(Err(machine::hand_over()));
    }
    exit_code(Cli::parse().run())
}
