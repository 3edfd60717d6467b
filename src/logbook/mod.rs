//! The log of a machine, `log<PORT>.txt`: made to be read by a person, by gnuplot and by the
//! checker alike. `docs/log-format.md` describes it in full.
//!
//! - [`system_time`]: what the computer's own clock says, to the microsecond.
//! - [`header`]: what a log says of its run before the first tick.
//! - [`record`]: the entries: ticks, skipped ticks, restarts.
//! - [`end_record`]: the entry that ends a log.
//! - [`fault_record`]: the entry of a fault that is over.
//! - [`entry`]: any one of them.
//! - [`writer`]: appends entries, and flushes them before their messages are sent.
//! - [`reader`]: reads a log back, and names the line of whatever is wrong in it.
//! - [`tail`]: reads a log while it grows.

pub mod clock_offset;
pub mod end_record;
pub mod entry;
pub mod fault_record;
mod fields;
pub mod header;
pub mod reader;
pub mod record;
pub mod system_time;
pub mod tail;
pub mod writer;

pub use clock_offset::ClockOffset;
pub use end_record::{ChannelCounts, EndRecord, Ending};
pub use entry::Entry;
pub use fault_record::FaultRecord;
pub use header::{Header, KnownTrial};
pub use reader::{Log, LogReader, Numbered, ReadError, open_log};
pub use record::{LoggedEvent, RestartRecord, SkipRecord, TickRecord};
pub use system_time::SystemTime;
pub use tail::{News, Tail};
pub use writer::{LogWriter, Resumed};

use std::path::{Path, PathBuf};

/// The number of the log format; it rises when a reader of the old format would go wrong.
pub const FORMAT: u32 = 1;

/// The file of the machine that listens on `port`.
#[must_use]
pub fn log_path(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!("log{port}.txt"))
}
