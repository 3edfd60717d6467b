//! What a check found, as text for people.

use std::fmt::Write as _;

use crate::analysis::causality::Pairs;
use crate::analysis::check::{Findings, Rule, Verdict, Violation};

/// So many consequences of a violation are listed; the others are counted.
const CONSEQUENCES_MAX: usize = 3;

/// Describes the findings of one run, with at most `limit` violations.
pub(super) fn describe(run: &str, findings: &Findings, limit: usize) -> String {
    let Findings { verdict, machines, events, sent, received, pairs, missing, violations, .. } =
        findings;
    let mut text = Text(String::new());
    text.line(0, format_args!("{run}: {verdict}"));
    text.line(
        1,
        format_args!(
            "{machines} machines, {events} events; messages: {sent} sent, {received} received"
        ),
    );
    if *verdict == Verdict::Holds {
        let rules: Vec<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        text.line(1, format_args!("no rule is broken: {}", rules.join(", ")));
    }
    if let Some(pairs) = pairs {
        text.pairs(*pairs);
    }
    for what in missing {
        text.line(1, format_args!("missing: {what}"));
    }
    for violation in violations.iter().take(limit) {
        text.violation(violation);
    }
    if limit < violations.len() {
        text.line(1, format_args!("and {} more violations (--limit)", violations.len() - limit));
    }
    text.0
}

/// Text that grows line by line.
struct Text(String);

impl Text {
    fn line(&mut self, depth: usize, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{:1$}{line}", "", 2 * depth).expect("writing into a string cannot fail");
    }

    /// What a Lamport clock cannot tell: that neither of two events happened before the other.
    fn pairs(&mut self, pairs: Pairs) {
        let Pairs { ordered, concurrent, concurrent_with_clocks_apart: apart } = pairs;
        self.line(
            1,
            format_args!(
                "pairs of events: {ordered} ordered by causality, {concurrent} concurrent; the \
                 clocks order {apart} of the concurrent ones as well"
            ),
        );
    }

    fn violation(&mut self, violation: &Violation) {
        self.headline(1, violation);
        let others = violation.places.iter().skip(1);
        others.for_each(|place| self.line(2, format_args!("see {place}")));
        if !violation.path.is_empty() {
            let stretches: Vec<_> = violation.path.iter().map(shown).collect();
            self.line(2, format_args!("path {}", stretches.join(" -> ")));
        }
        let consequences = &violation.consequences;
        if !consequences.is_empty() {
            self.line(2, format_args!("from this follows:"));
        }
        for consequence in consequences.iter().take(CONSEQUENCES_MAX) {
            self.headline(3, consequence);
        }
        if CONSEQUENCES_MAX < consequences.len() {
            let more = consequences.len() - CONSEQUENCES_MAX;
            self.line(3, format_args!("and {more} more"));
        }
    }

    fn headline(&mut self, depth: usize, violation: &Violation) {
        let Violation { rule, places, what, .. } = violation;
        let place = places.first().map_or("", String::as_str);
        self.line(depth, format_args!("{place}: {}: {what}", rule.name()));
    }
}

/// A stretch of a path on one machine.
fn shown([first, last]: &[String; 2]) -> String {
    if first == last { first.clone() } else { format!("{first} .. {last}") }
}
