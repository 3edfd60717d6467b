//! Reads a log with vector clocks: executions, and the host and the clock of every event.
//!
//! Any text is read in time and memory in proportion to its length. What an event is called is not
//! kept: no rule asks for it.

use std::borrow::Cow;
use std::fmt;

use super::clock::{self, Clock, HostId, Hosts, quoted};
use super::expression::Expression;
use super::layout::{Layout, Options, Section, Source};
use super::lines::Lines;
use super::scan::{Scan, Unmatched, choose};

/// How long a text may be that whoever reads files hands over.
pub const TEXT_BYTES_MAX: u64 = 1 << 30;

/// A log, read whole.
#[derive(Debug)]
pub struct VectorLog {
    /// The expression by which its events were found.
    pub expression: String,
    /// Where that is from.
    pub source: Source,
    /// The expression of what stands between two executions.
    pub delimiter: Option<String>,
    /// The executions, at least one, in the order of the text.
    pub executions: Vec<Execution>,
}

/// One execution of a system.
#[derive(Debug)]
pub struct Execution {
    /// Its name; empty if the log holds but one.
    pub name: String,
    /// The names of all hosts, those of which only clocks tell included.
    pub hosts: Vec<String>,
    /// The events, in the order of the text.
    pub events: Vec<Event>,
    /// The lines that belong to no event.
    pub unmatched: Unmatched,
}

/// One event.
#[derive(Debug)]
pub struct Event {
    /// The line on which its clock stands, from 1.
    pub line: usize,
    /// The host that it is of.
    pub host: HostId,
    /// Its vector clock.
    pub clock: Clock,
}

/// Why a log cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The line, from 1; 0 when none is meant.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => formatter.write_str(&self.what),
            line => write!(formatter, "line {line}: {}", self.what),
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads a text.
///
/// # Errors
/// When an expression is wrong, two executions have one name, or a clock cannot be read.
pub fn parse(text: &str, options: &Options) -> Result<VectorLog, ReadError> {
    let text = with_plain_line_ends(text);
    let lines = Lines::of(&text);
    let Layout { parser, delimiter, sections } = Layout::of(&lines, options)?;
    let (expression, source) = match parser {
        Some(given) => given,
        None => choose(&lines, &sections)?,
    };
    let executions = sections.into_iter().map(|section| read(&lines, section, &expression));
    Ok(VectorLog {
        source,
        executions: executions.collect::<Result<_, _>>()?,
        expression: expression.text().to_owned(),
        delimiter: delimiter.map(|delimiter| delimiter.text().to_owned()),
    })
}

fn with_plain_line_ends(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") { text.replace("\r\n", "\n").into() } else { text.into() }
}

fn read(
    lines: &Lines<'_>,
    section: Section,
    expression: &Expression,
) -> Result<Execution, ReadError> {
    let mut hosts = Hosts::default();
    let mut events = Vec::new();
    let mut scan = Scan::of(lines, &section, expression);
    for found in scan.by_ref() {
        let captures = expression.captures(found.text);
        let group = |name| captures.as_ref().and_then(|captures| captures.name(name));
        let text = |name| group(name).map_or("", |group| group.as_str());
        let line = 1 + lines.line_at(found.line, group("clock").map_or(0, |clock| clock.start()));
        let host = hosts.id(text("host"));
        let clock = clock::parse(text("clock"), &mut hosts).map_err(|what| ReadError {
            line,
            what: format!("the clock {} cannot be read: {what}", quoted(text("clock"))),
        })?;
        events.push(Event { line, host, clock });
    }
    let unmatched = scan.unmatched();
    Ok(Execution { name: section.name, hosts: hosts.into_names(), events, unmatched })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> VectorLog {
        parse(text, &Options::default()).unwrap()
    }

    #[test]
    fn an_event_has_the_line_of_its_clock() {
        for text in [
            "one\nm1 {\"m1\":1}\ntwo\nm2 {\"m2\":1,\"m1\":1,\"m3\":0}\n",
            "\n\none\nm1 {\"m1\":1}\n",
        ] {
            let log = parsed(text);
            let events = &log.executions[0].events;
            assert_eq!(events.last().unwrap().line, 4);
        }
        let log = parsed("one\r\nm1 {\"m1\":1}\r\ntwo\r\nm2 {\"m2\":1,\"m1\":1,\"m3\":0}\r\n");
        assert_eq!(log.executions[0].hosts, ["m1", "m2", "m3"]);
        assert_eq!(log.executions[0].events[1].clock.entry(HostId(0)), 1);
    }

    #[test]
    fn a_clock_that_cannot_be_read_is_named_with_its_line() {
        let error = parse("one\nm1 {\"m1\":x}\n", &Options::default()).unwrap_err();
        assert_eq!(error.line, 2);
        assert!(error.what.starts_with("the clock '{\\\"m1\\\":x}' cannot be read: "), "{error}");
    }

    #[test]
    fn groups_that_match_nothing_are_empty() {
        let options = Options {
            parser: Some("(?<host>a)|(?<clock>b)|(?<event>c)".to_owned()),
            delimiter: None,
        };
        assert!(parse("a\n", &options).unwrap_err().what.contains("the clock '' cannot be read"));
    }

    proptest! {
        #[test]
        fn no_text_and_no_expression_stop_the_reader(
            text in "([a-c \n\r]|\\PC|m1 \\{\"m1\":1\\}|\\(\\?<(host|clock|event|trace)>\\.\\*?\\)){0,40}",
            parser in proptest::option::of("([()\\[\\]{}?*+^$|\\\\.,-]|\\(\\?<|[a-z0-9 ]){0,20}"),
        ) {
            let _ = parse(&text, &Options { delimiter: parser.clone(), parser: None });
            if let Some(inner) = &parser {
                let parser = Some(format!("(?<host>.)(?<clock>.*)(?<event>{inner})"));
                let _ = parse(&text, &Options { parser, delimiter: None });
            }
        }
    }
}
