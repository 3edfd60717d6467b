//! Layer 2: each channel stands, as both of its ends say.
//!
//! A connection that stands may still carry nothing: that is for the next layer.

use serde::Serialize;

use super::{Figures, Judgement, Layer, Problem};
use crate::health::heard::Heard;
use crate::machine::wire::Standing;
use crate::model::MachineId;

pub(super) struct Channels;

/// What is known of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChannelState {
    /// The sender.
    pub from: u16,
    /// The receiver.
    pub to: u16,
    /// stands, broken or over, as the sender says; none if it says nothing.
    pub at_sender: Option<&'static str>,
    /// The same, as the receiver says.
    pub at_receiver: Option<&'static str>,
    /// How many messages the sender has sent.
    pub sent: Option<u64>,
    /// How many have come to the receiver.
    pub accepted: Option<u64>,
    /// How many are received, and in the receiver's log.
    pub recorded: Option<u64>,
}

impl Layer for Channels {
    fn number(&self) -> u32 {
        2
    }

    fn name(&self) -> &'static str {
        "channels"
    }

    fn judge(&self, heard: &Heard) -> Judgement {
        let channels = heard.channels();
        let mut problems = Vec::new();
        let [mut both, mut one, mut over] = [0_usize; 3];
        for &(from, to) in &channels {
            match heard.ends(from, to) {
                [None, None] => {}
                ends if ends.contains(&Some(Standing::Over)) => over += 1,
                ends if ends.contains(&Some(Standing::Broken)) => {
                    problems.push(Problem::of_channel((from, to), broken(from, to, ends)));
                }
                [Some(_), Some(_)] => match surplus(heard, from, to) {
                    Some(what) => problems.push(Problem::of_channel((from, to), what)),
                    None => both += 1,
                },
                _ => one += 1,
            }
        }
        let known = both + one + over + problems.len();
        let unknown = channels.len() - known;
        let mut summary =
            format!("{} of {} stand, {both} by the word of both ends", both + one, channels.len());
        for (count, what) in [(one, "by that of one"), (over, "are over")] {
            if 0 < count {
                summary.push_str(&format!(", {count} {what}"));
            }
        }
        let notes = if unknown == 0 {
            Vec::new()
        } else {
            vec![format!("of {unknown} channels neither end speaks")]
        };
        Judgement {
            is_told: 0 < known,
            summary,
            problems,
            notes,
            figures: Figures::Channels(
                channels.iter().map(|&(from, to)| state(heard, from, to)).collect(),
            ),
        }
    }
}

fn broken(from: MachineId, to: MachineId, ends: [Option<Standing>; 2]) -> String {
    let who = |machine, end: Option<Standing>| match end {
        Some(Standing::Broken) => format!("machine {machine} has no connection"),
        Some(_) => format!("machine {machine} says that it stands"),
        None => format!("machine {machine} says nothing"),
    };
    let [sender, receiver] = ends;
    format!("{}, {}", who(from, sender), who(to, receiver))
}

/// What had come at the beginning must have been sent by the end.
fn surplus(heard: &Heard, from: MachineId, to: MachineId) -> Option<String> {
    let sent = heard.of(from).final_look()?.channel(to)?.sent;
    let accepted = heard.of(to).first.as_ref()?.channel(from)?.accepted;
    (sent < accepted)
        .then(|| format!("machine {from} has sent {sent} messages, machine {to} has {accepted}"))
}

fn state(heard: &Heard, from: MachineId, to: MachineId) -> ChannelState {
    let line = |own, peer| heard.of(own).final_look().and_then(|look| look.channel(peer));
    let (sender, receiver) = (line(from, to), line(to, from));
    ChannelState {
        from: from.get(),
        to: to.get(),
        at_sender: sender.map(|line| line.out.name()),
        at_receiver: receiver.map(|line| line.back.name()),
        sent: sender.map(|line| line.sent),
        accepted: receiver.map(|line| line.accepted),
        recorded: receiver.map(|line| line.recorded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::heard::Silence;
    use crate::health::layer::testing::{healthy, id};
    use crate::health::layer::{Finding, Verdict};

    fn find(heard: &Heard) -> Finding {
        Channels.find(heard)
    }

    #[test]
    fn channels_that_both_ends_confirm_are_healthy() {
        let finding = find(&healthy(3));
        assert_eq!(finding.verdict, Verdict::Healthy);
        assert_eq!(finding.summary, "6 of 6 stand, 6 by the word of both ends");
    }

    #[test]
    fn ends_that_disagree_are_named() {
        let mut heard = healthy(3);
        heard.testimonies[0].last.as_mut().unwrap().channels[0].out = Standing::Broken;
        let finding = find(&heard);
        assert_eq!(finding.verdict, Verdict::Degraded);
        let problem = finding.problems[0].to_string();
        let expected = "channel 1>2: machine 1 has no connection, machine 2 says that it stands";
        assert_eq!(problem, expected);
        assert_eq!(finding.problems.len(), 1);
    }

    #[test]
    fn the_word_of_one_end_is_taken_and_counted() {
        let mut heard = healthy(3);
        heard.testimonies[1].silence = Some(Silence::Deaf("nothing".to_owned()));
        let finding = find(&heard);
        assert_eq!(finding.verdict, Verdict::Healthy);
        let expected = "6 of 6 stand, 2 by the word of both ends, 4 by that of one";
        assert_eq!(finding.summary, expected);
    }

    #[test]
    fn more_messages_than_were_sent_are_named() {
        let mut heard = healthy(2);
        let first = heard.testimonies[1].first.as_mut().unwrap();
        first.channels[0].accepted = 1000;
        let finding = find(&heard);
        let expected = "channel 1>2: machine 1 has sent 10 messages, machine 2 has 1000";
        assert_eq!(finding.problems[0].to_string(), expected);
    }

    #[test]
    fn what_is_over_is_no_fault() {
        let mut heard = healthy(2);
        for testimony in &mut heard.testimonies {
            testimony.last.as_mut().unwrap().channels[0].out = Standing::Over;
        }
        assert!(heard.is_over(id(1), id(2)));
        assert_eq!(find(&heard).verdict, Verdict::Healthy);
    }
}
