//! The trial file: one configuration of an experiment, read strictly and resolved completely.
//!
//! - [`draft`]: a trial as it was written; what it leaves open is drawn from its seed.
//! - [`read`]: TOML to draft; every mistake of a file is found in one pass.
//! - [`fault_keys`]: the keys of a fault, for the trial file and the header of a log.
//! - [`faults`]: what the faults of a trial must keep to together.
//! - [`problem`]: how a mistake is told: file, line, key, what was found, what is allowed.
//! - [`shrink`]: the smallest trial that still fails.
//! - [`swarm`]: random trials with random faults.
//!
//! A [`Trial`] is resolved: nothing is left to draw, so it repeats the run it was made for.

pub mod draft;
pub(crate) mod fault_keys;
pub mod faults;
pub mod problem;
mod read;
pub mod shrink;
pub mod swarm;

use std::fmt;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::model::{
    Absence, ClockRate, DrawRange, Engine, Fault, Links, Machine, MachineId, Phase, Round,
    Schedule, Seed, Tick, Topology, absences, fault_rates::rate_changes,
};
use draft::Draft;
use fault_keys::Value;
pub(crate) use fault_keys::listed;

/// How many machines a trial may have.
pub const MACHINES: RangeInclusive<usize> = 2..=1000;

/// The durations that a trial may have, in seconds: up to some thirty years of model time.
pub const DURATION_S: RangeInclusive<u64> = 1..=1_000_000_000;

/// The draw ranges that a trial may have, if it has few enough machines.
pub const DRAW_RANGE: RangeInclusive<u64> = 1..=1_000_000_000;

/// How long the name of a trial may be.
const NAME_LEN_MAX: usize = 64;

/// Whether a text may name a trial: letters a-z, digits and '-', not starting with '-'.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=NAME_LEN_MAX).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// A resolved trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The trial's name; its logs lie in a folder of this name.
    pub name: String,
    /// How long every machine ticks, in model seconds.
    pub duration_s: u64,
    /// The R of "draw a number in 1..=R".
    pub draw_range: DrawRange,
    /// The seed of everything that is drawn.
    pub seed: Seed,
    /// The machines, in order; the first is machine 1.
    pub machines: Vec<MachineSpec>,
    /// The faults, in order; the first is fault 1.
    pub faults: Vec<Fault>,
    /// What the logs survive.
    pub durability: Durability,
    /// Who may send to whom.
    pub topology: Topology,
}

/// What a log survives: an entry is there for good before its message is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The death of OS processes: the entry is handed to the operating system.
    #[default]
    Process,
    /// The death of the host, as when its power fails: the entry is on the disk.
    Host,
}

impl Durability {
    /// All of them, by their names in trial files and logs.
    pub(crate) const NAMES: [(&str, Self); 2] = [("process", Self::Process), ("host", Self::Host)];

    /// Finds one by its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, durability)| *durability)
    }
}

/// What a resolved trial says of one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineSpec {
    /// The address on which the machine listens, and at which its peers reach it.
    pub host: IpAddr,
    /// The port; it names the machine's log, and is unique within the trial.
    pub port: u16,
    /// Ticks per second.
    pub clock_rate: ClockRate,
    /// Where in its period the machine ticks.
    pub phase: Phase,
}

impl MachineSpec {
    /// The address of the machine's listening socket.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

impl Trial {
    /// Reads a resolved trial.
    ///
    /// # Errors
    /// When the file cannot be read, is wrong, or leaves something to draw.
    pub fn load_resolved(path: &Path) -> Result<Self> {
        Self::of_resolved(path, Draft::load(path)?)
    }

    /// Reads the text of a resolved trial; `path` is where it is from.
    ///
    /// # Errors
    /// When the text is wrong, or leaves something to draw.
    pub fn parse_resolved(path: &Path, text: &str) -> Result<Self> {
        Self::of_resolved(path, Draft::parse(path, text)?)
    }

    fn of_resolved(path: &Path, draft: Draft) -> Result<Self> {
        let open = draft.open_keys();
        if !open.is_empty() {
            bail!(
                "{}: not a resolved trial: {} left to draw; resolve it with 'scalemodel trial'",
                path.display(),
                open.join(", ")
            );
        }
        draft.resolve()
    }

