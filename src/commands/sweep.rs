//! `scalemodel sweep`: a trial over many seeds, and the distribution of every figure.
//!
//! - [`check`]: every run of a sweep against the oracle.
//! - [`sheet`]: one point for people.

mod check;
mod sheet;

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use log::warn;
use serde::{Deserialize, Serialize};

use super::progress::{Progress, Unit};
use super::{Format, print, print_json};
use crate::analysis::sweep::{Distribution, FIGURES, RUN_FIGURES, Row, distributions, run_all};
use crate::cli::{Answer, whole};
use crate::model::{ClockRate, DrawRange, Seed};
use crate::trial::Trial;
use crate::trial::draft::Draft;
use crate::trial::fault_keys;

/// Repeat a trial over many seeds in this process, and show the distribution of every figure
///
/// Every run depends on its seed alone: what comes out does not depend on the number of threads,
/// and parts that are merged equal the whole.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scalemodel sweep scripts/trials/trial5.toml --runs 1000
  scalemodel sweep scripts/trials/trial5.toml --runs 500 --save a.json
  scalemodel sweep scripts/trials/trial5.toml --runs 500 --first-seed 501 --save b.json
  scalemodel sweep --merge a.json --merge b.json
  scalemodel sweep scripts/trials/trial5.toml --runs 100 --check
  scalemodel sweep scripts/trials/trial7.toml --runs 100 --format csv \\
      --vary clock_rate:3=1..6 --vary draw_range=3..15 > surface.csv
  gnuplot -c scripts/plot_surface.gp surface.png surface.csv 3")]
pub struct SweepArgs {
    /// The trial file
    #[arg(value_name = "TRIAL", required_unless_present = "merge")]
    trial: Option<PathBuf>,

    /// How many seeds
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = whole(1_u32..=10_000_000))]
    runs: u32,

    /// The first seed; the others follow it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole(0..=Seed::MAX - 10_000_000))]
    first_seed: u64,

    /// Also vary clock_rate:K=A..B (of machine K) or draw_range=A..B, both ends included
    #[arg(long, value_name = "KEY=A..B")]
    vary: Vec<Axis>,

    /// Use so many threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = whole(1_usize..=1024))]
    threads: Option<usize>,

    /// Keep every run's figures in a file, for --merge
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// Join sweeps that were kept by --save, instead of running
    #[arg(long, value_name = "FILE", conflicts_with_all = ["trial", "vary", "save"])]
    merge: Vec<PathBuf>,

    /// Instead of measuring, prove of every run that causality held; exit code 1 if one does not hold
    #[arg(long, conflicts_with_all = ["merge", "save", "format"])]
    check: bool,

    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// A key that is varied, and its values.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Axis {
    key: Key,
    first: u32,
    last: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    DrawRange,
    ClockRate { machine: usize },
}

impl std::str::FromStr for Axis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const ALLOWED: &str = "allowed: draw_range=A..B or clock_rate:K=A..B, with A <= B";
        let parse = || {
            let (key, values) = text.split_once('=')?;
            let (first, last) = values.split_once("..")?;
            let key = match key.split_once(':') {
                None if key == "draw_range" => Key::DrawRange,
                Some(("clock_rate", number)) => {
                    Key::ClockRate { machine: number.parse::<usize>().ok()?.checked_sub(1)? }
                }
                _ => return None,
            };
            let axis = Self { key, first: first.parse().ok()?, last: last.parse().ok()? };
            (1 <= axis.first && axis.first <= axis.last).then_some(axis)
        };
        parse().ok_or_else(|| ALLOWED.to_owned())
    }
}

/// One trial of a sweep, over all of its seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    trial: String,
    duration_s: u64,
    draw_range: u32,
    /// Clock rates that the trial fixes; none where every seed draws one.
    clock_rates: Vec<Option<u32>>,
    /// The faults, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    faults: Vec<String>,
    /// Phases that the trial fixes; none where every seed draws one.
    #[serde(default)]
    phases: Vec<Option<u32>>,
    rows: Vec<Row>,
}

