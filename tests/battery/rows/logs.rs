//! Logs: what the checker is given. It may never say that causality held when a log was changed, and
//! it may never hang or panic.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::bench::{Bench, check, is_tick};
use crate::row::{Extent, Row};
use crate::scene::{Scene, ask, must_say, needs_root, scalemodel, told, tool};

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "L1",
        extent: Extent::Quick,
        fault: "a line is taken out of a log",
        injected: "every tick of a log, one at a time",
        must: "violated, or unreadable with file and line; never holds",
        act: taken_out,
    },
    Row {
        id: "L2",
        extent: Extent::Quick,
        fault: "a line is doubled, or swapped with the next",
        injected: "every tick of a log, one at a time",
        must: "violated, or unreadable with file and line; never holds",
        act: doubled_and_swapped,
    },
    Row {
        id: "L3",
        extent: Extent::Quick,
        fault: "a logical clock is one higher, or one lower",
        injected: "every tick of a log, one at a time",
        must: "violated",
        act: one_clock,
    },
    Row {
        id: "L4",
        extent: Extent::Quick,
        fault: "all clocks from one tick on are one higher",
        injected: "from every tick of a log that is not the last, one at a time",
        must: "violated, by the other machines' logs",
        act: all_clocks,
    },
    Row {
        id: "L5",
        extent: Extent::Quick,
        fault: "a log is cut between two lines",
        injected: "after every line",
        must: "cannot say, or violated where peers know of more; never holds",
        act: cut_lines,
    },
    Row {
        id: "L6",
        extent: Extent::Quick,
        fault: "a log is cut within a line",
        injected: "at every byte of its last three lines",
        must: "never holds; a torn line is said to be torn",
        act: cut_bytes,
    },
    Row {
        id: "L7",
        extent: Extent::Quick,
        fault: "a log is missing",
        injected: "each of the logs removed, and all of them",
        must: "cannot say; the missing log is named",
        act: missing,
    },
    Row {
        id: "L8",
        extent: Extent::Quick,
        fault: "a log of another run",
        injected: "a log of another seed, duration, rate or name, and of another machine, in its place",
        must: "violated or unreadable; the log is named",
        act: of_another_run,
    },
    Row {
        id: "L9",
        extent: Extent::Quick,
        fault: "a log that is none",
        injected: "empty, binary, NUL, a byte order mark; a folder, a loop of links, a device, a pipe",
        must: "named, with the line; nothing hangs, nothing panics",
        act: no_log,
    },
    Row {
        id: "L10",
        extent: Extent::Quick,
        fault: "a log that may not be read",
        injected: "mode 000, read by a user without rights",
        must: "named, with the reason",
        act: unreadable,
    },
    Row {
        id: "L11",
        extent: Extent::Quick,
        fault: "a log of 10 GiB",
        injected: "a sparse file without a line feed; 256 MiB of memory allowed",
        must: "refused in bounded memory",
        act: enormous,
    },
    Row {
        id: "L12",
        extent: Extent::Quick,
        fault: "cells that are no canonical numbers",
        injected: "+5, 05, 5.0, 0x5, full-width digits, 2^64 in every column of a tick",
        must: "unreadable with file and line",
        act: wrong_cells,
    },
    Row {
        id: "L13",
        extent: Extent::Quick,
        fault: "the end entry is changed",
        injected: "each of its counts one higher; another reason; an entry after it",
        must: "violated, cannot say, or unreadable; never holds",
        act: wrong_ends,
    },
    Row {
        id: "L14",
        extent: Extent::Full,
        fault: "none: right runs",
        injected: "100 seeds, 2 to 7 machines",
        must: "holds, every time",
        act: no_false_alarm,
    },
];

/// A run whose logs may be spoiled: the logs of a trial that was simulated.
struct Spoiled {
    bench: Bench,
    victim: usize,
    text: String,
    lines: Vec<String>,
}

impl Spoiled {
    fn new(scene: &Scene) -> Result<Self> {
        let bench = scene.bench("run", 8, &[3, 2, 4])?;
        simulate(&bench)?;
        bench.must_hold()?;
        let (victim, text) = (2, bench.log(2));
        let lines = text.lines().map(str::to_owned).collect();
        Ok(Self { bench, victim, text, lines })
    }

    /// The places of the ticks among the lines.
    fn ticks(&self) -> Vec<usize> {
        (0..self.lines.len()).filter(|place| is_tick(&self.lines[*place])).collect()
    }

    fn file(&self) -> PathBuf {
        self.bench.log_file(self.victim)
    }

