//! Absences: the spans in which a machine is dead or stands still. What is due then is skipped.

use super::fault::{Fault, FaultId, MachineFault, numbered};
use super::machine::MachineId;
use super::schedule::{ModelTime, Schedule, Tick};

/// A span in which a machine does not tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// The fault.
    pub fault: FaultId,
    /// Whether the machine is dead, and comes back as its next incarnation.
    pub is_kill: bool,
    /// When the machine is there again, in milliseconds of model time.
    pub ends_ms: u64,
    /// The first tick that is due in the span, if there is one.
    pub first: Tick,
    /// The first tick that is due after the span.
    pub next: Tick,
}

impl Absence {
    /// Whether a tick is due in the span.
    #[must_use]
    pub fn has(&self, tick: Tick) -> bool {
        (self.first..self.next).contains(&tick)
    }

    /// The first and the last tick that are skipped, if any is.
    #[must_use]
    pub fn skipped(&self) -> Option<[Tick; 2]> {
        (self.first < self.next).then(|| [self.first, Tick(self.next.0 - 1)])
    }

    /// How many ticks are skipped.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.next.0 - self.first.0
    }
}

/// The absences of a machine, in their order.
#[must_use]
pub fn absences(faults: &[Fault], schedule: &Schedule, machine: MachineId) -> Vec<Absence> {
    let of = |(number, fault): (FaultId, &Fault)| {
        let is_kill = match fault.on(machine)? {
            MachineFault::Kill => true,
            MachineFault::Pause => false,
            _ => return None,
        };
        let [from, to] = [fault.span.at_ms, fault.span.end_ms()]
            .map(|ms| schedule.first_from(ModelTime::of_ms(ms)));
        Some(Absence {
            fault: number,
            is_kill,
            ends_ms: fault.span.end_ms(),
            first: from,
            next: to,
        })
    };
    let mut absences: Vec<Absence> = numbered(faults).filter_map(of).collect();
    absences.sort_by_key(|absence| absence.ends_ms);
    absences
}
