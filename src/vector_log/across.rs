//! The rules between hosts: an entry is the number of an event that exists; who knows an event knows
//! all that was known there; and no two events are each in the other's past.
//!
//! Only entries that an event raises are looked at. The others were looked at where its host raised
//! them, and have not fallen since. Of the events that an event newly knows, those with the most
//! knowledge are taken first: what such a one knew, and was found to be known here, need not be
//! looked at again. So an event costs about as much as its clock and those that it heard from.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::clock::{Clock, HostId};
use super::findings::{Complaints, Rule};
use super::reader::Execution;
use super::timeline::Timelines;

/// Holds every event against the events that it knows, and counts the receive edges.
pub(super) fn check(
    execution: &Execution,
    timelines: &Timelines<'_>,
    complaints: &mut Complaints<'_>,
) -> usize {
    let mut checker = Checker {
        execution,
        timelines,
        sums: execution.events.iter().map(|event| event.clock.sum()).collect(),
        unknown: BTreeMap::new(),
        cyclic_hosts: BTreeSet::new(),
        inherited: None,
        receive_edges: 0,
    };
    let nothing = Clock::default();
    for (_, timeline) in timelines.hosts() {
        let mut before = &nothing;
        for event in &timeline.events {
            checker.event(*event, before, complaints);
            before = &execution.events[*event].clock;
        }
    }
    checker.finish(complaints)
}

struct Checker<'a> {
    execution: &'a Execution,
    timelines: &'a Timelines<'a>,
    /// How many events each event knows.
    sums: Vec<u128>,
    /// Entries that are no event's: where the fault began, and how many raise the entry.
    unknown: BTreeMap<(HostId, u64), (usize, usize)>,
    /// Pairs of hosts of which a cycle was told.
    cyclic_hosts: BTreeSet<(HostId, HostId)>,
    /// A gap in what an event knows for which another event was blamed.
    inherited: Option<Gap>,
    receive_edges: usize,
}

/// An event that another newly knows.
struct Raised {
    host: HostId,
    event: usize,
    /// Whether another event that is newly known tells of it.
    is_covered: bool,
}

/// What an event ought to know, as it knows of another that knew it.
struct Gap {
    event: usize,
    known: usize,
    of: HostId,
    here: u64,
    there: u64,
}

impl<'a> Checker<'a> {
    fn event(&mut self, event: usize, before: &Clock, complaints: &mut Complaints<'_>) {
        let mut raised = self.raised(event, before);
        let mut order: Vec<usize> = (0..raised.len()).collect();
        order.sort_by_key(|position| Reverse(self.sums[raised[*position].event]));
        let mut gaps = Vec::new();
        for position in order {
            if raised[position].is_covered {
                continue;
            }
            self.receive_edges += 1;
            let known = raised[position].event;
            if self.are_cyclic(event, known) {
                self.complain_of_cycle(event, known, complaints);
                continue;
            }
            match self.clock(event).first_below(self.clock(known)) {
                Some((of, here, there)) => gaps.push(Gap { event, known, of, here, there }),
                None => cover(&mut raised, self.clock(known), self.timelines),
            }
        }
        self.blame(gaps, &raised, complaints);
    }

