//! Logs with vector clocks, as `ShiViz` and `GoVector` write and read them, and whether their clocks
//! can be right. Nothing here knows of trials, machines or Lamport clocks: any system may have
//! written the log.
//!
//! - [`dialect`]: expressions as `ShiViz` writes them, put into those of this program's library.
//! - [`expression`]: an expression that finds events or delimiters at the start of a line.
//! - [`lines`]: the text, line by line.
//! - [`layout`]: the two lines of a header, and the sections of the rest, one an execution.
//! - [`scan`]: the events of a section, and which of the known expressions finds more.
//! - [`clock`]: one vector clock, and how its text is read.
//! - [`reader`]: executions and their events.
//! - [`findings`]: the rules, and what is said of one that is broken.
//! - [`timeline`]: the events of every host in the order of its own entries.
//! - [`along`]: the rules along one host.
//! - [`across`]: the rules between hosts.
//! - [`verify`]: all of it, and the verdict.

mod across;
mod along;
mod clock;
mod dialect;
mod expression;
mod findings;
mod layout;
mod lines;
mod reader;
mod scan;
mod timeline;
mod verify;

pub use clock::{Clock, HostId};
pub use findings::{Findings, Rule, Violation};
pub use layout::{Options, Source};
pub use reader::{Event, Execution, ReadError, TEXT_BYTES_MAX, VectorLog, parse};
pub use scan::Unmatched;
pub use verify::verify;
