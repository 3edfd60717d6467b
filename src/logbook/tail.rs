//! Reads a log while its machine writes it: at every look, only what is new.
//!
//! Of the ticks that are new at a look, only the last one is read: to look at a run must cost next to
//! nothing. Whether every line is right is left to the reader of whole logs.

use std::fs;
use std::io::{self, BufReader, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use super::entry::Entry;
use super::header::Header;
use super::reader::{HeaderLine, HeaderReader, Lines, ReadError, open};
use super::system_time::SystemTime;

/// What a look at a growing log has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The log was begun, or begun anew: whatever was read of it before counts no more.
    Begun,
    /// The header is whole, and the machines have started.
    Started(Box<Header>, SystemTime),
    /// An entry.
    Entry(Entry),
}

/// A log that grows.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    /// Which file it was at the last look; none if there was none.
    inode: Option<u64>,
    /// How many bytes of whole lines were read. A torn line is read again when it is whole: a machine
    /// that comes back may cut it off.
    offset: u64,
    /// How many lines were read.
    lines: usize,
    /// The header, until it is whole.
    header: Option<HeaderReader<'static>>,
    written: Option<SystemTime>,
}

impl Tail {
    /// The log of that name, which need not be there yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, inode: None, offset: 0, lines: 0, header: None, written: None }
    }

    /// When something was last written into it, as the file system tells; none if it is not there.
    #[must_use]
    pub fn written(&self) -> Option<SystemTime> {
        self.written
    }

    /// Reads what is new, and hands it out in the order of the file.
    ///
    /// # Errors
    /// When the file cannot be read, what is read of it does not follow the format, or whoever takes it
    /// refuses it.
    pub fn look(
        &mut self,
        mut take: impl FnMut(News) -> Result<(), String>,
    ) -> Result<(), ReadError> {
        let metadata = match fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.inode = None;
                return Ok(());
            }
            Err(error) => return Err(self.error(0, format!("cannot read: {error}"))),
        };
        let micros = metadata.mtime().saturating_mul(1_000_000) + metadata.mtime_nsec() / 1000;
        self.written = Some(SystemTime(micros));
        if self.inode != Some(metadata.ino()) || metadata.len() < self.offset {
            let path = std::mem::take(&mut self.path);
            let header = Some(HeaderReader::default());
            *self = Self {
                header,
                inode: Some(metadata.ino()),
                written: self.written,
                ..Self::new(path)
            };
            take(News::Begun).map_err(|what| self.error(0, what))?;
        }
        if self.offset < metadata.len() { self.read_on(&mut take) } else { Ok(()) }
    }

    fn read_on(
        &mut self,
        take: &mut impl FnMut(News) -> Result<(), String>,
    ) -> Result<(), ReadError> {
        let begin = || -> io::Result<_> {
            let mut file = open(&self.path)?;
            file.seek(SeekFrom::Start(self.offset))?;
            Ok(BufReader::with_capacity(64 << 10, file))
        };
        let file = begin().map_err(|error| self.error(0, format!("cannot read: {error}")))?;
        let mut lines = Lines::after(self.lines, file);
        let taken = take_lines(&mut self.header, &mut lines, take);
        taken.map_err(|what| self.error(lines.number, what))?;
        self.offset += lines.whole_bytes();
        self.lines = lines.whole_lines();
        Ok(())
    }

    fn error(&self, line: usize, what: String) -> ReadError {
        ReadError { path: self.path.clone(), line, what }
    }
}

fn take_lines(
    header: &mut Option<HeaderReader<'_>>,
    lines: &mut Lines<impl io::BufRead>,
    take: &mut impl FnMut(News) -> Result<(), String>,
) -> Result<(), String> {
    let mut last_tick = String::new();
    while let Some((_, text)) = lines.next()? {
        if let Some(reader) = header {
            match reader.take(text)? {
                HeaderLine::Columns => {
                    let whole = header.take().unwrap_or_default().finish()?;
                    take(News::Started(Box::new(whole.0), whole.1.unwrap_or_default()))?;
                }
                HeaderLine::Restart(record) => {
                    take(News::Entry(Entry::Restart(record)))?;
                }
                HeaderLine::Other => {}
            }
        } else if text.starts_with('#') {
            take_tick(&mut last_tick, take)?;
            take(News::Entry(Entry::parse(text)?))?;
        } else {
            last_tick.clear();
            last_tick.push_str(text);
        }
    }
    take_tick(&mut last_tick, take)
}

