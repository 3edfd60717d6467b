//! Layer 5: queues that grow without bound, and ticks that come late.
//!
//! A queue is judged by two witnesses. Theory says which machines are overloaded by their very trial
//! (`docs/theory.md`): their queues grow however healthy everything is. And a queue that has grown
//! by more than chance explains between two looks grows, whatever theory says: if arrivals come at
//! random, their number in a span has about its own root as its standard deviation.

use serde::Serialize;

use super::{Figures, Judgement, Layer, Problem};
use crate::analysis::predict::{self, MachinePrediction, predict};
use crate::health::heard::{Heard, Look, Testimony};
use crate::model::MachineId;

/// So many standard deviations are no chance any more.
const DEVIATIONS: f64 = 3.0;

/// A queue that has grown by less may have done so in one breath.
const GROWTH_MIN: i64 = 5;

pub(super) struct Backlog;

/// How busy one machine is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Load {
    /// The machine's number.
    pub machine: u16,
    /// How many messages wait.
    pub queue_len: u64,
    /// By how many it grew between the looks.
    pub growth: i64,
    /// How many messages came between the looks.
    pub arrivals: u64,
    /// How many ticks passed between the looks.
    pub ticks: u64,
    /// What theory says.
    pub predicted_load: predict::Load,
    /// Messages that arrive in a second, as theory says.
    pub predicted_arrivals_per_s: f64,
    /// The largest lateness of the last five to ten seconds, in microseconds.
    pub lateness_max_us: u64,
}

impl Layer for Backlog {
    fn number(&self) -> u32 {
        5
    }

    fn name(&self) -> &'static str {
        "backlog"
    }

    fn judge(&self, heard: &Heard) -> Judgement {
        let predictions = predict(&heard.trial).machines;
        let testimonies = heard.testimonies.iter().zip(predictions);
        let loads: Vec<Load> = testimonies
            .filter_map(|(testimony, predicted)| load(heard, testimony, &predicted))
            .collect();
        let lateness_limit_us = heard.question.lateness.as_micros();
        let mut problems = Vec::new();
        for load in &loads {
            let machine = MachineId::new(load.machine);
            let rate = heard.trial.spec(machine).clock_rate;
            problems.extend(growth(load, rate.0).map(|what| Problem::of_machine(machine, what)));
            if lateness_limit_us < u128::from(load.lateness_max_us) {
                let what = format!("a tick was {} ms late", load.lateness_max_us / 1000);
                problems.push(Problem::of_machine(machine, what));
            }
        }
        Judgement {
            is_told: !loads.is_empty(),
            summary: summary(&loads),
            problems,
            notes: Vec::new(),
            figures: Figures::Loads(loads),
        }
    }
}

fn summary(loads: &[Load]) -> String {
    let queue = loads.iter().map(|load| load.queue_len).max();
    let lateness = loads.iter().map(|load| load.lateness_max_us).max();
    match (queue, lateness) {
        (Some(queue), Some(us)) => format!(
            "the longest queue has {queue}, the latest tick was {}.{:02} ms late",
            us / 1000,
            us % 1000 / 10
        ),
        _ => "no machine ticks".to_owned(),
    }
}

/// How busy a machine is; nothing if it does not speak, does not tick yet, or not any more.
fn load(heard: &Heard, testimony: &Testimony, predicted: &MachinePrediction) -> Option<Load> {
    let last = testimony.final_look()?;
    let first = testimony.earlier.as_ref().or(testimony.first.as_ref())?;
    last.state.progress.filter(|progress| 0 <= progress.elapsed_us)?;
    if heard.has_ticked_to_the_end(testimony.machine, last) {
        return None;
    }
    let queue = |look: &Look| i64::try_from(look.state.queue_len).unwrap_or(i64::MAX);
    let lateness = [first, last].map(|look| look.state.lateness_us);
    Some(Load {
        machine: testimony.machine.get(),
        queue_len: last.state.queue_len,
        growth: queue(last).saturating_sub(queue(first)),
        arrivals: last.arrivals().saturating_sub(first.arrivals()),
        ticks: last.state.next.0.saturating_sub(first.state.next.0),
        predicted_load: predicted.load,
        predicted_arrivals_per_s: predicted.arrivals_per_s,
        lateness_max_us: lateness[0].max(lateness[1]),
    })
}

