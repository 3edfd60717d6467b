//! Layer 3: a probe really comes to each peer and back, within the window.
//!
//! A probe that is lost may be lost on its way out or on its way back. Every machine counts the
//! probes that come to it, so the channel that has swallowed one is named, as long as its receiver
//! speaks.

use std::time::Duration;

use serde::Serialize;

use super::{Figures, Judgement, Layer, Problem};
use crate::health::heard::Heard;
use crate::machine::wire::BackLine;
use crate::model::MachineId;

pub(super) struct Propagates;

/// The probes of a checkup.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Propagation {
    /// How many were sent.
    pub sent: u32,
    /// How many did not come back, or too late.
    pub lost: u32,
    /// Half of those that are back took no longer, in microseconds.
    pub p50_us: Option<i64>,
    /// 99 of a hundred of those that are back took no longer, in microseconds.
    pub p99_us: Option<i64>,
    /// From each machine that spoke to each of its peers.
    pub pairs: Vec<RoundTrip>,
}

/// The probes from one machine to one peer, and back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoundTrip {
    /// The machine that the probes entered.
    pub from: u16,
    /// The peer that answered.
    pub to: u16,
    /// How many were sent.
    pub sent: u32,
    /// How many of them came to the peer; none if it does not say.
    pub arrived: Option<u32>,
    /// How many came back within the window.
    pub in_time: u32,
    /// How many came back later.
    pub late: u32,
    /// Half of those that are back took no longer, in microseconds.
    pub p50_us: Option<i64>,
    /// 99 of a hundred of those that are back took no longer, in microseconds.
    pub p99_us: Option<i64>,
}

impl RoundTrip {
    fn lost(&self) -> u32 {
        self.sent.saturating_sub(self.in_time)
    }
}

impl Layer for Propagates {
    fn number(&self) -> u32 {
        3
    }

    fn name(&self) -> &'static str {
        "propagation"
    }

    fn judge(&self, heard: &Heard) -> Judgement {
        let pairs: Vec<_> =
            heard.channels().iter().filter_map(|&(from, to)| round_trip(heard, from, to)).collect();
        let mut took: Vec<i64> =
            heard.testimonies.iter().flat_map(|testimony| &testimony.back).map(took_us).collect();
        took.sort_unstable();
        let sent = pairs.iter().map(|pair| pair.sent).sum();
        let lost = pairs.iter().map(RoundTrip::lost).sum::<u32>();
        let [p50_us, p99_us] = [50, 99].map(|percent| percentile(&took, percent));
        let mut summary = format!(
            "{} of {sent} probes back within {} ms",
            sent - lost,
            heard.question.window.as_millis()
        );
        if let (Some(p50), Some(p99)) = (p50_us, p99_us) {
            summary.push_str(&format!("; p50 {}, p99 {}", millis(p50), millis(p99)));
        }
        Judgement {
            is_told: 0 < sent,
            summary,
            problems: problems(heard, &pairs),
            notes: Vec::new(),
            figures: Figures::Propagation(Propagation { sent, lost, p50_us, p99_us, pairs }),
        }
    }
}

/// The probes of one pair; nothing if there was nobody to send them, or a channel is over.
fn round_trip(heard: &Heard, from: MachineId, to: MachineId) -> Option<RoundTrip> {
    let testimony = heard.of(from);
    testimony.final_look()?;
    if testimony.sent == 0 || heard.have_parted(from, to) {
        return None;
    }
    let back = testimony.back.iter().filter(|back| back.peer == to);
    let mut took: Vec<i64> = back.map(took_us).collect();
    took.sort_unstable();
    let window_us = window_us(heard.question.window);
    let in_time = took.partition_point(|took_us| *took_us <= window_us);
    let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
    let arrived = heard.of(to).final_look().and_then(|look| Some(look.channel(from)?.probes));
    Some(RoundTrip {
        from: from.get(),
        to: to.get(),
        sent: testimony.sent,
        arrived,
        in_time: count(in_time),
        late: count(took.len() - in_time),
        p50_us: percentile(&took, 50),
        p99_us: percentile(&took, 99),
    })
}