    /// The numbers of the machines, in order.
    pub fn machine_ids(&self) -> impl DoubleEndedIterator<Item = MachineId> + Clone + use<> {
        (0..self.machines.len()).map(MachineId::at)
    }

    /// What the trial says of a machine.
    #[must_use]
    pub fn spec(&self, machine: MachineId) -> &MachineSpec {
        &self.machines[machine.index()]
    }

    /// The peers of a machine, numbered as the rule of a tick does.
    #[must_use]
    pub fn peers(&self, machine: MachineId) -> Vec<MachineId> {
        self.topology.peers(machine, self.machines.len())
    }

    /// The machines with which a machine has connections: its peers, and machine 1, which names the
    /// common start. So machine 1 has connections with all.
    #[must_use]
    pub fn contacts(&self, machine: MachineId) -> Vec<MachineId> {
        let mut contacts = self.peers(machine);
        let starter = MachineId::new(1);
        let others = self
            .machine_ids()
            .filter(|other| *other != machine && (machine == starter || *other == starter));
        let strangers: Vec<_> =
            others.filter(|other| !self.topology.links(machine, *other)).collect();
        contacts.extend(strangers);
        contacts
    }

    /// The schedule of a machine. If faults change its rate, this takes some time: keep it.
    #[must_use]
    pub fn schedule(&self, machine: MachineId) -> Schedule {
        let base = self.base_schedule(machine);
        if self.faults.is_empty() {
            return base;
        }
        let rate = base.clock_rate;
        base.with_changes(rate_changes(&self.faults, self.seed, machine, rate))
    }

    /// The schedule that a machine would have if no fault changed its rate.
    #[must_use]
    pub fn base_schedule(&self, machine: MachineId) -> Schedule {
        let MachineSpec { clock_rate, phase, .. } = *self.spec(machine);
        Schedule::new(clock_rate, phase, self.duration_s)
    }

    /// A machine before its first tick.
    #[must_use]
    pub fn machine(&self, machine: MachineId) -> Machine {
        Machine::new(machine, self.peers(machine), self.draw_range, self.seed)
    }

    /// The order of all ticks.
    #[must_use]
    pub fn round(&self) -> Round {
        let schedules: Vec<_> = self.machine_ids().map(|machine| self.schedule(machine)).collect();
        Round::new(&schedules)
    }

    /// All machines in one process, before their first ticks.
    #[must_use]
    pub fn engine(&self) -> Engine {
        let machines = self.machine_ids().map(|machine| self.machine(machine)).collect();
        if self.faults.is_empty() {
            return Engine::new(machines, self.round());
        }
        let schedules = self.machine_ids().map(|machine| self.schedule(machine)).collect();
        Engine::with_faults(machines, schedules, &self.faults, self.links())
    }

    /// All channels that faults strike, before their first messages.
    #[must_use]
    pub fn links(&self) -> Links {
        Links::new(&self.faults, self.seed)
    }

    /// When a machine is dead or stands still.
    #[must_use]
    pub fn absences(&self, machine: MachineId) -> Vec<Absence> {
        absences(&self.faults, &self.schedule(machine), machine)
    }

    /// How many events a whole run at the virtual pace has: all ticks that are not skipped.
    #[must_use]
    pub fn events(&self) -> u64 {
        let events = self.machine_ids().map(|machine| {
            let schedule = self.schedule(machine);
            let absences = absences(&self.faults, &schedule, machine);
            schedule.ticks() - absences.iter().map(Absence::count).sum::<u64>()
        });
        events.sum()
    }