/// What is wrong with a queue, if it grows without bound.
fn growth(load: &Load, clock_rate: u32) -> Option<String> {
    let Load { queue_len, growth, arrivals, ticks, predicted_arrivals_per_s, .. } = load;
    if load.predicted_load == predict::Load::Overloaded && 0 < *queue_len {
        return Some(format!(
            "its queue has {queue_len} and grows as theory says: it receives \
             {predicted_arrivals_per_s:.2} messages a second at {clock_rate} ticks a second"
        ));
    }
    let chance = DEVIATIONS * (*arrivals as f64).sqrt();
    let is_growing = GROWTH_MIN <= *growth && chance < *growth as f64;
    is_growing.then(|| {
        format!(
            "its queue has grown by {growth} to {queue_len}, which theory does not say: \
             {arrivals} messages came in {ticks} ticks"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::heard::Silence;
    use crate::health::layer::testing::{healthy, of_rates};
    use crate::health::layer::{Finding, Verdict};
    use crate::model::Tick;

    fn find(heard: &Heard) -> Finding {
        Backlog.find(heard)
    }

    fn told(heard: &Heard) -> Vec<String> {
        find(heard).problems.iter().map(Problem::to_string).collect()
    }

    fn last(heard: &mut Heard, machine: usize) -> &mut Look {
        heard.testimonies[machine - 1].last.as_mut().unwrap()
    }

    #[test]
    fn short_queues_and_ticks_in_time_are_healthy() {
        let finding = find(&healthy(3));
        assert_eq!(finding.verdict, Verdict::Healthy);
        let expected = "the longest queue has 0, the latest tick was 0.30 ms late";
        assert_eq!(finding.summary, expected);
    }

    #[test]
    fn a_queue_that_must_grow_is_told_with_its_reason() {
        let mut heard = of_rates(&[5, 1, 5]);
        assert_eq!(told(&heard), [""; 0], "nothing waits yet");
        last(&mut heard, 2).state.queue_len = 4;
        let expected = "machine 2: its queue has 4 and grows as theory says: it receives 1.67 \
                        messages a second at 1 ticks a second";
        assert_eq!(told(&heard), [expected]);
    }

    #[test]
    fn growth_that_chance_does_not_explain_is_told() {
        let mut heard = healthy(2);
        let look = last(&mut heard, 1);
        look.state.queue_len = 30;
        look.channels[0].accepted += 64;
        assert_eq!(told(&heard).len(), 1, "{:?}", told(&heard));
        last(&mut heard, 1).state.queue_len = 24;
        assert_eq!(told(&heard), [""; 0], "three deviations of 64 are 24");
    }

    #[test]
    fn a_late_tick_names_its_machine() {
        let mut heard = healthy(2);
        last(&mut heard, 2).state.lateness_us = 100_001;
        assert_eq!(told(&heard), ["machine 2: a tick was 100 ms late"]);
    }

    #[test]
    fn an_earlier_look_counts_as_the_beginning() {
        let mut heard = healthy(2);
        let look = last(&mut heard, 1);
        look.state.queue_len = 9;
        look.channels[0].accepted += 4;
        assert_eq!(told(&heard).len(), 1);
        let mut earlier = heard.testimonies[0].first.clone().unwrap();
        earlier.state.queue_len = 8;
        heard.testimonies[0].earlier = Some(earlier);
        assert_eq!(told(&heard), [""; 0]);
    }

    #[test]
    fn where_nobody_ticks_nothing_can_be_said() {
        let mut heard = healthy(2);
        last(&mut heard, 1).state.next = Tick(u64::MAX);
        heard.testimonies[1].silence = Some(Silence::Dead("gone".to_owned()));
        assert_eq!(find(&heard).verdict, Verdict::CannotSay);
    }
}
