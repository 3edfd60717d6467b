//! `scalemodel health`: asks the machines of a run that goes on how they are, layer by layer.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use log::warn;
use rustix::event::{PollFd, PollFlags};
use serde::Serialize;

use super::{print, print_json};
use crate::cli::{Answer, parse_seconds, whole};
use crate::health::layer::{Figures, Load, Offset, Presence, Verdict};
use crate::health::{Heard, Question, Report, Run, ask, judge};
use crate::machine::poll;
use crate::machine::secret::Secret;
use crate::trial::Trial;
use crate::wall_clock;

/// How many probes each channel gets, at most.
const PROBES_MAX: u32 = 100;

/// Ask the machines of a run that goes on how healthy they are, layer by layer
///
/// 1 machines: each is there, listens and speaks. 2 channels: each stands, as both ends say.
/// 3 propagation: probes come to every peer and back, over the very sockets and threads of the run.
/// 4 skew: how far the system times lie apart. 5 backlog: queues that grow, ticks that come late.
///
/// The exit code is 0 for healthy, 1 for degraded, and 2 if it cannot be said. Probes change neither
/// clocks nor queues nor logs. At the virtual pace nothing can be asked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scalemodel health logs/trial5
  scalemodel health logs/trial5 --watch=10 --format json | jq -c '[.verdict, .layers[].verdict]'")]
pub struct HealthArgs {
    /// The folder of the run, or its resolved trial
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// The file of the run's secret [default: 'secret' beside the resolved trial]
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,

    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Ask again and again, every so many seconds, until the run is over; the worst answer counts
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "5",
        value_parser = parse_seconds
    )]
    watch: Option<Duration>,

    /// How many probes each machine sends to each of its peers
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = whole(1..=PROBES_MAX))]
    probes: u32,

    /// Within so many milliseconds a probe must be back
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = whole(1..=60_000_u64))]
    window: u64,

    /// How many seconds the queues are watched, and the probes spread over
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = whole(1..=3600_u64))]
    span: u64,

    /// How many milliseconds connecting, and each answer, may take
    #[arg(long, value_name = "MS", default_value_t = 2000, value_parser = whole(1..=60_000_u64))]
    limit: u64,

    /// No tick may have been later than so many milliseconds of late
    #[arg(long, value_name = "MS", default_value_t = 100, value_parser = whole(1..=3_600_000_u64))]
    late: u64,

    /// No two system times may be further apart than so many milliseconds
    #[arg(long, value_name = "MS", default_value_t = 100, value_parser = whole(1..=3_600_000_u64))]
    skew: u64,
}

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for people
    Text,
    /// For programs; with --watch a line a time
    Json,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    /// When it was asked, by this computer's system time.
    asked_at: String,
    #[serde(flatten)]
    report: &'a Report,
}

