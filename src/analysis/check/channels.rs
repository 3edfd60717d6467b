//! The rules `matching`, `fifo` and, for messages lost in mid-channel, `conservation`.

use super::violation::Complaints;
use super::{Rule, event};
use crate::analysis::history::{Channel, Delivery};
use crate::logbook::LoggedEvent;

pub(super) fn check(complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    refuse_unknown_senders(complaints);
    for channel in &history.channels {
        check_receives(channel, complaints);
        check_lost(channel, complaints);
    }
}

fn refuse_unknown_senders(complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    for (machine, log) in history.present() {
        let peers = history.trial.peers(machine);
        let ports: Vec<u16> = peers.iter().map(|peer| history.trial.spec(*peer).port).collect();
        for (index, tick) in log.ticks.iter().enumerate() {
            if let LoggedEvent::Receive { from, .. } = tick.entry.event
                && !ports.contains(&from)
            {
                let what = format!("received from port {from}, which is no peer's");
                complaints.at(Rule::Matching, &[event(machine, index)], what);
            }
        }
    }
}

fn check_receives(channel: &Channel, complaints: &mut Complaints<'_>) {
    let mut overtaker = None;
    for &(index, delivery) in &channel.receives {
        let receive = event(channel.to, index);
        let send = |position: usize| event(channel.from, channel.sends[position].0);
        match delivery {
            Delivery::InOrder(_) => {}
            Delivery::Ahead(_) => overtaker = Some(receive),
            Delivery::Overtaken(position) => {
                let mut events = vec![receive, send(position)];
                events.extend(overtaker);
                let what = "received after a message that was sent later on the same channel";
                complaints.at(Rule::Fifo, &events, what.to_owned()).explains(&[Rule::Queue]);
            }
            Delivery::Again(position) => {
                let what = "the message of this send was received before";
                complaints
                    .at(Rule::Matching, &[receive, send(position)], what.to_owned())
                    .explains(OF_A_WRONG_MESSAGE);
            }
            Delivery::Invented => {
                let what = format!(
                    "machine {} never sent a message with this timestamp to machine {}",
                    channel.from, channel.to
                );
                complaints
                    .at(Rule::Matching, &[receive], what)
                    .about(channel.from)
                    .explains(OF_A_WRONG_MESSAGE);
            }
        }
    }
}

/// What a message too many, or one too few, breaks besides.
const OF_A_WRONG_MESSAGE: &[Rule] = &[Rule::Conservation, Rule::Queue, Rule::Ends];

fn check_lost(channel: &Channel, complaints: &mut Complaints<'_>) {
    for &position in &channel.lost {
        let send = event(channel.from, channel.sends[position].0);
        let next = channel.receives.iter().find(|(_, d)| d.send().is_some_and(|s| position < s));
        let mut events = vec![send];
        events.extend(next.map(|(index, _)| event(channel.to, *index)));
        let what = format!(
            "the message to machine {} is lost: a later one was received, this one never",
            channel.to
        );
        complaints
            .at(Rule::Conservation, &events, what)
            .about(channel.to)
            .explains(OF_A_WRONG_MESSAGE);
    }
}
