//! Reads a log back. Whatever is wrong in it is an error that names the line; a torn last line,
//! which a killed machine may leave, is said openly instead.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::FORMAT;
use super::clock_offset::ClockOffset;
use super::end_record::EndRecord;
use super::entry::Entry;
use super::fault_record::FaultRecord;
use super::header::{COLUMNS, Header, HeaderBuilder, KnownTrial, TITLE};
use super::record::{RestartRecord, SkipRecord, TickRecord};
use super::system_time::SystemTime;
use crate::quote::shown;

/// The longest line, in bytes with its line feed: a send to a thousand ports has some six thousand.
const LINE_LEN_MAX: u64 = 64 << 10;

/// An entry and the line on which it stands, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered<T> {
    /// The line.
    pub line: usize,
    /// The entry.
    pub entry: T,
}

/// A log, read whole.
#[derive(Clone, Debug)]
pub struct Log {
    /// The file.
    pub path: PathBuf,
    /// What it says of its run.
    pub header: Header,
    /// The common start; none if the machine never started.
    pub start: Option<SystemTime>,
    /// How far the clock of its host was from that of machine 1's; none if it was not measured.
    pub clock_offset: Option<ClockOffset>,
    /// The ticks, in the order of the file.
    pub ticks: Vec<Numbered<TickRecord>>,
    /// The ticks that were skipped.
    pub skips: Vec<Numbered<SkipRecord>>,
    /// The restarts of the machine, those before the common start included.
    pub restarts: Vec<Numbered<RestartRecord>>,
    /// The faults that are over.
    pub faults: Vec<Numbered<FaultRecord>>,
    /// The end entry; none if the machine was killed.
    pub end: Option<Numbered<EndRecord>>,
    /// The line that is torn: the last, without its end of line.
    pub torn_line: Option<usize>,
    /// How many of the ticks were there already when the reading of the run began. What a machine
    /// that still runs has written since may know more than what was read of its peers.
    pub settled: usize,
    /// Whether the end of the log was there as well.
    pub is_settled: bool,
}

/// A file that tells of the bytes that are read.
struct Metered<'a> {
    file: File,
    meter: &'a dyn Fn(u64),
}

impl io::Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        (self.meter)(count as u64);
        Ok(count)
    }
}

/// Why a log cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.path.display();
        match self.line {
            0 => write!(formatter, "{path}: {}", self.what),
            line => write!(formatter, "{path}:{line}: {}", self.what),
        }
    }
}

impl std::error::Error for ReadError {}

impl Log {
    /// Reads a log.
    ///
    /// # Errors
    /// When the file cannot be read or does not follow the format.
    pub fn load(path: &Path) -> Result<Self, ReadError> {
        Self::load_since(path, u64::MAX, &OnceLock::new(), &|_| ())
    }

    /// Reads a log that had so many bytes when the reading of its run began; tells the meter of
    /// bytes as they are read. The first log tells the others of its trial, which they will repeat.
    ///
    /// # Errors
    /// When the file cannot be read or does not follow the format.
    pub fn load_since(
        path: &Path,
        settled_bytes: u64,
        known: &OnceLock<KnownTrial>,
        meter: &dyn Fn(u64),
    ) -> Result<Self, ReadError> {
        let metered = Metered { file: open_log(path)?, meter };
        let text = BufReader::with_capacity(256 << 10, metered);
        Self::read_on(LogReader::knowing(path, text, known)?, settled_bytes)
    }

    /// Reads a log line by line; `path` is where it is from.
    ///
    /// # Errors
    /// When it cannot be read or does not follow the format.
    pub fn read(path: &Path, text: impl BufRead) -> Result<Self, ReadError> {
        Self::read_on(LogReader::new(path, text)?, u64::MAX)
    }

    fn read_on(mut reader: LogReader<impl BufRead>, settled_bytes: u64) -> Result<Self, ReadError> {
        let mut log = Self {
            path: reader.path.clone(),
            header: reader.header.clone(),
            start: reader.start,
            clock_offset: reader.clock_offset,
            ticks: Vec::new(),
            skips: Vec::new(),
            restarts: Vec::new(),
            faults: Vec::new(),
            end: None,
            torn_line: None,
            settled: 0,
            is_settled: false,
        };
        while let Some(Numbered { line, entry }) = reader.next_entry()? {
            log.take(line, entry);
            if reader.bytes() <= settled_bytes {
                log.settled = log.ticks.len();
            }
        }
        log.is_settled = reader.bytes() <= settled_bytes;
        log.torn_line = reader.torn_line();
        Ok(log)
    }

    fn take(&mut self, line: usize, entry: Entry) {
        match entry {
            Entry::Tick(entry) => self.ticks.push(Numbered { line, entry }),
            Entry::Skipped(entry) => self.skips.push(Numbered { line, entry }),
            Entry::Restart(entry) => self.restarts.push(Numbered { line, entry }),
            Entry::Fault(entry) => self.faults.push(Numbered { line, entry }),
            Entry::End(entry) => self.end = Some(Numbered { line, entry }),
        }
    }

