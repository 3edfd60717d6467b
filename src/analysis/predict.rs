//! What theory says of a trial, before it runs. `docs/theory.md` derives every formula.
//!
//! A machine that receives cannot send, so busy machines slow the traffic down. With rho_j the
//! fraction of ticks on which machine j receives, messages arrive at machine i at the rate
//!
//! > lambda_i = sum over the peers j of i of r_j (1 - rho_j) 2/R, with rho_i = min(1, lambda_i / r_i),
//!
//! because on a free tick two of the R numbers address a given peer: its own, and the one for all.
//! The queue of a machine is then a Brownian motion with drift lambda - r, reflected at 0. What the
//! faults of a trial do is left out.

use serde::Serialize;

use crate::model::MachineId;
use crate::trial::Trial;

/// What theory says of a trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// One entry a machine.
    pub machines: Vec<MachinePrediction>,
}

/// What theory says of one machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MachinePrediction {
    /// The machine's number.
    pub machine: u16,
    /// Ticks per second.
    pub clock_rate: u32,
    /// lambda: messages that arrive in a second.
    pub arrivals_per_s: f64,
    /// rho: the fraction of ticks that receive.
    pub busy: f64,
    /// Whether the machine keeps up.
    pub load: Load,
    /// Growth of the queue, in messages a second; 0 if the machine keeps up.
    pub queue_growth_per_s: f64,
    /// Mean length of the queue at the end.
    pub queue_end_mean: f64,
    /// The queue at the end is shorter than this in one run of twenty.
    pub queue_end_p5: f64,
    /// The queue at the end is longer than this in one run of twenty.
    pub queue_end_p95: f64,
    /// Growth of the logical clock, a second, at least: the machine's own clock rate, or that of the
    /// peer whose clock grows fastest; r / lambda of that, if the machine is overloaded.
    pub clock_growth_per_s: f64,
    /// The clock at the end, compared with the one that grows fastest.
    pub clock_ratio: f64,
    /// How old the message is that the machine handles at the end, in seconds.
    pub lag_end_s: f64,
}

/// Whether a machine keeps up with its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Load {
    /// The queue is emptied again and again.
    KeepsUp,
    /// Chance decides: over this duration the spread of the queue exceeds twice its drift, and the
    /// mean misleads.
    NearCritical,
    /// The queue grows without end.
    Overloaded,
}

impl Load {
    /// The load in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::KeepsUp => "keeps up",
            Self::NearCritical => "near critical",
            Self::Overloaded => "overloaded",
        }
    }
}

/// Predicts a trial.
#[must_use]
pub fn predict(trial: &Trial) -> Prediction {
    let rates: Vec<f64> =
        trial.machines.iter().map(|machine| f64::from(machine.clock_rate.0)).collect();
    let address = 2.0 / f64::from(trial.draw_range.0);
    let peers: Vec<Vec<MachineId>> = trial.machine_ids().map(|id| trial.peers(id)).collect();
    let arrivals = arrivals_per_s(&rates, &peers, address);
    let growths = clock_growths_per_s(&rates, &arrivals, &peers);
    let fastest = growths.iter().copied().fold(0.0, f64::max);
    let duration_s = trial.duration_s as f64;
    let machines = trial.machine_ids().map(|machine| {
        let (rate, lambda) = (rates[machine.index()], arrivals[machine.index()]);
        let queue = ReflectedBrownian {
            drift: (lambda - rate) * duration_s,
            deviation: (lambda * (1.0 - address) * duration_s).sqrt(),
        };
        let growth = growths[machine.index()];
        MachinePrediction {
            machine: machine.get(),
            clock_rate: trial.spec(machine).clock_rate.0,
            arrivals_per_s: lambda,
            busy: (lambda / rate).min(1.0),
            load: queue.load(),
            queue_growth_per_s: (lambda - rate).max(0.0),
            queue_end_mean: queue.mean(),
            queue_end_p5: queue.quantile(0.05),
            queue_end_p95: queue.quantile(0.95),
            clock_growth_per_s: growth,
            clock_ratio: growth / fastest,
            lag_end_s: duration_s * (1.0 - pace_of_handling(rate, lambda)),
        }
    });
    Prediction { machines: machines.collect() }
}

