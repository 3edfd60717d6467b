//! A trial as it was written: what it leaves open is drawn from its seed.

use std::fs;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};

use super::faults::{misfits, unlinked};
use super::problem::Problems;
use super::{Durability, MachineSpec, Trial, read};
use crate::model::{
    ClockRate, Dice, DrawRange, Fault, MachineId, Phase, Seed, Shape, Stream, Topology,
};

/// A trial file above this size is refused: 1 MiB holds some ten thousand machines.
const FILE_SIZE_MAX: u64 = 1 << 20;

/// A trial as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The trial's name.
    pub name: String,
    /// The duration, in model seconds.
    pub duration_s: u64,
    /// The R of "draw a number in 1..=R".
    pub draw_range: DrawRange,
    /// The seed; drawn from entropy when open.
    pub seed: Option<Seed>,
    /// The machines, in order.
    pub machines: Vec<DraftMachine>,
    /// The faults, in order.
    pub faults: Vec<Fault>,
    /// What the logs survive.
    pub durability: Durability,
    /// Who may send to whom.
    pub topology: DraftTopology,
}

/// Who may send to whom, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftTopology {
    /// By its shape.
    Shape(Shape),
    /// Machine by machine.
    Listed(Topology),
}

impl DraftTopology {
    /// The number of peers of the machine that has most, of so many machines.
    #[must_use]
    pub fn peers_max(&self, machines: usize) -> usize {
        match self {
            Self::Shape(shape) => shape.peers_max(machines),
            Self::Listed(topology) => topology.peers_max(machines),
        }
    }
}

/// A machine as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftMachine {
    /// The address on which the machine listens.
    pub host: IpAddr,
    /// The port on which it listens.
    pub port: u16,
    /// Ticks per second; drawn from 1..=6 when open.
    pub clock_rate: Option<ClockRate>,
    /// The phase; drawn from 1..=1000 when open.
    pub phase: Option<Phase>,
}

impl Draft {
    /// Reads a trial file.
    ///
    /// # Errors
    /// When the file cannot be read, or with all of its mistakes at once ([`super::problem`]).
    pub fn load(path: &Path) -> Result<Self> {
        if path.is_dir() {
            bail!("{} is a folder; give the trial file in it, trial.toml", path.display());
        }
        let mut bytes = Vec::new();
        fs::File::open(path)
            .and_then(|file| file.take(FILE_SIZE_MAX + 1).read_to_end(&mut bytes))
            .with_context(|| format!("cannot read the trial {}", path.display()))?;
        if bytes.len() as u64 > FILE_SIZE_MAX {
            bail!("{}: a trial file has at most {FILE_SIZE_MAX} bytes", path.display());
        }
        let text = str::from_utf8(&bytes).map_err(|error| {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count();
            anyhow!("{}:{line}: not UTF-8; save the file with that encoding", path.display())
        })?;
        Ok(Self::parse(path, text)?)
    }

    /// Reads the text of a trial file; `path` is where it is from.
    ///
    /// # Errors
    /// With all of its mistakes at once.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Problems> {
        read::parse(&path.display().to_string(), text)
    }

    /// Names what is left to draw.
    #[must_use]
    pub fn open_keys(&self) -> Vec<String> {
        let seed = self.seed.is_none().then(|| "seed".to_owned());
        let machines = self.machines.iter().zip(1..).flat_map(|(machine, number)| {
            let rate = machine.clock_rate.is_none().then(|| format!("clock_rate of {number}"));
            let phase = machine.phase.is_none().then(|| format!("phase of {number}"));
            rate.into_iter().chain(phase)
        });
        let is_drawn = matches!(self.topology, DraftTopology::Shape(Shape::Random { .. }));
        let topology = is_drawn.then(|| "topology".to_owned());
        seed.into_iter().chain(topology).chain(machines).collect()
    }

    /// The number of peers of the machine that has most.
    #[must_use]
    pub fn peers_max(&self) -> usize {
        self.topology.peers_max(self.machines.len())
    }

    /// Draws what is open.
    ///
    /// # Errors
    /// When the seed is open and the operating system gives no entropy, or a fault does not fit a
    /// duration that was changed.
    pub fn resolve(self) -> Result<Trial> {
        if let Some((number, what)) =
            misfits(&self.faults, self.machines.len(), self.duration_s).into_iter().next()
        {
            bail!("fault {number} of {}: {what}", self.name);
        }
        let seed = match self.seed {
            Some(seed) => seed,
            None => Seed::from_entropy().context("cannot draw a seed")?,
        };
        let topology = match self.topology {
            DraftTopology::Shape(shape) => {
                shape.topology(self.machines.len(), &mut Dice::new(seed, Stream::Topology))
            }
            DraftTopology::Listed(topology) => topology,
        };
        if let Some((number, what)) = unlinked(&self.faults, &topology).into_iter().next() {
            bail!("fault {number} of {}: {what}", self.name);
        }
        let machines = self.machines.iter().enumerate().map(|(index, machine)| {
            let id = MachineId::at(index);
            let drawn = |stream, faces| Dice::new(seed, stream).roll(faces);
            MachineSpec {
                host: machine.host,
                port: machine.port,
                clock_rate: machine.clock_rate.unwrap_or_else(|| {
                    ClockRate(drawn(Stream::ClockRate(id), ClockRate::DRAWN_MAX))
                }),
                phase: machine.phase.unwrap_or_else(|| Phase(drawn(Stream::Phase(id), Phase::MAX))),
            }
        });
        Ok(Trial {
            machines: machines.collect(),
            faults: self.faults,
            durability: self.durability,
            topology,
            name: self.name,
            duration_s: self.duration_s,
            draw_range: self.draw_range,
            seed,
        })
    }
}