    /// Whether the machine came back between a tick and the one before it, or between the last one
    /// and the end entry: what lived in its OS process alone did not outlive that.
    #[must_use]
    pub fn is_restarted_before(&self, index: usize) -> bool {
        let line = |tick: &Numbered<TickRecord>| tick.line;
        let after = index.checked_sub(1).and_then(|before| self.ticks.get(before)).map_or(0, line);
        let end = self.end.as_ref().map_or(usize::MAX, |end| end.line);
        let before = self.ticks.get(index).map_or(end, line);
        let place = self.restarts.partition_point(|restart| restart.line < after);
        self.restarts.get(place).is_some_and(|restart| restart.line < before)
    }
}

/// Reads a log entry by entry, and keeps none of them.
#[derive(Debug)]
pub struct LogReader<T> {
    /// What the log says of its run.
    pub header: Header,
    /// The common start; none if the machine never started.
    pub start: Option<SystemTime>,
    /// How far the clock of its host was from that of machine 1's; none if it was not measured.
    pub clock_offset: Option<ClockOffset>,
    path: PathBuf,
    lines: Lines<T>,
    /// The restarts before the common start, which are still to be given.
    early: VecDeque<Numbered<RestartRecord>>,
    end_line: Option<usize>,
}

impl<T: BufRead> LogReader<T> {
    /// Reads the header of a log; `path` is where it is from.
    ///
    /// # Errors
    /// When it cannot be read or does not follow the format.
    pub fn new(path: &Path, text: T) -> Result<Self, ReadError> {
        Self::knowing(path, text, &OnceLock::new())
    }

    /// Does so, too. The first log tells the others of its trial, which they will repeat.
    ///
    /// # Errors
    /// When it cannot be read or does not follow the format.
    pub fn knowing(path: &Path, text: T, known: &OnceLock<KnownTrial>) -> Result<Self, ReadError> {
        let mut lines = Lines::after(0, text);
        let mut early = VecDeque::new();
        let read = read_header(&mut lines, &mut early, known);
        let (header, start, clock_offset) = read.map_err(|what| ReadError {
            path: path.to_owned(),
            line: lines.number.max(1),
            what,
        })?;
        let path = path.to_owned();
        Ok(Self { header, start, clock_offset, path, lines, early, end_line: None })
    }

    /// Reads the next entry; none at the end of the log, or where its last line is torn.
    ///
    /// # Errors
    /// When the log cannot be read or does not follow the format.
    pub fn next_entry(&mut self) -> Result<Option<Numbered<Entry>>, ReadError> {
        if let Some(Numbered { line, entry }) = self.early.pop_front() {
            return Ok(Some(Numbered { line, entry: Entry::Restart(entry) }));
        }
        self.parse_next().map_err(|what| ReadError {
            path: self.path.clone(),
            line: self.lines.number.max(1),
            what,
        })
    }

    fn parse_next(&mut self) -> Result<Option<Numbered<Entry>>, String> {
        let Some((line, text)) = self.lines.next()? else {
            return Ok(None);
        };
        // A machine that had finished may come back for its peers, and says so.
        if let Some(end) = self.end_line
            && !text.starts_with("# restart: ")
        {
            return Err(format!("found an entry after the end entry on line {end}"));
        }
        let entry = Entry::parse(text)?;
        if matches!(entry, Entry::End(_)) {
            self.end_line = Some(line);
        }
        Ok(Some(Numbered { line, entry }))
    }

    /// How many bytes were read, torn ones included.
    pub fn bytes(&self) -> u64 {
        self.lines.bytes
    }

    /// The line that is torn, once the reader came to it.
    pub fn torn_line(&self) -> Option<usize> {
        self.lines.is_torn.then_some(self.lines.number)
    }
}

/// Opens the file of a log.
///
/// # Errors
/// When it cannot be read, or is no regular file.
pub fn open_log(path: &Path) -> Result<File, ReadError> {
    open(path).map_err(|cause| {
        let what = format!("cannot read: {cause}");
        ReadError { path: path.to_owned(), line: 0, what }
    })
}

/// Opens a log for reading.
pub(super) fn open(path: &Path) -> io::Result<File> {
    // A pipe would wait for a writer, for ever.
    if fs::metadata(path)?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other("it is no regular file"))
    }
}

/// The whole lines of a text; what follows the last line feed is torn.
#[derive(Debug)]
pub(super) struct Lines<T> {
    text: T,
    /// The number of the line that was read last, torn or not, from 1.
    pub(super) number: usize,
    /// How many bytes were read.
    bytes: u64,
    buffer: Vec<u8>,
    is_torn: bool,
}

