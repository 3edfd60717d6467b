//! What leaves a machine: entries for its log, and lines for its peers.
//!
//! The rule: an entry is in the log before its message is on the wire, so that no peer ever knows
//! of an event that its own machine's log does not.

use std::sync::Arc;

use super::door::Door;
use super::inbox::Halt;
use super::producer::Producers;
use crate::logbook::LogWriter;
use crate::model::MachineId;

/// The log and the producers of a machine, and what waits to leave through them.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) log: LogWriter,
    pub(super) producers: Producers,
    pub(super) door: Arc<Door>,
    /// Peers of whom so many messages were received, by entries that wait.
    received: Vec<(MachineId, u64)>,
}

impl Outlet {
    /// What a machine says and writes through.
    pub(super) fn new(log: LogWriter, producers: Producers, door: Arc<Door>) -> Self {
        Self { log, producers, door, received: Vec::new() }
    }

    /// Notes that so many messages of a peer are received; it may forget them once that is in the
    /// log.
    pub(super) fn note_received(&mut self, from: MachineId, count: u64) {
        self.received.push((from, count));
    }

    /// Lets every entry and every line out.
    pub(super) fn release_all(&mut self) -> Result<(), Halt> {
        self.flush_log()?;
        self.producers.flush()
    }

    /// Lets every line out, and those entries of which a peer could learn.
    pub(super) fn release_lines(&mut self) -> Result<(), Halt> {
        if self.producers.have_messages() {
            self.flush_log()?;
        }
        self.producers.flush()
    }

    fn flush_log(&mut self) -> Result<(), Halt> {
        self.log.flush().map_err(Halt::LogBroken)?;
        for (peer, count) in self.received.drain(..) {
            self.door.note_recorded(peer, count);
        }
        Ok(())
    }
}
