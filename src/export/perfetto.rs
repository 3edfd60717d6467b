//! Chrome trace events in JSON, which Perfetto reads: machines as processes, ticks as slices, clock
//! and queue as counters, messages as arrows.
//!
//! An arrow binds to the slice that encloses its end, and to the one that its start finds open. So a
//! slice stands before the ends of its arrows, and no event is earlier than what happened before it:
//! an arrow that ends before it begins would be dropped.

use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

use super::format::{Concern, Exporter, Format};
use super::moment::{Aside, Row};
use super::run::Run;
use crate::logbook::{Entry, LoggedEvent};
use crate::model::MachineId;

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "perfetto",
    summary: "a trace with ticks as slices and messages as arrows: Perfetto, chrome://tracing",
    concerns: &[Concern::TimeLine],
    exporter: || Box::new(Perfetto::default()),
};

#[derive(Debug, Default)]
struct Perfetto {
    names: Vec<String>,
    has_events: bool,
}

/// A trace event. Times are whole microseconds.
#[derive(Debug, Default, Serialize)]
struct TraceEvent<'a> {
    /// The kind: X a slice, C a counter, s and f the ends of an arrow, i an instant, M a name.
    ph: &'static str,
    /// The number of the machine.
    pid: u16,
    tid: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<u64>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cat: Option<&'static str>,
    /// Which two ends are one arrow; unique in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    /// Where an arrow ends: in the enclosing slice, not in the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    /// How far an instant reaches: over its process.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    #[serde(skip_serializing_if = "Value::is_null")]
    args: Value,
}

impl TraceEvent<'_> {
    fn of(machine: MachineId) -> Self {
        Self { pid: machine.get(), tid: machine.get(), ..Self::default() }
    }
}

impl Perfetto {
    fn write(&mut self, event: &TraceEvent<'_>, out: &mut dyn Write) -> Result<()> {
        let before = if std::mem::replace(&mut self.has_events, true) { ",\n" } else { "\n" };
        out.write_all(before.as_bytes())?;
        Ok(serde_json::to_writer(out, event).map_err(io::Error::from)?)
    }

    fn slice(&mut self, row: &Row<'_>, out: &mut dyn Write) -> Result<()> {
        let record = row.record;
        let args = json!({
            "tick": record.tick.0,
            "model_time_us": record.model_time_us,
            "lateness_us": record.lateness_us,
            "moved_us": row.moved_us,
            "peers": row.peer_names(" "),
            "logical_clock": record.logical_clock.0,
            "queue_len": record.queue_len,
            "received_timestamp": row.received_timestamp(),
            "draw": record.draw,
            "incarnation": row.incarnation,
        });
        let slice = TraceEvent {
            ph: "X",
            ts: Some(row.time_us),
            dur: Some(row.lasted_us),
            name: record.event.name(),
            cat: Some("tick"),
            args,
            ..TraceEvent::of(row.machine)
        };
        self.write(&slice, out)
    }

    fn counter(
        &mut self,
        row: &Row<'_>,
        name: &str,
        args: Value,
        out: &mut dyn Write,
    ) -> Result<()> {
        let ts = Some(row.time_us);
        let counter = TraceEvent { ph: "C", ts, name, args, ..TraceEvent::of(row.machine) };
        self.write(&counter, out)
    }

    fn arrow_end(&mut self, row: &Row<'_>, message: u64, out: &mut dyn Write) -> Result<()> {
        let (ph, bp) = match row.record.event {
            LoggedEvent::Receive { .. } => ("f", Some("e")),
            _ => ("s", None),
        };
        let end = TraceEvent {
            ph,
            ts: Some(row.time_us),
            name: "message",
            cat: Some("message"),
            id: Some(message),
            bp,
            ..TraceEvent::of(row.machine)
        };
        self.write(&end, out)
    }

    fn label(
        &mut self,
        machine: MachineId,
        name: &'static str,
        args: Value,
        out: &mut dyn Write,
    ) -> Result<()> {
        self.write(&TraceEvent { ph: "M", name, args, ..TraceEvent::of(machine) }, out)
    }
}

impl Exporter for Perfetto {
    fn begin(&mut self, run: &Run, out: &mut dyn Write) -> Result<()> {
        self.names = run.names();
        let trial = &run.trial;
        let about = json!({
            "trial": trial.name,
            "seed": trial.seed.get(),
            "pace": run.pace.name(),
            "draw_range": trial.draw_range.0,
            "duration_s": trial.duration_s,
        });
        write!(out, "{{\"displayTimeUnit\":\"ms\",\"otherData\":{about},\"traceEvents\":[")?;
        for machine in trial.machine_ids() {
            let spec = trial.spec(machine);
            let name = &self.names[machine.index()];
            let name = format!("{name} ({}), clock rate {}", spec.address(), spec.clock_rate);
            self.label(machine, "process_name", json!({ "name": name }), out)?;
            let place = json!({ "sort_index": machine.get() });
            self.label(machine, "process_sort_index", place, out)?;
            self.label(machine, "thread_name", json!({ "name": "ticks" }), out)?;
        }
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>, out: &mut dyn Write) -> Result<()> {
        self.slice(row, out)?;
        for message in row.messages {
            self.arrow_end(row, *message, out)?;
        }
        let clock = json!({ "clock": row.record.logical_clock.0 });
        self.counter(row, "logical", clock, out)?;
        self.counter(row, "queue", json!({ "length": row.record.queue_len }), out)
    }

    fn aside(&mut self, aside: &Aside<'_>, out: &mut dyn Write) -> Result<()> {
        let (name, args) = match aside.entry {
            Entry::Tick(_) => return Ok(()),
            Entry::Skipped(skip) => {
                ("skipped", json!({ "first": skip.first.0, "last": skip.last.0 }))
            }
            Entry::Restart(restart) => ("restart", json!({ "incarnation": restart.incarnation })),
            Entry::Fault(fault) => (
                "fault over",
                json!({ "fault": fault.number.get(), "kind": fault.kind, "hits": fault.hits }),
            ),
            Entry::End(end) => (
                "end",
                json!({
                    "why": end.why.to_string(),
                    "sent": end.sent.to_string(),
                    "received": end.received.to_string(),
                    "left": end.left.to_string(),
                }),
            ),
        };
        let instant = TraceEvent {
            ph: "i",
            s: Some("p"),
            ts: Some(aside.time_us),
            name,
            cat: Some("log"),
            args,
            ..TraceEvent::of(aside.machine)
        };
        self.write(&instant, out)
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        Ok(out.write_all(b"\n]}\n")?)
    }
}
