//! Statistics of one run: what the notebook's authors read off their plots by eye.
//!
//! `docs/model.md` gives every term and unit.

use serde::Serialize;

use super::history::{Channel, History};
use super::predict::{MachinePrediction, predict};
use crate::logbook::Log;
use crate::model::{MachineId, Tick};

/// The upper ends of the buckets of the histogram of jumps; the last bucket has none.
pub const JUMP_BUCKETS: [u64; 6] = [1, 2, 4, 8, 16, 32];

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
    /// Internal events.
    pub internal: u64,
    /// Send events; one to all peers is one event.
    pub sends: u64,
    /// Receives.
    pub receives: u64,
    /// The logical clock at the end.
    pub clock_end: u64,
    /// Mean jump, over all events.
    pub jump_mean: f64,
    /// Largest jump.
    pub jump_max: u64,
    /// How many jumps were 1, 2, 3..=4, 5..=8, 9..=16, 17..=32, more.
    pub jump_histogram: [u64; JUMP_BUCKETS.len() + 1],
    /// Mean queue length after a tick.
    pub queue_mean: f64,
    /// Largest queue length after a tick.
    pub queue_max: u64,
    /// Queue length at the end, late arrivals included.
    pub queue_end: u64,
    /// Mean waiting time of the messages received: receive minus send, in model seconds. At the
    /// real pace one may be negative: a late tick may receive what was sent after its due time.
    pub wait_mean_s: f64,
    /// Longest waiting time, in model seconds.
    pub wait_max_s: f64,
    /// Median lateness, in microseconds.
    pub lateness_median_us: i64,
    /// 99th percentile of the lateness, in microseconds.
    pub lateness_p99_us: i64,
    /// Largest lateness, in microseconds.
    pub lateness_max_us: i64,
    /// Fraction of the ticks done that received.
    pub busy: f64,
    /// The clock at the end, compared with the largest of all.
    pub clock_ratio: f64,
    /// What theory says of the machine, to be held against the figures above.
    pub predicted: MachinePrediction,
}

/// Measures one run.
#[must_use]
pub fn measure(history: &History) -> RunStats {
    let trial = &history.trial;
    let (drift_max, drift_end) = drift(history);
    let starts = history.present().filter_map(|(_, log)| Some(log.start?.0));
    let start_skew_us = match (starts.clone().min(), starts.max()) {
        (Some(first), Some(last)) => last - first,
        _ => 0,
    };
    RunStats {
        trial: trial.name.clone(),
        pace: history.pace.name(),
        seed: trial.seed.get(),
        draw_range: trial.draw_range.0,
        duration_s: trial.duration_s,
        drift_max,
        drift_end,
        start_skew_us,
        machines: machines_stats(history),
    }
}

fn machines_stats(history: &History) -> Vec<MachineStats> {
    let mut predictions = predict(&history.trial).machines.into_iter();
    let mut machines = Vec::new();
    for (machine, predicted) in history.trial.machine_ids().zip(&mut predictions) {
        let log = history.log(machine);
        machines.extend(log.map(|log| machine_stats(history, machine, log, predicted)));
    }
    let clock_max = machines.iter().map(|machine| machine.clock_end).max().unwrap_or(0).max(1);
    for machine in &mut machines {
        machine.clock_ratio = machine.clock_end as f64 / clock_max as f64;
    }
    machines
}

