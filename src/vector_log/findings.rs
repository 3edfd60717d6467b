//! The rules that vector clocks must keep, and what is said of one that is broken.

use serde::Serialize;

use super::clock::{HostId, quoted};
use super::reader::Execution;
use super::scan::Unmatched;
use crate::analysis::check::Verdict;

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Every clock has an entry for its own host.
    OwnEntry,
    /// The own entries of a host start at 1.
    OwnStart,
    /// The own entries of a host rise by exactly 1.
    OwnStep,
    /// What a host knew of another, it still knows.
    Monotone,
    /// Every entry is the number of an event that is in the log.
    KnownEvents,
    /// Who knows an event knows all that was known there.
    Transitive,
    /// No two events are each in the other's past.
    Acyclic,
}

impl Rule {
    /// Every rule, in the order in which they are listed.
    pub const ALL: [Self; 7] = [
        Self::OwnEntry,
        Self::OwnStart,
        Self::OwnStep,
        Self::Monotone,
        Self::KnownEvents,
        Self::Transitive,
        Self::Acyclic,
    ];

    /// The rule's name, as it is printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OwnEntry => "own-entry",
            Self::OwnStart => "own-start",
            Self::OwnStep => "own-step",
            Self::Monotone => "monotone",
            Self::KnownEvents => "known-events",
            Self::Transitive => "transitive",
            Self::Acyclic => "acyclic",
        }
    }
}

/// One way in which a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Violation {
    /// The lines of the events, from 1; the first is of the one that is wrong.
    pub lines: Vec<usize>,
    /// The rule.
    pub rule: Rule,
    /// What is wrong.
    pub what: String,
}

/// What was checked and found in one execution.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// The verdict.
    pub verdict: Verdict,
    /// How many hosts have events.
    pub hosts: usize,
    /// How many events there are.
    pub events: usize,
    /// How many times an event knew of another host's event that neither its host nor another
    /// event which it heard of had told it.
    pub receive_edges: usize,
    /// How many pairs of events are concurrent; none if a rule is broken.
    pub concurrent_pairs: Option<u64>,
    /// The lines that belong to no event.
    pub unmatched: Unmatched,
    /// What is missing for a verdict.
    pub missing: Vec<String>,
    /// What breaks a rule, in the order of the lines.
    pub violations: Vec<Violation>,
}

/// Collects violations.
pub(super) struct Complaints<'a> {
    execution: &'a Execution,
    violations: Vec<Violation>,
}

impl<'a> Complaints<'a> {
    /// Begins with none.
    pub(super) fn of(execution: &'a Execution) -> Self {
        Self { execution, violations: Vec::new() }
    }

    /// Complains of events, by their positions; the first is the one that is wrong.
    pub(super) fn at(&mut self, rule: Rule, events: &[usize], what: String) {
        let lines = events.iter().map(|event| self.execution.events[*event].line).collect();
        self.violations.push(Violation { lines, rule, what });
    }

    /// A host as messages show it.
    pub(super) fn host(&self, host: HostId) -> String {
        quoted(&self.execution.hosts[host.index()])
    }

    /// Whether there is nothing to complain of.
    pub(super) fn is_empty(&self) -> bool {
        self.violations.is_empty()
    }

    /// The violations, in the order of their lines.
    pub(super) fn sorted(mut self) -> Vec<Violation> {
        self.violations.sort();
        self.violations
    }
}
