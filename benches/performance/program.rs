//! Other programs, run to their end: how long they took, and how much memory.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What it took to run a program.
pub(crate) struct Cost {
    pub(crate) seconds: f64,
    /// At most, of the whole process, in millions of bytes.
    pub(crate) megabytes: f64,
}

/// The program of this project, with arguments.
pub(crate) fn scalemodel(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scalemodel"));
    command.args(arguments);
    command
}

/// What a program prints, which must end well.
pub(crate) fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?} has failed: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a program, which must end well.
pub(crate) fn cost(command: &Command) -> Cost {
    let usage = tempfile::NamedTempFile::new().unwrap();
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["-f", "%M", "-o"]).arg(usage.path());
    timed.arg(command.get_program()).args(command.get_args()).stdout(Stdio::null());
    let set = command.get_envs().filter_map(|(key, value)| Some((key, value?)));
    timed.envs(set);
    let begin = Instant::now();
    let status = timed.status().expect("GNU time is there (Debian: time)");
    let seconds = begin.elapsed().as_secs_f64();
    assert!(status.success(), "{command:?} has failed: {status}");
    let kilobytes: f64 = fs::read_to_string(usage.path()).unwrap().trim().parse().unwrap();
    Cost { seconds, megabytes: kilobytes * 1024.0 / 1e6 }
}
