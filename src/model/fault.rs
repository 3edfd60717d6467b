//! Faults: what a trial does to its machines and channels, and when. All of it is common knowledge,
//! as the schedules are.

use std::collections::BTreeSet;
use std::fmt;

use super::machine::MachineId;
use super::schedule::{ClockRate, ModelTime};

/// The number of a fault: from 1, in the trial's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultId(u16);

impl FaultId {
    /// Makes the number of the fault at a position of the trial's list, which starts at 0.
    ///
    /// # Panics
    /// When the position is 65,535 or more; a trial is refused long before.
    #[must_use]
    pub fn at(index: usize) -> Self {
        Self(u16::try_from(index + 1).expect("a trial has fewer than 65,536 faults"))
    }

    /// Makes the number of a fault; nothing if it is 0.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (0 < number).then_some(Self(number))
    }

    /// Gives the number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }

    /// Gives the position in the trial's list, which starts at 0.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0) - 1
    }
}

impl fmt::Display for FaultId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// When a fault is active: from its beginning on, and no longer at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it begins, in milliseconds of model time.
    pub at_ms: u64,
    /// How long it lasts, in milliseconds of model time.
    pub for_ms: u64,
}

impl Span {
    /// When it is over, in milliseconds of model time.
    #[must_use]
    pub fn end_ms(self) -> u64 {
        self.at_ms + self.for_ms
    }

    /// Whether the fault is active at a time.
    #[must_use]
    pub fn covers(self, time: ModelTime) -> bool {
        ModelTime::of_ms(self.at_ms) <= time && time < ModelTime::of_ms(self.end_ms())
    }
}

/// One fault of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When it is active.
    pub span: Span,
    /// What it does, and to whom.
    pub kind: FaultKind,
}

/// What a fault does, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Something happens to each of these machines.
    OnMachines(Vec<MachineId>, MachineFault),
    /// Something happens to what is sent on each of these channels.
    OnChannels(Channels, ChannelFault),
}

/// What happens to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineFault {
    /// It dies, and comes back at the end.
    Kill,
    /// It stands still, and goes on at the end.
    Pause,
    /// Its clock stands still, and goes on from where it stopped.
    Freeze,
    /// Its clock rate is another one.
    Step(ClockRate),
    /// Its clock rate turns into another one in equal steps.
    Ramp(ClockRate),
    /// Its clock rate is drawn again and again, at most so far from its own.
    Jitter {
        /// How far, in ticks per second.
        spread: u32,
    },
}

/// What happens to the messages of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelFault {
    /// Each travels longer.
    Delay {
        /// So long, in milliseconds of model time.
        delay_ms: u32,
        /// And up to so much longer, by chance.
        jitter_ms: u32,
    },
    /// A try to send one is in vain, in so many of a hundred cases.
    Loss {
        /// In a hundred.
        percent: u32,
    },
    /// One is sent twice, in so many of a hundred cases.
    Duplication {
        /// In a hundred.
        percent: u32,
    },
    /// What arrives is spoiled, and sent once more, in so many of a hundred cases.
    Corruption {
        /// In a hundred.
        percent: u32,
    },
    /// One is held back, so that later ones overtake it on the wire.
    Reordering {
        /// In a hundred.
        percent: u32,
        /// So long, in milliseconds of model time.
        delay_ms: u32,
    },
    /// Nothing comes through.
    Partition,
    /// Each message occupies the channel for a while.
    Bandwidth {
        /// How many bytes the channel carries in a second of model time.
        bytes_per_s: u32,
    },
}

/// Channels: from each of some machines to each of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channels {
    /// The senders.
    pub from: Vec<MachineId>,
    /// The receivers.
    pub to: Vec<MachineId>,
    /// Whether the channels back are meant too.
    pub both_ways: bool,
}

impl Channels {
    /// Whether a channel is one of them.
    #[must_use]
    pub fn contain(&self, from: MachineId, to: MachineId) -> bool {
        let leads = |from, to| self.from.contains(&from) && self.to.contains(&to);
        from != to && (leads(from, to) || self.both_ways && leads(to, from))
    }

