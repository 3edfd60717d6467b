//! What every subcommand owes to whoever types it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use clap::CommandFactory as _;
use common::{run, scalemodel, stderr, stdout};
use scalemodel::cli::Cli;
use tempfile::TempDir;

#[test]
fn the_help_of_every_command_has_an_example() {
    for command in Cli::command().get_subcommands() {
        let output = run(&[command.get_name(), "--help"]);
        assert!(output.status.success());
        let text = stdout(&output);
        let example = format!("\n  scalemodel {}", command.get_name());
        assert!(text.contains("Example") && text.contains(&example), "{text}");
    }
}

#[test]
fn the_shell_accepts_what_completes_the_command_line() {
    let script = stdout(&run(&["completions", "bash"]));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("completions.bash");
    fs::write(&file, &script).unwrap();
    let complete = "source \"$0\"; COMP_WORDS=(scalemodel comp); COMP_CWORD=1; \
                    _scalemodel scalemodel comp scalemodel; echo \"${COMPREPLY[*]}\"";
    let output = Command::new("bash").args(["-c", complete]).arg(&file).output().unwrap();
    assert_eq!(stdout(&output), "compare completions\n", "{}", stderr(&output));
}

#[test]
fn every_command_has_a_page_in_the_manual() {
    let folder = TempDir::new().unwrap();
    assert!(run(&["man", "--to", folder.path().to_str().unwrap()]).status.success());
    for command in Cli::command().get_subcommands() {
        let page = folder.path().join(format!("scalemodel-{}.1", command.get_name()));
        let text = fs::read_to_string(page).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"));
    }
    assert!(stdout(&run(&["man"])).contains("scalemodel\\-check(1)"));
}

#[test]
fn whoever_closes_the_pipe_has_seen_enough() {
    for words in [["completions", "zsh"], ["predict", "scripts/trials/trial5.toml"]] {
        let mut child =
            scalemodel().args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
    }
}

#[test]
fn an_error_names_its_cause() {
    let output = run(&["stats", "no-such-folder"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
    let told = "cannot read the folder no-such-folder: No such file or directory";
    assert!(stderr(&output).contains(told), "{}", stderr(&output));
}

#[test]
fn a_bar_is_drawn_on_a_terminal_alone() {
    let trial = "scripts/trials/trial5.toml";
    let output = run(&["sweep", trial, "--runs", "20000", "--format", "csv"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}
