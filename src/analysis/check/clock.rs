//! The rules `clock-rule` and `clock-condition`.
//!
//! Happened-before is the transitive closure of two kinds of edges: from an event to the next on
//! its machine, and from a send to its receive (Lamport 1978). The clock condition is held against
//! both kinds of edges, and then once more against the vector clocks: whatever a receive brings into
//! the past of its machine must have a smaller clock. An event whose past grew with the event before
//! it needs no look of its own, since clocks rise along a machine.

use super::violation::Complaints;
use super::{Rule, event};
use crate::analysis::history::{Channel, EventRef, History};
use crate::logbook::{Log, LoggedEvent};
use crate::model::{MachineId, Timestamp};

pub(super) fn check(complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    for (machine, log) in history.present() {
        check_rule(machine, log, complaints);
        check_order(machine, log, complaints);
    }
    for channel in &history.channels {
        check_messages(channel, complaints);
    }
    for (receive, latest) in std::mem::take(&mut complaints.not_above) {
        let [clock, of_latest] =
            [receive, latest].map(|event| history.event(event).entry.logical_clock);
        let what = format!(
            "clock {clock} is not above clock {of_latest} of an event that happened before"
        );
        complaints.at(Rule::ClockCondition, &[receive, latest], what);
    }
    for receive in complaints.causality.circular() {
        let events: Vec<_> =
            [Some(*receive), history.send_of(*receive)].into_iter().flatten().collect();
        let what = "received before it was sent: the send has this receive in its past".to_owned();
        complaints.at(Rule::ClockCondition, &events, what);
    }
}

/// IR1 and IR2: an event is the clock plus one; a receive passes the message's timestamp too.
fn check_rule(machine: MachineId, log: &Log, complaints: &mut Complaints<'_>) {
    let mut before = Timestamp(0);
    for (index, tick) in log.ticks.iter().enumerate() {
        let found = tick.entry.logical_clock;
        let received = match tick.entry.event {
            LoggedEvent::Receive { timestamp, .. } => Some(timestamp),
            LoggedEvent::Internal | LoggedEvent::Send(_) => None,
        };
        let base = received.map_or(before, |timestamp| before.max(timestamp));
        if base.0.checked_add(1) != Some(found.0) {
            let name = tick.entry.event.name();
            let due = match received {
                Some(timestamp) => format!("max({before}, {timestamp}) + 1"),
                None => format!("{before} + 1"),
            };
            let what = format!("the clock of this {name} is {found}, but {due} is due");
            complaints.at(Rule::ClockRule, &[event(machine, index)], what);
        }
        before = found;
    }
}

/// The edges along a machine.
fn check_order(machine: MachineId, log: &Log, complaints: &mut Complaints<'_>) {
    for (index, pair) in log.ticks.windows(2).enumerate() {
        let [earlier, later] = [&pair[0], &pair[1]].map(|tick| tick.entry.logical_clock);
        if later <= earlier {
            let events = [event(machine, index + 1), event(machine, index)];
            let what = format!("clock {later} stands after clock {earlier} on the same machine");
            complaints.at(Rule::ClockCondition, &events, what);
        }
    }
}

/// The edges from sends to receives.
fn check_messages(channel: &Channel, complaints: &mut Complaints<'_>) {
    for (index, delivery) in &channel.receives {
        let Some(position) = delivery.send() else {
            continue;
        };
        let (send, sent) = channel.sends[position];
        let receive = event(channel.to, *index);
        let received = complaints.history.event(receive).entry.logical_clock;
        if received <= sent {
            let what =
                format!("clock {received} of the receive is not above clock {sent} of its send");
            complaints.at(Rule::ClockCondition, &[receive, event(channel.from, send)], what);
        }
    }
}

/// Looks, receive by receive, whether everything that it brings into the past has a smaller clock.
#[derive(Debug)]
pub(super) struct Pasts<'a> {
    history: &'a History,
    /// By machine: the vector clock of the receive before.
    before: Vec<Vec<u32>>,
    /// Receives, each with an event in its past whose clock is not smaller.
    not_above: Vec<(EventRef, EventRef)>,
}

impl<'a> Pasts<'a> {
    /// No receive was looked at yet.
    pub(super) fn new(history: &'a History) -> Self {
        let machines = history.trial.machines.len();
        Self { history, before: vec![vec![0; machines]; machines], not_above: Vec::new() }
    }

    /// Takes the vector clock of a receive. The message itself is left to `check_messages`.
    pub(super) fn take(&mut self, receive: EventRef, past: &[u32]) {
        let clock = self.history.event(receive).entry.logical_clock;
        let before = &mut self.before[receive.machine.index()];
        for (other, (known, now)) in before.iter_mut().zip(past).enumerate() {
            if other == receive.machine.index() || std::mem::replace(known, *now) == *now {
                continue;
            }
            let latest = event(MachineId::at(other), *now as usize - 1);
            let is_above = self.history.event(latest).entry.logical_clock < clock;
            if !is_above && self.history.send_of(receive) != Some(latest) {
                self.not_above.push((receive, latest));
            }
        }
    }

    /// Receives, each with an event in its past whose clock is not smaller; by machine, in the
    /// order of its receives.
    pub(super) fn not_above(mut self) -> Vec<(EventRef, EventRef)> {
        self.not_above.sort_unstable();
        self.not_above
    }
}
