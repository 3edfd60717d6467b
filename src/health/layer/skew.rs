//! Layer 4: how far the system times of the machines lie apart, estimated from the same probes.
//!
//! A probe has four times: sent t1 and back t4 by one clock, heard t2 and answered t3 by the other.
//! The other clock is ahead by ((t2 - t1) + (t3 - t4)) / 2, and errs by at most half of the time
//! under way, ((t4 - t1) - (t3 - t2)) / 2, however that is divided (F. Cristian, "Probabilistic
//! clock synchronization", 1989; D. L. Mills, RFC 5905, section 8). So the fastest probe of a pair
//! says most. Offsets add up along a path of pairs, and so do their errors: machines that have no
//! probe in common are compared by way of others.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Figures, Judgement, Layer, Problem};
use crate::health::heard::Heard;
use crate::machine::wire::BackLine;
use crate::model::MachineId;

pub(super) struct Skew;

/// How far the system time of a machine is ahead of another's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Offset {
    /// The machine.
    pub machine: u16,
    /// The machine with whose system time it is compared.
    pub compared_with: u16,
    /// How far it is ahead, in microseconds; negative if it is behind.
    pub offset_us: i64,
    /// By so much the offset may be wrong, in microseconds.
    pub error_us: i64,
}

/// An offset and its error, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Estimate {
    offset_us: i64,
    error_us: i64,
}

impl Layer for Skew {
    fn number(&self) -> u32 {
        4
    }

    fn name(&self) -> &'static str {
        "skew"
    }

    fn judge(&self, heard: &Heard) -> Judgement {
        let offsets = offsets(heard);
        let limit_us = i64::try_from(heard.question.skew.as_micros()).unwrap_or(i64::MAX);
        let is_apart =
            |offset: &&Offset| limit_us < offset.offset_us.saturating_abs() - offset.error_us;
        let problems = offsets.iter().filter(is_apart).map(|offset| {
            let Offset { compared_with, offset_us, error_us, .. } = offset;
            let where_to = if *offset_us < 0 { "behind" } else { "ahead of" };
            let what = format!(
                "its system time is {} us {where_to} machine {compared_with}'s, give or take {error_us}",
                offset_us.abs()
            );
            Problem::of_machine(MachineId::new(offset.machine), what)
        });
        let problems = problems.collect();
        let is_vague = |offset: &&Offset| limit_us < offset.error_us;
        let mut notes: Vec<String> = offsets
            .iter()
            .filter(is_vague)
            .map(|offset| {
                format!("machine {}: give or take {} us", offset.machine, offset.error_us)
            })
            .collect();
        let is_told = notes.is_empty() && !offsets.is_empty();
        let known = |machine: &MachineId| {
            offsets.iter().any(|o| [o.machine, o.compared_with].contains(&machine.get()))
        };
        let unknown = heard.trial.machine_ids().filter(|machine| !known(machine));
        notes.extend(unknown.map(|machine| format!("machine {machine}: no probe tells")));
        Judgement {
            is_told,
            summary: summary(&offsets),
            problems,
            notes,
            figures: Figures::Offsets(offsets),
        }
    }
}

fn summary(offsets: &[Offset]) -> String {
    let Some(widest) = offsets.iter().max_by_key(|offset| offset.offset_us.saturating_abs()) else {
        return "no probe tells".to_owned();
    };
    let Offset { machine, compared_with, offset_us, error_us } = widest;
    format!(
        "at most {offset_us} us (machine {machine} and machine {compared_with}), give or take {error_us}"
    )
}

/// The offset of every machine that a path of probes leads to, compared with the first that has a
/// probe; along the path with the smallest error.
fn offsets(heard: &Heard) -> Vec<Offset> {
    let edges = edges(heard);
    let Some(&(reference, _)) = edges.keys().next() else { return Vec::new() };
    let mut best = BTreeMap::from([(reference, Estimate { offset_us: 0, error_us: 0 })]);
    // Bellman and Ford. It ends, since no error is negative.
    let mut has_changed = true;
    while has_changed {
        has_changed = false;
        for (&(from, to), edge) in &edges {
            let Some(there) = best.get(&from) else { continue };
            let found = Estimate {
                offset_us: there.offset_us.saturating_add(edge.offset_us),
                error_us: there.error_us.saturating_add(edge.error_us),
            };
            if best.get(&to).is_none_or(|known| found.error_us < known.error_us) {
                best.insert(to, found);
                has_changed = true;
            }
        }
    }
    best.remove(&reference);
    let offset = |(machine, estimate): (MachineId, Estimate)| Offset {
        machine: machine.get(),
        compared_with: reference.get(),
        offset_us: estimate.offset_us,
        error_us: estimate.error_us,
    };
    best.into_iter().map(offset).collect()
}

