//! `scalemodel check --format shiviz`: proves that the vector clocks of a log can be right, or names
//! what is wrong with them.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use log::error;
use serde::Serialize;

use super::super::{print, print_json};
use super::Output;
use crate::analysis::check::Verdict;
use crate::cli::Answer;
use crate::vector_log::{
    Execution, Findings, Options, Rule, Source, TEXT_BYTES_MAX, VectorLog, Violation, parse, verify,
};

/// The file name that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// What is to be checked, and how it is printed.
pub(super) struct Request<'a> {
    /// The files; none stands for standard input.
    pub(super) files: &'a [PathBuf],
    /// The expressions that were typed.
    pub(super) options: Options,
    /// How many violations of an execution to list.
    pub(super) limit: usize,
    /// For whom to print.
    pub(super) output: Output,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    executions: &'a [Report],
}

/// What is printed of one execution as JSON.
#[derive(Serialize)]
struct Report {
    file: String,
    execution: String,
    expression: String,
    expression_source: Source,
    delimiter: Option<String>,
    verdict: Verdict,
    hosts: usize,
    events: usize,
    receive_edges: usize,
    concurrent_pairs: Option<u64>,
    unmatched_lines: usize,
    first_unmatched_line: Option<usize>,
    missing: Vec<String>,
    violations_total: usize,
    violations: Vec<ReportedViolation>,
}

#[derive(Serialize)]
struct ReportedViolation {
    rule: Rule,
    places: Vec<String>,
    what: String,
}

/// Checks every execution of every file. A file that cannot be read cannot be said, and the others
/// are checked.
///
/// # Errors
/// When standard output cannot be written.
pub(super) fn run(request: &Request<'_>) -> Result<Answer> {
    let standard_input = [PathBuf::from(STANDARD_INPUT)];
    let files = if request.files.is_empty() { &standard_input[..] } else { request.files };
    let mut worst = Answer::Yes;
    let mut reports = Vec::new();
    for file in files {
        let (name, log) = match load(file, &request.options) {
            Ok(loaded) => loaded,
            Err(error) => {
                error!("{error:#}");
                worst = worst.max(Answer::CannotSay);
                continue;
            }
        };
        for execution in &log.executions {
            let findings = verify(execution);
            worst = worst.max(findings.verdict.into());
            let checked = Checked { file: &name, log: &log, execution, findings: &findings };
            match request.output {
                Output::People => print(&checked.text(request.limit))?,
                Output::Programs => reports.push(checked.report(request.limit)),
            }
        }
    }
    if request.output == Output::Programs {
        print_json(&Document { schema_version: 1, executions: &reports })?;
    }
    Ok(worst)
}

/// Reads a log, and gives it the name by which its lines are told.
fn load(file: &Path, options: &Options) -> Result<(String, VectorLog)> {
    let is_standard_input = file == Path::new(STANDARD_INPUT);
    let name =
        if is_standard_input { "standard input".to_owned() } else { file.display().to_string() };
    let bytes = if is_standard_input {
        read(io::stdin().lock())
    } else {
        File::open(file).map_err(Into::into).and_then(read)
    };
    let text = String::from_utf8(bytes.with_context(|| format!("cannot read {name}"))?)
        .map_err(|error| anyhow!("{name}:{}: not UTF-8", line_of(&error)))?;
    match parse(&text, options) {
        Ok(log) => Ok((name, log)),
        Err(error) if error.line == 0 => Err(anyhow!("{name}: {}", error.what)),
        Err(error) => Err(anyhow!("{name}:{}: {}", error.line, error.what)),
    }
}

fn read(source: impl io::Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if TEXT_BYTES_MAX < bytes.len() as u64 {
        bail!("it has more than {TEXT_BYTES_MAX} bytes; check its executions one by one");
    }
    Ok(bytes)
}

fn line_of(error: &std::string::FromUtf8Error) -> usize {
    let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    1 + valid.iter().filter(|&&byte| byte == b'\n').count()
}

/// An execution and what was found in it.
struct Checked<'a> {
    file: &'a str,
    log: &'a VectorLog,
    execution: &'a Execution,
    findings: &'a Findings,
}