impl Point {
    /// Whether both are of one trial and differ at most in their seeds.
    fn is_of_the_trial_of(&self, other: &Self) -> bool {
        (&self.phases, &self.faults) == (&other.phases, &other.faults)
            && self.has_the_labels_of(other)
    }

    /// Whether both would be shown under the same name and parameters.
    fn has_the_labels_of(&self, other: &Self) -> bool {
        (&self.trial, self.duration_s, self.draw_range, &self.clock_rates)
            == (&other.trial, other.duration_s, other.draw_range, &other.clock_rates)
    }
}

/// A sweep, as --save keeps it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sweep {
    schema_version: u32,
    figures: Vec<String>,
    points: Vec<Point>,
}

/// Runs the command. An interrupted sweep shows what is done, and dies by its signal.
///
/// # Errors
/// When the trial is wrong, or a file cannot be read or written.
pub fn run(args: &SweepArgs) -> Result<Answer> {
    let stop = Arc::new(AtomicBool::new(false));
    if args.trial.is_some() {
        signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&stop))
            .context("cannot handle signals")?;
    }
    let answer = match &args.trial {
        Some(trial) if args.check => check_runs(&Runs::new(args, trial)?, &stop)?,
        Some(trial) => show(args, &sweep(&Runs::new(args, trial)?, &stop))?,
        None => show(args, &merged(&args.merge)?)?,
    };
    if stop.load(Ordering::Relaxed) {
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGINT)?;
    }
    Ok(answer)
}

/// Keeps and prints what was measured.
fn show(args: &SweepArgs, points: &[Point]) -> Result<Answer> {
    if let Some(file) = &args.save {
        save(file, points)?;
    }
    match args.format {
        Format::Text => print(&points.iter().map(sheet::sheet).collect::<String>())?,
        Format::Csv => print(&csv(points))?,
        Format::Json => print_json(&summary(points))?,
    }
    Ok(Answer::Yes)
}

/// All runs of a sweep: every seed of every point.
#[derive(Debug)]
struct Runs {
    drafts: Vec<Draft>,
    seeds: usize,
    first_seed: u64,
    threads: usize,
}

impl Runs {
    fn new(args: &SweepArgs, trial: &Path) -> Result<Self> {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let drafts = grid(&Draft::load(trial)?, &args.vary)?;
        let runs = drafts.len().saturating_mul(args.runs as usize);
        if RUNS_MAX < runs {
            bail!("{runs} runs are asked for, allowed: {RUNS_MAX}; lower --runs, or narrow --vary");
        }
        Ok(Self {
            drafts,
            seeds: args.runs as usize,
            first_seed: args.first_seed,
            threads: args.threads.unwrap_or_else(cores),
        })
    }

    fn len(&self) -> usize {
        self.seeds * self.drafts.len()
    }

    fn trial(&self, index: usize) -> Trial {
        let mut draft = self.drafts[index / self.seeds].clone();
        draft.seed = Seed::new(self.first_seed + (index % self.seeds) as u64);
        draft.resolve().expect("the seed is given, and the faults fit the duration")
    }
}

/// Holds every run against the oracle.
fn check_runs(runs: &Runs, stop: &AtomicBool) -> Result<Answer> {
    let checked = check::check_all(runs.len(), |index| runs.trial(index), runs.threads, stop)?;
    if checked.runs < runs.len() {
        warn!("interrupted: {} of {} runs are checked", checked.runs, runs.len());
    }
    let name = &runs.drafts[0].name;
    let Some(first) = checked.failing.first() else {
        let idle = match checked.idle {
            0 => String::new(),
            idle => format!(", but that {idle} have a fault that did not take effect"),
        };
        print(&format!("{name}: {} runs checked, each holds{idle}\n", checked.runs))?;
        return Ok(Answer::Yes);
    };
    let (failing, trial) = (checked.failing.len(), check::smallest(&runs.trial(*first))?);
    print(&format!("# {name}: {failing} of {} runs do not hold\n{trial}", checked.runs))?;
    Ok(Answer::No)
}

