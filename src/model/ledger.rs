//! What the log of a machine has to tell of faults, and when: each of its faults once, when it is
//! over, before the first tick that is due at its end or later.

use std::collections::VecDeque;

use super::absence::absences;
use super::fault::{Fault, FaultId, FaultKind, numbered};
use super::machine::MachineId;
use super::schedule::{ModelTime, Schedule, Tick};

/// A fault that is over.
///
/// If the machine was killed it tells first that it is back; then it tells of the fault; and then
/// which ticks were skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// The fault.
    pub fault: FaultId,
    /// When it ended, in milliseconds of model time.
    pub ends_ms: u64,
    /// How often it struck: messages or tries; ticks with another clock rate; otherwise 1.
    pub hits: u64,
    /// The how-manieth start of the machine this is, if it was dead.
    pub incarnation: Option<u32>,
    /// The first and the last tick that it skipped, if it was not there and skipped any.
    pub skipped: Option<[Tick; 2]>,
}

/// The faults that the log of one machine has still to tell of, in order.
#[derive(Clone, Debug)]
pub struct Ledger {
    coming: VecDeque<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    over: Over,
    /// Whether the hits are those of channels, which are counted while messages are sent.
    is_of_channels: bool,
}

impl Ledger {
    /// All that the log of a machine has to tell.
    #[must_use]
    pub fn new(faults: &[Fault], schedule: &Schedule, machine: MachineId) -> Self {
        let absences = absences(faults, schedule, machine);
        let mut entries: Vec<Entry> = numbered(faults)
            .filter(|(_, fault)| fault.is_told_by(machine))
            .map(|(number, fault)| {
                let absence = absences.iter().find(|absence| absence.fault == number);
                Entry {
                    over: Over {
                        fault: number,
                        ends_ms: fault.span.end_ms(),
                        hits: hits_of_machine(fault, schedule),
                        incarnation: None,
                        skipped: absence.and_then(|absence| absence.skipped()),
                    },
                    is_of_channels: matches!(fault.kind, FaultKind::OnChannels(..)),
                }
            })
            .collect();
        entries.sort_by_key(|entry| (entry.over.ends_ms, entry.over.fault));
        let mut incarnation = 1;
        for entry in &mut entries {
            let is_kill =
                |absence: &super::Absence| absence.fault == entry.over.fault && absence.is_kill;
            if absences.iter().any(is_kill) {
                incarnation += 1;
                entry.over.incarnation = Some(incarnation);
            }
        }
        Self { coming: entries.into() }
    }

    /// The next fault that is over before a tick that is due at `now`, given how to count the hits
    /// of a channel's fault; at the end of the log all that are left are over.
    pub fn next_over(
        &mut self,
        now: Option<ModelTime>,
        hits: impl Fn(FaultId) -> u64,
    ) -> Option<Over> {
        let is_over =
            |entry: &Entry| now.is_none_or(|now| ModelTime::of_ms(entry.over.ends_ms) <= now);
        if !self.coming.front().is_some_and(is_over) {
            return None;
        }
        let Entry { over, is_of_channels } = self.coming.pop_front()?;
        Some(if is_of_channels { Over { hits: hits(over.fault), ..over } } else { over })
    }
}

/// How often a fault strikes a machine: an absence or a clock that stands still once, another clock
/// rate on every tick of its span.
fn hits_of_machine(fault: &Fault, schedule: &Schedule) -> u64 {
    use super::fault::MachineFault::{Freeze, Jitter, Kill, Pause, Ramp, Step};
    match &fault.kind {
        FaultKind::OnMachines(_, Kill | Pause | Freeze) => 1,
        FaultKind::OnMachines(_, Step(_) | Ramp(_) | Jitter { .. }) => {
            let [at_ms, ends_ms] = [fault.span.at_ms, fault.span.end_ms()];
            let [first, next] =
                [at_ms, ends_ms].map(|ms| schedule.first_from(ModelTime::of_ms(ms)));
            next.0 - first.0
        }
        FaultKind::OnChannels(..) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelFault, Channels, ClockRate, MachineFault, Phase, Span};

    #[test]
    fn faults_are_told_when_they_are_over_each_in_its_order() {
        let [one, two] = [1, 2].map(MachineId::new);
        let on = |(at_ms, for_ms), fault| Fault {
            span: Span { at_ms, for_ms },
            kind: FaultKind::OnMachines(vec![one], fault),
        };
        let channels = Channels { from: vec![one], to: vec![two], both_ways: false };
        let partition = FaultKind::OnChannels(channels, ChannelFault::Partition);
        let faults = [
            on((5000, 1000), MachineFault::Kill),
            Fault { span: Span { at_ms: 1000, for_ms: 1000 }, kind: partition },
            on((1000, 1000), MachineFault::Kill),
            on((2500, 500), MachineFault::Freeze),
        ];
        let schedule = Schedule::new(ClockRate(2), Phase(1000), 9);
        let mut ledger = Ledger::new(&faults, &schedule, one);
        let mut next = |now: Option<u64>| ledger.next_over(now.map(ModelTime::of_ms), |_| 77);
        assert_eq!(next(Some(1999)), None);
        let told: Vec<Over> = std::iter::from_fn(|| next(Some(2000))).collect();
        assert_eq!(told.iter().map(|over| over.fault.get()).collect::<Vec<_>>(), [2, 3]);
        assert_eq!((told[0].hits, told[0].incarnation, told[0].skipped), (77, None, None));
        assert_eq!((told[1].hits, told[1].incarnation), (1, Some(2)));
        // Due at 1.0 and 1.5 seconds; what is due at the end of the span is not skipped.
        assert_eq!(told[1].skipped, Some([Tick(2), Tick(3)]));
        let told: Vec<Over> = std::iter::from_fn(|| next(None)).collect();
        assert_eq!(told.iter().map(|over| over.fault.get()).collect::<Vec<_>>(), [4, 1]);
        assert_eq!(told[1].incarnation, Some(3));
        assert!(Ledger::new(&faults, &schedule, two).next_over(None, |_| 0).is_none());
    }
}