impl From<Verdict> for Answer {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Healthy => Self::Yes,
            Verdict::CannotSay => Self::CannotSay,
            Verdict::Degraded => Self::No,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When there is no run to ask, or it does not let itself be asked.
pub fn run(args: &HealthArgs) -> Result<Answer> {
    let run = find(args)?;
    let question = question(args);
    let Some(every) = args.watch else {
        let heard = checkup(&run, question, None)?;
        return tell(args, &judge(&heard));
    };
    let mut next = wall_clock::now();
    let mut heard = checkup(&run, question, None)?;
    let mut worst = Answer::Yes;
    loop {
        worst = worst.max(tell(args, &judge(&heard))?);
        next = (next + every).max(wall_clock::now());
        if !is_read_until(next) {
            return Ok(worst);
        }
        heard = match checkup(&run, question, Some(&heard)) {
            Ok(heard) => heard,
            Err(error) => {
                warn!("no more is asked: {error:#}");
                return Ok(worst);
            }
        };
    }
}

/// Waits until an instant; whether standard output is still read then. Whoever closed it has seen
/// enough, and the run is to be left alone.
fn is_read_until(next: Instant) -> bool {
    let out = io::stdout();
    let mut fds = [PollFd::new(&out, PollFlags::empty())];
    loop {
        poll::wait(&mut fds, Some(next));
        if !fds[0].revents().is_empty() {
            return false;
        }
        if next <= wall_clock::now() {
            return true;
        }
    }
}

/// Finds the trial of a run, and its secret.
fn find(args: &HealthArgs) -> Result<Run> {
    let file = if args.run.is_dir() { args.run.join("trial.toml") } else { args.run.clone() };
    let trial = Trial::load_resolved(&file)?;
    let beside = file.parent().unwrap_or(Path::new("")).join("secret");
    let secret = args.secret.clone().unwrap_or(beside);
    if !secret.exists() {
        bail!(
            "there is no secret {}, which a run has for as long as it goes on: the run is over or not \
             begun, or its secret is elsewhere (--secret)",
            secret.display()
        );
    }
    Ok(Run { secret: Secret::load(&secret)?, trial })
}

fn question(args: &HealthArgs) -> Question {
    Question {
        probes: args.probes,
        window: Duration::from_millis(args.window),
        span: Duration::from_secs(args.span),
        limit: Duration::from_millis(args.limit),
        lateness: Duration::from_millis(args.late),
        skew: Duration::from_millis(args.skew),
    }
}

/// Asks once.
fn checkup(run: &Run, question: Question, earlier: Option<&Heard>) -> Result<Heard> {
    let name = || format!("cannot say how {} is", run.trial.name);
    let heard = ask(run, question, earlier).with_context(name)?;
    match heard.obstacle() {
        Some(why) => Err(anyhow::anyhow!(why)).with_context(name),
        None => Ok(heard),
    }
}

fn tell(args: &HealthArgs, report: &Report) -> Result<Answer> {
    let document =
        || Document { schema_version: 1, asked_at: wall_clock::system_time().to_string(), report };
    match (args.format, args.watch) {
        (Format::Text, None) => print(&sheet(report))?,
        (Format::Text, Some(_)) => print(&(sheet(report) + "\n"))?,
        (Format::Json, None) => print_json(&document())?,
        (Format::Json, Some(_)) => {
            let line = serde_json::to_string(&document()).context("cannot write JSON")?;
            print(&(line + "\n"))?;
        }
    }
    Ok(report.verdict.into())
}

/// The layers, then what is wrong, then the machines.
fn sheet(report: &Report) -> String {
    let mut text = format!("{}: {}\n", report.trial, report.verdict.name());
    let mut layers = table(["", "layer", "", "what was found"].map(str::to_owned));
    for finding in &report.layers {
        let layer = finding.layer.to_string();
        let cells = [&layer, finding.name, finding.verdict.name(), &finding.summary];
        layers.add_row(cells);
    }
    text.push_str(&format!("{layers}\n"));
    for finding in &report.layers {
        let layer = finding.layer;
        for problem in &finding.problems {
            text.push_str(&format!("{layer} wrong: {problem}\n"));
        }
        for note in &finding.notes {
            text.push_str(&format!("{layer} note: {note}\n"));
        }
    }
    text + &format!("{}\n", machines(report))
}

/// A line a machine, of what several layers know.
fn machines(report: &Report) -> Table {
    let heads = ["machine", "", "pid", "ticks done/due", "clock", "queue", "growth", "late (ms)"];
    let heads = heads.into_iter().chain(["system time (us)"]);
    let mut table = table(heads.map(str::to_owned));
    let figures = || report.layers.iter().map(|finding| &finding.figures);
    let presences = figures().find_map(|figures| match figures {
        Figures::Machines(presences) => Some(presences.as_slice()),
        _ => None,
    });
    let loads = figures().find_map(|figures| match figures {
        Figures::Loads(loads) => Some(loads.as_slice()),
        _ => None,
    });
    let offsets = figures().find_map(|figures| match figures {
        Figures::Offsets(offsets) => Some(offsets.as_slice()),
        _ => None,
    });
    for presence in presences.unwrap_or_default() {
        let load = loads.unwrap_or_default().iter().find(|load| load.machine == presence.machine);
        let offset = offsets.unwrap_or_default().iter();
        let offset = offset.clone().find(|offset| offset.machine == presence.machine);
        table.add_row(machine_cells(presence, load, offset));
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn machine_cells(presence: &Presence, load: Option<&Load>, offset: Option<&Offset>) -> [String; 9] {
    let known = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let ticks = presence.ticks_done.zip(presence.ticks_due);
    let late = |us: u64| format!("{}.{:02}", us / 1000, us % 1000 / 10);
    [
        presence.machine.to_string(),
        presence.presence.to_owned(),
        known(presence.pid.map(|pid| pid.to_string())),
        known(ticks.map(|(done, due)| format!("{done}/{due}"))),
        known(presence.logical_clock.map(|clock| clock.to_string())),
        known(load.map(|load| load.queue_len.to_string())),
        known(load.map(|load| format!("{:+}", load.growth))),
        known(load.map(|load| late(load.lateness_max_us))),
        known(offset.map(|offset| format!("{:+} +-{}", offset.offset_us, offset.error_us))),
    ]
}

fn table(heads: impl IntoIterator<Item = String>) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(heads);
    table
}
