//! A trial of so many machines, made from what is typed.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::cli::{Overrides, whole};
use crate::model::{ClockRate, DrawRange, Shape};
use crate::trial::draft::{Draft, DraftMachine, DraftTopology};
use crate::trial::{DRAW_RANGE, Durability, MACHINES, is_name};

/// The duration that is given to a new trial if none is asked for, in seconds: the notebook's.
const DURATION_S: u64 = 60;

/// The draw range that is given to a new trial if it is large enough: the notebook's.
const DRAW_RANGE_MIN: usize = 10;

/// What makes a new trial.
#[derive(Debug, Args)]
pub(super) struct NewTrial {
    /// Instead of reading a trial, make one of so many machines
    #[arg(long, value_name = "N", value_parser = whole(MACHINES), conflicts_with = "file")]
    pub(super) machines: Option<usize>,

    /// Who may send to whom
    #[arg(
        long,
        value_name = "SHAPE",
        default_value = "full-mesh",
        requires = "machines",
        conflicts_with = "file"
    )]
    #[arg(value_parser = PossibleValuesParser::new(Shape::NAMES))]
    topology: String,

    /// How many peers each machine has, for --topology random
    #[arg(long, value_name = "D", value_parser = whole(1..=999_u16), requires = "machines", conflicts_with = "file")]
    degree: Option<u16>,

    /// The clock rates of the first machines; the others follow in turn [default: drawn]
    #[arg(
        long,
        value_name = "R,...",
        value_delimiter = ',',
        requires = "machines",
        conflicts_with = "file"
    )]
    #[arg(value_parser = whole(ClockRate::ALLOWED))]
    clock_rates: Vec<u64>,

    /// The draw range [default: 10, or one more than peers if that is more]
    #[arg(long, value_name = "R", value_parser = whole(DRAW_RANGE), requires = "machines", conflicts_with = "file")]
    draw_range: Option<u64>,

    /// The name
    #[arg(
        long,
        value_name = "NAME",
        default_value = "trial",
        requires = "machines",
        conflicts_with = "file"
    )]
    name: String,

    /// The address of all machines
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), requires = "machines", conflicts_with = "file")]
    host: IpAddr,

    /// The port of machine 1; the others follow
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 20_001,
        requires = "machines",
        conflicts_with = "file"
    )]
    #[arg(value_parser = whole(1..=64_536_u16))]
    first_port: u16,
}

impl NewTrial {
    /// Makes the trial; what is left open is drawn when it is resolved.
    ///
    /// # Errors
    /// When what is typed does not fit together.
    pub(super) fn draft(&self, machines: usize, overrides: Overrides) -> Result<Draft> {
        let shape = self.shape(machines)?;
        let least = shape.peers_max(machines) + 1;
        let draw_range = self.draw_range.unwrap_or(DRAW_RANGE_MIN.max(least) as u64);
        if draw_range < least as u64 {
            bail!("--draw-range {draw_range}: allowed: {least} or more, one more than peers");
        }
        if !is_name(&self.name) {
            bail!("--name {:?}: allowed: letters a-z, digits and '-', not first", self.name);
        }
        if self.host.is_unspecified() || self.host.is_multicast() {
            bail!("--host {}: allowed: an address at which others reach a machine", self.host);
        }
        let rates: Vec<Option<ClockRate>> = match self.clock_rates.as_slice() {
            [] => vec![None],
            rates => rates.iter().map(|rate| u32::try_from(*rate).ok().map(ClockRate)).collect(),
        };
        let machine = |(port, clock_rate)| {
            let (host, phase) = (self.host, None);
            DraftMachine { host, port, clock_rate, phase }
        };
        let ports = self.first_port..=u16::MAX;
        Ok(Draft {
            name: self.name.clone(),
            duration_s: overrides.duration.unwrap_or(DURATION_S),
            draw_range: DrawRange(u32::try_from(draw_range).context("--draw-range")?),
            seed: None,
            machines: ports.zip(rates.into_iter().cycle()).take(machines).map(machine).collect(),
            faults: Vec::new(),
            durability: Durability::default(),
            topology: DraftTopology::Shape(shape),
        })
    }

    fn shape(&self, machines: usize) -> Result<Shape> {
        let is_random = self.topology == "random";
        match self.degree {
            None if is_random => bail!("--topology random needs --degree, the number of peers"),
            Some(_) if !is_random => bail!("--degree is of --topology random alone; leave it out"),
            degree => {
                let shape = Shape::named(&self.topology, degree.unwrap_or(1)).unwrap_or_default();
                shape.misfit(machines).map_or(Ok(shape), |misfit| bail!("{misfit}"))
            }
        }
    }
}
