//! `scalemodel man`: the manual, as pages for `man`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, CommandFactory as _};
use clap_mangen::Man;

use super::print;
use crate::cli::{Answer, Cli};

/// Write the manual: a page for this program, and one for each of its commands
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scalemodel man | man -l -                        read the page of the program
  scalemodel man --to ~/.local/share/man/man1      install all pages for 'man scalemodel-check'")]
pub struct ManArgs {
    /// The folder for all pages, in which those of before are replaced [default: print the page of
    /// the program]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When a page cannot be written.
pub fn run(args: &ManArgs) -> Result<Answer> {
    let program = Cli::command().disable_help_subcommand(true);
    let Some(folder) = &args.to else {
        let mut page = Vec::new();
        Man::new(program).render(&mut page).context("cannot make the manual")?;
        print(&String::from_utf8_lossy(&page))?;
        return Ok(Answer::Yes);
    };
    fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(program, folder))
        .with_context(|| format!("cannot write the manual into {}", folder.display()))?;
    Ok(Answer::Yes)
}
