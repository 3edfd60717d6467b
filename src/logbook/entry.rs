//! What a line below the header of a log is.

use super::end_record::EndRecord;
use super::fault_record::FaultRecord;
use super::record::{RestartRecord, SkipRecord, TickRecord};
use crate::quote::shown;

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A tick.
    Tick(TickRecord),
    /// Ticks were skipped.
    Skipped(SkipRecord),
    /// The machine came back.
    Restart(RestartRecord),
    /// A fault is over.
    Fault(FaultRecord),
    /// The log has ended.
    End(EndRecord),
}

impl Entry {
    /// Reads a line below the header.
    ///
    /// # Errors
    /// Says what is wrong with the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(comment) = text.strip_prefix('#') else {
            return TickRecord::parse(text).map(Self::Tick);
        };
        match comment.trim_start().split_once(": ") {
            Some(("skipped", value)) => SkipRecord::parse(value).map(Self::Skipped),
            Some(("restart", value)) => RestartRecord::parse(value).map(Self::Restart),
            Some(("fault", value)) => FaultRecord::parse(value).map(Self::Fault),
            Some(("end", value)) => EndRecord::parse(value).map(Self::End),
            _ => Err(format!("unknown entry {}", shown(text))),
        }
    }
}
