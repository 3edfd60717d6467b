//! Appends entries to a log.
//!
//! An entry is flushed before its message is sent, so that no peer ever knows of an event that
//! its own machine's log does not.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};

use super::fault_record::FaultRecord;
use super::header::{COLUMNS, Header};
use super::record::{EndRecord, RestartRecord, SkipRecord, TickRecord};
use super::system_time::SystemTime;

/// The buffer is flushed when it has grown to this many bytes, even if nobody asks.
const BUFFER_MAX: usize = 64 << 10;

/// A log that is being written.
#[derive(Debug)]
pub struct LogWriter {
    file: File,
    path: PathBuf,
    buffer: String,
    is_broken: bool,
}

impl LogWriter {
    /// Creates a log with its header. An earlier log of that name is never overwritten.
    ///
    /// # Errors
    /// When the file is there already, or cannot be created or written.
    pub fn create(path: &Path, header: &Header) -> Result<Self> {
        let file = File::create_new(path).map_err(|error| {
            let fix = match error.kind() {
                ErrorKind::AlreadyExists => {
                    "move an earlier run out of the way, or name another folder"
                }
                ErrorKind::NotFound => "make its folder, or name another one",
                _ => "name another folder",
            };
            anyhow!("cannot create the log {}: {error}; {fix}", path.display())
        })?;
        let mut writer =
            Self { file, path: path.to_owned(), buffer: header.to_string(), is_broken: false };
        writer.flush()?;
        Ok(writer)
    }

    /// Writes the common start and the column names, which end the header.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn start(&mut self, start: SystemTime) -> Result<()> {
        self.line(&format_args!("# start: {start}"));
        let [time, tick, model_time, lateness, event, peers, clock, queue, received, draw] =
            COLUMNS;
        self.line(&format_args!(
            "{time:<27} {tick:>6} {model_time:>13} {lateness:>11} {event:<8} {peers:<11} \
             {clock:>13} {queue:>9} {received:>18} {draw:>4}"
        ));
        self.flush()
    }

    /// Appends a tick; it is in the file once [`LogWriter::flush`] has returned.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn tick(&mut self, record: &TickRecord) -> Result<()> {
        record.append_to(&mut self.buffer);
        self.buffer.push('\n');
        if BUFFER_MAX <= self.buffer.len() { self.flush() } else { Ok(()) }
    }

    /// Writes that ticks were skipped.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn skip(&mut self, record: &SkipRecord) -> Result<()> {
        self.line(record);
        self.flush()
    }

    /// Writes that the machine came back.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn restart(&mut self, record: &RestartRecord) -> Result<()> {
        self.line(record);
        self.flush()
    }

    /// Writes that a fault is over.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn fault(&mut self, record: &FaultRecord) -> Result<()> {
        self.line(record);
        self.flush()
    }

    /// Writes the end entry, the last line of a whole log.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end(mut self, record: &EndRecord) -> Result<()> {
        self.line(record);
        self.flush()
    }

    /// Hands everything to the operating system, so that it survives the death of this process.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        if self.is_broken {
            // A failed write may have torn a line; nothing may be glued to it.
            bail!("the log {} could not be written before", self.path.display());
        }
        let written = self.file.write_all(self.buffer.as_bytes());
        self.is_broken = written.is_err();
        self.buffer.clear();
        written.with_context(|| format!("cannot write the log {}", self.path.display()))
    }

    fn line(&mut self, line: &dyn std::fmt::Display) {
        writeln!(self.buffer, "{line}").expect("writing into a string cannot fail");
    }
}
