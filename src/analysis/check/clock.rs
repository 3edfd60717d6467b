//! The rules `clock-rule` and `clock-condition`.
//!
//! Happened-before is the transitive closure of two kinds of edges: from an event to the next on
//! its machine, and from a send to its receive (Lamport 1978). The order of numbers is transitive,
//! so the clock condition holds for every pair of events if it holds on every edge.

use super::{Complaints, Rule, Violation, event};
use crate::analysis::history::{Channel, History};
use crate::logbook::{Log, LoggedEvent};
use crate::model::{MachineId, Timestamp};

pub(super) fn check(history: &History, violations: &mut Vec<Violation>) {
    let mut complaints = Complaints { history, violations };
    for (machine, log) in history.present() {
        check_rule(machine, log, &mut complaints);
        check_order(machine, log, &mut complaints);
    }
    for channel in &history.channels {
        check_messages(channel, &mut complaints);
    }
}

/// IR1 and IR2: an event is the clock plus one; a receive passes the message's timestamp too.
fn check_rule(machine: MachineId, log: &Log, complaints: &mut Complaints<'_>) {
    let mut before = Timestamp(0);
    for (index, tick) in log.ticks.iter().enumerate() {
        let found = tick.entry.logical_clock;
        let (base, why) = match &tick.entry.event {
            LoggedEvent::Receive { timestamp, .. } => {
                (before.max(*timestamp), format!("max({before}, {timestamp}) + 1"))
            }
            LoggedEvent::Internal | LoggedEvent::Send(_) => (before, format!("{before} + 1")),
        };
        if base.0.checked_add(1) != Some(found.0) {
            let name = tick.entry.event.name();
            let what = format!("the clock of this {name} is {found}, but {why} is due");
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