impl Checked<'_> {
    fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.file)
    }

    fn report(&self, limit: usize) -> Report {
        let findings = self.findings;
        let violations = findings.violations.iter().take(limit);
        Report {
            file: self.file.to_owned(),
            execution: self.execution.name.clone(),
            expression: self.log.expression.clone(),
            expression_source: self.log.source,
            delimiter: self.log.delimiter.clone(),
            verdict: findings.verdict,
            hosts: findings.hosts,
            events: findings.events,
            receive_edges: findings.receive_edges,
            concurrent_pairs: findings.concurrent_pairs,
            unmatched_lines: findings.unmatched.lines,
            first_unmatched_line: Some(findings.unmatched.first).filter(|line| *line != 0),
            missing: findings.missing.clone(),
            violations_total: findings.violations.len(),
            violations: violations.map(|violation| self.reported(violation)).collect(),
        }
    }

    fn reported(&self, violation: &Violation) -> ReportedViolation {
        ReportedViolation {
            rule: violation.rule,
            places: violation.lines.iter().map(|line| self.place(*line)).collect(),
            what: violation.what.clone(),
        }
    }

    fn text(&self, limit: usize) -> String {
        let findings = self.findings;
        let mut text = Text::default();
        text.line(0, format_args!("{}: {}", self.title(), findings.verdict));
        text.line(1, format_args!("read by {} ({})", self.log.expression, self.log.source));
        if let Some(delimiter) = &self.log.delimiter {
            text.line(1, format_args!("executions split at {delimiter}"));
        }
        text.line(1, format_args!("{}", counts(findings)));
        if findings.verdict == Verdict::Holds {
            let rules: Vec<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
            text.line(1, format_args!("no rule is broken: {}", rules.join(", ")));
        }
        for what in &findings.missing {
            text.line(1, format_args!("missing: {what}"));
        }
        self.describe_unmatched(&mut text);
        for violation in findings.violations.iter().take(limit) {
            self.describe_violation(violation, &mut text);
        }
        if limit < findings.violations.len() {
            let more = findings.violations.len() - limit;
            text.line(1, format_args!("and {more} more violations (--limit)"));
        }
        text.0
    }

    /// The file, and the execution if there are several.
    fn title(&self) -> String {
        match self.execution.name.as_str() {
            "" if self.log.executions.len() == 1 => self.file.to_owned(),
            "" => format!("{}, before the first delimiter", self.file),
            name => format!("{}, execution {}", self.file, name.escape_debug()),
        }
    }

    fn describe_unmatched(&self, text: &mut Text) {
        let unmatched = self.findings.unmatched;
        match unmatched.lines {
            0 => {}
            1 => text.line(
                1,
                format_args!("1 line belongs to no event: {}", self.place(unmatched.first)),
            ),
            lines => text.line(
                1,
                format_args!(
                    "{lines} lines belong to no event, the first is {}",
                    self.place(unmatched.first)
                ),
            ),
        }
        if self.findings.events == 0 && 0 < unmatched.lines {
            text.line(1, format_args!("try another expression: --parser"));
        }
    }

    fn describe_violation(&self, violation: &Violation, text: &mut Text) {
        let Violation { lines, rule, what } = violation;
        let mut places = lines.iter().map(|line| self.place(*line));
        let first = places.next().unwrap_or_default();
        text.line(1, format_args!("{first}: {}: {what}", rule.name()));
        places.for_each(|place| text.line(2, format_args!("see {place}")));
    }
}

fn counts(findings: &Findings) -> String {
    let counted = |count: usize, what| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let mut text = format!(
        "{}, {}, {}",
        counted(findings.hosts, "host"),
        counted(findings.events, "event"),
        counted(findings.receive_edges, "receive edge")
    );
    match findings.concurrent_pairs {
        None => {}
        Some(1) => text.push_str("; 1 pair of events is concurrent"),
        Some(pairs) => {
            write!(text, "; {pairs} pairs of events are concurrent")
                .expect("writing into a string cannot fail");
        }
    }
    text
}

/// Text that grows line by line.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, depth: usize, line: fmt::Arguments<'_>) {
        writeln!(self.0, "{:1$}{line}", "", 2 * depth).expect("writing into a string cannot fail");
    }
}
