//! The rule `queue`: queue lengths add up at every tick.
//!
//! What arrived between two ticks is the queue now, minus the queue before, plus one if the tick
//! received: it is never negative. Only a tick with an empty queue draws, so the length is 0 on
//! every send and internal event. The queue lives in the OS process: a machine that came back begins
//! with an empty one, and what was in it is sent again.
//!
//! At the virtual pace nothing is left to the network: in the queue are all messages that arrive at
//! an earlier model time, ordered by (model time of the arrival, number of the sender, timestamp). A
//! message arrives when it is sent, unless a fault holds it back. There every queue is recomputed
//! exactly, and so is which message is the oldest.

use super::violation::Complaints;
use super::{Rule, event};
use crate::analysis::history::EventRef;
use crate::logbook::{Log, LoggedEvent};
use crate::model::{Links, MachineId, ModelTime};
use crate::pace::Pace;

pub(super) fn check(complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    for (machine, log) in history.present() {
        check_lengths(machine, log, complaints);
        check_left(log, complaints);
    }
    let is_whole = history.present().count() == history.trial.machines.len();
    if history.pace == Pace::Virtual && is_whole {
        let mut links = history.trial.links();
        for machine in history.trial.machine_ids() {
            recompute(machine, &mut links, complaints);
        }
    }
}

/// Follows the queue of one machine from the sends to it.
fn recompute(machine: MachineId, links: &mut Links, complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    let trial = &history.trial;
    let Some(log) = history.log(machine) else { return };
    let mut sends: Vec<(ModelTime, EventRef)> = history
        .channels_to(machine)
        .flat_map(|channel| {
            let sends = channel.sends.iter().map(|(index, _)| event(channel.from, *index));
            channel.arrivals(history, links).into_iter().zip(sends)
        })
        .collect();
    sends.sort_unstable();
    let (mut sent, mut received) = (0, 0);
    // What was written while the logs were read may count messages whose sends were not read.
    for (index, tick) in log.ticks.iter().enumerate().take(log.settled) {
        let now = history.schedule(machine).due(tick.entry.tick);
        sent += sends[sent..].iter().take_while(|(arrives_at, _)| *arrives_at < now).count();
        let here = event(machine, index);
        if let LoggedEvent::Receive { from, timestamp } = tick.entry.event {
            if let Some((_, oldest)) = sends[..sent].get(received) {
                let of_oldest = history.event(*oldest).entry.logical_clock;
                let is_oldest = trial.spec(oldest.machine).port == from && of_oldest == timestamp;
                if !is_oldest {
                    let what = "the oldest message in the queue is another one".to_owned();
                    complaints.at(Rule::Queue, &[here, *oldest], what);
                    return;
                }
            } else if let Some(send) = history.send_of(here) {
                let what = "this message was not in the queue yet: it arrives at the same instant \
                            or later";
                complaints.at(Rule::Queue, &[here, send], what.to_owned());
                return;
            }
            received += 1;
        }
        // More receives than sends are told by the rule `matching`.
        let Some(due) = sent.checked_sub(received) else { return };
        if tick.entry.queue_len != due as u64 {
            let found = tick.entry.queue_len;
            let what = format!("the queue is {found}, but by the sends to this machine {due}");
            // What follows from a wrong queue is not worth telling.
            complaints.at(Rule::Queue, &[here], what);
            return;
        }
    }
}

fn check_lengths(machine: MachineId, log: &Log, complaints: &mut Complaints<'_>) {
    let mut before = 0;
    for (index, tick) in log.ticks.iter().enumerate() {
        let now = tick.entry.queue_len;
        if log.is_restarted_before(index) {
            before = 0;
        }
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

/// The queue of the last tick is still there at the end, whatever arrived after it, unless the machine
/// came back since.
fn check_left(log: &Log, complaints: &mut Complaints<'_>) {
    let (Some(end), Some(last)) = (&log.end, log.ticks.last()) else {
        return;
    };
    if log.is_restarted_before(log.ticks.len()) {
        return;
    }
    let left: u64 = end.entry.left.0.iter().map(|(_, count)| *count).sum();
    if left < last.entry.queue_len {
        let what = format!(
            "{left} messages are left, but {} were in the queue after the last tick",
            last.entry.queue_len
        );
        complaints.at_line(Rule::Queue, log, end.line, what);
    }
}
