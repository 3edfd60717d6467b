//! JSON lines: one object an event. For data libraries, and for programs that read nested values.
//!
//! Every object has every key, and every vector clock every machine: some readers take the keys from
//! the first hundred lines, and drop in silence what comes later.

use std::io::Write;

use anyhow::Result;
use serde::{Serialize, Serializer};

use super::format::{Exporter, Format};
use super::moment::Row;
use super::run::Run;

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "jsonl",
    summary: "an object an event: pandas, polars, DuckDB, jq",
    concerns: &[],
    exporter: || Box::new(Jsonl::default()),
};

#[derive(Debug, Default)]
struct Jsonl {
    names: Vec<String>,
}

/// What is written of an event.
#[derive(Serialize)]
struct Object<'a> {
    system_time: String,
    machine: &'a str,
    incarnation: u32,
    tick: u64,
    model_time_s: f64,
    lateness_us: i64,
    event: &'static str,
    peers: Vec<&'a str>,
    messages: &'a [u64],
    logical_clock: u64,
    queue_len: u64,
    received_timestamp: Option<u64>,
    draw: Option<u32>,
    vector: Vector<'a>,
}

/// A vector clock, as an object of names and counts.
struct Vector<'a> {
    names: &'a [String],
    counts: &'a [u64],
}

impl Serialize for Vector<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.names.iter().zip(self.counts))
    }
}

impl Exporter for Jsonl {
    fn begin(&mut self, run: &Run, _out: &mut dyn Write) -> Result<()> {
        self.names = run.names();
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>, out: &mut dyn Write) -> Result<()> {
        let record = row.record;
        let names = &self.names;
        let object = Object {
            system_time: record.system_time.to_string(),
            machine: &names[row.machine.index()],
            incarnation: row.incarnation,
            tick: record.tick.0,
            model_time_s: record.model_time_us as f64 / 1e6,
            lateness_us: record.lateness_us,
            event: record.event.name(),
            peers: row.peers.iter().map(|peer| names[peer.index()].as_str()).collect(),
            messages: row.messages,
            logical_clock: record.logical_clock.0,
            queue_len: record.queue_len,
            received_timestamp: row.received_timestamp(),
            draw: record.draw,
            vector: Vector { names, counts: row.vector },
        };
        serde_json::to_writer(&mut *out, &object).map_err(std::io::Error::from)?;
        Ok(writeln!(out)?)
    }
}
