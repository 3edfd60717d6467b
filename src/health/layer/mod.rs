//! The five layers of health, one file each. A lower layer may be healthy while a higher one is not:
//! that is what they are for.
//!
//! - [`machines`]: each OS process is there, listens and speaks.
//! - [`channels`]: each channel stands, as both of its ends say.
//! - [`propagation`]: a probe really comes to each peer and back, in time.
//! - [`skew`]: how far the system times of the machines lie apart.
//! - [`backlog`]: queues that grow without bound, and ticks that come late.

mod backlog;
mod channels;
mod machines;
mod propagation;
mod skew;
#[cfg(test)]
pub(super) mod testing;

use std::fmt;

use serde::Serialize;

use super::heard::Heard;
use crate::model::MachineId;

pub use backlog::Load;
pub use channels::ChannelState;
pub use machines::Presence;
pub use propagation::{Propagation, RoundTrip};
pub use skew::Offset;

/// What a layer says of a run; the worse, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All is well, as far as it could be asked.
    Healthy,
    /// It cannot be told.
    CannotSay,
    /// Something is wrong, and named.
    Degraded,
}

impl Verdict {
    /// The verdict in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::CannotSay => "cannot say",
            Self::Degraded => "degraded",
        }
    }
}

/// One layer of health.
pub trait Layer: Sync {
    /// Its number, from 1.
    fn number(&self) -> u32;

    /// Its name.
    fn name(&self) -> &'static str;

    /// Judges what was heard.
    fn judge(&self, heard: &Heard) -> Judgement;

    /// Judges what was heard, under the layer's name.
    fn find(&self, heard: &Heard) -> Finding {
        let (layer, name) = (self.number(), self.name());
        let Judgement { is_told, summary, problems, notes, figures } = self.judge(heard);
        let verdict = match (problems.is_empty(), is_told) {
            (false, _) => Verdict::Degraded,
            (true, true) => Verdict::Healthy,
            (true, false) => Verdict::CannotSay,
        };
        Finding { layer, name, verdict, summary, problems, notes, figures }
    }
}

/// All layers, from the lowest to the highest.
pub const LAYERS: [&dyn Layer; 5] = [
    &machines::Machines,
    &channels::Channels,
    &propagation::Propagates,
    &skew::Skew,
    &backlog::Backlog,
];

/// What a layer makes of what was heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// Whether enough is known to call it healthy if nothing is wrong.
    pub is_told: bool,
    /// What was found, in a line.
    pub summary: String,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What one should know besides.
    pub notes: Vec<String>,
    /// What was measured.
    pub figures: Figures,
}

/// A judgement under the name of its layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The layer's number, from 1.
    pub layer: u32,
    /// The layer's name.
    pub name: &'static str,
    /// What it comes to.
    pub verdict: Verdict,
    /// What was found, in a line.
    pub summary: String,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What one should know besides.
    pub notes: Vec<String>,
    /// What was measured.
    pub figures: Figures,
}

/// What a layer has measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Figures {
    /// One entry a machine.
    Machines(Vec<Presence>),
    /// One entry a channel.
    Channels(Vec<ChannelState>),
    /// Of all probes, and of each pair of machines.
    Propagation(Propagation),
    /// One entry a machine whose system time is known.
    Offsets(Vec<Offset>),
    /// One entry a machine that ticks.
    Loads(Vec<Load>),
}

/// Something that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The machine, if it is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<u16>,
    /// The channel, sender first, if it is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<[u16; 2]>,
    /// What is wrong with it.
    pub what: String,
}

impl Problem {
    fn of_machine(machine: MachineId, what: impl Into<String>) -> Self {
        Self { machine: Some(machine.get()), channel: None, what: what.into() }
    }

    fn of_channel((from, to): (MachineId, MachineId), what: impl Into<String>) -> Self {
        Self { machine: None, channel: Some([from.get(), to.get()]), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(machine) = self.machine {
            write!(formatter, "machine {machine}: ")?;
        }
        if let Some([from, to]) = self.channel {
            write!(formatter, "channel {from}>{to}: ")?;
        }
        formatter.write_str(&self.what)
    }
}
