//! `scalemodel predict`: what theory says of a trial, before it runs.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use comfy_table::{CellAlignment, Table, presets::NOTHING};
use log::warn;
use serde::Serialize;

use super::{Format, print, print_json, trial};
use crate::analysis::predict::{MachinePrediction, Prediction, predict};
use crate::cli::{Answer, Overrides};

/// Predict queues, clocks and lags of a trial from theory
///
/// docs/theory.md derives the formulas.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  scalemodel predict scripts/trials/trial5.toml")]
pub struct PredictArgs {
    /// The trial file
    #[arg(value_name = "TRIAL")]
    trial: PathBuf,

    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    trial: &'a str,
    #[serde(flatten)]
    prediction: &'a Prediction,
}

/// Runs the command.
///
/// # Errors
/// When the trial is wrong.
pub fn run(args: &PredictArgs) -> Result<Answer> {
    let trial = trial::resolve(&args.trial, args.overrides)?;
    if !trial.faults.is_empty() {
        warn!("{}: the prediction leaves the trial's faults out", args.trial.display());
    }
    let prediction = predict(&trial);
    match args.format {
        Format::Text => print(&table(&prediction))?,
        Format::Csv => print(&csv(&prediction))?,
        Format::Json => {
            print_json(&Document {
                schema_version: 1,
                trial: &trial.name,
                prediction: &prediction,
            })?;
        }
    }
    Ok(Answer::Yes)
}

/// The head of a column for people, its name for programs, and what stands in it.
type Column = (&'static str, &'static str, fn(&MachinePrediction) -> String);

const COLUMNS: [Column; 11] = [
    ("machine", "machine", |m| m.machine.to_string()),
    ("rate (1/s)", "clock_rate", |m| m.clock_rate.to_string()),
    ("arrivals (1/s)", "arrivals_per_s", |m| format!("{:.3}", m.arrivals_per_s)),
    ("busy", "busy", |m| format!("{:.3}", m.busy)),
    ("load", "load", |m| m.load.name().to_owned()),
    ("queue growth (1/s)", "queue_growth_per_s", |m| format!("{:.3}", m.queue_growth_per_s)),
    ("queue at the end", "queue_end_mean", |m| format!("{:.1}", m.queue_end_mean)),
    ("5 %", "queue_end_p5", |m| format!("{:.1}", m.queue_end_p5)),
    ("95 %", "queue_end_p95", |m| format!("{:.1}", m.queue_end_p95)),
    ("clock growth (1/s)", "clock_growth_per_s", |m| format!("{:.3}", m.clock_growth_per_s)),
    ("lag at the end (s)", "lag_end_s", |m| format!("{:.1}", m.lag_end_s)),
];

fn table(prediction: &Prediction) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(COLUMNS.map(|(head, ..)| head));
    for machine in &prediction.machines {
        table.add_row(COLUMNS.map(|(_, _, value)| value(machine)));
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{table}\n")
}

fn csv(prediction: &Prediction) -> String {
    let heads = COLUMNS.map(|(_, name, _)| name).join(",");
    let lines = prediction
        .machines
        .iter()
        .map(|machine| COLUMNS.map(|(_, _, value)| value(machine)).join(","));
    std::iter::once(heads).chain(lines).collect::<Vec<_>>().join("\n") + "\n"
}