/// Names the channels, and the machines, that swallow probes.
fn problems(heard: &Heard, pairs: &[RoundTrip]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let id = MachineId::new;
    let missing = |pair: &RoundTrip| pair.arrived.map_or(0, |came| pair.sent.saturating_sub(came));
    for pair in pairs {
        let RoundTrip { from, to, sent, late, .. } = *pair;
        let missing_there = missing(pair);
        if 0 < missing_there {
            let what = format!("{missing_there} of {sent} probes did not come to machine {to}");
            problems.push(Problem::of_channel((id(from), id(to)), what));
        }
        if 0 < late {
            let window_ms = heard.question.window.as_millis();
            let what = format!(
                "{late} of {sent} probes took longer than {window_ms} ms to machine {to} and back"
            );
            problems.push(Problem::of_channel((id(from), id(to)), what));
        }
        let swallowed = pair.lost().saturating_sub(missing_there + late);
        // What the peer's own probes tell of the way back is said with those.
        let way_back = pairs.iter().find(|other| (other.from, other.to) == (to, from));
        let is_said = way_back.is_some_and(|way_back| 0 < missing(way_back));
        if pair.arrived.is_some() && 0 < swallowed && !is_said {
            let what = format!("{swallowed} of {sent} echoes did not come to machine {from}");
            problems.push(Problem::of_channel((id(to), id(from)), what));
        }
    }
    let silent = heard.testimonies.iter().filter(|testimony| testimony.final_look().is_none());
    for machine in silent.map(|testimony| testimony.machine) {
        let to_it = pairs.iter().filter(|pair| pair.to == machine.get());
        let (sent, lost) = to_it.fold((0, 0), |(sent, lost), pair| {
            (sent + pair.sent, lost + pair.lost().saturating_sub(pair.late))
        });
        if 0 < lost {
            let what = format!("{lost} of {sent} probes of its peers were not answered");
            problems.push(Problem::of_machine(machine, what));
        }
    }
    problems
}

/// How long a probe was under way, by one clock, in microseconds.
fn took_us(back: &BackLine) -> i64 {
    back.back.0.saturating_sub(back.sent.0)
}

fn window_us(window: Duration) -> i64 {
    i64::try_from(window.as_micros()).unwrap_or(i64::MAX)
}

/// The smallest of the values that so many of a hundred do not exceed; nothing of none.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn millis(us: i64) -> String {
    format!("{}.{:02} ms", us / 1000, us % 1000 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::heard::Silence;
    use crate::health::layer::testing::{healthy, id};
    use crate::health::layer::{Finding, Verdict};

    fn told(heard: &Heard) -> Vec<String> {
        find(heard).problems.iter().map(Problem::to_string).collect()
    }

    fn find(heard: &Heard) -> Finding {
        Propagates.find(heard)
    }

    /// Nothing comes through from one machine to another.
    fn cut(heard: &mut Heard, from: u16, to: u16) {
        let [from, to] = [from, to].map(id);
        let look = heard.testimonies[to.index()].last.as_mut().unwrap();
        look.channels.iter_mut().find(|line| line.peer == from).unwrap().probes = 0;
        heard.testimonies[from.index()].back.retain(|back| back.peer != to);
        heard.testimonies[to.index()].back.retain(|back| back.peer != from);
    }

    #[test]
    fn probes_that_all_come_back_are_healthy() {
        let finding = find(&healthy(3));
        assert_eq!(finding.verdict, Verdict::Healthy);
        let expected = "60 of 60 probes back within 1000 ms; p50 0.20 ms, p99 0.20 ms";
        assert_eq!(finding.summary, expected);
    }

    #[test]
    fn a_channel_that_is_cut_one_way_is_named_with_its_direction() {
        let mut heard = healthy(3);
        cut(&mut heard, 1, 2);
        let expected = ["channel 1>2: 10 of 10 probes did not come to machine 2"];
        assert_eq!(told(&heard), expected);
        assert!(find(&heard).summary.starts_with("40 of 60 probes back"));
    }

    #[test]
    fn both_directions_of_a_cut_are_named() {
        let mut heard = healthy(2);
        cut(&mut heard, 1, 2);
        cut(&mut heard, 2, 1);
        assert_eq!(told(&heard).len(), 2);
    }

    #[test]
    fn echoes_that_alone_are_lost_blame_the_way_back() {
        let mut heard = healthy(2);
        heard.testimonies[0].back.truncate(7);
        assert_eq!(told(&heard), ["channel 2>1: 3 of 10 echoes did not come to machine 1"]);
    }

    #[test]
    fn a_machine_that_answers_nothing_is_named_once() {
        let mut heard = healthy(3);
        heard.testimonies[1].silence = Some(Silence::Deaf("nothing".to_owned()));
        for testimony in &mut heard.testimonies {
            testimony.back.retain(|back| back.peer != id(2));
        }
        assert_eq!(told(&heard), ["machine 2: 20 of 20 probes of its peers were not answered"]);
    }

    #[test]
    fn what_comes_back_late_is_late_and_not_lost() {
        let mut heard = healthy(2);
        heard.testimonies[0].back[3].back.0 += 2_000_000;
        let expected = "channel 1>2: 1 of 10 probes took longer than 1000 ms to machine 2 and back";
        assert_eq!(told(&heard), [expected]);
    }

    #[test]
    fn without_a_probe_nothing_can_be_said() {
        let mut heard = healthy(2);
        for testimony in &mut heard.testimonies {
            testimony.sent = 0;
            testimony.back.clear();
        }
        assert_eq!(find(&heard).verdict, Verdict::CannotSay);
    }

    #[test]
    fn percentiles_are_ranks() {
        let values: Vec<i64> = (1..=200).collect();
        assert_eq!(percentile(&values, 50), Some(100));
        assert_eq!(percentile(&values, 99), Some(198));
        assert_eq!(percentile(&values[..1], 99), Some(1));
        assert_eq!(percentile(&[], 50), None);
    }
}
