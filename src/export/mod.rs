//! Runs in the formats of other programs.
//!
//! The logs of a run are read side by side, entry by entry, and every event is passed on with what
//! only the whole run tells of it: its vector clock, the numbers of its messages, its place on one
//! time line. So memory grows with the messages in flight, and not with the run. A first reading
//! finds what does not fit together, before anything is written.
//!
//! - [`format`]: what a format is; [`FORMATS`] lists them.
//! - [`run`]: the logs of one run, as they were when the export began.
//! - [`moment`]: what is passed on.
//! - [`lane`]: one log on its way through.
//! - [`in_flight`]: the messages that were sent and not yet received.
//! - [`merge`]: the logs side by side, in an order that respects causality.
//! - [`stuck`]: whose message will not come, when all wait.
//! - [`survey`]: the first reading.
//!
//! One file a format: [`csv`], [`jsonl`], [`perfetto`], [`shiviz`], [`tsviz`]; the last two share
//! [`vector_lines`].

mod csv;
mod format;
mod in_flight;
mod jsonl;
mod lane;
mod merge;
mod moment;
mod perfetto;
mod run;
mod shiviz;
mod stuck;
mod survey;
mod tsviz;
mod vector_lines;

pub use format::{Concern, Exporter, Format};
pub use merge::Merge;
pub use moment::{Aside, Moment, Row, name};
pub use run::Run;
pub use survey::Survey;

/// All formats.
pub const FORMATS: [Format; 5] =
    [csv::FORMAT, jsonl::FORMAT, perfetto::FORMAT, shiviz::FORMAT, tsviz::FORMAT];
