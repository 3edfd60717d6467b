//! The machines of a run in columns. What does not fit into the width is left out, the least needed
//! first, and the columns keep their places while the figures in them grow.

use super::machine::MachineView;
use super::run::{Condition, RunView};
use super::text::{Charset, Line, Paint, round_bound, span, width_of};
use crate::logbook::{Ending, LoggedEvent};
use crate::model::{MachineFault, MachineId};

/// A tick that is later is worth a word, in microseconds.
const LATE_US: i64 = 100_000;

/// The bar of a queue has so many columns at least, or else there is none.
const BAR_MIN: usize = 5;
const BAR_MAX: usize = 30;

/// A port takes so many columns, with a blank.
const PORT: usize = 6;

/// So many columns are kept for what a machine did last: with a note, or in a narrow table without.
const EVENT_WIDTH: usize = 25;
const EVENT_WIDTH_NARROW: usize = 16;
const NARROW: usize = 75;

/// The columns of all tables of a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    charset: Charset,
    number: usize,
    has_port: bool,
    /// Its width; 0 if there is none.
    rate: usize,
    tick: usize,
    clock: usize,
    queue: usize,
    /// Its width; 0 if there is none.
    bar: usize,
    /// The length of a queue that fills the bar.
    queue_bound: u64,
}

impl Columns {
    /// Columns that fit all machines of these runs.
    pub(super) fn fitting(runs: &[&RunView], width: usize, charset: Charset) -> Self {
        let widest = |least: usize, cell: fn(&RunView, usize) -> String| {
            let cells = runs.iter().flat_map(|run| {
                (0..run.machines.len()).map(move |index| width_of(&cell(run, index)))
            });
            cells.fold(least, usize::max)
        };
        let queue = |run: &RunView, index: usize| run.machines[index].queue_len_max.to_string();
        let longest =
            runs.iter().flat_map(|run| &run.machines).map(|view| view.queue_len_max).max();
        let mut columns = Self {
            charset,
            number: widest(1, |_, index| MachineId::at(index).to_string()),
            has_port: false,
            rate: 0,
            tick: widest(4, |run, index| tick_cell(run.ticks[index], run.ticks[index])),
            clock: widest(5, |run, index| run.machines[index].logical_clock().to_string()),
            queue: widest(5, queue),
            bar: 0,
            queue_bound: round_bound(longest.unwrap_or(0)),
        };
        let event = if width < NARROW { EVENT_WIDTH_NARROW } else { EVENT_WIDTH };
        let mut left = width.saturating_sub(columns.width() + event);
        let mut fits = |cost: usize| {
            let fits = cost <= left;
            left -= if fits { cost } else { 0 };
            fits
        };
        let has_bar = fits(1 + BAR_MIN);
        columns.has_port = fits(PORT);
        let rate = widest(4, rate_cell);
        columns.rate = if fits(2 + rate) { rate } else { 0 };
        columns.bar = if has_bar { (BAR_MIN + left).min(BAR_MAX) } else { 0 };
        columns
    }

    /// The columns up to where the last event begins.
    fn width(&self) -> usize {
        let optional = |width: usize, gap: usize| if 0 < width { gap + width } else { 0 };
        let left = 2 + self.number + if self.has_port { PORT } else { 0 } + optional(self.rate, 2);
        left + 6 + self.tick + self.clock + self.queue + optional(self.bar, 1) + 4
    }

    /// The names of the columns. Above the bars stands what they are measured by.
    pub(super) fn names(&self) -> Line {
        let mut line = Line::default();
        let machine = if self.has_port { "machine" } else { "" };
        let number = 2 + self.number + if self.has_port { PORT } else { 0 };
        line.push_right(Paint::Dim, number, machine);
        if 0 < self.rate {
            line.push_right(Paint::Dim, 2 + self.rate, "rate");
        }
        line.push_right(Paint::Dim, 2 + self.tick, "tick");
        line.push_right(Paint::Dim, 2 + self.clock, "clock");
        line.push_right(Paint::Dim, 2 + self.queue, "queue");
        if 0 < self.bar {
            let bound = format!(" to {}", self.queue_bound);
            line.push_right(Paint::Dim, 1 + self.bar, &bound);
        }
        line.push(Paint::Dim, "    last event");
        line
    }

