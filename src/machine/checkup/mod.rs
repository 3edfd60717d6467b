//! How a machine answers when somebody asks how it is.
//!
//! - [`gauges`]: what the tick loop shows, written on every tick and read when somebody asks.
//! - [`probes`]: probes that are under way, and what is answered to those of the peers.
//! - [`asker`]: the conversation with whoever asks.
//! - [`comparison`]: the one checkup that a machine makes itself, of the clocks, before the start.
//!
//! A checkup changes nothing in the run: no clock, no queue, no entry, nothing that is drawn. While
//! nobody asks, it costs a few words of memory and a few stores a tick; whoever asks gets a thread of
//! its own for as long as it stays. `docs/health.md` tells what can be concluded from the answers.

mod asker;
mod comparison;
mod gauges;
mod probes;

pub(super) use asker::{PATIENCE, answer};
pub(super) use comparison::{Comparison, LIMIT as COMPARISON_LIMIT};
pub(super) use gauges::Gauges;
pub(super) use probes::{Checkups, Examinee, Pass};
