//! What leaves a machine: entries for its log, and lines for its peers.
//!
//! The rule: an entry is in the log before its message is on the wire, so that no peer ever knows
//! of an event that its own machine's log does not.

use super::inbox::Halt;
use super::producer::Producers;
use crate::logbook::LogWriter;

/// The log and the producers of a machine, and what waits to leave through them.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) log: LogWriter,
    pub(super) producers: Producers,
}

impl Outlet {
    /// Lets every entry and every line out.
    pub(super) fn release_all(&mut self) -> Result<(), Halt> {
        self.log.flush()?;
        self.producers.flush()
    }

    /// Lets every line out, and those entries of which a peer could learn.
    pub(super) fn release_lines(&mut self) -> Result<(), Halt> {
        if self.producers.have_messages() {
            self.log.flush()?;
        }
        self.producers.flush()
    }
}
