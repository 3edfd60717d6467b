//! Whether the clocks of an execution can be right, and what follows from them if they are.

use super::findings::{Complaints, Findings};
use super::reader::{Event, Execution};
use super::timeline::Timelines;
use super::{across, along};
use crate::analysis::check::Verdict;

/// Holds an execution against all rules.
#[must_use]
pub fn verify(execution: &Execution) -> Findings {
    let timelines = Timelines::of(execution);
    let mut complaints = Complaints::of(execution);
    along::check(execution, &timelines, &mut complaints);
    let receive_edges = across::check(execution, &timelines, &mut complaints);
    let violations = complaints.sorted();
    let is_empty = execution.events.is_empty();
    let verdict = match (violations.is_empty(), is_empty) {
        (false, _) => Verdict::Violated,
        (true, true) => Verdict::CannotSay,
        (true, false) => Verdict::Holds,
    };
    Findings {
        verdict,
        hosts: timelines.hosts().filter(|(_, timeline)| 0 < timeline.len()).count(),
        events: execution.events.len(),
        receive_edges,
        concurrent_pairs: if verdict == Verdict::Holds {
            concurrent_pairs(&execution.events)
        } else {
            None
        },
        unmatched: execution.unmatched,
        missing: is_empty
            .then(|| "events: the expression finds none".to_owned())
            .into_iter()
            .collect(),
        violations,
    }
}