impl<T: BufRead> Lines<T> {
    /// The lines of a text that follows so many lines.
    pub(super) fn after(number: usize, text: T) -> Self {
        Self { text, number, bytes: 0, buffer: Vec::new(), is_torn: false }
    }

    /// How many lines were read, a torn one left out.
    pub(super) fn whole_lines(&self) -> usize {
        self.number - usize::from(self.is_torn)
    }

    /// How many bytes these lines have, those before the text left out.
    pub(super) fn whole_bytes(&self) -> u64 {
        self.bytes - if self.is_torn { self.buffer.len() as u64 } else { 0 }
    }

    pub(super) fn next(&mut self) -> Result<Option<(usize, &str)>, String> {
        self.buffer.clear();
        let text = &mut self.text;
        let read = text.take(LINE_LEN_MAX + 1).read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|cause| format!("cannot read: {cause}"))?;
        if read == 0 {
            return Ok(None);
        }
        self.bytes += read as u64;
        self.number += 1;
        let Some(line) = self.buffer.strip_suffix(b"\n") else {
            if LINE_LEN_MAX < self.buffer.len() as u64 {
                return Err(format!("a line of more than {LINE_LEN_MAX} bytes"));
            }
            self.is_torn = true;
            return Ok(None);
        };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = str::from_utf8(line).map_err(|_| "not UTF-8")?;
        Ok(Some((self.number, line)))
    }
}

/// Reads the header up to the column names; the start is missing if the machine never started.
fn read_header(
    lines: &mut Lines<impl BufRead>,
    restarts: &mut VecDeque<Numbered<RestartRecord>>,
    known: &OnceLock<KnownTrial>,
) -> Result<(Header, Option<SystemTime>, Option<ClockOffset>), String> {
    let builder = HeaderBuilder::knowing(known.get());
    let mut reader = HeaderReader { builder, ..HeaderReader::default() };
    while let Some((line, text)) = lines.next()? {
        match reader.take(text)? {
            HeaderLine::Columns => break,
            HeaderLine::Restart(entry) => restarts.push_back(Numbered { line, entry }),
            HeaderLine::Other => {}
        }
    }
    let (clock_offset, start) = (reader.clock_offset, reader.start);
    let (header, trial) = reader.finish_knowing()?;
    known.get_or_init(|| trial);
    Ok((header, start, clock_offset))
}

/// A header that is being read, with what stands between its lines.
#[derive(Debug, Default)]
pub(super) struct HeaderReader<'a> {
    has_title: bool,
    builder: HeaderBuilder<'a>,
    start: Option<SystemTime>,
    clock_offset: Option<ClockOffset>,
}

/// A line of a header.
pub(super) enum HeaderLine {
    /// The last one: the column names.
    Columns,
    /// A machine came back before the common start.
    Restart(RestartRecord),
    /// Any other.
    Other,
}

impl HeaderReader<'_> {
    /// Takes one line.
    pub(super) fn take(&mut self, text: &str) -> Result<HeaderLine, String> {
        if !self.has_title {
            self.has_title = true;
            return take_title(text).map(|()| HeaderLine::Other);
        }
        let Some(comment) = text.strip_prefix("# ") else {
            let is_columns = text.split_ascii_whitespace().eq(COLUMNS);
            if !is_columns || self.start.is_none() {
                return Err("expected '# start: ...' and the column names".to_owned());
            }
            return Ok(HeaderLine::Columns);
        };
        let (key, value) = comment.split_once(": ").ok_or("expected '# key: value'")?;
        match key {
            "start" => {
                let time = SystemTime::parse(value)
                    .ok_or_else(|| format!("{} is no system time", shown(value)))?;
                if self.start.replace(time).is_some() {
                    return Err("the start stands twice in the header".to_owned());
                }
            }
            // A machine that died before the start may have measured it once before.
            "clock_offset" => self.clock_offset = Some(ClockOffset::parse(value)?),
            "restart" => return RestartRecord::parse(value).map(HeaderLine::Restart),
            _ => self.builder.take(key, value)?,
        }
        Ok(HeaderLine::Other)
    }

    /// Gives the header and the start, or names what is lacking.
    pub(super) fn finish(self) -> Result<(Header, Option<SystemTime>), String> {
        let start = self.start;
        self.finish_knowing().map(|(header, _)| (header, start))
    }

    /// Gives the header, and its trial with its lines; or names what is lacking.
    fn finish_knowing(self) -> Result<(Header, KnownTrial), String> {
        if !self.has_title {
            return Err("no whole line".to_owned());
        }
        self.builder.finish()
    }
}

fn take_title(title: &str) -> Result<(), String> {
    match title.strip_prefix(TITLE) {
        Some(format) if format == FORMAT.to_string() => Ok(()),
        Some(format) => {
            let found = shown(format);
            Err(format!("log format {found}; this program reads format {FORMAT}"))
        }
        None => Err(format!("not a log: expected '{TITLE}{FORMAT}'")),
    }
}