/// Solves the fixed point of the module's first formula, by damped iteration from idle machines.
fn arrivals_per_s(rates: &[f64], peers: &[Vec<MachineId>], address: f64) -> Vec<f64> {
    const ROUNDS_MAX: usize = 100_000;
    const PRECISION: f64 = 1e-12;
    let mut arrivals = vec![0.0; rates.len()];
    for _ in 0..ROUNDS_MAX {
        let free = rates.iter().zip(&arrivals).map(|(rate, lambda)| (rate - lambda).max(0.0));
        let free: Vec<f64> = free.collect();
        let mut change: f64 = 0.0;
        for (lambda, peers) in arrivals.iter_mut().zip(peers) {
            let sent: f64 = peers.iter().map(|peer| free[peer.index()]).sum();
            let next = 0.5 * *lambda + 0.5 * address * sent;
            change = change.max((next - *lambda).abs());
            *lambda = next;
        }
        if change < PRECISION {
            break;
        }
    }
    arrivals
}

/// How far a machine gets with its messages while a second passes: an overloaded machine handles
/// at time t the message that was sent at t r / lambda.
fn pace_of_handling(rate: f64, lambda: f64) -> f64 {
    (rate / lambda).min(1.0)
}

/// How fast each logical clock grows, at least: by its own ticks, or by what it hears from its
/// peers, if they send at all. What one machine learns, its peers learn from it in turn.
fn clock_growths_per_s(rates: &[f64], arrivals: &[f64], peers: &[Vec<MachineId>]) -> Vec<f64> {
    let mut growths = rates.to_vec();
    loop {
        let mut has_changed = false;
        for (machine, peers) in peers.iter().enumerate() {
            let sends = |peer: &&MachineId| arrivals[peer.index()] < rates[peer.index()];
            let heard = peers.iter().filter(sends).map(|peer| growths[peer.index()]);
            let heard = heard.fold(0.0, f64::max);
            let growth = heard * pace_of_handling(rates[machine], arrivals[machine]);
            if growths[machine] < growth {
                (growths[machine], has_changed) = (growth, true);
            }
        }
        if !has_changed {
            return growths;
        }
    }
}

/// A Brownian motion that starts at 0 and is reflected there, at one point of time.
#[derive(Clone, Copy, Debug)]
struct ReflectedBrownian {
    /// How far the free motion has drifted.
    drift: f64,
    /// The standard deviation of the free motion.
    deviation: f64,
}

impl ReflectedBrownian {
    fn load(self) -> Load {
        if self.drift.abs() < 2.0 * self.deviation && -self.deviation < self.drift {
            Load::NearCritical
        } else if 0.0 < self.drift {
            Load::Overloaded
        } else {
            Load::KeepsUp
        }
    }

    /// The probability of a value of at most `x`: J. M. Harrison, "Brownian Motion and Stochastic
    /// Flow Systems", 1985, section 1.8.
    fn at_most(self, x: f64) -> f64 {
        let Self { drift, deviation } = self;
        if deviation == 0.0 {
            return if drift.max(0.0) <= x { 1.0 } else { 0.0 };
        }
        let reflected = (-x - drift) / deviation;
        // exp grows as the tail shrinks; where the tail is nothing, so is their product.
        let tail = normal(reflected);
        let image = if tail == 0.0 {
            0.0
        } else {
            libm::exp(2.0 * drift * x / (deviation * deviation)) * tail
        };
        (normal((x - drift) / deviation) - image).clamp(0.0, 1.0)
    }

    fn quantile(self, probability: f64) -> f64 {
        let (mut low, mut high) = (0.0, self.drift.max(0.0) + 10.0 * self.deviation + 1.0);
        if probability <= self.at_most(0.0) {
            return 0.0;
        }
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.at_most(middle) < probability { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    /// The mean: the integral of the probability of more than x over all x, by parts.
    fn mean(self) -> f64 {
        let Self { drift, deviation } = self;
        if deviation == 0.0 {
            return drift.max(0.0);
        }
        let ratio = drift / deviation;
        // The last term is 0 / 0 without a drift, where it tends to the density.
        let image = if ratio.abs() < 1e-6 {
            deviation * density(ratio)
        } else {
            deviation / (2.0 * ratio) * (2.0 * normal(ratio) - 1.0)
        };
        drift * normal(ratio) + deviation * density(ratio) + image
    }
}

/// The density of the standard normal.
fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) / libm::sqrt(2.0 * std::f64::consts::PI)
}

