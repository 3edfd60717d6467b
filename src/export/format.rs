//! What a format is, and how a run is written in one.

use std::io::Write;

use anyhow::Result;

use super::merge::Merge;
use super::moment::{Aside, Moment, Row};
use super::run::Run;
use super::survey::Survey;

/// A format, as it is named on the command line.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name.
    pub name: &'static str,
    /// What it is for, in a line.
    pub summary: &'static str,
    /// What else a user must know of a run in this format.
    pub concerns: &'static [Concern],
    /// Makes its exporter.
    pub exporter: fn() -> Box<dyn Exporter>,
}

impl Format {
    /// Writes a run in this format; tells the meter of the bytes of its logs as they are read.
    ///
    /// # Errors
    /// When a log cannot be read, or has changed since it was surveyed, or the output cannot be
    /// written; then the cause is an [`std::io::Error`].
    pub fn export(
        &self,
        run: &Run,
        survey: &Survey,
        out: &mut dyn Write,
        meter: impl Fn(u64),
    ) -> Result<()> {
        let mut exporter = (self.exporter)();
        exporter.begin(run, out)?;
        let mut merge = Merge::surveyed(run, survey)?;
        while let Some(moment) = merge.next()? {
            match moment {
                Moment::Row(row) => exporter.row(&row, out)?,
                Moment::Aside(aside) => exporter.aside(&aside, out)?,
            }
            meter(merge.take_read_bytes());
        }
        exporter.end(out)?;
        Ok(out.flush()?)
    }
}

/// What may have to be said of a run, but not in every format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// Events stand on one time line ([`Row::time_us`]).
    TimeLine,
    /// The reader learns of messages from vector clocks alone.
    ArrowsFromClocks,
}

/// Writes a run in one format. What it is given comes in an order that respects causality.
pub trait Exporter {
    /// Writes what comes before all events.
    ///
    /// # Errors
    /// When it cannot be written; so do the others.
    fn begin(&mut self, run: &Run, out: &mut dyn Write) -> Result<()>;

    /// Writes an event.
    ///
    /// # Errors
    /// When it cannot be written.
    fn row(&mut self, row: &Row<'_>, out: &mut dyn Write) -> Result<()>;

    /// Writes an entry that is no tick. Most formats have no place for it.
    ///
    /// # Errors
    /// When it cannot be written.
    fn aside(&mut self, _aside: &Aside<'_>, _out: &mut dyn Write) -> Result<()> {
        Ok(())
    }

    /// Writes what comes after all events.
    ///
    /// # Errors
    /// When it cannot be written.
    fn end(&mut self, _out: &mut dyn Write) -> Result<()> {
        Ok(())
    }
}
