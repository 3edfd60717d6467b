//! `scalemodel stats`: measures jumps, queues, waiting times, lateness and drift.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use log::warn;
use serde::Serialize;

use super::{COLUMNS_MAX, Format, load, print, print_json};
use crate::analysis::history::History;
use crate::analysis::stats::{MachineStats, RunStats, measure};
use crate::analysis::tally::JUMP_BUCKETS;
use crate::cli::Answer;
use crate::report::Sheet;

/// Measure jumps, queues, waiting times, lateness and drift of one run or several
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scalemodel stats logs/trial5
  scalemodel stats --format csv logs/trial1 logs/trial2 > stats.csv")]
pub struct StatsArgs {
    /// The folders of the runs
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,

    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the command.
///
/// # Errors
/// When a folder holds no log that can be read.
pub fn run(args: &StatsArgs) -> Result<Answer> {
    let mut runs = Vec::new();
    for folder in &args.runs {
        let history = load(folder)?;
        warn_of_absent(&history);
        if !history.trial.faults.is_empty() {
            warn!("{}: what is predicted leaves the trial's faults out", folder.display());
        }
        runs.push(measure(&history));
    }
    match (args.format, runs.as_slice()) {
        (Format::Text, [run]) if run.machines.len() <= COLUMNS_MAX => print(&sheet(run))?,
        (Format::Text, runs) => print(&summary(runs))?,
        (Format::Json, runs) => print_json(&Document { schema_version: 1, runs })?,
        (Format::Csv, runs) => print(&csv(runs))?,
    }
    Ok(Answer::Yes)
}

/// Says openly which machines the figures leave out.
pub(super) fn warn_of_absent(history: &History) {
    for error in &history.unreadable {
        warn!("{error}");
    }
    for machine in history.trial.machine_ids().filter(|id| history.log(*id).is_none()) {
        let folder = history.folder.display();
        warn!("{folder}: no log of machine {machine} can be read; it is left out of the figures");
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    runs: &'a [RunStats],
}

/// A figure of a machine: what it is called for people and for programs, and its value.
struct Figure {
    name: &'static str,
    column: &'static str,
    value: fn(&MachineStats) -> String,
}

macro_rules! figure {
    ($name:literal, $($part:ident).+) => {
        figure!(@ $name, $($part).+, |m| m.$($part).+.to_string())
    };
    ($name:literal, $($part:ident).+, $decimals:literal) => {
        figure!(@ $name, $($part).+, |m| format!("{:.*}", $decimals, m.$($part).+))
    };
    (@ $name:literal, figures.$field:ident, $value:expr) => {
        Figure { name: $name, column: stringify!($field), value: $value }
    };
    (@ $name:literal, $field:ident, $value:expr) => {
        Figure { name: $name, column: stringify!($field), value: $value }
    };
}

macro_rules! measured {
    ($name:literal, $field:ident) => {
        Figure {
            name: $name,
            column: stringify!($field),
            value: |m| m.$field.map(|number| number.to_string()).unwrap_or_default(),
        }
    };
}

macro_rules! predicted {
    ($name:literal, $field:ident, $decimals:literal) => {
        Figure {
            name: $name,
            column: concat!("predicted_", stringify!($field)),
            value: |m| format!("{:.*}", $decimals, m.predicted.$field),
        }
    };
}

/// All figures of a machine, in the order of the tables.
const FIGURES: [Figure; 29] = [
    figure!("clock rate (1/s)", clock_rate),
    figure!("ticks due", ticks_due),
    figure!("ticks done", ticks_done),
    figure!("ticks skipped", ticks_skipped),
    figure!("internal events", figures.internal),
    figure!("send events", figures.sends),
    figure!("receives", figures.receives),
    figure!("clock at the end", figures.clock_end),
    figure!("jump, mean", figures.jump_mean, 2),
    figure!("jump, max", figures.jump_max),
    figure!("queue, mean", figures.queue_mean, 2),
    figure!("queue, max", figures.queue_max),
    figure!("queue at the end", figures.queue_end),
    figure!("wait, mean (s)", figures.wait_mean_s, 3),
    figure!("wait, max (s)", figures.wait_max_s, 3),
    figure!("lateness, median (us)", lateness_median_us),
    figure!("lateness, p99 (us)", lateness_p99_us),
    figure!("lateness, max (us)", lateness_max_us),
    figure!("busy, fraction of ticks", figures.busy, 3),
    predicted!("  predicted", busy, 3),
    predicted!("queue at the end, predicted", queue_end_mean, 1),
    predicted!("  5 %", queue_end_p5, 1),
    predicted!("  95 %", queue_end_p95, 1),
    figure!("clock, compared with the largest", figures.clock_ratio, 3),
    predicted!("  predicted", clock_ratio, 3),
    figure!("port", port),
    figure!("machine", machine),
    measured!("system time, offset (us)", clock_offset_us),
    measured!("  give or take", clock_offset_error_us),
];

/// The head of a column of the summary, and what stands in it.
type SummaryColumn = (&'static str, fn(&MachineStats) -> String);

/// The figures of a summary line; the others would make it too wide.
const SUMMARY: [SummaryColumn; 10] = [
    ("rate", |m| m.clock_rate.to_string()),
    ("done/due", |m| format!("{}/{}", m.ticks_done, m.ticks_due)),
    ("int/send/recv", |m| {
        format!("{}/{}/{}", m.figures.internal, m.figures.sends, m.figures.receives)
    }),
    ("clock", |m| m.figures.clock_end.to_string()),
    ("jump mean/max", |m| format!("{:.2}/{}", m.figures.jump_mean, m.figures.jump_max)),
    ("queue mean/max/end", |m| {
        format!("{:.2}/{}/{}", m.figures.queue_mean, m.figures.queue_max, m.figures.queue_end)
    }),
    ("wait mean s", |m| format!("{:.2}", m.figures.wait_mean_s)),
    ("late med us", |m| m.lateness_median_us.to_string()),
    ("p99 us", |m| m.lateness_p99_us.to_string()),
    ("skipped", |m| m.ticks_skipped.to_string()),
];

/// One run: a column a machine, a row a figure.
fn sheet(run: &RunStats) -> String {
    let mut table = plain_table();
    let heads = run.machines.iter().map(|m| format!("machine {}", m.machine));
    table.set_header(std::iter::once(String::new()).chain(heads));
    let Sheet { title, rows, foot } = sheet_of(run);
    for (name, values) in rows {
        table.add_row(std::iter::once(name).chain(values));
    }
    align_right(&mut table, 1);
    format!("{title}\n{table}\n{foot}\n")
}

/// A row with a dash where a machine has no value; none if no machine has one.
fn with_dashes((name, values): (String, Vec<String>)) -> Option<(String, Vec<String>)> {
    let dashed = |value: String| if value.is_empty() { "-".to_owned() } else { value };
    let has_value = values.iter().any(|value| !value.is_empty());
    has_value.then(|| (name, values.into_iter().map(dashed).collect()))
}

/// What stands in the table of one run.
pub(super) fn sheet_of(run: &RunStats) -> Sheet {
    let row = |name: &str, value: &dyn Fn(&MachineStats) -> String| {
        (name.to_owned(), run.machines.iter().map(value).collect())
    };
    let figures = FIGURES.iter().filter(|figure| figure.column != "machine");
    let rows = figures.map(|figure| row(figure.name, &figure.value));
    let mut rows: Vec<(String, Vec<String>)> = rows.filter_map(with_dashes).collect();
    for (index, range) in jump_ranges().iter().enumerate() {
        let count = |m: &MachineStats| m.figures.jump_histogram[index].to_string();
        rows.push(row(&format!("jumps of {range}"), &count));
    }
    Sheet { title: title(run), rows, foot: drift_line(run) }
}

/// Several runs: a line a machine.
fn summary(runs: &[RunStats]) -> String {
    let mut table = plain_table();
    let heads = SUMMARY.iter().map(|(head, _)| (*head).to_owned());
    let drift = ["drift max/end".to_owned()];
    table.set_header(["trial", "m"].map(str::to_owned).into_iter().chain(heads).chain(drift));
    for run in runs {
        for (index, machine) in run.machines.iter().enumerate() {
            let is_first = index == 0;
            let first = |text: String| if is_first { text } else { String::new() };
            let values = SUMMARY.iter().map(|(_, value)| value(machine));
            let names = [first(run.trial.clone()), machine.machine.to_string()];
            let drift = [first(format!("{}/{}", run.drift_max, run.drift_end))];
            table.add_row(names.into_iter().chain(values).chain(drift));
        }
    }
    align_right(&mut table, 1);
    format!("{table}\n")
}

fn csv(runs: &[RunStats]) -> String {
    let figures = || FIGURES.iter().map(|figure| figure.column.to_owned());
    let buckets = jump_ranges()
        .map(|range| format!("jumps_{}", range.replace("..=", "_to_").replace(' ', "_")));
    let mut lines = vec![
        ["trial", "pace", "seed", "draw_range", "duration_s", "drift_max", "drift_end"]
            .map(str::to_owned)
            .into_iter()
            .chain(figures())
            .chain(buckets)
            .collect::<Vec<_>>()
            .join(","),
    ];
    for run in runs {
        for machine in &run.machines {
            let of_run = [
                run.trial.clone(),
                run.pace.to_owned(),
                run.seed.to_string(),
                run.draw_range.to_string(),
                run.duration_s.to_string(),
                run.drift_max.to_string(),
                run.drift_end.to_string(),
            ];
            let values = FIGURES.iter().map(|figure| (figure.value)(machine));
            let jumps = machine.figures.jump_histogram.iter().map(ToString::to_string);
            let line = of_run.into_iter().chain(values).chain(jumps);
            lines.push(line.collect::<Vec<_>>().join(","));
        }
    }
    lines.join("\n") + "\n"
}

/// The ranges of the histogram of jumps: 1, 2, 3..=4 and so on.
fn jump_ranges() -> [String; JUMP_BUCKETS.len() + 1] {
    std::array::from_fn(|index| {
        let first = if index == 0 { 1 } else { JUMP_BUCKETS[index - 1] + 1 };
        match JUMP_BUCKETS.get(index) {
            Some(last) if *last == first => first.to_string(),
            Some(last) => format!("{first}..={last}"),
            None => format!("{first} or more"),
        }
    })
}

fn title(run: &RunStats) -> String {
    format!(
        "{}: {} s of model time, draws in 1..={}, seed {}, {} pace",
        run.trial, run.duration_s, run.draw_range, run.seed, run.pace
    )
}

fn drift_line(run: &RunStats) -> String {
    format!(
        "drift between the machines' clocks: {} at most, {} at the end; starts within {} us",
        run.drift_max, run.drift_end, run.start_skew_us
    )
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table
}

fn align_right(table: &mut Table, from: usize) {
    for column in table.column_iter_mut().skip(from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
