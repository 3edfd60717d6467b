//! One run as the report takes it.

use crate::analysis::check::Findings;
use crate::analysis::history::History;
use crate::analysis::stats::RunStats;

/// One run, and what was found and measured.
#[derive(Debug)]
pub struct Chapter {
    /// Its logs, joined.
    pub history: History,
    /// What `check` found.
    pub findings: Findings,
    /// What `stats` measured.
    pub stats: RunStats,
    /// The table of `stats`.
    pub sheet: Sheet,
}

/// A table: a column a machine, a row a figure.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Sheet {
    /// What it is of.
    pub title: String,
    /// The name of a figure, and its value for each machine whose log is there.
    pub rows: Vec<(String, Vec<String>)>,
    /// A line that stands below.
    pub foot: String,
}