/// The best estimate of each pair, in both directions.
fn edges(heard: &Heard) -> BTreeMap<(MachineId, MachineId), Estimate> {
    let mut edges: BTreeMap<_, Estimate> = BTreeMap::new();
    let mut offer = |pair, found: Estimate| {
        let known = edges.entry(pair).or_insert(found);
        if found.error_us < known.error_us {
            *known = found;
        }
    };
    for testimony in &heard.testimonies {
        for back in &testimony.back {
            let found = estimate(back);
            let backwards = Estimate { offset_us: found.offset_us.saturating_neg(), ..found };
            offer((testimony.machine, back.peer), found);
            offer((back.peer, testimony.machine), backwards);
        }
    }
    edges
}

/// How far the peer's system time is ahead, by one probe. The times are truncated to microseconds,
/// which is added to the error.
fn estimate(back: &BackLine) -> Estimate {
    let [t1, t2, t3, t4] =
        [back.sent, back.heard, back.answered, back.back].map(|time| i128::from(time.0));
    let under_way = ((t4 - t1) - (t3 - t2)).max(0);
    let saturated = |number: i128| i64::try_from(number).unwrap_or(i64::MAX);
    Estimate {
        offset_us: saturated(((t2 - t1) + (t3 - t4)).div_euclid(2)),
        error_us: saturated((under_way + 1) / 2 + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::layer::testing::{healthy, id};
    use crate::health::layer::{Finding, Verdict};
    use crate::logbook::SystemTime;
    use proptest::prelude::*;

    fn find(heard: &Heard) -> Finding {
        Skew.find(heard)
    }

    fn offset_of(heard: &Heard, machine: u16) -> Offset {
        let offsets = offsets(heard);
        offsets.into_iter().find(|offset| offset.machine == machine).unwrap()
    }

    /// Sets the clock of a machine, as its probes and those of its peers show it.
    fn set_clock(heard: &mut Heard, machine: u16, ahead_us: i64) {
        for testimony in &mut heard.testimonies {
            let is_own = testimony.machine == id(machine);
            for back in &mut testimony.back {
                if is_own {
                    back.sent.0 += ahead_us;
                    back.back.0 += ahead_us;
                } else if back.peer == id(machine) {
                    back.heard.0 += ahead_us;
                    back.answered.0 += ahead_us;
                }
            }
        }
    }

    #[test]
    fn clocks_that_agree_are_healthy() {
        let finding = find(&healthy(3));
        assert_eq!(finding.verdict, Verdict::Healthy, "{finding:?}");
    }

    #[test]
    fn a_clock_that_is_ahead_is_named() {
        let mut heard = healthy(3);
        set_clock(&mut heard, 3, 250_000);
        let finding = find(&heard);
        assert_eq!(finding.problems.len(), 1);
        let problem = finding.problems[0].to_string();
        let expected = "machine 3: its system time is 250000 us ahead of machine 1's, give or take";
        assert!(problem.starts_with(expected), "{problem}");
    }

    #[test]
    fn machines_without_a_probe_in_common_are_compared_by_way_of_others() {
        let mut heard = healthy(3);
        set_clock(&mut heard, 2, -700);
        heard.testimonies[0].back.retain(|back| back.peer != id(2));
        heard.testimonies[1].back.retain(|back| back.peer != id(1));
        let offset = offset_of(&heard, 2);
        assert!((offset.offset_us + 700).abs() <= offset.error_us, "{offset:?}");
        assert!(offset_of(&heard, 3).error_us < offset.error_us);
    }

    #[test]
    fn an_error_above_the_limit_is_no_answer() {
        let mut heard = healthy(2);
        for back in heard.testimonies.iter_mut().flat_map(|testimony| &mut testimony.back) {
            back.back.0 += 900_000;
        }
        assert_eq!(find(&heard).verdict, Verdict::CannotSay);
    }

    #[test]
    fn without_a_probe_nothing_can_be_said() {
        let mut heard = healthy(2);
        heard.testimonies.iter_mut().for_each(|testimony| testimony.back.clear());
        let finding = find(&heard);
        assert_eq!(
            (finding.verdict, finding.summary.as_str()),
            (Verdict::CannotSay, "no probe tells")
        );
    }

    proptest! {
        /// However the time under way is divided, the truth lies within the error.
        #[test]
        fn the_truth_lies_within_the_error(
            sent in 0_i64..1 << 50,
            ahead in -(1_i64 << 40)..1 << 40,
            there in 0_i64..10_000_000,
            stay in 0_i64..10_000_000,
            back in 0_i64..10_000_000,
        ) {
            let times = [sent, sent + there + ahead, sent + there + stay + ahead, sent + there + stay + back];
            let [sent, heard, answered, back] = times.map(SystemTime);
            let found = estimate(&BackLine { peer: id(2), number: 1, sent, heard, answered, back });
            prop_assert!((found.offset_us - ahead).abs() <= found.error_us, "{:?}", found);
        }
    }
}
