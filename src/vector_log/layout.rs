//! How a log is laid out: a header of two lines, or none, and then one section an execution.
//!
//! A header is the two lines that `ShiViz` takes from an uploaded file: the expression of an event
//! (blank: the usual one), and the expression of the line between two executions (blank: there is
//! one execution). It is told by its first line, which is blank or has a named group of an event.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::Serialize;

use super::clock::quoted;
use super::expression::{Expression, Extent};
use super::lines::Lines;
use super::reader::ReadError;

/// The groups that the expression of an event must have.
const EVENT_GROUPS: [&str; 3] = ["host", "clock", "event"];

/// What is given beside the text, and beats its header.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The expression of an event.
    pub parser: Option<String>,
    /// The expression of what stands between two executions.
    pub delimiter: Option<String>,
}

/// Where the expression of an event is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The option for it.
    Option,
    /// The first line of the text.
    Header,
    /// It is `ShiViz`'s usual one: the event above its host and clock.
    Shiviz,
    /// It is the one of `GoVector`'s logs: the event below its host and clock.
    Govector,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Option => "from --parser",
            Self::Header => "from its first line",
            Self::Shiviz => "the default of ShiViz",
            Self::Govector => "the order of GoVector",
        })
    }
}

/// What is known of a text before its events are looked for.
#[derive(Debug)]
pub(super) struct Layout {
    /// The expression of an event, if one is given.
    pub(super) parser: Option<(Expression, Source)>,
    /// The expression of what stands between two executions.
    pub(super) delimiter: Option<Expression>,
    /// The executions; at least one.
    pub(super) sections: Vec<Section>,
}

/// The lines of one execution.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// Its name; empty where there is but one execution.
    pub(super) name: String,
    /// Its lines, from 0.
    pub(super) lines: Range<usize>,
}

impl Layout {
    /// Lays out a text.
    ///
    /// # Errors
    /// When an expression is wrong, or two executions have one name.
    pub(super) fn of(lines: &Lines<'_>, options: &Options) -> Result<Self, ReadError> {
        let has_expression = 0 < lines.len() && is_event_expression(lines.line(0));
        let is_blank = 0 < lines.len() && lines.is_blank(0) && options.parser.is_none();
        let has_header = has_expression || is_blank;
        let parser = match &options.parser {
            Some(text) => Some((option("--parser", text)?, Source::Option)),
            None if has_expression => Some((header_line(lines, 0)?, Source::Header)),
            None if is_blank => Some((usual_expression(Source::Shiviz)?, Source::Shiviz)),
            None => None,
        };
        if let Some((expression, source)) = &parser {
            demand_groups(expression, *source)?;
        }
        let delimiter = match &options.delimiter {
            Some(text) => Some(option("--delimiter", text)?),
            None if has_header && !lines.is_blank(1) => Some(header_line(lines, 1)?),
            None => None,
        };
        let body = if has_header { 2.min(lines.len())..lines.len() } else { 0..lines.len() };
        let sections = split(lines, body, delimiter.as_ref())?;
        Ok(Self { parser, delimiter, sections })
    }
}

/// One of the two expressions that need not be given.
///
/// # Errors
/// Never, as long as both can be compiled.
pub(super) fn usual_expression(source: Source) -> Result<Expression, ReadError> {
    let text = match source {
        Source::Govector => r"(?<host>\S*) (?<clock>{.*})\n(?<event>.*)",
        _ => r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})",
    };
    Expression::compile(text, Extent::WholeLines).map_err(|what| ReadError { line: 0, what })
}

fn is_event_expression(line: &str) -> bool {
    EVENT_GROUPS.iter().any(|group| line.contains(&format!("(?<{group}>")))
}

fn option(name: &str, text: &str) -> Result<Expression, ReadError> {
    Expression::compile(text, Extent::AnyPart)
        .map_err(|what| ReadError { line: 0, what: format!("{name}: {what}") })
}

fn header_line(lines: &Lines<'_>, line: usize) -> Result<Expression, ReadError> {
    Expression::compile(lines.line(line), Extent::WholeLines)
        .map_err(|what| ReadError { line: line + 1, what })
}

fn demand_groups(expression: &Expression, source: Source) -> Result<(), ReadError> {
    let Some(group) = EVENT_GROUPS.iter().find(|group| !expression.has_group(group)) else {
        return Ok(());
    };
    let line = usize::from(source == Source::Header);
    let what = format!(
        "the expression '{}' has no group '{group}'; write (?<{group}>...) round what it is",
        expression.text()
    );
    Err(ReadError { line, what })
}