/// Measures every run.
fn sweep(runs: &Runs, stop: &AtomicBool) -> Vec<Point> {
    let progress = Progress::new("sweeping", runs.len() as u64, Unit::Of("runs"));
    let rows =
        run_all(runs.len(), |index| runs.trial(index), runs.threads, stop, || progress.advance(1));
    drop(progress);
    if rows.len() < runs.len() {
        warn!("interrupted: {} of {} runs are done", rows.len(), runs.len());
    }
    let mut points: Vec<Point> = runs.drafts.iter().map(point).collect();
    for (index, row) in rows {
        points[index / runs.seeds].rows.push(row);
    }
    points.retain(|point| !point.rows.is_empty());
    points
}

/// A surface has no more points than this.
const POINTS_MAX: u64 = 100_000;

/// A sweep has no more runs than this, all points together.
const RUNS_MAX: usize = 10_000_000;

/// Every combination of what is varied; one draft if nothing is.
fn grid(draft: &Draft, axes: &[Axis]) -> Result<Vec<Draft>> {
    let mut drafts = vec![draft.clone()];
    for (place, axis) in axes.iter().enumerate() {
        if axes[..place].iter().any(|other| other.key == axis.key) {
            bail!("--vary varies one key twice; give it one range");
        }
        let points = u64::from(axis.last - axis.first).saturating_add(1) * drafts.len() as u64;
        if POINTS_MAX < points {
            bail!("--vary makes {points} points, allowed: {POINTS_MAX}; narrow a range");
        }
        let mut next = Vec::new();
        for draft in drafts {
            for value in axis.first..=axis.last {
                let mut draft = draft.clone();
                set(&mut draft, axis.key, value)?;
                next.push(draft);
            }
        }
        drafts = next;
    }
    for draft in &drafts {
        let (found, least) = (draft.draw_range.0, draft.peers_max() + 1);
        if (found as usize) < least {
            bail!("draw_range: found {found}, allowed: {least} or more, one more than peers");
        }
    }
    Ok(drafts)
}

fn set(draft: &mut Draft, key: Key, value: u32) -> Result<()> {
    match key {
        Key::DrawRange => draft.draw_range = DrawRange(value),
        Key::ClockRate { machine } => {
            let count = draft.machines.len();
            let Some(spec) = draft.machines.get_mut(machine) else {
                bail!("--vary: there is no machine {}: the trial has {count}", machine + 1);
            };
            if !ClockRate::ALLOWED.contains(&u64::from(value)) {
                bail!("--vary: found clock rate {value}, allowed: {:?}", ClockRate::ALLOWED);
            }
            spec.clock_rate = Some(ClockRate(value));
        }
    }
    Ok(())
}

fn point(draft: &Draft) -> Point {
    Point {
        trial: draft.name.clone(),
        duration_s: draft.duration_s,
        draw_range: draft.draw_range.0,
        clock_rates: draft.machines.iter().map(|m| m.clock_rate.map(|rate| rate.0)).collect(),
        faults: draft.faults.iter().map(fault_keys::line).collect(),
        phases: draft.machines.iter().map(|m| m.phase.map(|phase| phase.0)).collect(),
        rows: Vec::new(),
    }
}

fn save(file: &Path, points: &[Point]) -> Result<()> {
    let sweep = Sweep { schema_version: 1, figures: figure_names(), points: points.to_vec() };
    let text = serde_json::to_string(&sweep).context("cannot write JSON")?;
    fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
}

