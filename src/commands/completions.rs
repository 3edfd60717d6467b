//! `scalemodel completions`: what a shell needs to complete the command line.

use anyhow::Result;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::print;
use crate::cli::{Answer, Cli};

/// Print what a shell needs to complete this program's command line
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(scalemodel completions bash)
  scalemodel completions zsh > ~/.zfunc/_scalemodel
  scalemodel completions fish > ~/.config/fish/completions/scalemodel.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(args: &CompletionsArgs) -> Result<Answer> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "scalemodel", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Answer::Yes)
}
