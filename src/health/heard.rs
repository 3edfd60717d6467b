//! What came of asking: what each machine said, which probes came back, and who said nothing.

use std::fmt;
use std::time::Duration;

use super::question::Question;
use crate::machine::wire::{BackLine, ChannelLine, Standing, StateLine};
use crate::model::{MachineId, ModelTime, Tick};
use crate::trial::Trial;

/// The common start is not the same instant on every machine, and to go away takes a moment.
const END_SLACK: Duration = Duration::from_millis(250);

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
    /// When it was first looked at, from the beginning of the checkup.
    pub first_at: Duration,
    /// When it fell silent, from the beginning of the checkup; zero if it did not.
    pub silent_at: Duration,
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
            first_at: Duration::ZERO,
            silent_at: Duration::ZERO,
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

    /// Every channel on which there is a connection, by sender, then receiver.
    #[must_use]
    pub fn channels(&self) -> Vec<(MachineId, MachineId)> {
        let mut channels: Vec<_> = self
            .trial
            .machine_ids()
            .flat_map(|from| self.trial.contacts(from).into_iter().map(move |to| (from, to)))
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

    /// Whether one of two peers has said goodbye to the other: no probe comes back then.
    #[must_use]
    pub fn have_parted(&self, one: MachineId, other: MachineId) -> bool {
        self.is_over(one, other) || self.is_over(other, one)
    }

    /// Whether a machine has no tick left, as it says in a look.
    #[must_use]
    pub fn has_ticked_to_the_end(&self, machine: MachineId, look: &Look) -> bool {
        self.trial.schedule(machine).ticks() < look.state.next.0
    }

    /// Why nothing can be said of the run; nothing if something can.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        if let Some(ended) = self.testimonies.iter().find(|testimony| self.has_ended(testimony)) {
            let machine = ended.machine;
            return Some(format!("machine {machine} came to its end while the run was asked"));
        }
        if self.is_closing() {
            return Some("the run came to its end while it was asked".to_owned());
        }
        let has_said = |testimony: &Testimony| {
            testimony.first.is_some() || matches!(testimony.silence, Some(Silence::Deaf(_)))
        };
        if self.testimonies.iter().any(has_said) {
            return None;
        }
        Some(format!("no machine answers, so the run is over or not begun: {}", self.silences()))
    }

    /// Whether all machines are still there, and have nothing left to do but to take their leave.
    fn is_closing(&self) -> bool {
        self.testimonies.iter().all(|testimony| testimony.final_look().is_some())
            && (self.have_all_ticked() || self.have_all_parted())
    }

    /// Whether every tick is done, and nobody waits for the goodbye of a peer that is cut off.
    fn have_all_ticked(&self) -> bool {
        self.testimonies.iter().all(|testimony| {
            testimony.final_look().is_some_and(|look| {
                self.has_ticked_to_the_end(testimony.machine, look)
                    && look.channels.iter().all(|line| line.back != Standing::Broken)
            })
        })
    }

    /// Whether of any two peers one has said goodbye.
    fn have_all_parted(&self) -> bool {
        let channels = self.channels();
        !channels.is_empty() && channels.iter().all(|&(from, to)| self.have_parted(from, to))
    }

    /// Whether a machine went away when the last tick of the trial was over, or nearly so. Whoever
    /// spoke tells what time it was.
    fn has_ended(&self, testimony: &Testimony) -> bool {
        if !matches!(testimony.silence, Some(Silence::Dead(_))) || self.is_missed(testimony.machine)
        {
            return false;
        }
        let times = self.testimonies.iter().filter_map(|witness| {
            let later = testimony.silent_at.saturating_sub(witness.first_at);
            witness.first.as_ref()?.model_time(later + END_SLACK)
        });
        times.max().is_some_and(|time| self.last_tick() <= time)
    }

    /// Whether some machine has lost its connection from another without a goodbye: whoever comes to
    /// its end waits until its goodbye is heard.
    fn is_missed(&self, machine: MachineId) -> bool {
        let looks = self.testimonies.iter().flat_map(|other| [&other.first, &other.last]);
        let mut lines = looks.flatten().filter_map(|look| look.channel(machine));
        lines.any(|line| line.back == Standing::Broken)
    }

    /// When the last tick of the trial is due.
    fn last_tick(&self) -> ModelTime {
        let last = self.trial.machine_ids().map(|machine| {
            let schedule = self.trial.schedule(machine);
            schedule.due(Tick(schedule.ticks().max(1)))
        });
        last.max().unwrap_or(ModelTime::end_of(self.trial.duration_s))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::layer::testing::healthy;

    fn dead() -> Option<Silence> {
        Some(Silence::Dead("Connection refused".to_owned()))
    }

    /// Two machines of a minute, of which the second went away after so many seconds.
    fn left_after(seconds: u64) -> Heard {
        let mut heard = healthy(2);
        let testimony = &mut heard.testimonies[1];
        // The first look was at 10 s.
        testimony.silent_at = Duration::from_secs(seconds - 10);
        testimony.silence = dead();
        heard
    }

    #[test]
    fn a_machine_that_goes_away_has_died_unless_the_trial_is_over() {
        assert_eq!(left_after(59).obstacle(), None);
        let expected = "machine 2 came to its end while the run was asked";
        assert_eq!(left_after(60).obstacle().as_deref(), Some(expected));
    }

    #[test]
    fn a_machine_that_is_gone_at_the_end_has_come_to_its_end() {
        let mut heard = left_after(60);
        heard.testimonies[1].first = None;
        assert!(heard.obstacle().is_some(), "machine 1 has spoken 50 seconds before");
        heard.testimonies[1].silent_at = Duration::ZERO;
        assert_eq!(heard.obstacle(), None, "ten seconds have passed, as machine 1 says");
        first_of(&mut heard).state.progress.as_mut().unwrap().elapsed_us = 60_000_000;
        assert!(heard.obstacle().is_some());
        // Nobody heard its goodbye: it has died before, and machine 1 waits for it.
        first_of(&mut heard).channels[0].back = Standing::Broken;
        assert_eq!(heard.obstacle(), None);
    }

    #[test]
    fn where_no_tick_is_left_or_all_have_said_goodbye_the_run_is_at_its_end() {
        let expected = Some("the run came to its end while it was asked".to_owned());
        let mut ticked = healthy(2);
        for (place, testimony) in ticked.testimonies.iter_mut().enumerate() {
            let last = testimony.last.as_mut().unwrap();
            last.state.next = Tick(301);
            last.channels[0].back = [Standing::Stands, Standing::Broken][place];
        }
        assert_eq!(ticked.obstacle(), None, "somebody waits for a channel that is broken");
        last_of(&mut ticked, 2).channels[0].back = Standing::Stands;
        assert_eq!(ticked.obstacle(), expected);
        last_of(&mut ticked, 1).state.next = Tick(300);
        assert_eq!(ticked.obstacle(), None, "machine 1 has a tick left");

        let mut over = healthy(3);
        for line in &mut last_of(&mut over, 2).channels {
            line.out = Standing::Over;
        }
        assert_eq!(over.obstacle(), None, "two machines go on");
        last_of(&mut over, 3).channels[0].out = Standing::Over;
        assert_eq!(over.obstacle(), expected);
        over.testimonies[0].silence = dead();
        assert_eq!(over.obstacle(), None, "machine 1 is gone long before its end");
    }

    /// What a machine said at the end.
    fn last_of(heard: &mut Heard, machine: usize) -> &mut Look {
        heard.testimonies[machine - 1].last.as_mut().unwrap()
    }

    /// What machine 1 said at the beginning.
    fn first_of(heard: &mut Heard) -> &mut Look {
        heard.testimonies[0].first.as_mut().unwrap()
    }

    #[test]
    fn where_nobody_answers_there_is_no_run() {
        let mut heard = healthy(5);
        for testimony in &mut heard.testimonies {
            (testimony.first, testimony.last, testimony.silence) = (None, None, dead());
        }
        let why = heard.obstacle().unwrap();
        let expected = "no machine answers, so the run is over or not begun: machine 1 \
                        (127.0.0.1:20001) is not there: Connection refused; ";
        assert!(why.starts_with(expected) && why.ends_with("; and 2 more"), "{why}");
        heard.testimonies[3].silence = Some(Silence::Deaf("nothing within 2 s".to_owned()));
        assert_eq!(heard.obstacle(), None, "somebody listens");
    }
}