/// How many pairs of events are concurrent. If no rule is broken, the entries of a clock count the
/// events that happened before its own, and that event itself.
fn concurrent_pairs(events: &[Event]) -> Option<u64> {
    let count = events.len() as u128;
    let ordered: u128 = events.iter().map(|event| event.clock.sum() - 1).sum();
    u64::try_from(count * (count - 1) / 2 - ordered).ok()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::super::findings::{Rule, Violation};
    use super::super::layout::Options;
    use super::super::reader::parse;
    use super::*;

    /// Verifies events given as a host and the entries of hosts a, b, c and d.
    fn findings(events: &[(&str, &[u64])]) -> Findings {
        let mut text = String::new();
        for (host, values) in events {
            let entries: Vec<String> = ["a", "b", "c", "d"]
                .iter()
                .zip(*values)
                .map(|(name, value)| format!("\"{name}\":{value}"))
                .collect();
            writeln!(text, "{host} {{{}}} x", entries.join(",")).unwrap();
        }
        let parser = Some(r"(?<host>\S+) (?<clock>{.*}) (?<event>.*)".to_owned());
        let log = parse(&text, &Options { parser, delimiter: None }).unwrap();
        verify(&log.executions[0])
    }

    /// The rules that are broken, and the first line of each violation.
    fn broken(events: &[(&str, &[u64])]) -> Vec<(Rule, usize)> {
        let findings = findings(events);
        findings.violations.iter().map(|Violation { lines, rule, .. }| (*rule, lines[0])).collect()
    }

    /// a sends to b, b to c.
    const GOOD: [(&str, &[u64]); 5] =
        [("a", &[1]), ("b", &[0, 1]), ("b", &[1, 2]), ("c", &[1, 2, 1]), ("a", &[2])];

    #[test]
    fn clocks_that_are_right_hold_in_any_order_of_the_lines() {
        let mut events = GOOD;
        for _ in 0..events.len() {
            events.rotate_left(1);
            let findings = findings(&events);
            assert_eq!(findings.verdict, Verdict::Holds, "{:?}", findings.violations);
            assert_eq!((findings.hosts, findings.events, findings.receive_edges), (3, 5, 2));
            // Ordered: a1 a2, a1 b2, a1 c1, b1 b2, b1 c1, b2 c1; ten pairs in all.
            assert_eq!(findings.concurrent_pairs, Some(4));
        }
    }

    type Line = (&'static str, &'static [u64]);

    /// Events, the rule that they break, and the line on which.
    const BROKEN: &[(&[Line], Rule, usize)] = &[
        (&[("a", &[1]), ("a", &[0]), ("a", &[3])], Rule::OwnEntry, 2),
        (&[("a", &[2]), ("a", &[3])], Rule::OwnStart, 1),
        (&[("a", &[3]), ("a", &[1])], Rule::OwnStep, 1),
        (&[("a", &[1]), ("a", &[1]), ("a", &[2])], Rule::OwnStep, 2),
        (&[("b", &[0, 1]), ("a", &[1, 1]), ("a", &[2])], Rule::Monotone, 3),
        (&[("b", &[0, 1]), ("a", &[1, 2])], Rule::KnownEvents, 2),
        (&[("a", &[1, 0, 1])], Rule::KnownEvents, 1),
        (&[("a", &[1]), ("b", &[1, 1]), ("c", &[0, 1, 1])], Rule::Transitive, 3),
        (&[("a", &[1, 1]), ("b", &[1, 1])], Rule::Acyclic, 1),
    ];

    #[test]
    fn every_rule_is_broken_alone() {
        for (events, rule, line) in BROKEN {
            assert_eq!(broken(events), [(*rule, *line)], "{events:?}");
        }
    }

    #[test]
    fn a_gap_is_told_where_it_began() {
        // c forgets a; d hears of b from c and directly, and inherits the gap.
        let events: [(&str, &[u64]); 4] =
            [("a", &[1]), ("b", &[1, 1]), ("c", &[0, 1, 1]), ("d", &[0, 1, 1, 1])];
        assert_eq!(broken(&events), [(Rule::Transitive, 3)]);
    }

    #[test]
    fn a_long_cycle_cannot_hide() {
        // a knows b, b knows c, c knows a, and no two know each other.
        let events: [(&str, &[u64]); 3] = [("a", &[1, 1]), ("b", &[0, 1, 1]), ("c", &[1, 0, 1])];
        assert_eq!(broken(&events).len(), 3, "{:?}", findings(&events).violations);
    }

    #[test]
    fn a_cut_log_is_one_finding_for_every_event_that_it_lacks() {
        let events: [(&str, &[u64]); 4] =
            [("a", &[1]), ("b", &[3, 1]), ("b", &[3, 2]), ("c", &[3, 2, 1])];
        assert_eq!(broken(&events), [(Rule::KnownEvents, 2)]);
        assert!(findings(&events).violations[0].what.contains("1 more events have it too"));
    }

    #[test]
    fn nothing_never_holds() {
        let findings = findings(&[]);
        assert_eq!(findings.verdict, Verdict::CannotSay);
        assert_eq!(findings.missing.len(), 1);
    }

    /// What the rules come to, written down without any care for time: every event exists, and
    /// every clock is the maximum over its past, which is strictly before it.
    fn is_right(events: &[(usize, Vec<u64>)]) -> bool {
        let of_host = |host: usize| events.iter().filter(move |(of, _)| *of == host);
        let exists = |host: usize, own: u64| of_host(host).any(|(_, clock)| clock[host] == own);
        events.iter().all(|(host, clock)| {
            let is_own_right = of_host(*host).filter(|(_, of)| of[*host] == clock[*host]).count()
                == 1
                && clock[*host] != 0;
            is_own_right
                && clock.iter().enumerate().all(|(other, value)| {
                    (1..=*value).all(|own| exists(other, own))
                        && of_host(other).filter(|(_, known)| known[other] <= *value).all(
                            |(_, known)| {
                                let is_self = other == *host && known[other] == *value;
                                is_self
                                    || (known.iter().zip(clock).all(|(low, high)| low <= high)
                                        && known[*host] < clock[*host])
                            },
                        )
                })
        })
    }

    /// Hosts that do things at random, and now and then an entry that is changed.
    fn events() -> impl Strategy<Value = Vec<(usize, Vec<u64>)>> {
        let steps = proptest::collection::vec((0..4_usize, 0..4_usize, any::<bool>()), 1..12);
        let changes = proptest::collection::vec((0..12_usize, 0..4_usize, 0..5_u64), 0..3);
        (steps, changes).prop_map(|(steps, changes)| {
            let mut now = vec![vec![0; 4]; 4];
            let mut events = Vec::new();
            for (host, from, receives) in steps {
                if receives {
                    let heard = now[from].clone();
                    now[host].iter_mut().zip(heard).for_each(|(mine, its)| *mine = its.max(*mine));
                }
                now[host][host] += 1;
                events.push((host, now[host].clone()));
            }
            for (event, entry, value) in changes {
                let count = events.len();
                events[event % count].1[entry] = value;
            }
            events
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_verdict_is_that_of_the_plain_definition(events in events()) {
            let named: Vec<(&str, &[u64])> = events
                .iter()
                .map(|(host, clock)| (["a", "b", "c", "d"][*host], clock.as_slice()))
                .collect();
            let found = findings(&named);
            prop_assert_eq!(found.verdict == Verdict::Holds, is_right(&events), "{:?}", found);
        }
    }
}
