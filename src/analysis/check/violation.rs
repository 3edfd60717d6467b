//! A violation: the rule that is broken, where, and how the events are related.

use serde::Serialize;

use super::Rule;
use crate::analysis::causality::{Causality, Stretch};
use crate::analysis::history::{EventRef, History};
use crate::logbook::Log;
use crate::model::MachineId;

/// One way in which a rule is broken.
#[derive(Clone, Debug, Serialize)]
pub struct Violation {
    /// When it happened: microseconds of model time.
    #[serde(rename = "model_time_us")]
    pub time_us: u64,
    /// The rule.
    pub rule: Rule,
    /// The log lines, as `file:line`, that break it; the first is the one that is wrong.
    pub places: Vec<String>,
    /// What is wrong.
    pub what: String,
    /// The causal path between the first two places, if one happened before the other: stretches on
    /// one machine, with a message from each to the next.
    pub path: Vec<[String; 2]>,
    /// Other violations that follow from this one.
    pub consequences: Vec<Violation>,
    /// The events of the places; none if a line is meant that is no event.
    #[serde(skip)]
    pub events: Vec<EventRef>,
    /// The causal path once more, by its events.
    #[serde(skip)]
    pub stretches: Vec<Stretch>,
    /// The machines that it is about.
    #[serde(skip)]
    pub machines: Vec<MachineId>,
    /// The rules that it breaks as a consequence, for the same machines.
    #[serde(skip)]
    pub(super) explains: &'static [Rule],
    /// Its place in an order that respects causality.
    #[serde(skip)]
    pub(super) rank: u64,
}

impl Violation {
    /// Says which other rules are broken because of this violation.
    pub(super) fn explains(&mut self, rules: &'static [Rule]) -> &mut Self {
        self.explains = rules;
        self
    }

    /// Says that the violation is about a machine, beside those of its events.
    pub(super) fn about(&mut self, machine: MachineId) -> &mut Self {
        self.machines.push(machine);
        self
    }
}

/// Collects violations, with their places.
#[derive(Debug)]
pub(super) struct Complaints<'a> {
    pub(super) history: &'a History,
    pub(super) causality: &'a Causality<'a>,
    /// Receives, each with an event in its past whose clock is not smaller.
    pub(super) not_above: Vec<(EventRef, EventRef)>,
    violations: Vec<Violation>,
}

impl<'a> Complaints<'a> {
    /// Nothing to complain of yet.
    pub(super) fn new(causality: &'a Causality<'a>, not_above: Vec<(EventRef, EventRef)>) -> Self {
        Self { history: causality.history(), causality, not_above, violations: Vec::new() }
    }

    /// Complains of events; the first is the one that is wrong.
    pub(super) fn at(&mut self, rule: Rule, events: &[EventRef], what: String) -> &mut Violation {
        let first = events[0];
        let stretches = events.get(1).map_or(Vec::new(), |second| self.path(first, *second));
        let named =
            |Stretch { first, last }: &Stretch| [first, last].map(|e| self.history.place_of(*e));
        self.push(Violation {
            time_us: self.history.event(first).entry.model_time_us,
            rule,
            places: events.iter().map(|event| self.history.place_of(*event)).collect(),
            what,
            path: stretches.iter().map(named).collect(),
            consequences: Vec::new(),
            events: events.to_vec(),
            stretches,
            machines: events.iter().map(|event| event.machine).collect(),
            explains: &[],
            rank: self.causality.rank(first),
        })
    }

    /// Complains of a line that is no event.
    pub(super) fn at_line(
        &mut self,
        rule: Rule,
        log: &Log,
        line: usize,
        what: String,
    ) -> &mut Violation {
        let is_in_header = log.ticks.first().is_none_or(|tick| line < tick.line);
        // What stands between two ticks belongs to the first; the end entry stands after all.
        let before = log.ticks.partition_point(|tick| tick.line < line);
        let event = before.checked_sub(1).filter(|_| before < log.ticks.len());
        let machine = log.header.machine;
        let rank = match event {
            Some(index) => self.causality.rank(EventRef { machine, index }),
            None if is_in_header => 0,
            None => u64::MAX,
        };
        self.push(Violation {
            time_us: match event {
                Some(index) => log.ticks[index].entry.model_time_us,
                None if is_in_header => 0,
                None => 1_000_000 * self.history.trial.duration_s,
            },
            rule,
            places: vec![format!("{}:{line}", log.path.display())],
            what,
            path: Vec::new(),
            consequences: Vec::new(),
            events: Vec::new(),
            stretches: Vec::new(),
            machines: vec![machine],
            explains: &[],
            rank,
        })
    }

    /// Complains of files as a whole.
    pub(super) fn at_files(
        &mut self,
        rule: Rule,
        places: Vec<String>,
        what: String,
    ) -> &mut Violation {
        self.push(Violation {
            time_us: 0,
            rule,
            places,
            what,
            path: Vec::new(),
            consequences: Vec::new(),
            events: Vec::new(),
            stretches: Vec::new(),
            machines: Vec::new(),
            explains: &[],
            rank: 0,
        })
    }

    /// Everything that was complained of, in an order that respects causality.
    pub(super) fn in_order(mut self) -> Vec<Violation> {
        self.violations
            .sort_by(|a, b| (a.rank, a.rule, &a.places).cmp(&(b.rank, b.rule, &b.places)));
        self.violations
    }

    fn push(&mut self, violation: Violation) -> &mut Violation {
        self.violations.push(violation);
        self.violations.last_mut().expect("it was pushed just now")
    }

    /// The causal path between two events, whichever happened before the other.
    fn path(&self, one: EventRef, other: EventRef) -> Vec<Stretch> {
        let path = self.causality.path(one, other).or_else(|| self.causality.path(other, one));
        path.unwrap_or_default()
    }
}
