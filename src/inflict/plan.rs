//! What is to be done to which machine, and when.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use crate::model::{FaultKind, MachineFault, MachineId, ModelTime};
use crate::pace::{Pace, Speed};
use crate::trial::Trial;

/// Something that is done to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Act {
    Continue,
    Restart,
    Stop,
    Kill,
}

/// All that is still to be done.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// At the real pace: by time in milliseconds, in order.
    acts: VecDeque<(u64, MachineId, Act)>,
    /// At the virtual pace: how often each machine is still to kill itself.
    kills: BTreeMap<MachineId, u32>,
}

impl Plan {
    /// What a trial demands.
    pub(super) fn new(trial: &Trial, pace: Pace) -> Self {
        let mut plan = Self { acts: VecDeque::new(), kills: BTreeMap::new() };
        for fault in &trial.faults {
            let FaultKind::OnMachines(machines, kind) = &fault.kind else { continue };
            let [begin, end] = match kind {
                MachineFault::Kill => [Act::Kill, Act::Restart],
                MachineFault::Pause => [Act::Stop, Act::Continue],
                _ => continue,
            };
            for &machine in machines {
                match pace {
                    Pace::Real(_) => plan.acts.extend([
                        (fault.span.at_ms, machine, begin),
                        (fault.span.end_ms(), machine, end),
                    ]),
                    Pace::Virtual if begin == Act::Kill => {
                        *plan.kills.entry(machine).or_default() += 1;
                    }
                    Pace::Virtual => {}
                }
            }
        }
        plan.acts.make_contiguous().sort_by_key(|(at_ms, machine, act)| (*at_ms, *machine, *act));
        plan
    }

    /// The next act that is due.
    pub(super) fn take_due(
        &mut self,
        start: Instant,
        speed: Speed,
        now: Instant,
    ) -> Option<(MachineId, Act)> {
        let is_due = self.next_due(start, speed).is_some_and(|due| due <= now);
        if !is_due {
            return None;
        }
        self.acts.pop_front().map(|(_, machine, act)| (machine, act))
    }

    /// When the next act is due.
    pub(super) fn next_due(&self, start: Instant, speed: Speed) -> Option<Instant> {
        let (at_ms, ..) = self.acts.front()?;
        Some(start + speed.wall_time(ModelTime::of_ms(*at_ms)))
    }

    /// Takes one of the kills that a machine carries out on itself, if one is left.
    pub(super) fn take_kill(&mut self, machine: MachineId) -> bool {
        let Some(left) = self.kills.get_mut(&machine) else { return false };
        *left -= 1;
        if *left == 0 {
            self.kills.remove(&machine);
        }
        true
    }

    /// Whether something is still to be done to a machine.
    pub(super) fn has_acts_for(&self, machine: MachineId) -> bool {
        self.kills.contains_key(&machine) || self.acts.iter().any(|(_, other, _)| *other == machine)
    }

    /// Whether nothing is left to do.
    pub(super) fn is_over(&self) -> bool {
        self.acts.is_empty() && self.kills.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::time::Duration;

    const TRIAL: &str = "\
name = \"plan\"
duration_s = 20
draw_range = 10
seed = 1
[[machine]]
host = \"127.0.0.1\"
port = 20001
clock_rate = 5
phase = 150
[[machine]]
host = \"127.0.0.1\"
port = 20002
clock_rate = 5
phase = 650
[[fault]]
kind = \"kill\"
at_ms = 5000
for_ms = 1000
machine = [1, 2]
[[fault]]
kind = \"pause\"
at_ms = 2000
for_ms = 500
machine = 2
[[fault]]
kind = \"freeze\"
at_ms = 1000
for_ms = 500
machine = 2
";

    fn trial() -> Trial {
        Trial::parse_resolved(Path::new("plan.toml"), TRIAL).unwrap()
    }

    #[test]
    fn acts_come_in_the_order_of_their_times() {
        let mut plan = Plan::new(&trial(), Pace::Real(Speed::ONE));
        let start = crate::wall_clock::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(plan.take_due(start, Speed::ONE, at(1999)), None);
        assert_eq!(plan.next_due(start, Speed::ONE), Some(at(2000)));
        let [one, two] = [1, 2].map(MachineId::new);
        let due = std::iter::from_fn(|| plan.take_due(start, Speed::ONE, at(6000)));
        let acts: Vec<_> = due.collect();
        assert_eq!(
            acts,
            [
                (two, Act::Stop),
                (two, Act::Continue),
                (one, Act::Kill),
                (two, Act::Kill),
                (one, Act::Restart),
                (two, Act::Restart),
            ]
        );
        assert!(plan.is_over());
    }

    #[test]
    fn at_the_virtual_pace_only_kills_are_counted() {
        let mut plan = Plan::new(&trial(), Pace::Virtual);
        let two = MachineId::new(2);
        assert!(plan.has_acts_for(two) && !plan.is_over());
        assert!(plan.take_kill(two));
        assert!(!plan.take_kill(two) && !plan.has_acts_for(two));
    }
}
