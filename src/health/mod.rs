//! How healthy a run is that is going on: its machines are asked, and probes travel between them.
//!
//! - [`question`]: what is asked, and what counts as healthy.
//! - [`call`]: the conversation with one machine.
//! - [`checkup`]: one asking of all machines of a run.
//! - [`heard`]: what came of it; nothing is judged yet.
//! - [`layer`]: the five layers, each of which judges what was heard, in a file of its own.
//! - [`report`]: all of their findings.
//!
//! Who asks and who judges are apart: a layer opens no socket and reads no clock. The other end of
//! the conversation is in `machine::checkup`.

mod call;
mod checkup;
pub mod heard;
pub mod layer;
pub mod question;
pub mod report;

pub use checkup::{Run, ask};
pub use heard::Heard;
pub use question::Question;
pub use report::{Report, judge};
