//! The rule `queue`: queue lengths add up at every tick.
//!
//! What arrived between two ticks is the queue now, minus the queue before, plus one if the tick
//! received: it is never negative. Only a tick with an empty queue draws, so the length is 0 on
//! every send and internal event.

use super::{Complaints, Rule, Violation, event};
use crate::analysis::history::History;
use crate::logbook::{Log, LoggedEvent};
use crate::model::MachineId;

pub(super) fn check(history: &History, violations: &mut Vec<Violation>) {
    let mut complaints = Complaints { history, violations };
    for (machine, log) in history.present() {
        check_lengths(machine, log, &mut complaints);
        check_left(log, &mut complaints);
    }
}

fn check_lengths(machine: MachineId, log: &Log, complaints: &mut Complaints<'_>) {
    let mut before = 0;
    for (index, tick) in log.ticks.iter().enumerate() {
        let now = tick.entry.queue_len;
        let is_receive = matches!(tick.entry.event, LoggedEvent::Receive { .. });
        if !is_receive && now != 0 {
            let what = format!("{} with {now} messages in the queue", tick.entry.event.name());
            complaints.at(Rule::Queue, &[event(machine, index)], what);
        } else if now.saturating_add(u64::from(is_receive)) < before {
            let what = format!("the queue fell from {before} to {now} in one tick");
            complaints.at(Rule::Queue, &[event(machine, index)], what);
        }
        before = now;
    }
}

/// The queue of the last tick is still there at the end, whatever arrived after it.
fn check_left(log: &Log, complaints: &mut Complaints<'_>) {
    let (Some(end), Some(last)) = (&log.end, log.ticks.last()) else {
        return;
    };
    let left: u64 = end.entry.left.0.iter().map(|(_, count)| *count).sum();
    if left < last.entry.queue_len {
        let what = format!(
            "{left} messages are left, but {} were in the queue after the last tick",
            last.entry.queue_len
        );
        complaints.at_line(Rule::Queue, log, end.line, what);
    }
}
