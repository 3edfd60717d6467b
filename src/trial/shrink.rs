//! Shrinking: the smallest trial that still fails.
//!
//! A trial that shows a mistake is made smaller for as long as it still shows it: fewer faults, fewer
//! machines, a shorter duration, lower clock rates, a smaller draw range. The seed stays, and what is
//! left of the faults and machines is renumbered. The same trial and the same question give the same answer, after a
//! bounded number of tries.

use std::fmt;

use super::Trial;
use super::faults::unlinked;
use crate::model::{Channels, ClockRate, DrawRange, Fault, FaultKind, MachineId, Span};

/// No more than so many smaller trials are tried.
pub const TRIES_MAX: usize = 1000;

/// The smallest failing trial that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// The trial.
    pub trial: Trial,
    /// How many smaller trials were tried.
    pub tries: usize,
}

impl fmt::Display for Shrunk {
    /// A trial file, with the command that replays it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "# The smallest trial that fails, after {} tries.", self.tries)?;
        writeln!(formatter, "# Save it as FILE, and replay it in a new folder DIR:")?;
        writeln!(formatter, "#   scalemodel simulate FILE --logs DIR && scalemodel check DIR")?;
        self.trial.fmt(formatter)
    }
}

/// Makes a failing trial smaller for as long as it fails.
///
/// ```
/// use scalemodel::trial::{shrink::shrink, Trial};
///
/// fn smallest(failing: &Trial) -> Trial {
///     // Whatever is wrong with it takes two seconds to show.
///     shrink(failing, |trial| 2 <= trial.duration_s).trial
/// }
/// ```
#[must_use]
pub fn shrink(failing: &Trial, mut fails: impl FnMut(&Trial) -> bool) -> Shrunk {
    let mut shrunk = Shrunk { trial: failing.clone(), tries: 0 };
    'smaller: loop {
        for candidate in smaller(&shrunk.trial) {
            if TRIES_MAX <= shrunk.tries {
                return shrunk;
            }
            shrunk.tries += 1;
            if fails(&candidate) {
                shrunk.trial = candidate;
                continue 'smaller;
            }
        }
        return shrunk;
    }
}

/// Every trial that is one step smaller, the boldest steps first.
fn smaller(trial: &Trial) -> Vec<Trial> {
    let mut candidates = Vec::new();
    let mut add = |change: &dyn Fn(&mut Trial)| {
        let mut candidate = trial.clone();
        change(&mut candidate);
        candidates.push(candidate);
    };
    if 1 < trial.faults.len() {
        add(&|candidate| candidate.faults.clear());
    }
    for index in (0..trial.faults.len()).rev() {
        add(&|candidate| {
            candidate.faults.remove(index);
        });
    }
    if 2 < trial.machines.len() {
        for index in (0..trial.machines.len()).rev() {
            let gone = MachineId::at(index);
            let Some(topology) = trial.topology.without(gone) else { continue };
            add(&|candidate| {
                candidate.machines.remove(index);
                candidate.topology = topology.clone();
                candidate.faults.retain_mut(|fault| is_left_without(fault, gone));
                let unlinked = unlinked(&candidate.faults, &topology);
                for (fault, _) in unlinked.iter().rev() {
                    candidate.faults.remove(fault.index());
                }
            });
        }
    }
    for duration_s in steps(1, trial.duration_s) {
        add(&|candidate| {
            candidate.duration_s = duration_s;
            candidate.faults.retain_mut(|fault| is_left_within(fault, 1000 * duration_s));
        });
    }
    for (index, machine) in trial.machines.iter().enumerate().rev() {
        for rate in steps(1, machine.clock_rate.0) {
            add(&|candidate| candidate.machines[index].clock_rate = ClockRate(rate));
        }
    }
    // A machine of m peers needs m + 1 numbers.
    let peers_max = trial.topology.peers_max(trial.machines.len());
    let least = u32::try_from(peers_max + 1).expect("a trial has at most 1,000 machines");
    for range in steps(least, trial.draw_range.0) {
        add(&|candidate| candidate.draw_range = DrawRange(range));
    }
    candidates
}

/// Takes a machine out of a fault and renumbers the others; whether anything is left of it.
fn is_left_without(fault: &mut Fault, gone: MachineId) -> bool {
    let take_out = |machines: &mut Vec<MachineId>| {
        machines.retain(|machine| *machine != gone);
        for machine in machines.iter_mut().filter(|machine| gone < **machine) {
            *machine = MachineId::new(machine.get() - 1);
        }
    };
    match &mut fault.kind {
        FaultKind::OnMachines(machines, _) => {
            take_out(machines);
            !machines.is_empty()
        }
        FaultKind::OnChannels(channels, _) => {
            let Channels { from, to, .. } = channels;
            take_out(from);
            take_out(to);
            !channels.pairs().is_empty()
        }
    }
}

