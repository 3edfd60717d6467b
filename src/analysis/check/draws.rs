//! The rule `draws`: the draws are the seed's, and events and peers are the draws'.

use super::violation::Complaints;
use super::{Rule, event};
use crate::logbook::{Log, LoggedEvent};
use crate::model::{Dice, MachineId, Stream};

pub(super) fn check(complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    for (machine, log) in history.present() {
        check_machine(machine, log, complaints);
    }
}

fn check_machine(machine: MachineId, log: &Log, complaints: &mut Complaints<'_>) {
    let trial = &complaints.history.trial;
    let mut dice = Dice::new(trial.seed, Stream::Draws(machine));
    let faces = trial.draw_range.0;
    let peers: Vec<u16> = trial.peers(machine).iter().map(|peer| trial.spec(*peer).port).collect();
    // One wrong draw puts all later ones out of step with the seed: it is told once.
    let mut is_in_step = true;
    for (index, tick) in log.ticks.iter().enumerate() {
        let record = &tick.entry;
        let what = match (&record.event, record.draw) {
            (LoggedEvent::Receive { .. }, None) => continue,
            (LoggedEvent::Receive { .. }, Some(_)) => "a receive draws nothing".to_owned(),
            (_, None) if std::mem::replace(&mut is_in_step, false) => {
                format!("this {} has no draw", record.event.name())
            }
            (_, None) => continue,
            (event, Some(draw)) => {
                let due = dice.roll(faces);
                if draw != due && std::mem::replace(&mut is_in_step, false) {
                    format!("the draw is {draw}, but the seed's next is {due}")
                } else if !is_event_of(event, draw, &peers) {
                    format!("a draw of {draw} is {}", meaning(draw, &peers))
                } else {
                    continue;
                }
            }
        };
        complaints.at(Rule::Draws, &[event(machine, index)], what);
    }
}

/// The peers that a draw addresses, by their ports.
fn addressed(draw: u32, peers: &[u16]) -> &[u16] {
    match draw as usize {
        d if (1..=peers.len()).contains(&d) => &peers[d - 1..d],
        d if d == peers.len() + 1 => peers,
        _ => &[],
    }
}

fn is_event_of(event: &LoggedEvent, draw: u32, peers: &[u16]) -> bool {
    match event {
        LoggedEvent::Internal => addressed(draw, peers).is_empty(),
        LoggedEvent::Send(ports) => **ports == *addressed(draw, peers),
        LoggedEvent::Receive { .. } => false,
    }
}

fn meaning(draw: u32, peers: &[u16]) -> String {
    match addressed(draw, peers) {
        [] => "an internal event".to_owned(),
        ports => {
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            format!("a send to {}", ports.join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_of_zero_addresses_nobody() {
        let peers = [20_002, 20_003];
        assert!(addressed(0, &peers).is_empty());
        assert_eq!(addressed(2, &peers), [20_003]);
        assert!(!is_event_of(&LoggedEvent::Send([20_002].into()), 0, &peers));
    }
}
