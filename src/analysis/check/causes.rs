//! Which violations follow from which: consequences are folded under their cause.
//!
//! A rule that complains knows what else will be broken by it, for the machines that it is about.
//! A violation is folded under the latest earlier one that explains it so; a broken clock condition
//! under the broken edge on its causal path.

use std::collections::BTreeMap;

use super::{Rule, Violation};
use crate::analysis::causality::Causality;
use crate::analysis::history::EventRef;
use crate::model::MachineId;

/// Folds violations, which come in an order that respects causality.
pub(super) fn fold(causality: &Causality<'_>, violations: Vec<Violation>) -> Vec<Violation> {
    let mut causes = Causes {
        causality,
        roots: Vec::new(),
        by_edge: BTreeMap::new(),
        by_overtaker: BTreeMap::new(),
        by_rule: BTreeMap::new(),
    };
    for violation in violations {
        match causes.of(&violation) {
            Some(root) => causes.roots[root].consequences.push(violation),
            None => causes.add(violation),
        }
    }
    causes.roots
}

/// The violations that follow from no other, as far as they are known.
struct Causes<'a> {
    causality: &'a Causality<'a>,
    roots: Vec<Violation>,
    /// By event: a clock that is wrong there.
    by_edge: BTreeMap<EventRef, usize>,
    /// By receive: the first message that it overtook.
    by_overtaker: BTreeMap<EventRef, usize>,
    /// By rule and machine: the latest violation that explains others of that rule.
    by_rule: BTreeMap<(Rule, MachineId), usize>,
}

impl Causes<'_> {
    fn add(&mut self, violation: Violation) {
        let root = self.roots.len();
        if let (Rule::ClockRule | Rule::ClockCondition, Some(event)) =
            (violation.rule, violation.events.first())
        {
            self.by_edge.entry(*event).or_insert(root);
        }
        if let (Rule::Fifo, Some(overtaker)) = (violation.rule, violation.events.get(2)) {
            self.by_overtaker.entry(*overtaker).or_insert(root);
        }
        for rule in violation.explains {
            for machine in &violation.machines {
                self.by_rule.insert((*rule, *machine), root);
            }
        }
        self.roots.push(violation);
    }

    fn of(&self, violation: &Violation) -> Option<usize> {
        let mut machines = violation.machines.iter();
        let explained = machines.find_map(|machine| self.by_rule.get(&(violation.rule, *machine)));
        explained
            .copied()
            .filter(|root| may_follow(violation, &self.roots[*root]))
            .or_else(|| self.broken_edge(violation))
            .or_else(|| self.overtaker(violation))
    }

    /// What is wrong with the message that overtook, or overtook others before.
    fn overtaker(&self, violation: &Violation) -> Option<usize> {
        match (violation.rule, &violation.events[..]) {
            (Rule::Fifo, [_, _, overtaker]) => {
                let found = self.by_edge.get(overtaker).or(self.by_overtaker.get(overtaker));
                found.copied()
            }
            _ => None,
        }
    }

    /// The wrong clock on the causal path of a broken clock condition.
    fn broken_edge(&self, violation: &Violation) -> Option<usize> {
        let (Rule::ClockCondition, [later, earlier, ..]) = (violation.rule, &violation.events[..])
        else {
            return None;
        };
        let path = self.causality.path(*earlier, *later)?;
        path.into_iter().find_map(|stretch| {
            self.by_edge.range(stretch.first..=stretch.last).next().map(|(_, root)| *root)
        })
    }
}

/// A wrong clock follows only from what is wrong with the same event, wrong draws and counts from
/// what is wrong on the same machine. A message that is lost in mid-channel is a fault of its own;
/// counts at the end follow from it.
fn may_follow(violation: &Violation, cause: &Violation) -> bool {
    match violation.rule {
        Rule::ClockRule => violation.events.first() == cause.events.first(),
        Rule::Conservation => violation.events.is_empty(),
        Rule::Draws | Rule::Ends => violation.machines.first() == cause.machines.first(),
        _ => true,
    }
}
