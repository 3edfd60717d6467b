//! The turns of every machine: when each tick begins, and how late.
//!
//! At the virtual pace a turn begins at its due time, and instants are numbered in exact model
//! time. At the real pace a turn is late by chance, and a machine that stood still skips what it
//! missed; both are drawn from the trial's seed, so that a run repeats.

use scalemodel::logbook::SystemTime;
use scalemodel::model::{Absence, Dice, MachineId, ModelTime, Schedule, Seed, Stream, Tick};
use scalemodel::trial::Trial;

use crate::seams::Turn;
use crate::workbench::Setting;

/// 2026-11-22T12:00:00Z: when every run at the real pace begins.
pub(crate) const START: SystemTime = SystemTime(1_795_348_800_000_000);

/// A machine that stood still for longer skips what it missed.
const STANDSTILL_US: u64 = 2_500_000;

/// The turns of every machine, in the trial's order.
pub(crate) fn turns(trial: &Trial, setting: Setting) -> Vec<Vec<Turn>> {
    match setting {
        Setting::Virtual => virtual_turns(trial),
        Setting::Faults => unreachable!("these turns are those of each machine's own schedule"),
        Setting::Real | Setting::Kill | Setting::Restart => {
            trial.machine_ids().map(|machine| real_turns(trial, machine, None)).collect()
        }
        Setting::Standstill => {
            let victim = victim(trial);
            let from_us = 250_000 * trial.duration_s;
            let still = |machine| (machine == victim).then_some(from_us);
            trial.machine_ids().map(|machine| real_turns(trial, machine, still(machine))).collect()
        }
    }
}

/// The machine that is killed, comes back or stands still.
pub(crate) fn victim(trial: &Trial) -> MachineId {
    let machines = trial.machines.len() as u64;
    MachineId::at(usize::try_from(trial.seed.get() % machines).unwrap())
}

/// A random stream for what a network and an operating system do by chance.
pub(crate) fn chance(trial: &Trial, machine: MachineId) -> Dice {
    Dice::new(Seed::new(trial.seed.get() / 2 + 1).unwrap(), Stream::Phase(machine))
}

fn virtual_turns(trial: &Trial) -> Vec<Vec<Turn>> {
    let mut order: Vec<(ModelTime, MachineId, Tick)> = Vec::new();
    for machine in trial.machine_ids() {
        let schedule = trial.schedule(machine);
        let ticks = (1..=schedule.ticks()).map(Tick);
        order.extend(ticks.map(|tick| (schedule.due(tick), machine, tick)));
    }
    order.sort_unstable();
    let mut turns = vec![Vec::new(); trial.machines.len()];
    let (mut now, mut before) = (0, None);
    for (due, machine, tick) in order {
        now += u64::from(before.replace(due) != Some(due));
        let model_time_us = due.micros();
        let system_time = SystemTime::since_1970(model_time_us);
        turns[machine.index()].push(Turn {
            now,
            tick,
            skipped_to: None,
            model_time_us,
            system_time,
            lateness_us: 0,
        });
    }
    turns
}

/// An instant of a trial with faults: a time in millionths of microseconds. Two times that differ do
/// so by more than that, since clock rates are small numbers here.
pub(crate) fn instant(time: ModelTime) -> u64 {
    time.truncated_to(1_000_000_000_000)
}

/// The turns of a machine with this schedule and these absences, at the virtual pace.
pub(crate) fn turns_under_faults(schedule: &Schedule, absences: &[Absence]) -> Vec<Turn> {
    let ticks = (1..=schedule.ticks()).map(Tick);
    let is_there = |tick: &Tick| !absences.iter().any(|absence| absence.has(*tick));
    let turn = |tick| {
        let due = schedule.due(tick);
        let model_time_us = due.micros();
        Turn {
            now: instant(due),
            tick,
            skipped_to: None,
            model_time_us,
            system_time: SystemTime::since_1970(model_time_us),
            lateness_us: 0,
        }
    };
    ticks.filter(is_there).map(turn).collect()
}

fn real_turns(trial: &Trial, machine: MachineId, still_from_us: Option<u64>) -> Vec<Turn> {
    let schedule = trial.schedule(machine);
    let mut dice = chance(trial, machine);
    let mut turns = Vec::new();
    let (mut tick, mut free_at) = (Tick(1), 0);
    while tick.0 <= schedule.ticks() {
        let due = schedule.due(tick).micros();
        // Most ticks are late by little, some by more than a period.
        let bound = if dice.roll(9) == 1 { 700_000 } else { 900 };
        let mut now = free_at.max(due + u64::from(dice.roll(bound)));
        let mut skipped_to = None;
        if let Some(from) =
            still_from_us.filter(|from| (*from..from + STANDSTILL_US).contains(&due))
        {
            now = from + STANDSTILL_US;
            let missed = (tick.0..=schedule.ticks()).map(Tick);
            skipped_to = missed.take_while(|missed| schedule.due(*missed).micros() <= now).last();
        }
        turns.push(Turn {
            now,
            tick,
            skipped_to,
            model_time_us: due,
            system_time: at(now),
            lateness_us: i64::try_from(now - due).unwrap(),
        });
        tick = Tick(skipped_to.unwrap_or(tick).0 + 1);
        free_at = now + 1;
    }
    turns
}

/// The system time so many microseconds after the common start.
pub(crate) fn at(now_us: u64) -> SystemTime {
    SystemTime(START.0 + i64::try_from(now_us).unwrap())
}
