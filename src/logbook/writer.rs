//! Appends entries to a log.
//!
//! An entry is flushed before its message is sent, so that no peer ever knows of an event that
//! its own machine's log does not.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::fs::{FlockOperation, flock};

use super::clock_offset::ClockOffset;
use super::end_record::{EndRecord, Ending};
use super::fault_record::FaultRecord;
use super::header::{COLUMNS, Header};
use super::reader::Log;
use super::record::{RestartRecord, SkipRecord, TickRecord};
use super::system_time::SystemTime;
use crate::model::Over;
use crate::trial::Durability;

/// The buffer is flushed when it has grown to this many bytes, even if nobody asks.
const BUFFER_MAX: usize = 64 << 10;

/// A log that is gone on with.
#[derive(Debug)]
pub struct Resumed {
    /// What stands in it.
    pub log: Log,
    /// How many bytes of a torn last line were cut off.
    pub cut_bytes: u64,
    /// Whether its header is complete, column names included.
    pub has_columns: bool,
}

/// Sees to it that one OS process writes a log, and no second one.
fn lock(file: &File, path: &Path) -> Result<()> {
    flock(file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        anyhow!(
            "the log {} is being written by another OS process: a second copy of its machine? \
             end one of them",
            path.display()
        )
    })
}

/// A log that is being written.
#[derive(Debug)]
pub struct LogWriter {
    file: File,
    path: PathBuf,
    buffer: String,
    is_broken: bool,
    durability: Durability,
}

impl Drop for LogWriter {
    /// Lets go of the lock: closing the file would not, while a process that is being started, and has
    /// not come to its own program, still holds a copy of it.
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
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
        Self::begin(file, path, header)
    }

    fn new(file: File, path: &Path, header: &Header) -> Self {
        let (path, durability) = (path.to_owned(), header.trial.durability);
        Self { file, path, buffer: String::new(), is_broken: false, durability }
    }

    fn begin(file: File, path: &Path, header: &Header) -> Result<Self> {
        lock(&file, path)?;
        let mut writer = Self::new(file, path, header);
        writer.buffer = header.to_string();
        writer.flush()?;
        if writer.durability == Durability::Host {
            // The name of a new file is on the disk once its folder is.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))
                .and_then(|folder| folder.sync_all())
                .with_context(|| format!("cannot bring the log {} to disk", path.display()))?;
        }
        Ok(writer)
    }

    /// Goes on with the log that an earlier incarnation left behind. A torn last line is cut off. A
    /// log that is not there, or whose machine died while it wrote the header, is begun anew.
    ///
    /// # Errors
    /// When the log was ended early, is of another run, is being written by another OS process, or cannot
    /// be read or written.
    pub fn resume(path: &Path, header: &Header) -> Result<(Self, Option<Resumed>)> {
        let context = || format!("cannot go on with the log {}", path.display());
        let mut file = match File::options().read(true).append(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok((Self::create(path, header)?, None));
            }
            Err(error) => return Err(error).with_context(context),
        };
        lock(&file, path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).with_context(context)?;
        let whole_header = header.to_string();
        if text.len() < whole_header.len() && whole_header.as_bytes().starts_with(&text) {
            // Nobody has heard of a machine before its header is whole.
            file.set_len(0).with_context(context)?;
            return Ok((Self::begin(file, path, header)?, None));
        }
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let log = Log::read(path, &text[..whole])?;
        if log.header != *header {
            bail!("{}: the log is of another run, or of another version", path.display());
        }
        if let Some(end) = log.end.as_ref().filter(|end| end.entry.why != Ending::Finished) {
            let (path, line, why) = (path.display(), end.line, end.entry.why);
            bail!(
                "{path}:{line}: the machine has ended: {why}; it has told its peers so, and cannot \
                 go on"
            );
        }
        file.set_len(whole as u64).with_context(context)?;
        let has_columns = std::str::from_utf8(&text[..whole])
            .is_ok_and(|text| text.lines().any(|line| line.split_ascii_whitespace().eq(COLUMNS)));
        let cut_bytes = (text.len() - whole) as u64;
        let writer = Self::new(file, path, header);
        Ok((writer, Some(Resumed { log, cut_bytes, has_columns })))
    }

    /// Puts down how far the clock of this host is from that of machine 1's; it is written with the
    /// common start.
    pub fn clock_offset(&mut self, offset: &ClockOffset) {
        self.line(offset);
    }

    /// Writes the common start and the column names, which end the header.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn start(&mut self, start: SystemTime) -> Result<()> {
        self.line(&format_args!("# start: {start}"));
        self.columns()
    }

    /// Writes the column names, if the common start stands in the log already.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn columns(&mut self) -> Result<()> {
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

    /// Tells of a fault that is over: that the machine is back if it was killed, then of the fault, then
    /// which ticks were skipped, the first of them so late. Gives how many those are.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn over(
        &mut self,
        over: &Over,
        kind: &'static str,
        system_time: SystemTime,
        lateness_us: i64,
    ) -> Result<u64> {
        let Over { fault: number, hits, incarnation, skipped, .. } = *over;
        if let Some(incarnation) = incarnation {
            self.restart(&RestartRecord { incarnation, cut_bytes: 0, system_time })?;
        }
        self.fault(&FaultRecord { number, kind, hits, system_time })?;
        let Some([first, last]) = skipped else { return Ok(0) };
        let record = SkipRecord { system_time, first, last, lateness_us };
        self.skip(&record)?;
        Ok(record.count())
    }

    /// Writes the end entry, the last line of a whole log.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end(&mut self, record: &EndRecord) -> Result<()> {
        self.line(record);
        self.flush()
    }

    /// Hands everything to the operating system, so that it survives the death of this process; and
    /// waits until it is on the disk, if the trial wants it to survive the death of the host.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        if self.is_broken {
            // A failed write may have torn a line; nothing may be glued to it.
            bail!("the log {} could not be written before", self.path.display());
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written =
            self.file.write_all(self.buffer.as_bytes()).and_then(|()| match self.durability {
                Durability::Process => Ok(()),
                Durability::Host => self.file.sync_data(),
            });
        self.is_broken = written.is_err();
        self.buffer.clear();
        written.with_context(|| format!("cannot write the log {}", self.path.display()))
    }

    fn line(&mut self, line: &dyn std::fmt::Display) {
        writeln!(self.buffer, "{line}").expect("writing into a string cannot fail");
    }
}
