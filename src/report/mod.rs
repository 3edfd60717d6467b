//! The report of runs: one page that needs no network, for the screen and for paper.
//!
//! What the page says in words and figures is what `check`, `stats`, `predict` and `compare` say; it
//! stands in the page as JSON. The events and messages follow as columns of numbers. What can be seen
//! of them is drawn in the browser, by the scripts in `page/`.
//!
//! - [`chapter`]: one run as the report takes it: its history, and what was found and measured.
//! - [`facts`]: words and figures, as JSON.
//! - [`columns`]: numbers, packed.
//! - [`events`]: the events and messages of a run, as columns.
//! - [`drift`]: for how long the clocks were how far apart, as a histogram.
//! - [`page`]: joins all of it to one file.

pub mod chapter;
mod columns;
mod drift;
mod events;
mod facts;
mod page;

pub use chapter::{Chapter, Sheet};
pub use page::{MARK, write};