/// Splits the lines at every delimiter. What stands before the first is an execution of its own,
/// unless it is blank.
fn split(
    lines: &Lines<'_>,
    body: Range<usize>,
    delimiter: Option<&Expression>,
) -> Result<Vec<Section>, ReadError> {
    let Some(delimiter) = delimiter else {
        return Ok(vec![Section { name: String::new(), lines: body }]);
    };
    let mut sections = Vec::new();
    let mut open = Section { name: String::new(), lines: body.start..body.end };
    let mut names = BTreeMap::new();
    let mut line = body.start;
    while line < body.end {
        let Some(found) = delimiter.captures(lines.window(line, body.end)) else {
            line += 1;
            continue;
        };
        let next = lines.next_after(line, found.get(0).map_or(0, |all| all.end())).min(body.end);
        let name = found.name("trace").map_or("", |trace| trace.as_str()).to_owned();
        if delimiter.has_group("trace")
            && let Some(before) = names.insert(name.clone(), line + 1)
        {
            let what = format!("the execution {} began on line {before} already", quoted(&name));
            return Err(ReadError { line: line + 1, what: what + "; give each its own name" });
        }
        let ended = std::mem::replace(&mut open, Section { name, lines: next..body.end });
        sections.push(Section { lines: ended.lines.start..line, ..ended });
        line = next;
    }
    sections.push(open);
    Ok(tidy(lines, sections, delimiter.has_group("trace")))
}

/// Leaves out what is blank and has no name, and numbers what has no name.
fn tidy(lines: &Lines<'_>, mut sections: Vec<Section>, has_names: bool) -> Vec<Section> {
    let body_end = sections.last().map_or(0, |section| section.lines.end);
    let mut is_first = true;
    sections.retain(|section| {
        let is_named = has_names && !is_first;
        is_first = false;
        is_named || !section.lines.clone().all(|line| lines.is_blank(line))
    });
    if sections.is_empty() {
        sections.push(Section { name: String::new(), lines: body_end..body_end });
    }
    if !has_names && 1 < sections.len() {
        for (number, section) in (1..).zip(&mut sections) {
            section.name = format!("{number}");
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "(?<host>.) (?<clock>.*) (?<event>.*)";

    fn layout(text: &str, options: &Options) -> Result<Layout, ReadError> {
        Layout::of(&Lines::of(text), options)
    }

    fn sections(text: &str) -> Vec<(String, Range<usize>)> {
        let sections = layout(text, &Options::default()).unwrap().sections;
        sections.into_iter().map(|section| (section.name, section.lines)).collect()
    }

    #[test]
    fn a_header_is_told_by_its_first_line() {
        let source = |text: &str| {
            let layout = layout(text, &Options::default()).unwrap();
            (layout.parser.map(|(_, source)| source), layout.sections[0].lines.clone())
        };
        assert_eq!(source(&format!("{HEADER}\n\nx\n")), (Some(Source::Header), 2..3));
        assert_eq!(source("\n\nx\n"), (Some(Source::Shiviz), 2..3));
        assert_eq!(source("x\n"), (None, 0..1));
        assert_eq!(source(""), (None, 0..0));
        assert_eq!(source("\n"), (Some(Source::Shiviz), 1..1));
    }

    #[test]
    fn options_beat_the_header() {
        let options = Options {
            parser: Some(HEADER.replace("(?<event>.*)", "x(?<event>.*)")),
            delimiter: Some("--".to_owned()),
        };
        let layout = layout(&format!("{HEADER}\n==\na\n--\nb\n"), &options).unwrap();
        assert_eq!(layout.parser.unwrap().1, Source::Option);
        let lines: Vec<_> = layout.sections.iter().map(|section| section.lines.clone()).collect();
        assert_eq!(lines, [2..3, 4..5]);
    }

    #[test]
    fn a_delimiter_splits_and_names_executions() {
        let named = "\n== (?<trace>.*) ==\n";
        let text = format!("{named}== a ==\nx\n== b ==\ny\nz\n");
        assert_eq!(sections(&text), [("a".to_owned(), 3..4), ("b".to_owned(), 5..7)]);
        let text = format!("{named}x\n== b ==\n");
        assert_eq!(sections(&text), [(String::new(), 2..3), ("b".to_owned(), 4..4)]);
        assert_eq!(
            sections("\n--\nx\n--\n\n--\ny\n--\n"),
            [("1".to_owned(), 2..3), ("2".to_owned(), 6..7)]
        );
        assert_eq!(sections("\n--\n--\n--\n"), [(String::new(), 4..4)]);
    }

    #[test]
    fn mistakes_are_told_with_their_lines() {
        let twice = "\n== (?<trace>.*) ==\n== a ==\nx\n== a ==\ny\n";
        for (text, line, expected) in [
            ("(?<host>.)(?<clock>.)\n", 1, "has no group 'event'"),
            ("(?<host>.(?<clock>.)\n", 1, "open group without closing"),
            ("\n(\nx\n", 2, "open group without closing"),
            (twice, 5, "the execution 'a' began on line 3 already"),
        ] {
            let error = layout(text, &Options::default()).unwrap_err();
            assert_eq!(error.line, line, "{error:?}");
            assert!(error.what.contains(expected), "{error:?}");
        }
        let options = Options { parser: Some("(?<host>.)".to_owned()), delimiter: None };
        let error = layout("x\n", &options).unwrap_err();
        assert!(error.what.contains("has no group 'clock'"), "{error:?}");
    }
}
