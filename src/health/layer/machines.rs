//! Layer 1: each OS process is there, its port listens, and it speaks as a machine of this run.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::{Figures, Judgement, Layer, Problem};
use crate::health::heard::{Heard, Silence, Testimony};
use crate::model::ModelTime;

pub(super) struct Machines;

/// What is known of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Presence {
    /// The machine's number.
    pub machine: u16,
    /// speaks, dead, deaf, strange, or refuses.
    pub presence: &'static str,
    /// Its OS process, if it has said.
    pub pid: Option<u32>,
    /// The how-manieth start of the machine it is.
    pub incarnation: Option<u32>,
    /// How many ticks are done.
    pub ticks_done: Option<u64>,
    /// How many ticks are due by now.
    pub ticks_due: Option<u64>,
    /// How many ticks the trial asks for.
    pub ticks: u64,
    /// Its logical clock.
    pub logical_clock: Option<u64>,
}

impl Layer for Machines {
    fn number(&self) -> u32 {
        1
    }

    fn name(&self) -> &'static str {
        "machines"
    }

    fn judge(&self, heard: &Heard) -> Judgement {
        let silent = heard.testimonies.iter().filter_map(|testimony| {
            let silence = testimony.silence.as_ref()?;
            let address = heard.trial.spec(testimony.machine).address();
            Some(Problem::of_machine(testimony.machine, format!("{address} {silence}")))
        });
        let mut problems: Vec<Problem> = silent.collect();
        problems.extend(strays(heard));
        let machines = heard.testimonies.len();
        let speaking = machines - heard.testimonies.iter().filter(|t| t.silence.is_some()).count();
        Judgement {
            is_told: true,
            summary: format!("{speaking} of {machines} listen and speak"),
            problems,
            notes: returned(heard),
            figures: Figures::Machines(
                heard.testimonies.iter().map(|testimony| presence(heard, testimony)).collect(),
            ),
        }
    }
}

/// Machines of another run than most: the secret may be of both.
fn strays(heard: &Heard) -> Vec<Problem> {
    let run_of = |testimony: &Testimony| Some(testimony.first.as_ref()?.state.run.to_string());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for run in heard.testimonies.iter().filter_map(run_of) {
        *counts.entry(run).or_default() += 1;
    }
    let Some((common, _)) = counts.iter().max_by_key(|(_, count)| **count) else {
        return Vec::new();
    };
    let is_stray = |testimony: &&Testimony| run_of(testimony).is_some_and(|run| run != *common);
    let stray = heard.testimonies.iter().filter(is_stray);
    stray
        .map(|testimony| {
            let what = "it is of another run than most of the others; end it";
            Problem::of_machine(testimony.machine, what)
        })
        .collect()
}

fn returned(heard: &Heard) -> Vec<String> {
    let note = |testimony: &Testimony| {
        let incarnation = testimony.first.as_ref()?.state.incarnation;
        let machine = testimony.machine;
        (1 < incarnation).then(|| format!("machine {machine} came back: incarnation {incarnation}"))
    };
    heard.testimonies.iter().filter_map(note).collect()
}

fn presence(heard: &Heard, testimony: &Testimony) -> Presence {
    let machine = testimony.machine;
    let look = testimony.last.as_ref().or(testimony.first.as_ref());
    let state = look.map(|look| &look.state);
    let presence = match &testimony.silence {
        None => "speaks",
        Some(Silence::Dead(_)) => "dead",
        Some(Silence::Deaf(_)) => "deaf",
        Some(Silence::Strange(_)) => "strange",
        Some(Silence::Refused(_)) => "refuses",
    };
    let schedule = heard.trial.schedule(machine);
    let now = look.and_then(|look| look.model_time(Duration::ZERO));
    let end = ModelTime::end_of(heard.trial.duration_s);
    Presence {
        machine: machine.get(),
        presence,
        pid: state.map(|state| state.pid),
        incarnation: state.map(|state| state.incarnation),
        ticks_done: state.map(|state| state.done),
        ticks_due: now.map(|now| schedule.first_after(now.min(end)).0 - 1),
        ticks: schedule.ticks(),
        logical_clock: state.map(|state| state.clock.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::layer::testing::healthy;
    use crate::health::layer::{Finding, Verdict};

    fn find(heard: &Heard) -> Finding {
        Machines.find(heard)
    }

    #[test]
    fn machines_that_speak_are_healthy() {
        let finding = find(&healthy(3));
        assert_eq!(finding.verdict, Verdict::Healthy);
        assert_eq!(finding.summary, "3 of 3 listen and speak");
        let Figures::Machines(machines) = finding.figures else { panic!("no machines") };
        assert_eq!((machines[0].ticks_due, machines[0].ticks), (Some(60), 300));
    }

    #[test]
    fn a_machine_that_is_deaf_is_not_dead() {
        let mut heard = healthy(3);
        heard.testimonies[0].silence = Some(Silence::Deaf("nothing within 2 s".to_owned()));
        heard.testimonies[2].silence = Some(Silence::Dead("Connection refused".to_owned()));
        let finding = find(&heard);
        let told: Vec<_> = finding.problems.iter().map(Problem::to_string).collect();
        let expected = [
            "machine 1: 127.0.0.1:20001 listens and does not speak: nothing within 2 s",
            "machine 3: 127.0.0.1:20003 is not there: Connection refused",
        ];
        assert_eq!(told, expected);
        assert_eq!(finding.summary, "1 of 3 listen and speak");
    }

    #[test]
    fn a_machine_of_another_run_is_named() {
        let mut heard = healthy(3);
        heard.testimonies[1].first.as_mut().unwrap().state.run = "old".parse().unwrap();
        let finding = find(&heard);
        assert_eq!(finding.problems.len(), 1);
        assert_eq!(finding.problems[0].machine, Some(2));
    }

    #[test]
    fn a_machine_that_came_back_is_noted() {
        let mut heard = healthy(2);
        heard.testimonies[1].first.as_mut().unwrap().state.incarnation = 2;
        let finding = find(&heard);
        assert_eq!(finding.verdict, Verdict::Healthy);
        assert_eq!(finding.notes, ["machine 2 came back: incarnation 2"]);
    }
}