    /// The exit code and the words of the check, with another text in the log.
    fn judge(&self, text: &[u8]) -> Result<(i32, String)> {
        fs::write(self.file(), text)?;
        let judged = self.bench.check();
        fs::write(self.file(), &self.text)?;
        judged
    }

    /// The log with these lines must not pass.
    fn must_not_hold(&self, lines: &[String]) -> Result<i32> {
        let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        ensure!(text != self.text, "the log was not changed");
        let (code, said) = self.judge(text.as_bytes())?;
        ensure!(code == 1 || code == 2, "exit code {code} for\n{text}\n{said}");
        must_say(&said, "log")?;
        Ok(code)
    }

    /// The log with a cell of one line changed.
    fn with_cell(&self, place: usize, column: usize, value: &str) -> Vec<String> {
        let mut lines = self.lines.clone();
        let mut cells: Vec<&str> = self.lines[place].split_ascii_whitespace().collect();
        cells[column] = value;
        lines[place] = cells.join(" ");
        lines
    }

    fn clock(&self, place: usize) -> Result<u64> {
        let cell = self.lines[place].split_ascii_whitespace().nth(CLOCK);
        cell.and_then(|cell| cell.parse().ok()).context("a tick has a clock")
    }
}

/// The column of the logical clock.
const CLOCK: usize = 6;

fn simulate(bench: &Bench) -> Result<()> {
    // The command writes the resolved trial beside the logs.
    let (trial, logs) = (bench.folder.join("given.toml"), bench.folder.to_string_lossy());
    fs::rename(bench.trial_file(), &trial)?;
    let (code, text) = ask(&["simulate", &trial.to_string_lossy(), "--logs", &logs])?;
    ensure!(code == 0, "the trial cannot be simulated: {text}");
    Ok(())
}

/// The codes that were seen, in words.
fn verdicts(cases: usize, codes: &BTreeSet<i32>) -> String {
    let words = codes.iter().map(|code| if *code == 1 { "violated" } else { "cannot say" });
    format!("{cases} logs: {}", words.collect::<Vec<_>>().join(" or "))
}

fn taken_out(scene: &Scene) -> Result<String> {
    let run = Spoiled::new(scene)?;
    let mut codes = BTreeSet::new();
    let ticks = run.ticks();
    for place in &ticks {
        let mut lines = run.lines.clone();
        lines.remove(*place);
        codes.insert(run.must_not_hold(&lines)?);
    }
    Ok(verdicts(ticks.len(), &codes))
}

fn doubled_and_swapped(scene: &Scene) -> Result<String> {
    let run = Spoiled::new(scene)?;
    let mut codes = BTreeSet::new();
    let ticks = run.ticks();
    let mut cases = 0;
    for place in &ticks {
        let mut doubled = run.lines.clone();
        doubled.insert(*place, run.lines[*place].clone());
        codes.insert(run.must_not_hold(&doubled)?);
        cases += 1;
        if ticks.contains(&(place + 1)) {
            let mut swapped = run.lines.clone();
            swapped.swap(*place, place + 1);
            codes.insert(run.must_not_hold(&swapped)?);
            cases += 1;
        }
    }
    Ok(verdicts(cases, &codes))
}

fn one_clock(scene: &Scene) -> Result<String> {
    let run = Spoiled::new(scene)?;
    let mut codes = BTreeSet::new();
    let ticks = run.ticks();
    for place in &ticks {
        for clock in [run.clock(*place)? + 1, run.clock(*place)? - 1] {
            let lines = run.with_cell(*place, CLOCK, &clock.to_string());
            codes.insert(run.must_not_hold(&lines)?);
        }
    }
    // A clock of 0 is none: that log cannot be read.
    Ok(verdicts(2 * ticks.len(), &codes))
}

fn all_clocks(scene: &Scene) -> Result<String> {
    let run = Spoiled::new(scene)?;
    let mut codes = BTreeSet::new();
    let ticks = run.ticks();
    let (_, firsts) = ticks.split_last().context("there are ticks")?;
    for first in firsts {
        let mut lines = run.lines.clone();
        for place in ticks.iter().filter(|place| *first <= **place) {
            let clock = run.clock(*place)? + 1;
            lines[*place].clone_from(&run.with_cell(*place, CLOCK, &clock.to_string())[*place]);
        }
        codes.insert(run.must_not_hold(&lines)?);
    }
    ensure!(codes.iter().all(|code| *code == 1), "some are not found violated");
    Ok(verdicts(firsts.len(), &codes))
}

