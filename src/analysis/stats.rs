//! Statistics of one run: what the notebook's authors read off their plots by eye.
//!
//! `docs/model.md` gives every term and unit.

use serde::Serialize;

use super::history::{Channel, History};
use super::predict::{MachinePrediction, predict};
use super::tally::{DriftMeter, EventKind, MachineFigures, MachineTally, compare_clocks};
use crate::logbook::{Log, LoggedEvent};
use crate::model::{MachineId, ModelTime};

/// The statistics of one run.
#[derive(Clone, Debug, Serialize)]
pub struct RunStats {
    /// The trial's name.
    pub trial: String,
    /// The pace: real or virtual.
    pub pace: &'static str,
    /// The seed.
    pub seed: u64,
    /// The draw range.
    pub draw_range: u32,
    /// The duration, in model seconds.
    pub duration_s: u64,
    /// The largest spread between the machines' logical clocks at one model time.
    pub drift_max: u64,
    /// The spread at the end.
    pub drift_end: u64,
    /// The spread of the machines' common starts, in microseconds of system time.
    pub start_skew_us: i64,
    /// One entry a machine whose log is there.
    pub machines: Vec<MachineStats>,
}

/// The statistics of one machine.
#[derive(Clone, Debug, Serialize)]
pub struct MachineStats {
    /// The machine's number.
    pub machine: u16,
    /// Its port.
    pub port: u16,
    /// Ticks per second.
    pub clock_rate: u32,
    /// Ticks that the trial asks for: clock rate times duration.
    pub ticks_due: u64,
    /// Ticks done.
    pub ticks_done: u64,
    /// Ticks skipped.
    pub ticks_skipped: u64,
    /// What does not depend on the wall clock.
    #[serde(flatten)]
    pub figures: MachineFigures,
    /// Median lateness, in microseconds.
    pub lateness_median_us: i64,
    /// 99th percentile of the lateness, in microseconds.
    pub lateness_p99_us: i64,
    /// Largest lateness, in microseconds.
    pub lateness_max_us: i64,
    /// What is to be added to its system times to have them by machine 1's clock, in microseconds;
    /// none if it was not measured.
    pub clock_offset_us: Option<i64>,
    /// By so much that may be wrong, in microseconds.
    pub clock_offset_error_us: Option<u64>,
    /// What theory says of the machine, to be held against the figures above.
    pub predicted: MachinePrediction,
}

/// Measures one run.
#[must_use]
pub fn measure(history: &History) -> RunStats {
    let trial = &history.trial;
    let drift = drift(history);
    let starts = history.present().filter_map(|(_, log)| Some(log.start?.0));
    let start_skew_us = match (starts.clone().min(), starts.max()) {
        (Some(first), Some(last)) => last - first,
        _ => 0,
    };
    let mut predictions = predict(trial).machines.into_iter();
    let mut machines = Vec::new();
    for (machine, predicted) in trial.machine_ids().zip(&mut predictions) {
        let log = history.log(machine);
        machines.extend(log.map(|log| machine_stats(history, machine, log, predicted)));
    }
    compare_clocks(machines.iter_mut().map(|machine| &mut machine.figures));
    RunStats {
        trial: trial.name.clone(),
        pace: history.pace.name(),
        seed: trial.seed.get(),
        draw_range: trial.draw_range.0,
        duration_s: trial.duration_s,
        drift_max: drift.drift_max(),
        drift_end: drift.drift(),
        start_skew_us,
        machines,
    }
}

