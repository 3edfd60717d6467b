//! One point of a sweep for people: a column a machine, or a line each where they are many.

use comfy_table::{CellAlignment, Table, presets::NOTHING};

use super::super::COLUMNS_MAX;
use super::{Point, figure_names, of_machine};
use crate::analysis::sweep::{Distribution, RUN_FIGURES, distributions};

/// One point for people.
pub(super) fn sheet(point: &Point) -> String {
    let all = distributions(&point.rows);
    let table = match point.clock_rates.len() {
        ..=COLUMNS_MAX => column_each(point, &all),
        _ => line_each(point, &all),
    };
    format!(
        "{}: {} runs of {} s of model time, draws in 1..={}{}, seeds {}..={}\n{table}\n",
        point.trial,
        point.rows.len(),
        point.duration_s,
        point.draw_range,
        match point.faults.len() {
            0 => String::new(),
            1 => ", 1 fault".to_owned(),
            faults => format!(", {faults} faults"),
        },
        point.rows.first().map_or(0, |row| row.seed),
        point.rows.last().map_or(0, |row| row.seed),
    )
}

/// A column a machine, a row a figure.
fn column_each(point: &Point, all: &[Distribution]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    let heads = point.clock_rates.iter().zip(1..).map(|(rate, number)| match rate {
        Some(rate) => format!("machine {number}, {rate}/s"),
        None => format!("machine {number}"),
    });
    table.set_header(std::iter::once("median (5 % .. 95 %)".to_owned()).chain(heads));
    for (index, name) in figure_names().iter().enumerate() {
        let cells = (0..point.clock_rates.len())
            .map(|machine| of_machine(all, machine).nth(index).map(with_range).unwrap_or_default());
        table.add_row(std::iter::once(name.clone()).chain(cells));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// The figures of a line, of which there are the medians alone; the others would make it too wide.
const LINE: [&str; 6] =
    ["busy", "clock_end", "jump_mean", "queue_mean", "queue_end", "wait_mean_s"];

/// A line a machine, then the figures of the run.
fn line_each(point: &Point, all: &[Distribution]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["m", "rate"].into_iter().chain(LINE));
    let names = figure_names();
    for (machine, rate) in point.clock_rates.iter().enumerate() {
        let rate = rate.map_or("-".to_owned(), |rate| rate.to_string());
        let figures = names.iter().zip(of_machine(all, machine));
        let cells = LINE.map(|head| {
            let figure = figures.clone().find(|(name, _)| *name == head);
            figure.map(|(_, found)| short(found.median)).unwrap_or_default()
        });
        table.add_row([(machine + 1).to_string(), rate].into_iter().chain(cells));
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let of_run = &all[all.len() - RUN_FIGURES.len()..];
    let of_run = RUN_FIGURES.iter().zip(of_run);
    let foot = of_run.map(|(name, found)| format!("{name}: {}", with_range(found)));
    format!(
        "medians; --format csv has all figures\n{table}\n{}",
        foot.collect::<Vec<_>>().join("; ")
    )
}

/// The median, and in brackets between what nine of ten runs lie.
fn with_range(found: &Distribution) -> String {
    format!("{} ({} .. {})", short(found.median), short(found.p5), short(found.p95))
}

/// Whole numbers as they are, others with three decimals.
fn short(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.3}") }
}