    /// Every channel once, by sender, then receiver.
    #[must_use]
    pub fn pairs(&self) -> BTreeSet<(MachineId, MachineId)> {
        let there = self.from.iter().flat_map(|from| self.to.iter().map(move |to| (*from, *to)));
        let there = there.filter(|(from, to)| from != to);
        let back = |(from, to)| self.both_ways.then_some((to, from));
        there.flat_map(|pair| std::iter::once(pair).chain(back(pair))).collect()
    }

    /// Whether a machine sends on one of them.
    #[must_use]
    pub fn have_sender(&self, machine: MachineId) -> bool {
        let leads = |from: &[MachineId], to: &[MachineId]| {
            from.contains(&machine) && to.iter().any(|to| *to != machine)
        };
        leads(&self.from, &self.to) || self.both_ways && leads(&self.to, &self.from)
    }
}

impl Fault {
    /// The kind's name, as it stands in trial files and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match &self.kind {
            FaultKind::OnMachines(_, fault) => match fault {
                MachineFault::Kill => "kill",
                MachineFault::Pause => "pause",
                MachineFault::Freeze => "freeze",
                MachineFault::Step(_) => "step",
                MachineFault::Ramp(_) => "ramp",
                MachineFault::Jitter { .. } => "jitter",
            },
            FaultKind::OnChannels(_, fault) => match fault {
                ChannelFault::Delay { .. } => "delay",
                ChannelFault::Loss { .. } => "loss",
                ChannelFault::Duplication { .. } => "duplication",
                ChannelFault::Corruption { .. } => "corruption",
                ChannelFault::Reordering { .. } => "reordering",
                ChannelFault::Partition => "partition",
                ChannelFault::Bandwidth { .. } => "bandwidth",
            },
        }
    }

    /// What it does to a machine, if it strikes it.
    #[must_use]
    pub fn on(&self, machine: MachineId) -> Option<MachineFault> {
        match &self.kind {
            FaultKind::OnMachines(machines, fault) => machines.contains(&machine).then_some(*fault),
            FaultKind::OnChannels(..) => None,
        }
    }

    /// Whether the log of a machine tells of it: a channel's fault is told by its sender.
    #[must_use]
    pub fn is_told_by(&self, machine: MachineId) -> bool {
        match &self.kind {
            FaultKind::OnMachines(machines, _) => machines.contains(&machine),
            FaultKind::OnChannels(channels, _) => channels.have_sender(machine),
        }
    }
}

/// The faults with their numbers.
pub fn numbered(faults: &[Fault]) -> impl DoubleEndedIterator<Item = (FaultId, &Fault)> + Clone {
    faults.iter().enumerate().map(|(index, fault)| (FaultId::at(index), fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[u16]) -> Vec<MachineId> {
        numbers.iter().map(|&number| MachineId::new(number)).collect()
    }

    #[test]
    fn channels_are_all_pairs_of_different_machines() {
        for both_ways in [false, true] {
            let channels = Channels { from: ids(&[1, 2]), to: ids(&[2, 3]), both_ways };
            let pairs = channels.pairs();
            assert_eq!(pairs.len(), if both_ways { 6 } else { 3 });
            for from in ids(&[1, 2, 3, 4]) {
                for to in ids(&[1, 2, 3, 4]) {
                    assert_eq!(channels.contain(from, to), pairs.contains(&(from, to)));
                }
                let sends = pairs.iter().any(|(sender, _)| *sender == from);
                assert_eq!(channels.have_sender(from), sends);
            }
        }
    }

    #[test]
    fn a_fault_is_active_from_its_beginning_until_its_end() {
        let span = Span { at_ms: 500, for_ms: 100 };
        let covers = [499, 500, 599, 600].map(|ms| span.covers(ModelTime::of_ms(ms)));
        assert_eq!(covers, [false, true, true, false]);
    }
}
