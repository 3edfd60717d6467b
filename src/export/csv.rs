//! CSV: one line an event, one column an entry of the vector clock. For spreadsheets, gnuplot and
//! data libraries.

use std::fmt::Write as _;
use std::io::Write;

use anyhow::Result;

use super::format::{Exporter, Format};
use super::moment::Row;
use super::run::Run;

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "csv",
    summary: "a line an event, a column a value: spreadsheets, gnuplot, pandas, polars, DuckDB",
    concerns: &[],
    exporter: || Box::new(Csv::default()),
};

/// The columns before those of the vector clock.
const COLUMNS: &str = "system_time,machine,incarnation,tick,model_time_s,lateness_us,event,peers,\
                       messages,logical_clock,queue_len,received_timestamp,draw";

#[derive(Debug, Default)]
struct Csv {
    names: Vec<String>,
    line: String,
}

impl Exporter for Csv {
    fn begin(&mut self, run: &Run, out: &mut dyn Write) -> Result<()> {
        self.names = run.names();
        let vector: String = self.names.iter().map(|name| format!(",vector_{name}")).collect();
        Ok(writeln!(out, "{COLUMNS}{vector}")?)
    }

    fn row(&mut self, row: &Row<'_>, out: &mut dyn Write) -> Result<()> {
        let record = row.record;
        self.line.clear();
        write!(
            self.line,
            "{},{},{},{},{}.{:06},{},{},{},{},{},{},{},{}",
            record.system_time,
            self.names[row.machine.index()],
            row.incarnation,
            record.tick,
            record.model_time_us / 1_000_000,
            record.model_time_us % 1_000_000,
            record.lateness_us,
            record.event.name(),
            row.peer_names(" "),
            row.message_numbers(" "),
            record.logical_clock,
            record.queue_len,
            text(row.received_timestamp()),
            text(record.draw),
        )?;
        for count in row.vector {
            write!(self.line, ",{count}")?;
        }
        Ok(writeln!(out, "{}", self.line)?)
    }
}

/// A value, or an empty cell.
fn text(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}