/// Ends a fault with its trial; whether anything is left of it.
fn is_left_within(fault: &mut Fault, trial_ms: u64) -> bool {
    let Span { at_ms, for_ms } = &mut fault.span;
    *for_ms = (*for_ms).min(trial_ms.saturating_sub(*at_ms));
    0 < *for_ms
}

/// Numbers below `found`: the least, the one half-way to it, and the next smaller one.
fn steps<T>(least: T, found: T) -> Vec<T>
where
    T: Copy + Ord + From<u8> + std::ops::Add<Output = T> + std::ops::Sub<Output = T>,
    T: std::ops::Div<Output = T>,
{
    if found <= least {
        return Vec::new();
    }
    let mut steps = vec![least, least + (found - least) / T::from(2), found - T::from(1)];
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MachineFault, Phase, Seed};
    use crate::trial::MachineSpec;

    fn large() -> Trial {
        let spec = |port| MachineSpec {
            host: "127.0.0.1".parse().unwrap(),
            port,
            clock_rate: ClockRate(9),
            phase: Phase(250),
        };
        Trial {
            name: "large".to_owned(),
            duration_s: 20,
            draw_range: DrawRange(12),
            seed: Seed::new(7).unwrap(),
            machines: (20_001..=20_006).map(spec).collect(),
            faults: Vec::new(),
            durability: crate::trial::Durability::Process,
            topology: crate::model::Topology::FullMesh,
        }
    }

    #[test]
    fn whatever_fails_always_shrinks_to_the_smallest_trial_there_is() {
        let Shrunk { trial, .. } = shrink(&large(), |_| true);
        assert_eq!(trial.machines.len(), 2);
        assert!(trial.machines.iter().all(|machine| machine.clock_rate == ClockRate(1)));
        assert_eq!((trial.duration_s, trial.draw_range), (1, DrawRange(2)));
        assert_eq!(trial.seed, large().seed);
    }

    #[test]
    fn what_is_needed_for_the_failure_is_kept() {
        let needs = |trial: &Trial| {
            let rates: Vec<u32> = trial.machines.iter().map(|m| m.clock_rate.0).collect();
            3 <= rates.len() && 7 <= trial.duration_s && 4 <= rates.iter().sum::<u32>() - 2
        };
        let Shrunk { trial, .. } = shrink(&large(), needs);
        assert_eq!((trial.machines.len(), trial.duration_s), (3, 7));
        assert_eq!(trial.machines.iter().map(|m| m.clock_rate.0).sum::<u32>(), 6);
        assert_eq!(trial.draw_range, DrawRange(3));
    }

    #[test]
    fn faults_shrink_with_their_trial() {
        let mut trial = large();
        let fault = |at_ms, machines: &[u16]| Fault {
            span: Span { at_ms, for_ms: 2500 },
            kind: FaultKind::OnMachines(
                machines.iter().map(|number| MachineId::new(*number)).collect(),
                MachineFault::Pause,
            ),
        };
        trial.faults = vec![fault(0, &[1]), fault(9000, &[1, 5]), fault(15_000, &[2])];
        let needs = |trial: &Trial| {
            let second = trial.machines.iter().position(|machine| machine.port == 20_005);
            let is_paused = |fault: &Fault| {
                second.is_some_and(|index| {
                    9000 == fault.span.at_ms && fault.on(MachineId::at(index)).is_some()
                })
            };
            trial.faults.iter().any(is_paused)
        };
        let Shrunk { trial, .. } = shrink(&trial, needs);
        assert_eq!((trial.machines.len(), trial.duration_s, trial.faults.len()), (2, 10, 1));
        assert_eq!(trial.faults[0].span, Span { at_ms: 9000, for_ms: 1000 });
        assert!(crate::trial::faults::misfits(&trial.faults, 2, 10).is_empty());
    }

    #[test]
    fn the_number_of_tries_is_bounded() {
        let mut trial = large();
        trial.duration_s = 1_000_000;
        let mut asked = 0;
        let _ = shrink(&trial, |smaller| {
            asked += 1;
            999_000 <= smaller.duration_s && smaller.machines.len() == 6
        });
        assert!(asked <= TRIES_MAX, "{asked}");
    }

    #[test]
    fn what_is_printed_is_a_trial_file() {
        let shrunk = shrink(&large(), |trial| 3 <= trial.machines.len());
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("trial.toml");
        std::fs::write(&file, shrunk.to_string()).unwrap();
        assert_eq!(Trial::load_resolved(&file).unwrap(), shrunk.trial);
    }
}
