//! Probes that are under way, and what is answered to those of the peers.
//!
//! A probe travels as a message does: over the producer of its channel, behind what was sent before
//! it, struck by the faults of the trial, to the consumer thread of the peer, and its echo the same
//! way back. It is no message: it is in no queue and no log, and what faults do to it is drawn apart
//! from all that the trial draws.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Gauges;
use crate::logbook::SystemTime;
use crate::machine::channel::Channel;
use crate::machine::courier::Bell;
use crate::machine::wire::{BackLine, CheckupId, EchoLine, Line, ProbeId};
use crate::model::{Links, MachineId, ModelTime, Seed};
use crate::pace::Speed;
use crate::trial::Trial;
use crate::wall_clock;

/// So many may ask at one time.
const ASKERS_MAX: usize = 4;

/// So many probes of one checkup may be under way from one machine, or back and not told yet.
const UNDER_WAY_MAX: usize = 100_000;

/// What is asked about, and what is needed to answer.
#[derive(Debug)]
pub(in crate::machine) struct Examinee {
    pub(in crate::machine) own: MachineId,
    pub(in crate::machine) trial: Trial,
    pub(in crate::machine) speed: Speed,
    pub(in crate::machine) channels: Vec<Arc<Channel>>,
    pub(in crate::machine) bell: Bell,
    pub(in crate::machine) gauges: Gauges,
}

/// All checkups of a machine that go on.
#[derive(Debug)]
pub(in crate::machine) struct Checkups {
    pub(super) examinee: Examinee,
    under_way: Mutex<Vec<Checkup>>,
    /// What the faults of the trial do to probes; made when the first one leaves.
    links: Mutex<Option<Links>>,
}

/// One checkup, as one machine knows it.
#[derive(Debug)]
struct Checkup {
    id: CheckupId,
    /// When probes entered this machine, by number and peer; those that are not back.
    sent: BTreeMap<(u32, MachineId), Departure>,
    /// Probes that are back, and not told yet.
    back: Vec<BackLine>,
    /// How many probes have come from each peer.
    heard: BTreeMap<MachineId, u32>,
}

#[derive(Clone, Copy, Debug)]
struct Departure {
    at: Instant,
    system_time: SystemTime,
}

/// That somebody may ask; it ends the checkup on this machine when it is dropped.
#[derive(Debug)]
pub(in crate::machine) struct Pass<'a> {
    pub(super) checkups: &'a Checkups,
    pub(super) id: CheckupId,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.checkups.lock().retain(|checkup| checkup.id != self.id);
    }
}

impl Checkups {
    /// Nobody asks yet.
    pub(in crate::machine) fn new(examinee: Examinee) -> Self {
        Self { examinee, under_way: Mutex::default(), links: Mutex::default() }
    }

    /// What the tick loop shows.
    pub(in crate::machine) fn gauges(&self) -> &Gauges {
        &self.examinee.gauges
    }