/// Joins sweeps: the same points with more seeds, or other points.
fn merged(files: &[PathBuf]) -> Result<Vec<Point>> {
    let mut points: Vec<Point> = Vec::new();
    for file in files {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let sweep: Sweep = serde_json::from_str(&text)
            .with_context(|| format!("{}: not a sweep that --save has kept", file.display()))?;
        if sweep.schema_version != 1 || sweep.figures != figure_names() {
            bail!("{}: kept by another version, with other figures", file.display());
        }
        for point in sweep.points {
            let width = point.clock_rates.len() * FIGURES.len() + RUN_FIGURES.len();
            if point.rows.iter().any(|row| row.values.len() != width) {
                bail!("{}: a row does not have {width} values", file.display());
            }
            if point.rows.is_empty() {
                bail!("{}: {} has no runs there", file.display(), point.trial);
            }
            match points.iter_mut().find(|other| other.has_the_labels_of(&point)) {
                Some(same) if same.is_of_the_trial_of(&point) => same.rows.extend(point.rows),
                Some(_) => bail!(
                    "{}: {} has other phases or faults there than in the files before; give \
                     trials that differ other names",
                    file.display(),
                    point.trial
                ),
                None => points.push(point),
            }
        }
    }
    for point in &mut points {
        point.rows.sort_by_key(|row| row.seed);
        if let Some(pair) = point.rows.windows(2).find(|pair| pair[0].seed == pair[1].seed) {
            bail!("{}: seed {} is in more than one of the files", point.trial, pair[0].seed);
        }
    }
    Ok(points)
}

fn figure_names() -> Vec<String> {
    let machine = FIGURES.iter().map(|(name, _)| (*name).to_owned());
    machine.chain(RUN_FIGURES.map(str::to_owned)).collect()
}

/// The distributions of one machine of a point: its own figures, then those of the run.
fn of_machine(all: &[Distribution], machine: usize) -> impl Iterator<Item = &Distribution> + Clone {
    let own = all.iter().skip(machine * FIGURES.len()).take(FIGURES.len());
    own.chain(&all[all.len() - RUN_FIGURES.len()..])
}

/// All points: a line a machine, three columns a figure.
fn csv(points: &[Point]) -> String {
    let mut head = vec!["trial".to_owned(), "runs".to_owned(), "duration_s".to_owned()];
    head.push("draw_range".to_owned());
    let machines = points.iter().map(|point| point.clock_rates.len()).max().unwrap_or(0);
    head.extend((1..=machines).map(|number| format!("clock_rate_{number}")));
    head.push("machine".to_owned());
    for name in figure_names() {
        head.extend(["median", "p5", "p95"].map(|part| format!("{name}_{part}")));
    }
    let mut lines = vec![head.join(",")];
    for point in points {
        let all = distributions(&point.rows);
        for machine in 0..point.clock_rates.len() {
            let mut line = vec![point.trial.clone(), point.rows.len().to_string()];
            line.push(point.duration_s.to_string());
            line.push(point.draw_range.to_string());
            let rates = point.clock_rates.iter().copied().chain(std::iter::repeat(None));
            let cell = |rate: Option<u32>| rate.map_or(String::new(), |rate| rate.to_string());
            line.extend(rates.take(machines).map(cell));
            line.push((machine + 1).to_string());
            for found in of_machine(&all, machine) {
                line.extend([found.median, found.p5, found.p95].map(|value| value.to_string()));
            }
            lines.push(line.join(","));
        }
    }
    lines.join("\n") + "\n"
}

/// All points for programs.
fn summary(points: &[Point]) -> serde_json::Value {
    let points: Vec<_> = points
        .iter()
        .map(|point| {
            let all = distributions(&point.rows);
            let machines: Vec<_> = (0..point.clock_rates.len())
                .map(|machine| {
                    let found = of_machine(&all, machine).map(|found| serde_json::json!(found));
                    figure_names().into_iter().zip(found).collect::<serde_json::Map<_, _>>()
                })
                .collect();
            serde_json::json!({
                "trial": point.trial,
                "runs": point.rows.len(),
                "duration_s": point.duration_s,
                "draw_range": point.draw_range,
                "clock_rates": point.clock_rates,
                "machines": machines,
            })
        })
        .collect();
    serde_json::json!({ "schema_version": 1, "points": points })
}