fn machine_stats(
    history: &History,
    machine: MachineId,
    log: &Log,
    predicted: MachinePrediction,
) -> MachineStats {
    let spec = history.trial.spec(machine);
    let records = || log.ticks.iter().map(|tick| &tick.entry);
    let count = |name| records().filter(|record| record.event.name() == name).count() as u64;
    let jumps = jumps(log);
    let waits = waits_s(history, machine);
    let mut lateness: Vec<i64> = records().map(|record| record.lateness_us).collect();
    lateness.sort_unstable();
    let last = log.ticks.last().map(|tick| &tick.entry);
    let left = log.end.as_ref().map(|end| end.entry.left.0.iter().map(|(_, count)| count).sum());
    MachineStats {
        machine: machine.get(),
        port: spec.port,
        clock_rate: spec.clock_rate.0,
        ticks_due: history.trial.schedule(machine).ticks(),
        ticks_done: log.ticks.len() as u64,
        ticks_skipped: log.skips.iter().map(|skip| skip.entry.count()).sum(),
        internal: count("internal"),
        sends: count("send"),
        receives: count("receive"),
        clock_end: last.map_or(0, |record| record.logical_clock.0),
        jump_mean: mean(jumps.iter().map(|jump| *jump as f64)),
        jump_max: jumps.iter().copied().max().unwrap_or(0),
        jump_histogram: histogram(&jumps),
        queue_mean: mean(records().map(|record| record.queue_len as f64)),
        queue_max: records().map(|record| record.queue_len).max().unwrap_or(0),
        queue_end: left.unwrap_or(last.map_or(0, |record| record.queue_len)),
        wait_mean_s: mean(waits.iter().copied()),
        wait_max_s: waits.iter().copied().reduce(f64::max).unwrap_or(0.0),
        lateness_median_us: percentile(&lateness, 50),
        lateness_p99_us: percentile(&lateness, 99),
        lateness_max_us: lateness.last().copied().unwrap_or(0),
        busy: count("receive") as f64 / (log.ticks.len().max(1)) as f64,
        clock_ratio: 1.0,
        predicted,
    }
}

/// The growth of the clock from each event to the next; the first event grows from 0.
fn jumps(log: &Log) -> Vec<u64> {
    let mut before = 0;
    let clocks = log.ticks.iter().map(|tick| tick.entry.logical_clock.0);
    clocks.map(|clock| clock.saturating_sub(std::mem::replace(&mut before, clock))).collect()
}

fn histogram(jumps: &[u64]) -> [u64; JUMP_BUCKETS.len() + 1] {
    let mut histogram = [0; JUMP_BUCKETS.len() + 1];
    for jump in jumps {
        histogram[JUMP_BUCKETS.partition_point(|end| end < jump)] += 1;
    }
    histogram
}

/// From send to receive, in model seconds, for every message that a machine received.
fn waits_s(history: &History, to: MachineId) -> Vec<f64> {
    let channels = history.channels.iter().filter(|channel| channel.to == to);
    let wait_s = |channel: &Channel, receive: usize, send: usize| {
        let time_us = |machine: MachineId, index: usize| {
            let log = history.log(machine)?;
            Some(log.ticks.get(index)?.entry.model_time_us as f64)
        };
        Some((time_us(to, receive)? - time_us(channel.from, send)?) / 1e6)
    };
    channels
        .flat_map(|channel| {
            channel.receives.iter().filter_map(move |(receive, delivery)| {
                wait_s(channel, *receive, channel.sends[delivery.send()?].0)
            })
        })
        .collect()
}

/// The spread between the machines' logical clocks: the largest at one model time, and the last.
fn drift(history: &History) -> (u64, u64) {
    let mut events: Vec<_> = history
        .present()
        .flat_map(|(machine, log)| {
            let schedule = history.trial.schedule(machine);
            log.ticks.iter().map(move |tick| {
                let number = Tick(tick.entry.tick.0.max(1));
                (schedule.due(number), machine, tick.entry.logical_clock.0)
            })
        })
        .collect();
    events.sort();
    let mut clocks = vec![0; history.trial.machines.len()];
    let (mut drift_max, mut drift_now) = (0, 0);
    let mut events = events.into_iter().peekable();
    while let Some((due, machine, clock)) = events.next() {
        clocks[machine.index()] = clock;
        // Events of one instant are one change.
        if events.peek().is_none_or(|(next, ..)| due < *next) {
            let present = history.present().map(|(machine, _)| clocks[machine.index()]);
            let (least, most) = (present.clone().min(), present.max());
            drift_now = most.unwrap_or(0) - least.unwrap_or(0);
            drift_max = drift_max.max(drift_now);
        }
    }
    (drift_max, drift_now)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}

/// The nearest-rank percentile of sorted values: the least value that at least so many per cent
/// of the values do not exceed. 0 if there are none.
fn percentile(sorted: &[i64], per_cent: usize) -> i64 {
    let rank = (sorted.len() * per_cent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
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
        assert_eq!(percentile(&[], 50), 0);
    }

    #[test]
    fn jumps_fall_into_their_buckets() {
        assert_eq!(histogram(&[1, 1, 2, 3, 4, 5, 32, 33, 900]), [2, 1, 2, 1, 0, 1, 2]);
    }
}
