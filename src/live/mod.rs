//! The live view: what the runs are doing, on a terminal, while they do it.
//!
//! - [`follow`]: tails the logs of a run.
//! - [`run`], [`machine`]: what was seen of a run and of its machines.
//! - [`trend`]: where a figure is going.
//! - [`picture`]: what was seen, as lines of a given width and height.
//! - [`table`]: the machines of a run in columns.
//! - [`text`]: lines, bars and colours.
//! - [`screen`]: draws a picture over the one before, and leaves the terminal as it was.
//! - [`watch`]: looks and draws, again and again, until the runs are over.
//!
//! All but [`follow`], [`screen`] and [`watch`] is pure.

pub mod follow;
mod machine;
pub mod picture;
pub mod run;
#[cfg(test)]
mod sample;
mod screen;
mod table;
mod text;
mod trend;
pub mod watch;

pub use follow::Follower;
pub use run::RunView;
pub use watch::{Outcome, Terminal, watch};