    /// Begins a checkup, if there is room for one more.
    pub(in crate::machine) fn begin(&self, id: CheckupId) -> Result<Pass<'_>, String> {
        let mut under_way = self.lock();
        if under_way.iter().any(|checkup| checkup.id == id) {
            return Err(format!("checkup {id} goes on already"));
        }
        if ASKERS_MAX <= under_way.len() {
            return Err(format!("{ASKERS_MAX} ask already; ask again when they have heard"));
        }
        let (sent, back, heard) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        under_way.push(Checkup { id, sent, back, heard });
        Ok(Pass { checkups: self, id })
    }

    /// Takes a probe of a peer, and answers it.
    pub(in crate::machine) fn hear(&self, from: MachineId, probe: ProbeId, start: Option<Instant>) {
        let heard = wall_clock::system_time();
        if let Some(checkup) = self.lock().iter_mut().find(|other| other.id == probe.checkup) {
            *checkup.heard.entry(from).or_default() += 1;
        }
        let answered = wall_clock::system_time();
        self.post(from, Line::Echo(EchoLine { probe, heard, answered }), start);
    }

    /// Takes the answer of a peer. One that comes when nobody waits for it any more is let go.
    pub(in crate::machine) fn come_back(&self, peer: MachineId, echo: &EchoLine) {
        let now = wall_clock::now();
        let EchoLine { probe: ProbeId { checkup, number }, heard, answered } = *echo;
        let mut under_way = self.lock();
        let Some(checkup) = under_way.iter_mut().find(|other| other.id == checkup) else { return };
        let Some(departure) = checkup.sent.remove(&(number, peer)) else { return };
        // Both times are told by one clock, whoever sets it meanwhile.
        let Departure { at, system_time: sent } = departure;
        let travelled_us = wall_clock::micros(now.saturating_duration_since(at));
        let back = SystemTime(sent.0.saturating_add(travelled_us));
        checkup.back.push(BackLine { peer, number, sent, heard, answered, back });
    }

    /// Hands a line to the producer of a channel. What cannot be said there, since no connection
    /// stands or goodbye was said, or too much waits, is lost.
    fn post(&self, to: MachineId, line: Line, start: Option<Instant>) {
        let due = start.and_then(|start| self.due(to, start));
        let channels = &self.examinee.channels;
        let Some(channel) = channels.iter().find(|channel| channel.peer == to) else { return };
        let mut state = channel.lock();
        state.post_probe(line, due);
        state.pump();
        if state.is_stuck() || state.next_due().is_some() {
            self.examinee.bell.ring();
        }
    }

    /// When the faults of the trial let a probe out that leaves now; at once if they do not strike.
    fn due(&self, to: MachineId, start: Instant) -> Option<Instant> {
        let Examinee { own, trial, speed, gauges, .. } = &self.examinee;
        if trial.faults.is_empty() {
            return None;
        }
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if links.is_none() {
            // Not the trial's seed: what is drawn here must have no part in the run.
            *links = Some(Links::new(&trial.faults, Seed::from_entropy().ok()?));
        }
        let links = links.as_mut().filter(|links| links.are_struck(*own, to))?;
        let now = speed.model_ms(wall_clock::now().saturating_duration_since(start));
        let now = ModelTime::of_ms(now);
        let fate = links.send((*own, to), (gauges.next(), now));
        let released = fate.arrives_at.min(ModelTime::end_of(trial.duration_s));
        Some(start + speed.wall_time(released))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Checkup>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// Sends a probe to every peer.
    pub(super) fn send(&self, number: u32, start: Option<Instant>) -> Result<(), String> {
        let channels = self.checkups.examinee.channels.iter();
        channels.map(|channel| channel.peer).try_for_each(|peer| self.send_to(peer, number, start))
    }

    /// Sends a probe to one peer.
    pub(super) fn send_to(
        &self,
        peer: MachineId,
        number: u32,
        start: Option<Instant>,
    ) -> Result<(), String> {
        self.depart(number, peer)?;
        self.checkups.post(peer, Line::Probe(ProbeId { checkup: self.id, number }), start);
        Ok(())
    }

    fn depart(&self, number: u32, peer: MachineId) -> Result<(), String> {
        self.with(|checkup| {
            if UNDER_WAY_MAX <= checkup.sent.len() + checkup.back.len() {
                return Err(format!("{UNDER_WAY_MAX} probes are under way"));
            }
            let (at, system_time) = (wall_clock::now(), wall_clock::system_time());
            match checkup.sent.insert((number, peer), Departure { at, system_time }) {
                None => Ok(()),
                Some(_) => Err(format!("probe {number} is under way already")),
            }
        })
    }

    /// The probes that are back, and were not told yet.
    pub(super) fn take_back(&self) -> Vec<BackLine> {
        self.with(|checkup| std::mem::take(&mut checkup.back))
    }

    /// How many probes have come from a peer.
    pub(super) fn heard_of(&self, peer: MachineId) -> u32 {
        self.with(|checkup| checkup.heard.get(&peer).copied().unwrap_or(0))
    }

    fn with<T>(&self, then: impl FnOnce(&mut Checkup) -> T) -> T {
        let mut under_way = self.checkups.lock();
        let own = under_way.iter_mut().find(|checkup| checkup.id == self.id);
        then(own.expect("a checkup goes on for as long as its pass is there"))
    }
}