fn cut_lines(scene: &Scene) -> Result<String> {
    let run = Spoiled::new(scene)?;
    let mut codes = BTreeSet::new();
    for len in 0..run.lines.len() {
        codes.insert(run.must_not_hold(&run.lines[..len])?);
    }
    Ok(verdicts(run.lines.len(), &codes))
}

fn cut_bytes(scene: &Scene) -> Result<String> {
    let run = Spoiled::new(scene)?;
    let (all, last_three) = (run.text.len(), &run.lines[run.lines.len() - 3..]);
    let bytes: usize = last_three.iter().map(|line| line.len() + 1).sum();
    for len in all - bytes..all {
        let (code, text) = run.judge(&run.text.as_bytes()[..len])?;
        ensure!(code == 1 || code == 2, "exit code {code} for {len} of {all} bytes: {text}");
        let is_torn = run.text.as_bytes()[len - 1] != b'\n';
        ensure!(!is_torn || text.contains("torn"), "{len} of {all} bytes: {text}");
    }
    Ok(format!("{bytes} cuts, none holds"))
}

fn missing(scene: &Scene) -> Result<String> {
    let run = Spoiled::new(scene)?;
    for machine in run.bench.machines() {
        let text = run.bench.log(machine);
        fs::remove_file(run.bench.log_file(machine))?;
        run.bench.must_be_unsure(&format!("log{}.txt", run.bench.ports[machine - 1]))?;
        fs::write(run.bench.log_file(machine), text)?;
    }
    for machine in run.bench.machines() {
        fs::remove_file(run.bench.log_file(machine))?;
    }
    let (code, text) = run.bench.check()?;
    ensure!(code == 2, "no logs at all are answered with {code}: {text}");
    Ok("cannot say; the missing log is named".to_owned())
}

fn of_another_run(scene: &Scene) -> Result<String> {
    let run = Spoiled::new(scene)?;
    let trial = fs::read_to_string(run.bench.trial_file())?;
    let others = [
        ("seed", trial.replace("seed = 7", "seed = 8")),
        ("duration", trial.replace("duration_s = 8", "duration_s = 9")),
        ("rate", trial.replace("clock_rate = 3", "clock_rate = 5")),
        ("name", trial.replace("\"bench\"", "\"other\"")),
    ];
    for (what, other) in others {
        ensure!(other != trial, "the {what} was not changed");
        let bench = scene.bench(what, 8, &[3, 2, 4])?;
        fs::write(bench.trial_file(), other)?;
        simulate(&bench)?;
        let (code, text) = run.judge(bench.log(run.victim).as_bytes())?;
        ensure!(code != 0, "a log of another {what} holds: {text}");
        must_say(&text, "log2100")?;
    }
    let (code, text) = run.judge(run.bench.log(1).as_bytes())?;
    ensure!(code != 0, "a log of another machine holds: {text}");
    must_say(&text, "log21002.txt")?;
    Ok("five foreign logs, none holds".to_owned())
}

fn no_log(scene: &Scene) -> Result<String> {
    let run = Spoiled::new(scene)?;
    let binary: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let marked = format!("\u{feff}{}", run.text).into_bytes();
    for content in [Vec::new(), b"\n".to_vec(), binary, marked, vec![0; 4096]] {
        let (code, text) = run.judge(&content)?;
        ensure!(code == 2, "exit code {code}: {text}");
        must_say(&text, "log21002.txt")?;
    }
    let file = run.file();
    let put: [fn(&Path) -> Result<()>; 4] = [
        |file| Ok(fs::create_dir(file)?),
        |file| Ok(symlink(file, file)?),
        |file| Ok(symlink("/dev/zero", file)?),
        |file| tool(&["mkfifo", &file.to_string_lossy()]).map(drop),
    ];
    for put in put {
        let _ = fs::remove_file(&file).or_else(|_| fs::remove_dir(&file));
        put(&file)?;
        let mut command = Command::new("timeout");
        command.arg("20").arg(scalemodel().get_program()).arg("check").arg(&run.bench.folder);
        let (code, text) = told(&scene.run(&mut command)?)?;
        ensure!(code == 2, "exit code {code}: {text}");
        must_say(&text, "log21002.txt")?;
    }
    Ok("nine logs that are none, all named".to_owned())
}