fn machine_stats(
    history: &History,
    machine: MachineId,
    log: &Log,
    predicted: MachinePrediction,
) -> MachineStats {
    let spec = history.trial.spec(machine);
    let left = log.end.as_ref().map(|end| end.entry.left.0.iter().map(|(_, count)| count).sum());
    let mut lateness: Vec<i64> = log.ticks.iter().map(|tick| tick.entry.lateness_us).collect();
    lateness.sort_unstable();
    MachineStats {
        machine: machine.get(),
        port: spec.port,
        clock_rate: spec.clock_rate.0,
        ticks_due: history.schedule(machine).ticks(),
        ticks_done: log.ticks.len() as u64,
        ticks_skipped: log.skips.iter().map(|skip| skip.entry.count()).sum(),
        figures: tally(history, machine, log).figures(left),
        lateness_median_us: percentile(&lateness, 50),
        lateness_p99_us: percentile(&lateness, 99),
        lateness_max_us: lateness.last().copied().unwrap_or(0),
        clock_offset_us: log.clock_offset.map(|offset| offset.offset_us),
        clock_offset_error_us: log.clock_offset.map(|offset| offset.error_us),
        predicted,
    }
}

fn tally(history: &History, machine: MachineId, log: &Log) -> MachineTally {
    let mut tally = MachineTally::default();
    for tick in &log.ticks {
        let kind = match tick.entry.event {
            LoggedEvent::Internal => EventKind::Internal,
            LoggedEvent::Send(_) => EventKind::Send,
            LoggedEvent::Receive { .. } => EventKind::Receive,
        };
        tally.tick(kind, tick.entry.logical_clock.0, tick.entry.queue_len);
    }
    for wait_s in waits_s(history, machine) {
        tally.wait(wait_s);
    }
    tally
}

/// From send to receive, in model seconds, for every message that a machine received, in the order
/// of the receives.
fn waits_s(history: &History, to: MachineId) -> Vec<f64> {
    let time_us = |machine: MachineId, index: usize| {
        Some(history.log(machine)?.ticks.get(index)?.entry.model_time_us)
    };
    let wait_s = |channel: &Channel, receive: usize, send: usize| {
        Some(wait_s(time_us(channel.from, send)?, time_us(to, receive)?))
    };
    let mut waits: Vec<(usize, f64)> = history
        .channels_to(to)
        .flat_map(|channel| {
            channel.receives.iter().filter_map(move |(receive, delivery)| {
                let send = channel.sends[delivery.send()?].0;
                Some((*receive, wait_s(channel, *receive, send)?))
            })
        })
        .collect();
    waits.sort_by_key(|(receive, _)| *receive);
    waits.into_iter().map(|(_, wait_s)| wait_s).collect()
}

/// The waiting time between two points of model time, in seconds.
#[must_use]
pub fn wait_s(sent_us: u64, received_us: u64) -> f64 {
    (received_us as f64 - sent_us as f64) / 1e6
}

/// The clocks of all machines after every tick, in the order of due times.
#[must_use]
pub fn clocks_in_order(history: &History) -> Vec<(ModelTime, MachineId, u64)> {
    let mut clocks: Vec<_> = history
        .present()
        .flat_map(|(machine, log)| {
            let schedule = history.schedule(machine);
            log.ticks.iter().map(move |tick| {
                (schedule.due(tick.entry.tick), machine, tick.entry.logical_clock.0)
            })
        })
        .collect();
    clocks.sort_unstable();
    clocks
}

/// Follows the machines' clocks in the order of due times.
fn drift(history: &History) -> DriftMeter {
    let mut meter = DriftMeter::new(history.present().map(|(machine, _)| machine));
    let mut before = None;
    for (due, machine, clock) in clocks_in_order(history) {
        meter.tick(machine, clock, before.replace(due) == Some(due));
    }
    meter
}

/// The nearest-rank percentile of sorted values: the least value that at least so many per cent
/// of the values do not exceed. The default if there are none.
pub(super) fn percentile<T: Copy + Default>(sorted: &[T], per_cent: usize) -> T {
    let rank = (sorted.len() * per_cent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let values: Vec<i64> = (1..=200).collect();
        assert_eq!(percentile(&values, 50), 100);
        assert_eq!(percentile(&values, 99), 198);
        assert_eq!(percentile(&[7], 99), 7);
        assert_eq!(percentile::<i64>(&[], 50), 0);
    }
}
