//! A machine that is killed and comes back: the workbench's side of a restart.
//!
//! The victim dies right after an entry, before any message of it has left. When it is back it
//! sends what its log tells of, its peers send again what it has not received, each when it has
//! connected anew, and it skips what it missed.

use std::collections::BTreeMap;

use scalemodel::logbook::{RestartRecord, SkipRecord};
use scalemodel::model::{Dice, MachineId, Tick};

use super::{DELAY_MAX_US, Setting, Workbench};
use crate::seams::{Memory, Parcel, Turn};
use crate::turns;

/// How long the victim is away, in microseconds.
const AWAY_US: u64 = 1_500_000;

/// The absence of the victim.
#[derive(Debug)]
pub(super) struct Away {
    back_at: u64,
    /// Its last turn before that.
    last: Turn,
    /// The messages of the event in which it died.
    unsent: Vec<Parcel>,
    /// The first turn that it missed, and the last tick.
    missed: Option<(Turn, Tick)>,
    is_back: bool,
}

impl Workbench<'_> {
    /// Whether the victim dies of the event that it has just recorded; what it had to send waits.
    pub(super) fn dies(&mut self, machine: MachineId, turn: Turn, unsent: Vec<Parcel>) -> bool {
        let is_due = 300_000 * self.trial.duration_s <= turn.now;
        let is_victim = machine == turns::victim(self.trial);
        let dies = self.setting == Setting::Restart && is_victim && is_due && self.away.is_none();
        if dies {
            let back_at = turn.now + AWAY_US;
            self.away = Some(Away { back_at, last: turn, unsent, missed: None, is_back: false });
        }
        dies
    }

    /// Whether a machine is away on its turn; it comes back before its first turn after that.
    pub(super) fn is_away(&mut self, machine: MachineId, turn: Turn) -> bool {
        let Some(away) = self.away.as_mut().filter(|away| !away.is_back) else { return false };
        if machine != turns::victim(self.trial) {
            return false;
        }
        if away.back_at <= turn.now {
            self.come_back();
            return false;
        }
        let first = away.missed.map_or(turn, |(first, _)| first);
        away.missed = Some((first, turn.tick));
        true
    }

    /// Brings the victim back, if it has not come back by itself.
    pub(super) fn come_back(&mut self) {
        let Some(away) = self.away.as_mut().filter(|away| !away.is_back) else { return };
        away.is_back = true;
        let (back_at, missed, unsent) = (away.back_at, away.missed, away.unsent.clone());
        let resent = Turn { now: back_at, ..away.last };
        let victim = turns::victim(self.trial);
        let station = &mut self.stations[victim.index()];
        let stream = self.seams.stream(victim);
        let mut memory = Memory {
            entry: Some(RestartRecord {
                incarnation: 2,
                cut_bytes: 0,
                system_time: turns::at(back_at),
            }),
            clock: station.clock,
            dice: station.dice.clone(),
            first_dice: Dice::new(self.trial.seed, stream),
            last_received: station.last_received,
            resent: std::mem::take(&mut station.coming),
            unsent,
            missed: missed.map(|(first, last)| (first.tick, last)),
        };
        self.seams.come_back(&mut memory);
        (station.clock, station.dice) = (memory.clock, memory.dice);
        station.noticed = 0;
        if let Some(entry) = memory.entry {
            station.log.restart(&entry).unwrap();
        }
        if let (Some((first, last)), Some((turn, _))) = (memory.missed, missed) {
            let lateness_us = i64::try_from(back_at - turn.model_time_us).unwrap();
            let record = SkipRecord { system_time: turns::at(back_at), first, last, lateness_us };
            station.ticks_skipped += record.count();
            station.log.skip(&record).unwrap();
        }
        self.send_again(victim, back_at, memory.resent);
        for parcel in memory.unsent {
            self.send(victim, resent, &[parcel.to], parcel.timestamp);
        }
    }

    /// The peers send again what the victim has not received, in the order of each channel.
    fn send_again(&mut self, victim: MachineId, back_at: u64, parcels: Vec<Parcel>) {
        let mut connected_at = BTreeMap::new();
        for peer in self.trial.peers(victim) {
            let at = back_at + u64::from(self.delays.roll(DELAY_MAX_US));
            let latest = self.latest.entry((peer, victim)).or_default();
            *latest = (*latest).max(at);
            connected_at.insert(peer, at);
        }
        for mut parcel in parcels {
            parcel.arrives_at = parcel.arrives_at.max(connected_at[&parcel.from]);
            self.stations[victim.index()].arrive(parcel);
        }
    }
}
