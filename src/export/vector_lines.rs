//! The lines that `ShiViz` and `TSViz` read: a header of two lines, then a line an event.
//!
//! Every machine begins with a line of its own that is no event, so that it is drawn whatever it
//! did. That is the first step of its own entry; every event is one more.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

use anyhow::Result;

use super::format::Exporter;
use super::moment::{Aside, Row};
use super::run::Run;
use crate::logbook::Entry;
use crate::model::MachineId;

/// What every line has, as an expression. No parenthesis may stand in it but those of the groups.
const EXPRESSION: &str = r"(?<host>m\d+) (?<clock>{[^}]*}) tick=(?<tick>\d+) model_time_s=(?<model_time_s>\S+) lateness_us=(?<lateness_us>\S+) logical_clock=(?<logical_clock>\d+) queue_len=(?<queue_len>\d+) messages=(?<messages>\S+) draw=(?<draw>\S+) before=(?<before>\S+) (?<event>.*)";

/// Whether a line begins with its place on the time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeLine {
    Without,
    With,
}

/// Writes such lines.
#[derive(Debug)]
pub(super) struct VectorLines {
    time_line: TimeLine,
    names: Vec<String>,
    /// What stood in a log since its last event, and is none.
    before: BTreeMap<MachineId, Vec<String>>,
    line: String,
}

impl VectorLines {
    pub(super) fn new(time_line: TimeLine) -> Self {
        Self { time_line, names: Vec::new(), before: BTreeMap::new(), line: String::new() }
    }

    /// Begins a line: the place on the time line in nanoseconds, all of the same width as they are
    /// compared as text.
    fn begin_line(&mut self, time_us: u64, machine: MachineId) -> std::fmt::Result {
        self.line.clear();
        if self.time_line == TimeLine::With {
            write!(self.line, "{:019} ", time_us.saturating_mul(1000))?;
        }
        write!(self.line, "{} {{", self.names[machine.index()])
    }

    /// Writes the vector clock. Whoever knows of an event of a machine knows of its first line.
    fn clock(&mut self, machine: MachineId, vector: &[u64]) -> std::fmt::Result {
        for (index, (name, count)) in self.names.iter().zip(vector).enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let is_known = 0 < *count || index == machine.index();
            write!(self.line, "{comma}\"{name}\":{}", count + u64::from(is_known))?;
        }
        self.line.write_str("} ")
    }
}

impl Exporter for VectorLines {
    fn begin(&mut self, run: &Run, out: &mut dyn Write) -> Result<()> {
        self.names = run.names();
        let timestamp = if self.time_line == TimeLine::With { r"(?<timestamp>\d+) " } else { "" };
        writeln!(out, "{timestamp}{EXPRESSION}\n")?;
        let nothing = vec![0; self.names.len()];
        for machine in run.trial.machine_ids().filter(|machine| run.has_started(*machine)) {
            self.begin_line(0, machine)?;
            self.clock(machine, &nothing)?;
            self.line.push_str(
                "tick=0 model_time_s=0.000000 lateness_us=0 logical_clock=0 queue_len=0 messages=- \
                 draw=- before=- start",
            );
            writeln!(out, "{}", self.line)?;
        }
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>, out: &mut dyn Write) -> Result<()> {
        let record = row.record;
        let before = self.before.remove(&row.machine).unwrap_or_default();
        self.begin_line(row.time_us, row.machine)?;
        self.clock(row.machine, row.vector)?;
        write!(
            self.line,
            "tick={} model_time_s={}.{:06} lateness_us={} logical_clock={} queue_len={} messages={} \
             draw={} before={} {}",
            record.tick,
            record.model_time_us / 1_000_000,
            record.model_time_us % 1_000_000,
            record.lateness_us,
            record.logical_clock,
            record.queue_len,
            or_dash(row.message_numbers(",")),
            or_dash(record.draw.map_or(String::new(), |draw| draw.to_string())),
            or_dash(before.join(",")),
            event(row),
        )?;
        Ok(writeln!(out, "{}", self.line)?)
    }

    fn aside(&mut self, aside: &Aside<'_>, _out: &mut dyn Write) -> Result<()> {
        let note = match aside.entry {
            Entry::Skipped(skip) => format!("skipped:{}..={}", skip.first, skip.last),
            Entry::Restart(restart) => format!("restart:{}", restart.incarnation),
            Entry::Fault(fault) => format!("fault:{}:{}", fault.number.get(), fault.kind),
            Entry::Tick(_) | Entry::End(_) => return Ok(()),
        };
        self.before.entry(aside.machine).or_default().push(note);
        Ok(())
    }
}

/// What an event did, and nothing that differs from run to run: `ShiViz` compares runs by it.
fn event(row: &Row<'_>) -> String {
    let name = row.record.event.name();
    match (name, row.peer_names(" ")) {
        ("send", peers) => format!("{name} to {peers}"),
        ("receive", peers) => format!("{name} from {peers}"),
        _ => name.to_owned(),
    }
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}