    /// The row of a machine.
    pub(super) fn row(&self, run: &RunView, index: usize) -> Line {
        let (view, spec) = (&run.machines[index], &run.trial.machines[index]);
        let mut line = Line::default();
        line.push_right(Paint::Bold, 2 + self.number, &MachineId::at(index).to_string());
        if self.has_port {
            line.push_right(Paint::Dim, PORT, &spec.port.to_string());
        }
        if 0 < self.rate {
            line.push_right(Paint::Plain, 2 + self.rate, &rate_cell(run, index));
        }
        line.push_right(Paint::Plain, 2 + self.tick, &tick_cell(view.tick, run.ticks[index]));
        line.push_right(Paint::Plain, 2 + self.clock, &view.logical_clock().to_string());
        line.push_right(Paint::Plain, 2 + self.queue, &view.queue_len().to_string());
        if 0 < self.bar {
            let bar = self.charset.bar(self.bar, view.queue_len(), self.queue_bound);
            let rest = self.bar - width_of(&bar);
            line.push(Paint::Plain, " ");
            line.push(Paint::Bar, bar);
            line.push(Paint::Plain, " ".repeat(rest));
        }
        let has_ended = matches!(run.conditions[index], Condition::Ended(_));
        let arrow = if has_ended { " " } else { self.charset.arrow(view.queue_trend.direction()) };
        line.push(Paint::Note, format!(" {arrow}"));
        line.push(Paint::Plain, "  ");
        line.append(doing(run, index));
        line
    }
}

fn tick_cell(tick: u64, ticks: u64) -> String {
    format!("{tick}/{ticks}")
}

fn rate_cell(run: &RunView, index: usize) -> String {
    format!("{}/s", run.trial.machines[index].clock_rate)
}

/// What a machine did last, and what is to be said of it besides.
fn doing(run: &RunView, index: usize) -> Line {
    let view = &run.machines[index];
    let mut line = Line::default();
    let (paint, text) = match condition(run, index) {
        Some(told) => told,
        None => (
            Paint::Plain,
            view.last.as_ref().map_or("-".to_owned(), |last| event(run, &last.event)),
        ),
    };
    line.push(paint, text);
    if matches!(run.conditions[index], Condition::Missing | Condition::Connecting) {
        return line;
    }
    for note in notes(view, run.conditions[index]) {
        line.push(Paint::Plain, ", ");
        line.push(Paint::Note, note);
    }
    line
}

/// What is to be said of a machine instead of its last event, if it does not just tick.
pub(super) fn condition(run: &RunView, index: usize) -> Option<(Paint, String)> {
    let told = match run.conditions[index] {
        Condition::Missing => (Paint::Dim, "no log yet".to_owned()),
        Condition::Connecting => (Paint::Dim, "waits for the start".to_owned()),
        Condition::Done => (Paint::Dim, "done, waits for its peers".to_owned()),
        Condition::Ended(Ending::Finished) => (Paint::Dim, "finished".to_owned()),
        Condition::Ended(ending) => (Paint::Alarm, format!("ended: {ending}")),
        Condition::Silent(silence) => {
            (Paint::Alarm, format!("silent for {}", span(silence.as_secs())))
        }
        Condition::Struck(number, fault) => {
            let verb = match fault {
                MachineFault::Kill => "killed",
                MachineFault::Pause => "paused",
                MachineFault::Freeze => "frozen",
                MachineFault::Step(_) | MachineFault::Ramp(_) | MachineFault::Jitter { .. } => {
                    return None;
                }
            };
            (Paint::Note, format!("{verb} by fault {number}"))
        }
        Condition::Ticking => return None,
    };
    Some(told)
}

fn event(run: &RunView, event: &LoggedEvent) -> String {
    let number = |port: u16| {
        let place = run.trial.machines.iter().position(|spec| spec.port == port);
        place.map_or(port.to_string(), |index| MachineId::at(index).to_string())
    };
    match event {
        LoggedEvent::Internal => "internal".to_owned(),
        LoggedEvent::Receive { from, .. } => format!("receive from {}", number(*from)),
        LoggedEvent::Send(ports) if 3 < ports.len() => format!("send to {} peers", ports.len()),
        LoggedEvent::Send(ports) => {
            let numbers: Vec<String> = ports.iter().map(|port| number(*port)).collect();
            format!("send to {}", numbers.join(", "))
        }
    }
}

/// Whether a fault keeps a machine from ticking.
fn stops(fault: MachineFault) -> bool {
    matches!(fault, MachineFault::Kill | MachineFault::Pause | MachineFault::Freeze)
}

fn notes(view: &MachineView, condition: Condition) -> Vec<String> {
    let mut notes = Vec::new();
    if let Condition::Struck(number, fault) = condition
        && !stops(fault)
    {
        notes.push(format!("fault {number}"));
    }
    let late_us = view.last.as_ref().map_or(0, |last| last.lateness_us);
    if LATE_US <= late_us && view.ending.is_none() {
        notes.push(format!("{}.{} s late", late_us / 1_000_000, late_us / 100_000 % 10));
    }
    match view.restarts {
        0 => {}
        1 => notes.push("restarted".to_owned()),
        often => notes.push(format!("restarted {often} times")),
    }
    if 0 < view.skipped {
        notes.push(format!("{} skipped", view.skipped));
    }
    notes
}