/// Takes the last of some ticks, if there is one.
fn take_tick(
    line: &mut String,
    take: &mut impl FnMut(News) -> Result<(), String>,
) -> Result<(), String> {
    if !line.is_empty() {
        take(News::Entry(Entry::parse(line)?))?;
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::path::Path;

    const LOG: &str = include_str!("../../tests/data/faults/log20003.txt");

    fn append(path: &Path, text: &str) {
        let mut file = fs::File::options().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// What a look shows: the numbers of ticks, and other entries by a letter.
    fn look(tail: &mut Tail) -> String {
        let mut seen = Vec::new();
        tail.look(|news| {
            seen.push(match news {
                News::Begun => "begun".to_owned(),
                News::Started(header, _) => format!("machine {}", header.machine),
                News::Entry(Entry::Tick(record)) => record.tick.0.to_string(),
                News::Entry(Entry::Skipped(_)) => "skip".to_owned(),
                News::Entry(Entry::Restart(_)) => "restart".to_owned(),
                News::Entry(Entry::Fault(_)) => "fault".to_owned(),
                News::Entry(Entry::End(_)) => "end".to_owned(),
            });
            Ok(())
        })
        .unwrap();
        seen.join(" ")
    }

    #[test]
    fn a_log_is_followed_from_before_it_is_there_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log20003.txt");
        let mut tail = Tail::new(path.clone());
        assert_eq!((look(&mut tail).as_str(), tail.written()), ("", None));
        let lines: Vec<&str> = LOG.split_inclusive('\n').collect();
        append(&path, &lines[..5].concat());
        assert_eq!(look(&mut tail), "begun");
        append(&path, &lines[5..31].concat());
        assert_eq!(look(&mut tail), "machine 3 2");
        assert_eq!(look(&mut tail), "");
        append(&path, &lines[31..39].concat());
        assert_eq!(look(&mut tail), "8 fault skip");
        append(&path, &lines[39..].concat());
        assert!(look(&mut tail).ends_with(" end"));
        assert!(tail.written().is_some_and(|written| 0 < written.0));
    }

    #[test]
    fn a_torn_line_counts_once_it_is_whole_or_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log20003.txt");
        let mut tail = Tail::new(path.clone());
        let lines: Vec<&str> = LOG.split_inclusive('\n').collect();
        let (start, rest) = lines[30].split_at(40);
        append(&path, &lines[..30].concat());
        append(&path, start);
        assert_eq!(look(&mut tail), "begun machine 3 1");
        assert_eq!(look(&mut tail), "");
        append(&path, rest);
        assert_eq!(look(&mut tail), "2");
        append(&path, start);
        assert_eq!(look(&mut tail), "");
        let whole = lines[..31].concat();
        fs::File::options().write(true).open(&path).unwrap().set_len(whole.len() as u64).unwrap();
        append(
            &path,
            "# restart: incarnation=2 cut_bytes=40 system_time=2026-11-22T14:46:05.002113Z\n",
        );
        append(&path, lines[31]);
        assert_eq!(look(&mut tail), "restart 3");
    }

    #[test]
    fn a_log_that_is_begun_anew_or_replaced_is_read_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log20003.txt");
        let mut tail = Tail::new(path.clone());
        let lines: Vec<&str> = LOG.split_inclusive('\n').collect();
        append(&path, &lines[..3].concat());
        assert_eq!(look(&mut tail), "begun");
        fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
        append(&path, lines[0]);
        assert_eq!(look(&mut tail), "begun");
        append(&path, &lines[1..30].concat());
        assert_eq!(look(&mut tail), "machine 3 1");
        fs::rename(&path, folder.path().join("earlier")).unwrap();
        assert_eq!(look(&mut tail), "");
        append(&path, LOG);
        assert!(look(&mut tail).starts_with("begun machine 3 "));
    }

    #[test]
    fn what_is_no_log_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log20003.txt");
        let mut tail = Tail::new(path.clone());
        append(&path, "hello\n");
        let error = tail.look(|_| Ok(())).unwrap_err().to_string();
        assert!(
            error.ends_with("log20003.txt:1: not a log: expected '# scalemodel log, format 1'")
        );
        fs::remove_file(&path).unwrap();
        let mut tail = Tail::new(path.clone());
        append(&path, LOG);
        append(&path, "# theft: all\n");
        let line = LOG.lines().count() + 1;
        let error = tail.look(|_| Ok(())).unwrap_err().to_string();
        assert!(error.contains(&format!("log20003.txt:{line}: unknown entry")), "{error}");
    }
}
