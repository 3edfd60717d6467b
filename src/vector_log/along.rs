//! The rules along one host: its own entries count its events, and what it knew it still knows.

use super::clock::HostId;
use super::findings::{Complaints, Rule};
use super::reader::Execution;
use super::timeline::{Timeline, Timelines};

/// Holds every host against the rules.
pub(super) fn check(
    execution: &Execution,
    timelines: &Timelines<'_>,
    complaints: &mut Complaints<'_>,
) {
    for (host, timeline) in timelines.hosts() {
        own_entries(host, timeline, timelines, complaints);
        steps(host, timeline, timelines, complaints);
        foreign_entries(host, timeline, execution, complaints);
    }
}

/// Every event has an own entry, and no other event of its host has the same.
fn own_entries(
    host: HostId,
    timeline: &Timeline,
    timelines: &Timelines<'_>,
    complaints: &mut Complaints<'_>,
) {
    let name = complaints.host(host);
    for event in &timeline.ownless {
        let what = format!("the clock of this event of host {name} has no entry for {name} itself");
        complaints.at(Rule::OwnEntry, &[*event], what);
    }
    for (first, again) in &timeline.repeats {
        let own = timelines.own(*again);
        let what = format!(
            "the own entry {own} of host {name} repeats that of another event; every event must \
             raise it"
        );
        complaints.at(Rule::OwnStep, &[*again, *first], what);
    }
}

/// Own entries are 1, 2, 3 and so on. A number that may be that of an event which was complained of
/// already is not missed.
fn steps(
    host: HostId,
    timeline: &Timeline,
    timelines: &Timelines<'_>,
    complaints: &mut Complaints<'_>,
) {
    let mut told = (timeline.ownless.len() + timeline.repeats.len()) as u64;
    let mut before: Option<usize> = None;
    for event in &timeline.events {
        let (own, last) = (timelines.own(*event), before.map_or(0, |before| timelines.own(before)));
        let missing = own - last - 1;
        if missing <= told {
            told -= missing;
        } else {
            let name = complaints.host(host);
            let (rule, what) = match before {
                None => (
                    Rule::OwnStart,
                    format!("the own entries of host {name} start at {own}; they must start at 1"),
                ),
                Some(_) => (
                    Rule::OwnStep,
                    format!(
                        "the own entry of host {name} goes from {last} to {own}; it must rise by 1 \
                         at every event: is an event missing?"
                    ),
                ),
            };
            let places: Vec<usize> = std::iter::once(*event).chain(before).collect();
            complaints.at(rule, &places, what);
        }
        before = Some(*event);
    }
}

/// No entry falls from one event of a host to the next.
fn foreign_entries(
    host: HostId,
    timeline: &Timeline,
    execution: &Execution,
    complaints: &mut Complaints<'_>,
) {
    for pair in timeline.events.windows(2) {
        let [before, event] = [pair[0], pair[1]].map(|event| &execution.events[event].clock);
        for (other, known) in before.above(event) {
            let what = format!(
                "the entry for host {} falls from {known} to {} at this event of host {}; what a \
                 host knew it still knows",
                complaints.host(other),
                event.entry(other),
                complaints.host(host)
            );
            complaints.at(Rule::Monotone, &[pair[1], pair[0]], what);
        }
    }
}
