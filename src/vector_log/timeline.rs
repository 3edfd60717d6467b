//! The events of every host in the order of its own entries. The order of the text means nothing: a
//! log may have been put together from many.

use super::clock::HostId;
use super::reader::Execution;

/// The events of every host, by their positions in the execution.
#[derive(Debug)]
pub(super) struct Timelines<'a> {
    execution: &'a Execution,
    hosts: Vec<Timeline>,
}

/// The events of one host.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// Its events by own entry, each own entry once.
    pub(super) events: Vec<usize>,
    /// Events whose own entry stood further up in the text already, each after that event.
    pub(super) repeats: Vec<(usize, usize)>,
    /// Events without an own entry.
    pub(super) ownless: Vec<usize>,
}

impl Timeline {
    /// How many events the log has of this host.
    pub(super) fn len(&self) -> usize {
        self.events.len() + self.repeats.len() + self.ownless.len()
    }
}

impl<'a> Timelines<'a> {
    /// Sorts the events of an execution.
    pub(super) fn of(execution: &'a Execution) -> Self {
        let mut by_own: Vec<(HostId, u64, usize)> = (0..execution.events.len())
            .map(|event| (execution.events[event].host, own(execution, event), event))
            .collect();
        by_own.sort_unstable();
        let mut hosts: Vec<Timeline> = Vec::new();
        hosts.resize_with(execution.hosts.len(), Timeline::default);
        for (host, own_entry, event) in by_own {
            let timeline = &mut hosts[host.index()];
            match timeline.events.last() {
                _ if own_entry == 0 => timeline.ownless.push(event),
                Some(last) if own(execution, *last) == own_entry => {
                    timeline.repeats.push((*last, event));
                }
                _ => timeline.events.push(event),
            }
        }
        Self { execution, hosts }
    }

    /// Every host and its events.
    pub(super) fn hosts(&self) -> impl Iterator<Item = (HostId, &Timeline)> {
        self.hosts.iter().enumerate().map(|(host, timeline)| (HostId(host), timeline))
    }

    /// The own entry of an event.
    pub(super) fn own(&self, event: usize) -> u64 {
        own(self.execution, event)
    }

    /// The event of a host with this own entry, if it is there.
    pub(super) fn event(&self, host: HostId, own_entry: u64) -> Option<usize> {
        let events = &self.hosts[host.index()].events;
        let position = events.binary_search_by_key(&own_entry, |event| self.own(*event)).ok()?;
        Some(events[position])
    }

    /// The highest number that an event of a host may have, from what the log has of it.
    pub(super) fn last(&self, host: HostId) -> u64 {
        let timeline = &self.hosts[host.index()];
        let highest = timeline.events.last().map_or(0, |event| self.own(*event));
        highest.max(timeline.len() as u64)
    }
}

fn own(execution: &Execution, event: usize) -> u64 {
    let event = &execution.events[event];
    event.clock.entry(event.host)
}
