//! Reads a log back. Whatever is wrong in it is an error that names the line; a torn last line,
//! which a killed machine may leave, is said openly instead.

use std::fs;
use std::path::{Path, PathBuf};

use super::FORMAT;
use super::header::{COLUMNS, Header, HeaderBuilder, TITLE};
use super::record::{EndRecord, SkipRecord, TickRecord};
use super::system_time::SystemTime;

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
    /// The ticks, in the order of the file.
    pub ticks: Vec<Numbered<TickRecord>>,
    /// The ticks that were skipped.
    pub skips: Vec<Numbered<SkipRecord>>,
    /// The end entry; none if the machine was killed.
    pub end: Option<Numbered<EndRecord>>,
    /// The line that is torn: the last, without its end of line.
    pub torn_line: Option<usize>,
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
        write!(formatter, "{}:{}: {}", self.path.display(), self.line, self.what)
    }
}

impl std::error::Error for ReadError {}

impl Log {
    /// Reads a log.
    ///
    /// # Errors
    /// When the file cannot be read or does not follow the format.
    pub fn load(path: &Path) -> Result<Self, ReadError> {
        let error = |line, what| ReadError { path: path.to_owned(), line, what };
        let bytes = fs::read(path).map_err(|cause| error(0, format!("cannot read: {cause}")))?;
        let text = String::from_utf8(bytes).map_err(|cause| {
            let valid = &cause.as_bytes()[..cause.utf8_error().valid_up_to()];
            let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
            error(line, "not UTF-8".to_owned())
        })?;
        Self::parse(path, &text).map_err(|(line, what)| error(line, what))
    }

    fn parse(path: &Path, text: &str) -> Result<Self, (usize, String)> {
        let (whole, torn) = match text.rfind('\n') {
            Some(end) => text.split_at(end + 1),
            None => ("", text),
        };
        let mut lines = (1..).zip(whole.lines());
        let (header, start) = parse_header(&mut lines)?;
        let mut log = Self {
            path: path.to_owned(),
            header,
            start,
            ticks: Vec::new(),
            skips: Vec::new(),
            end: None,
            torn_line: (!torn.is_empty()).then(|| whole.lines().count() + 1),
        };
        for (line, text) in lines {
            log.take(line, text).map_err(|what| (line, what))?;
        }
        Ok(log)
    }

    fn take(&mut self, line: usize, text: &str) -> Result<(), String> {
        if let Some(end) = &self.end {
            return Err(format!("found an entry after the end entry on line {}", end.line));
        }
        let Some(comment) = text.strip_prefix('#') else {
            let entry = TickRecord::parse(text)?;
            self.ticks.push(Numbered { line, entry });
            return Ok(());
        };
        match comment.trim_start().split_once(": ") {
            Some(("skipped", value)) => {
                let entry = SkipRecord::parse(value)?;
                self.skips.push(Numbered { line, entry });
            }
            Some(("end", value)) => {
                let entry = EndRecord::parse(value)?;
                self.end = Some(Numbered { line, entry });
            }
            _ => return Err(format!("unknown entry '{text}'")),
        }
        Ok(())
    }
}

/// Reads the header up to the column names; the start is missing if the machine never started.
fn parse_header<'a>(
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Result<(Header, Option<SystemTime>), (usize, String)> {
    let (_, title) = lines.next().ok_or((1, "no whole line".to_owned()))?;
    match title.strip_prefix(TITLE) {
        Some(format) if format == FORMAT.to_string() => {}
        Some(format) => {
            let what = format!("log format {format}; this program reads format {FORMAT}");
            return Err((1, what));
        }
        None => return Err((1, format!("not a log: expected '{TITLE}{FORMAT}'"))),
    }
    let mut builder = HeaderBuilder::default();
    let mut last = 1;
    let mut start = None;
    for (line, text) in lines {
        last = line;
        let Some(comment) = text.strip_prefix("# ") else {
            let is_columns = text.split_ascii_whitespace().eq(COLUMNS);
            if !is_columns || start.is_none() {
                return Err((line, "expected '# start: ...' and the column names".to_owned()));
            }
            break;
        };
        let (key, value) =
            comment.split_once(": ").ok_or((line, "expected '# key: value'".to_owned()))?;
        if key == "start" {
            let time = SystemTime::parse(value);
            let time = time.ok_or((line, format!("'{value}' is no system time")))?;
            if start.replace(time).is_some() {
                return Err((line, "the start stands twice in the header".to_owned()));
            }
        } else {
            builder.take(key, value).map_err(|what| (line, what))?;
        }
    }
    Ok((builder.finish().map_err(|what| (last, what))?, start))
}