    /// Finds the machines whose ticks come closest: the pair and their gap in microseconds of
    /// model time.
    ///
    /// One second is enough to look at, as every schedule repeats each second for as long as no
    /// fault changes a rate; what faults do to rates is left out.
    ///
    /// # Panics
    /// Never: a trial has two machines or more, and each ticks at least once a second.
    #[must_use]
    pub fn closest_ticks(&self) -> ClosestTicks {
        let mut ticks: Vec<(u64, MachineId)> = Vec::new();
        for machine in self.machine_ids() {
            let schedule = self.base_schedule(machine);
            // One tick more than a second has, for the gap across its end.
            let numbers = 1..=u64::from(schedule.clock_rate.0) + 1;
            ticks.extend(numbers.map(|tick| (schedule.due(Tick(tick)).micros(), machine)));
        }
        ticks.sort_unstable();
        ticks
            .windows(2)
            .filter(|pair| pair[0].1 != pair[1].1)
            .map(|pair| ClosestTicks {
                gap_us: pair[1].0 - pair[0].0,
                machines: [pair[0].1, pair[1].1],
            })
            .min_by_key(|closest| closest.gap_us)
            .expect("a trial has two machines that tick")
    }

    /// Writes the trial into a file that must not be there yet.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub fn save_new(&self, path: &Path) -> Result<()> {
        use std::io::Write as _;
        fs::File::create_new(path).and_then(|mut file| write!(file, "{self}")).with_context(|| {
            format!(
                "cannot write the resolved trial {}; move an earlier run out of the way, or name \
                 another folder",
                path.display()
            )
        })
    }
}

/// Two machines whose ticks come closest, and how close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosestTicks {
    /// The gap in model time, in microseconds.
    pub gap_us: u64,
    /// The two machines.
    pub machines: [MachineId; 2],
}

impl fmt::Display for Trial {
    /// The trial as a TOML file.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "name = \"{}\"", self.name)?;
        writeln!(formatter, "duration_s = {}", self.duration_s)?;
        writeln!(formatter, "draw_range = {}", self.draw_range.0)?;
        writeln!(formatter, "seed = {}", self.seed)?;
        if self.durability == Durability::Host {
            writeln!(formatter, "durability = \"host\"")?;
        }
        for (machine, id) in self.machines.iter().zip(self.machine_ids()) {
            writeln!(formatter, "\n[[machine]]")?;
            writeln!(formatter, "host = \"{}\"", machine.host)?;
            writeln!(formatter, "port = {}", machine.port)?;
            writeln!(formatter, "clock_rate = {}", machine.clock_rate)?;
            writeln!(formatter, "phase = {}", machine.phase)?;
            if self.topology != Topology::FullMesh {
                writeln!(formatter, "peers = [{}]", listed(&self.peers(id), ", "))?;
            }
        }
        for fault in &self.faults {
            writeln!(formatter, "\n[[fault]]\nkind = \"{}\"", fault.name())?;
            for (key, value) in fault_keys::values(fault) {
                match value {
                    Value::Number(number) => writeln!(formatter, "{key} = {number}")?,
                    Value::Machines(machines) if machines.len() == 1 => {
                        writeln!(formatter, "{key} = {}", machines[0])?;
                    }
                    Value::Machines(machines) => {
                        writeln!(formatter, "{key} = [{}]", listed(&machines, ", "))?;
                    }
                    Value::Yes => writeln!(formatter, "{key} = true")?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(machines: &[(u32, u32)]) -> Trial {
        let machines = machines
            .iter()
            .zip(20_001..)
            .map(|(&(clock_rate, phase), port)| MachineSpec {
                host: "127.0.0.1".parse().unwrap(),
                port,
                clock_rate: ClockRate(clock_rate),
                phase: Phase(phase),
            })
            .collect();
        Trial {
            name: "pair".to_owned(),
            duration_s: 60,
            draw_range: DrawRange(10),
            seed: Seed::new(1).unwrap(),
            machines,
            faults: Vec::new(),
            durability: Durability::Process,
            topology: Topology::FullMesh,
        }
    }

    #[test]
    fn the_closest_ticks_of_two_machines_are_found() {
        let closest = trial(&[(5, 1), (5, 500)]).closest_ticks();
        assert_eq!(closest.gap_us, 99_800);
    }

    #[test]
    fn the_closest_ticks_are_found_across_the_end_of_a_second() {
        let closest = trial(&[(1, 1), (1, 1000)]).closest_ticks();
        assert_eq!(closest.gap_us, 1000);
        assert_eq!(closest.machines, [MachineId::new(2), MachineId::new(1)]);
    }
}