    fn clock(&self, event: usize) -> &'a Clock {
        &self.execution.events[event].clock
    }

    fn host(&self, event: usize) -> HostId {
        self.execution.events[event].host
    }

    /// The events that an event knows and the one before it on its host did not, by host.
    fn raised(&mut self, event: usize, before: &Clock) -> Vec<Raised> {
        let mut raised = Vec::new();
        for (host, entry) in self.clock(event).above(before) {
            if host == self.host(event) {
                continue;
            }
            if let Some(known) = self.timelines.event(host, entry) {
                raised.push(Raised { host, event: known, is_covered: false });
            } else if self.timelines.last(host) < entry {
                let (first, count) = self.unknown.entry((host, entry)).or_insert((event, 0));
                *count += 1;
                if self.sums[event] < self.sums[*first] {
                    *first = event;
                }
            }
        }
        raised
    }

    /// Whether one event knows another.
    fn knows(&self, event: usize, known: usize) -> bool {
        self.timelines.own(known) <= self.clock(event).entry(self.host(known))
    }

    fn are_cyclic(&self, one: usize, other: usize) -> bool {
        self.knows(one, other) && self.knows(other, one)
    }

    /// Tells one cycle of any two hosts: a cycle goes on through the events around it.
    fn complain_of_cycle(&mut self, event: usize, known: usize, complaints: &mut Complaints<'_>) {
        let (host, other) = (self.host(event), self.host(known));
        if !self.cyclic_hosts.insert((host.min(other), host.max(other))) {
            return;
        }
        let (own, other_own) = (self.timelines.own(event), self.timelines.own(known));
        let (name, other_name) = (complaints.host(host), complaints.host(other));
        let what = format!(
            "event {own} of host {name} and event {other_own} of host {other_name} are each in the \
             other's past: the first has {} for {other_name}, the second has {} for {name}",
            self.clock(event).entry(other),
            self.clock(known).entry(host),
        );
        complaints.at(Rule::Acyclic, &[event, known], what);
    }

    /// Complains of the first gap of an event that it did not inherit. It did if another event that
    /// told it of the same had the gap already.
    fn blame(&mut self, gaps: Vec<Gap>, raised: &[Raised], complaints: &mut Complaints<'_>) {
        if gaps.is_empty() {
            return;
        }
        let mut inherited: BTreeMap<HostId, (usize, bool)> =
            gaps.iter().map(|gap| (self.host(gap.known), (gap.known, false))).collect();
        for teller in raised {
            self.mark_what_it_tells(teller.event, &mut inherited);
        }
        let is_own = |gap: &&Gap| !inherited[&self.host(gap.known)].1;
        match gaps.iter().find(is_own) {
            Some(gap) => self.complain_of_gap(gap, complaints),
            None => self.inherited = self.inherited.take().or(gaps.into_iter().next()),
        }
    }

    /// Marks the events of which an event tells. Walks over the smaller of both sets.
    fn mark_what_it_tells(&self, teller: usize, marks: &mut BTreeMap<HostId, (usize, bool)>) {
        let is_told = |known| self.knows(teller, known) && !self.knows(known, teller);
        let entries = self.clock(teller).entries();
        if entries.len() < marks.len() {
            for (host, _) in entries {
                if let Some((known, mark)) = marks.get_mut(host) {
                    *mark |= is_told(*known);
                }
            }
        } else {
            for (known, mark) in marks.values_mut() {
                *mark |= is_told(*known);
            }
        }
    }

    fn complain_of_gap(&self, gap: &Gap, complaints: &mut Complaints<'_>) {
        let what = format!(
            "this event of host {} knows event {} of host {}, whose clock has {} for host {}, but \
             has only {} there; a receive takes the higher of both entries",
            complaints.host(self.host(gap.event)),
            self.timelines.own(gap.known),
            complaints.host(self.host(gap.known)),
            gap.there,
            complaints.host(gap.of),
            gap.here,
        );
        complaints.at(Rule::Transitive, &[gap.event, gap.known], what);
    }

    /// Tells of what is known best at the end, and gives the number of receive edges.
    fn finish(self, complaints: &mut Complaints<'_>) -> usize {
        for ((host, entry), (event, count)) in &self.unknown {
            let (name, known) = (complaints.host(*host), self.timelines.last(*host));
            let others = match count - 1 {
                0 => String::new(),
                others => format!(" {others} more events have it too"),
            };
            let what = format!(
                "the clock of this event of host {} has {entry} for host {name}, of which the log \
                 has {known} events: is a part of it missing?{others}",
                complaints.host(self.host(*event)),
            );
            complaints.at(Rule::KnownEvents, &[*event], what);
        }
        // Somebody is to blame; nobody may be cleared by pointing round in a circle.
        if let Some(gap) = self.inherited.as_ref().filter(|_| complaints.is_empty()) {
            self.complain_of_gap(gap, complaints);
        }
        self.receive_edges
    }
}

/// Marks the events that an event tells of.
fn cover(raised: &mut [Raised], clock: &Clock, timelines: &Timelines<'_>) {
    for (host, entry) in clock.entries() {
        if let Ok(position) = raised.binary_search_by_key(host, |raised| raised.host) {
            let raised = &mut raised[position];
            raised.is_covered |= timelines.own(raised.event) <= *entry;
        }
    }
}