fn unreadable(scene: &Scene) -> Result<String> {
    needs_root()?;
    let run = Spoiled::new(scene)?;
    fs::set_permissions(run.file(), fs::Permissions::from_mode(0o000))?;
    fs::set_permissions(scene.folder(), fs::Permissions::from_mode(0o755))?;
    let folder = run.bench.folder.to_string_lossy().into_owned();
    let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    tool(&[nobody.as_slice(), &["true"]].concat())?;
    let program = scalemodel().get_program().to_owned();
    let mut command = Command::new(nobody[0]);
    command.args(&nobody[1..]).arg(program).args(["check", &folder]);
    let Ok(output) = scene.run(&mut command) else {
        return crate::row::skipped("the program cannot be run by another user");
    };
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if text.starts_with("setpriv") {
        return crate::row::skipped("the program lies where another user may not run it");
    }
    let (code, text) = told(&output)?;
    ensure!(code == 2, "exit code {code}: {text}");
    must_say(&text, "log21002.txt")?;
    must_say(&text, "Permission denied")?;
    Ok("cannot say; the log and the reason are named".to_owned())
}

fn enormous(scene: &Scene) -> Result<String> {
    let run = Spoiled::new(scene)?;
    File::create(run.file())?.set_len(10 << 30)?;
    let mut command = Command::new("prlimit");
    command.arg(format!("--as={}", 256 << 20)).args(["timeout", "20"]);
    command.arg(scalemodel().get_program()).arg("check").arg(&run.bench.folder);
    let (code, text) = told(&scene.run(&mut command)?)?;
    ensure!(code == 2, "exit code {code}: {text}");
    must_say(&text, "log21002.txt:1: ")?;
    Ok("refused at line 1".to_owned())
}

fn wrong_cells(scene: &Scene) -> Result<String> {
    let run = Spoiled::new(scene)?;
    let place = run.ticks()[3];
    let values = ["+5", "05", "5.0", "0x5", "５", "18446744073709551616", "x", "5\u{b}", "--"];
    let mut cases = 0;
    for column in 0..10 {
        for value in values {
            // A model time is a fraction.
            if column == 2 && value == "5.0" {
                continue;
            }
            let lines = run.with_cell(place, column, value);
            let text = lines.join("\n") + "\n";
            let (code, said) = run.judge(text.as_bytes())?;
            ensure!(code == 2, "exit code {code} for '{value}' in column {column}: {said}");
            must_say(&said, &format!("log21002.txt:{}: ", place + 1))?;
            cases += 1;
        }
    }
    Ok(format!("{cases} cells refused at their line"))
}

fn wrong_ends(scene: &Scene) -> Result<String> {
    let run = Spoiled::new(scene)?;
    let (end, rest) = run.lines.split_last().context("the log has an end")?;
    let fields: Vec<&str> = end.split(' ').collect();
    let mut ends: Vec<String> = Vec::new();
    for (place, field) in fields.iter().enumerate() {
        let Some((last_but, digit)) =
            field.char_indices().next_back().map(|(at, last)| (&field[..at], last))
        else {
            continue;
        };
        if let Some(digit) = digit.to_digit(10) {
            let mut other = fields.clone();
            let changed = format!("{last_but}{}", (digit + 1) % 10);
            other[place] = &changed;
            ends.push(other.join(" "));
        }
    }
    for why in ["interrupted", "failed", "peer-lost:21001", "peer-left:9", "done"] {
        ends.push(end.replace("why=finished", &format!("why={why}")));
    }
    ends.push(format!("{end}\n{end}"));
    ends.push(format!("{end}\n{}", rest.last().context("there are ticks")?));
    let mut codes = BTreeSet::new();
    for other in &ends {
        let lines: Vec<String> = rest.iter().chain([other]).cloned().collect();
        codes.insert(run.must_not_hold(&lines)?);
    }
    Ok(verdicts(ends.len(), &codes))
}

fn no_false_alarm(scene: &Scene) -> Result<String> {
    for seed in 0..100 {
        let machines = 2 + seed % 6;
        let rates: Vec<u32> = (0..machines).map(|index| 1 + (seed * 7 + index * 3) % 6).collect();
        let bench = scene.bench(&format!("seed-{seed}"), 30, &rates)?;
        let trial = fs::read_to_string(bench.trial_file())?;
        fs::write(bench.trial_file(), trial.replace("seed = 7", &format!("seed = {seed}")))?;
        simulate(&bench)?;
        bench.must_hold()?;
    }
    let folders: Vec<PathBuf> =
        fs::read_dir(scene.folder())?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    ensure!(folders.len() == 100, "{} runs", folders.len());
    ensure!(check(&folders[0])?.0 == 0, "the check changes its mind");
    Ok("100 runs hold".to_owned())
}
