//! What came of asking: what each machine said, which probes came back, and who said nothing.

use std::fmt;
use std::time::Duration;

use super::question::Question;
use crate::machine::wire::{BackLine, ChannelLine, Standing, StateLine};
use crate::model::{MachineId, ModelTime};
use crate::trial::Trial;

/// All that was heard in one checkup.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The trial that is run.
    pub trial: Trial,
    /// What was asked.
    pub question: Question,
    /// What each machine said, in the trial's order.
    pub testimonies: Vec<Testimony>,
}

/// What one machine said.
#[derive(Clone, Debug)]
pub struct Testimony {
    /// The machine.
    pub machine: MachineId,
    /// What it said at the beginning of an earlier checkup, if there was one.
    pub earlier: Option<Look>,
    /// What it said at the beginning.
    pub first: Option<Look>,
    /// What it said at the end.
    pub last: Option<Look>,
    /// Why it said no more, or nothing at all.
    pub silence: Option<Silence>,
    /// How long after its first words it fell silent.
    pub silent_after: Duration,
    /// How many probes it was told to send to each of its peers.
    pub sent: u32,
    /// The probes that came back to it.
    pub back: Vec<BackLine>,
}

/// What a machine says when it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// How it is itself.
    pub state: StateLine,
    /// How its channels are, one line a peer.
    pub channels: Vec<ChannelLine>,
}

/// Why a machine says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Nobody listens at its port.
    Dead(String),
    /// Somebody listens, and says nothing: it stands still, or is far too busy.
    Deaf(String),
    /// Whoever holds the port does not know the secret of the run.
    Strange(String),
    /// The machine has proved itself, and does not want to be asked.
    Refused(String),
}

impl fmt::Display for Silence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dead(why) => write!(formatter, "is not there: {why}"),
            Self::Deaf(why) => write!(formatter, "listens and does not speak: {why}"),
            Self::Strange(why) => write!(formatter, "another program holds its port: {why}"),
            Self::Refused(why) => write!(formatter, "does not answer: {why}"),
        }
    }
}

impl Look {
    /// What the machine says of its channels with a peer.
    #[must_use]
    pub fn channel(&self, peer: MachineId) -> Option<&ChannelLine> {
        self.channels.iter().find(|channel| channel.peer == peer)
    }

    /// How many messages have come, from all peers together.
    #[must_use]
    pub fn arrivals(&self) -> u64 {
        self.channels.iter().map(|channel| channel.accepted).sum()
    }

    /// How far the run was so long after the look, in model time; nothing before the common start.
    #[must_use]
    pub fn model_time(&self, later: Duration) -> Option<ModelTime> {
        let progress = self.state.progress?;
        let elapsed = Duration::from_micros(u64::try_from(progress.elapsed_us).ok()?);
        Some(ModelTime::of_ms(progress.speed.model_ms(elapsed + later)))
    }
}

impl Testimony {
    /// Nothing was said yet.
    #[must_use]
    pub fn new(machine: MachineId) -> Self {
        Self {
            machine,
            earlier: None,
            first: None,
            last: None,
            silence: None,
            silent_after: Duration::ZERO,
            sent: 0,
            back: Vec::new(),
        }
    }

    /// What the machine said at the end, if it spoke until then.
    #[must_use]
    pub fn final_look(&self) -> Option<&Look> {
        self.last.as_ref().filter(|_| self.silence.is_none())
    }
}

impl Heard {
    /// What a machine said.
    #[must_use]
    pub fn of(&self, machine: MachineId) -> &Testimony {
        &self.testimonies[machine.index()]
    }

    /// Every channel of the trial, by sender, then receiver.
    #[must_use]
    pub fn channels(&self) -> Vec<(MachineId, MachineId)> {
        let mut channels: Vec<_> = self
            .trial
            .machine_ids()
            .flat_map(|from| self.trial.peers(from).into_iter().map(move |to| (from, to)))
            .collect();
        channels.sort_unstable();
        channels
    }

    /// How a channel is, as its sender and as its receiver say at the end.
    #[must_use]
    pub fn ends(&self, from: MachineId, to: MachineId) -> [Option<Standing>; 2] {
        let line = |own, peer| self.of(own).final_look().and_then(|look| look.channel(peer));
        [line(from, to).map(|line| line.out), line(to, from).map(|line| line.back)]
    }

    /// Whether the sender of a channel has said goodbye on it.
    #[must_use]
    pub fn is_over(&self, from: MachineId, to: MachineId) -> bool {
        self.ends(from, to).contains(&Some(Standing::Over))
    }

    /// Why nothing can be said of the run; nothing if something can.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        if let Some(ended) = self.testimonies.iter().find(|testimony| self.has_ended(testimony)) {
            let machine = ended.machine;
            return Some(format!("machine {machine} came to its end while the run was asked"));
        }
        let has_said = |testimony: &Testimony| {
            testimony.first.is_some() || matches!(testimony.silence, Some(Silence::Deaf(_)))
        };
        if self.testimonies.iter().any(has_said) {
            return None;
        }
        Some(format!("no machine answers, so the run is over or not begun: {}", self.silences()))
    }

    /// Whether a machine went away when the end of the trial had come.
    fn has_ended(&self, testimony: &Testimony) -> bool {
        let end = ModelTime::end_of(self.trial.duration_s);
        let left = matches!(testimony.silence, Some(Silence::Dead(_)));
        let time =
            testimony.first.as_ref().and_then(|look| look.model_time(testimony.silent_after));
        left && time.is_some_and(|time| end <= time)
    }

    /// Who is silent, and why: the first three.
    fn silences(&self) -> String {
        const SHOWN_MAX: usize = 3;
        let silent = self.testimonies.iter().filter_map(|testimony| {
            let address = self.trial.spec(testimony.machine).address();
            Some(format!(
                "machine {} ({address}) {}",
                testimony.machine,
                testimony.silence.as_ref()?
            ))
        });
        let silent: Vec<String> = silent.collect();
        let more = silent.len().saturating_sub(SHOWN_MAX);
        let shown = silent[..silent.len().min(SHOWN_MAX)].join("; ");
        if more == 0 { shown } else { format!("{shown}; and {more} more") }
    }
}
