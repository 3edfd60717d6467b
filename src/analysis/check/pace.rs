//! The rule `schedule`, as far as time goes: each tick at its model time, none early.
//!
//! At the real pace a machine reads one clock, which never runs backwards, so no tick begins before
//! the one before it, and only what is due is skipped. Lateness alone is never a violation. At the
//! virtual pace there is no clock: nothing is late.

use super::violation::Complaints;
use super::{Rule, event};
use crate::logbook::{Log, SystemTime};
use crate::model::{MachineId, Tick};
use crate::pace::{Pace, Speed};

/// Lateness is truncated to whole microseconds.
const TRUNCATION_NS: i128 = 1000;

pub(super) fn check(complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    for (machine, log) in history.present() {
        check_due(machine, log, complaints);
        match history.pace {
            Pace::Real(speed) => {
                check_clock(machine, log, speed, complaints);
                check_skips(machine, log, speed, complaints);
            }
            Pace::Virtual => check_timeless(machine, log, complaints),
        }
    }
}

fn check_due(machine: MachineId, log: &Log, complaints: &mut Complaints<'_>) {
    let schedule = complaints.history.schedule(machine);
    for (index, tick) in log.ticks.iter().enumerate() {
        let record = &tick.entry;
        if record.tick.0 == 0 || schedule.ticks() < record.tick.0 {
            let what = format!("tick {} is not in 1..={}", record.tick, schedule.ticks());
            complaints.at(Rule::Schedule, &[event(machine, index)], what);
            continue;
        }
        let due = schedule.due(record.tick);
        if record.model_time_us != due.micros() {
            let what = format!("tick {} is due at {due} s of model time", record.tick);
            complaints.at(Rule::Schedule, &[event(machine, index)], what);
        }
        if record.lateness_us < 0 {
            let early = record.lateness_us.unsigned_abs();
            let what = format!("tick {} ran {early} us before its due time", record.tick);
            complaints.at(Rule::Schedule, &[event(machine, index)], what);
        }
    }
}

/// When a tick began, in nanoseconds after the common start.
fn began(
    complaints: &Complaints<'_>,
    machine: MachineId,
    speed: Speed,
    (tick, lateness_us): (Tick, i64),
) -> i128 {
    let schedule = complaints.history.schedule(machine);
    let tick = Tick(tick.0.clamp(1, schedule.ticks()));
    let due = speed.wall_time(schedule.due(tick)).as_nanos();
    i128::try_from(due).unwrap_or(i128::MAX / 2) + i128::from(lateness_us) * 1000
}

/// No tick begins before the one before it. A machine that came back knows the common start by
/// another clock, or by a peer's word, so that its lateness is comparable from there on only.
fn check_clock(machine: MachineId, log: &Log, speed: Speed, complaints: &mut Complaints<'_>) {
    let mut before = i128::MIN / 2;
    for (index, tick) in log.ticks.iter().enumerate() {
        let record = &tick.entry;
        let now = began(complaints, machine, speed, (record.tick, record.lateness_us));
        if log.is_restarted_before(index) {
            before = i128::MIN / 2;
        }
        if now + TRUNCATION_NS < before && 0 <= record.lateness_us {
            let what = format!(
                "tick {} began {} us before the tick above it, by their lateness",
                record.tick,
                (before - now) / 1000
            );
            let events = [event(machine, index), event(machine, index - 1)];
            complaints.at(Rule::Schedule, &events, what);
        }
        before = now;
    }
}

/// Only ticks that are due are skipped.
fn check_skips(machine: MachineId, log: &Log, speed: Speed, complaints: &mut Complaints<'_>) {
    for skip in &log.skips {
        let record = &skip.entry;
        let now = began(complaints, machine, speed, (record.first, record.lateness_us));
        let last = began(complaints, machine, speed, (record.last, 0));
        if now + TRUNCATION_NS < last {
            let what = format!(
                "tick {} is skipped {} us before its due time",
                record.last,
                (last - now) / 1000
            );
            complaints.at_line(Rule::Schedule, log, skip.line, what);
        }
    }
}

/// Nothing in the log is by a clock.
fn check_timeless(machine: MachineId, log: &Log, complaints: &mut Complaints<'_>) {
    for (index, tick) in log.ticks.iter().enumerate() {
        let record = &tick.entry;
        let is_timeless = record.lateness_us == 0
            && record.system_time == SystemTime::since_1970(record.model_time_us);
        if !is_timeless {
            let what = "at the virtual pace system time is model time, and nothing is late";
            complaints.at(Rule::Schedule, &[event(machine, index)], what.to_owned());
        }
    }
    if log.start.is_some_and(|start| start != SystemTime(0)) {
        let what = "at the virtual pace the start is at 1970-01-01T00:00:00.000000Z".to_owned();
        // The start stands right above the column names, and these above the first tick.
        let line = log.ticks.first().map_or(1, |tick| tick.line.saturating_sub(2).max(1));
        complaints.at_line(Rule::Schedule, log, line, what);
    }
    let duration_s = complaints.history.trial.duration_s;
    let end_of_trial = SystemTime::since_1970(duration_s.saturating_mul(1_000_000));
    if let Some(end) = log.end.as_ref().filter(|end| end.entry.system_time != end_of_trial) {
        let what = format!("at the virtual pace the end is at {end_of_trial}");
        complaints.at_line(Rule::Schedule, log, end.line, what);
    }
}
