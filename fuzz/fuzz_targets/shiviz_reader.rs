//! Any text, read by any expressions, is a log with vector clocks or is refused on one of its
//! lines; its executions are judged without a panic, and a verdict fits its findings.
//!
//! The expressions follow the text, each after a zero byte: that of an event, then that of the line
//! between two executions.

#![no_main]

use libfuzzer_sys::fuzz_target;
use scalemodel::analysis::check::Verdict;
use scalemodel::vector_log::{Event, Execution, Findings, Options, parse, verify};

/// Up to so many events every pair is compared.
const EVENTS_COMPARED_MAX: usize = 100;

fuzz_target!(|input: &str| read(input));

fn read(input: &str) {
    let mut parts = input.splitn(3, '\0');
    let text = parts.next().unwrap_or_default();
    let mut option = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
    let options = Options { parser: option(), delimiter: option() };
    let line_count = text.split('\n').count();
    let log = match parse(text, &options) {
        Ok(log) => log,
        Err(refusal) => {
            assert!(refusal.line <= line_count, "{refusal}");
            return;
        }
    };
    assert!(!log.executions.is_empty(), "a log has an execution");
    for execution in &log.executions {
        judge(execution, line_count, &verify(execution));
    }
}

fn judge(execution: &Execution, line_count: usize, findings: &Findings) {
    let Findings { verdict, missing, violations, events, .. } = findings;
    assert_eq!(*events, execution.events.len());
    assert_eq!(*verdict == Verdict::Violated, !violations.is_empty());
    assert!(*verdict != Verdict::Holds || missing.is_empty());
    let of_events = execution.events.iter().map(|event| event.line);
    let of_violations = violations.iter().flat_map(|violation| violation.lines.iter().copied());
    for line in of_events.chain(of_violations) {
        assert!((1..=line_count).contains(&line), "no line {line}");
    }
    if *verdict == Verdict::Holds && execution.events.len() <= EVENTS_COMPARED_MAX {
        assert_eq!(findings.concurrent_pairs, Some(concurrent_pairs(&execution.events)));
    }
}

/// Counts the concurrent pairs the long way: pair by pair.
fn concurrent_pairs(events: &[Event]) -> u64 {
    let knows = |later: &Event, earlier: &Event| {
        earlier.clock.entry(earlier.host) <= later.clock.entry(earlier.host)
    };
    let pairs = (1..).zip(events).flat_map(|(next, one)| {
        events[next..].iter().filter(move |other| !knows(one, other) && !knows(other, one))
    });
    pairs.map(|_| 1).sum()
}