/// The distribution function of the standard normal.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClockRate, Dice, DrawRange, Phase, Seed, Shape, Stream};
    use crate::trial::MachineSpec;

    fn prediction(rates: &[u32], draw_range: u32) -> Prediction {
        prediction_of(rates, draw_range, Shape::FullMesh)
    }

    fn prediction_of(rates: &[u32], draw_range: u32, shape: Shape) -> Prediction {
        let seed = Seed::new(1).unwrap();
        let machines = rates.iter().zip(20_001..).map(|(rate, port)| MachineSpec {
            host: "127.0.0.1".parse().unwrap(),
            port,
            clock_rate: ClockRate(*rate),
            phase: Phase(1),
        });
        predict(&Trial {
            name: "x".to_owned(),
            duration_s: 60,
            draw_range: DrawRange(draw_range),
            seed,
            machines: machines.collect(),
            faults: Vec::new(),
            durability: crate::trial::Durability::Process,
            topology: shape.topology(rates.len(), &mut Dice::new(seed, Stream::Topology)),
        })
    }

    fn is_close(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
    }

    #[test]
    fn a_slow_machine_between_two_fast_ones_gets_less_than_two_a_second() {
        let slow = &prediction(&[5, 1, 5], 10).machines[1];
        is_close(slow.arrivals_per_s, 5.0 / 3.0, 1e-9);
        is_close(slow.queue_growth_per_s * 60.0, 40.0, 1e-6);
        // The reflection at 0 adds one message to the drift; simulated over many seeds: 41.1.
        is_close(slow.queue_end_mean, 41.1, 0.2);
        assert_eq!(slow.load, Load::Overloaded);
        is_close(slow.clock_ratio, 0.6, 1e-9);
    }

    #[test]
    fn more_messages_leave_it_farther_behind() {
        let slow = &prediction(&[6, 6, 1], 5).machines[2];
        is_close(slow.queue_end_mean, 146.0, 0.5);
        is_close(slow.clock_ratio, 0.29, 0.005);
    }

    #[test]
    fn on_a_ring_lags_add_up_from_neighbour_to_neighbour() {
        let ring = prediction_of(&[6, 2, 1, 6, 2, 1], 4, Shape::Ring).machines;
        // Simulated over a thousand seeds: clocks 360, 240 and 119, queues 0, 60.2 and 120.6.
        for (machine, clock, queue) in [(0, 360.0, 0.0), (1, 240.0, 60.2), (2, 120.0, 120.6)] {
            is_close(ring[machine].clock_growth_per_s * 60.0, clock, 1e-6);
            is_close(ring[machine].queue_end_mean, queue, 0.6);
        }
    }

    #[test]
    fn near_the_critical_point_the_mean_is_not_the_drift() {
        let slow = &prediction(&[5, 4, 1], 15).machines[2];
        assert_eq!(slow.load, Load::NearCritical);
        is_close(slow.queue_growth_per_s * 60.0, 3.5, 0.1);
        // Simulated over many seeds: 7.6.
        is_close(slow.queue_end_mean, 7.6, 0.6);
    }

    #[test]
    fn machines_that_keep_up_have_short_queues() {
        let machines = prediction(&[6, 6, 6], 10).machines;
        assert!(machines.iter().all(|machine| machine.load == Load::KeepsUp));
        assert!(machines.iter().all(|machine| machine.queue_end_p95 < 3.0));
    }

    #[test]
    fn without_chance_the_queue_is_its_drift() {
        let still = ReflectedBrownian { drift: 7.0, deviation: 0.0 };
        is_close(still.quantile(0.5), 7.0, 1e-6);
    }
}
