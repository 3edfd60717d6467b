//! What a row works with: a loopback address of its own, a folder of its own, and a deadline for
//! everything that it waits for.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use crate::bench::Bench;
use crate::row::{Row, skipped};
use crate::rows;

/// No row takes longer, on a busy computer either.
const LIMIT: Duration = Duration::from_secs(240);

/// The stage of one row.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) host: String,
    pub(crate) deadline: Instant,
    folder: TempDir,
}

impl Scene {
    /// A scene for a row; no two rows share an address.
    pub(crate) fn new(row: &Row) -> Self {
        let place = rows::all().position(|other| other.id == row.id).unwrap_or_default();
        Self {
            host: format!("127.30.{}.{}", place / 200, 1 + place % 200),
            deadline: Instant::now() + LIMIT,
            folder: TempDir::new().expect("a folder for temporary files can be made"),
        }
    }

    /// The folder of the row.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A trial of machines with these clock rates, in a folder of this name.
    pub(crate) fn bench(&self, name: &str, duration_s: u64, clock_rates: &[u32]) -> Result<Bench> {
        Bench::new(self, name, duration_s, clock_rates)
    }

    /// Waits until a condition is true.
    pub(crate) fn wait_until(&self, what: &str, condition: impl FnMut() -> bool) -> Result<()> {
        wait_until(self.deadline, what, condition)
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, command: &mut Command) -> Result<Output> {
        run(command)
    }
}

/// Waits until a condition is true.
pub(crate) fn wait_until(
    deadline: Instant,
    what: &str,
    mut condition: impl FnMut() -> bool,
) -> Result<()> {
    while !condition() {
        ensure!(Instant::now() < deadline, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The program under test: the one just built, or the one that `SCALEMODEL` names.
pub(crate) fn scalemodel() -> Command {
    match std::env::var_os("SCALEMODEL") {
        Some(program) => Command::new(program),
        None => Command::new(env!("CARGO_BIN_EXE_scalemodel")),
    }
}

/// Runs the program to its end: its exit code, and all that it said.
pub(crate) fn ask(args: &[&str]) -> Result<(i32, String)> {
    let output = run(scalemodel().args(args))?;
    told(&output)
}

/// The exit code of a command, and all that it said. Whatever happens, nothing may panic.
pub(crate) fn told(output: &Output) -> Result<(i32, String)> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    ensure!(!text.contains("panicked"), "it panicked: {text}");
    let code = output.status.code().with_context(|| format!("it died: {text}"))?;
    Ok((code, text))
}

fn run(command: &mut Command) -> Result<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {name}"))
}

/// Runs a tool that injects a fault; where it is missing or may not do so, the row is skipped.
pub(crate) fn tool(words: &[&str]) -> Result<String> {
    let Ok(output) = run(Command::new(words[0]).args(&words[1..])) else {
        return skipped(format!("there is no {}", words[0]));
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return skipped(format!("'{}' is not allowed here: {}", words.join(" "), said.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the tests run as root.
pub(crate) fn needs_root() -> Result<()> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { skipped("it needs root") }
}

/// Requires that a text contains another.
pub(crate) fn must_say(text: &str, expected: &str) -> Result<()> {
    if !text.contains(expected) {
        bail!("expected '{expected}', found: {text}");
    }
    Ok(())
}

/// Runs every machine of a trial to its end, which must be a success.
pub(crate) fn run_all(bench: &Bench, options: &[&str]) -> Result<()> {
    for machine in bench.start_all(options)? {
        machine.succeed()?;
    }
    Ok(())
}

/// Lets every user of this computer work in the folder of a row and of a bench.
pub(crate) fn open_to_all(scene: &Scene, bench: &Bench) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let all = || std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(scene.folder(), all())?;
    std::fs::set_permissions(&bench.folder, all())?;
    Ok(())
}
