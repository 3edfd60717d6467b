//! One row of the battery: a fault, how it is injected, what must happen, and what was seen.

use std::fmt;
use std::time::Duration;

use crate::scene::Scene;

/// A row. It passes if its function gives what was seen, within its bound of time.
#[derive(Debug)]
pub(crate) struct Row {
    /// The letter of its group, and a number.
    pub(crate) id: &'static str,
    pub(crate) extent: Extent,
    pub(crate) fault: &'static str,
    pub(crate) injected: &'static str,
    pub(crate) must: &'static str,
    /// Does it. What was seen must not depend on the run: no times, no process numbers.
    pub(crate) act: fn(&Scene) -> anyhow::Result<String>,
}

/// How much of the battery a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// With every run of the tests.
    Quick,
    /// Only when all rows are asked for.
    Full,
}

/// What a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Process,
    Network,
    Disk,
    Wire,
    Identity,
    Logs,
    Config,
    Time,
}

impl Group {
    /// All groups, in the order of the page.
    pub(crate) const ALL: [Self; 8] = [
        Self::Process,
        Self::Network,
        Self::Disk,
        Self::Wire,
        Self::Identity,
        Self::Logs,
        Self::Config,
        Self::Time,
    ];

    /// The word for it, and the letter of its rows is its first.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Network => "network",
            Self::Disk => "disk",
            Self::Wire => "wire",
            Self::Identity => "identity",
            Self::Logs => "logs",
            Self::Config => "config",
            Self::Time => "time",
        }
    }

    /// The group of a row.
    pub(crate) fn of(row: &Row) -> Self {
        let letter = row.id.to_lowercase();
        let is_its = |group: &Self| letter.starts_with(&group.name()[..1]);
        Self::ALL.into_iter().find(is_its).expect("a row has the letter of its group")
    }
}

/// What became of a row.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    pub(crate) took: Duration,
}

/// Whether what must happen happened.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It did; this was seen.
    Passed(String),
    /// It did not, or the fault did not take effect.
    Failed(String),
    /// The fault cannot be injected here.
    Skipped(String),
}

/// That a fault cannot be injected here: an error which makes a row skipped, not failed.
#[derive(Debug)]
pub(crate) struct Skipped(pub(crate) String);

impl fmt::Display for Skipped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Skipped {}

/// The error of a fault that cannot be injected here.
pub(crate) fn skipped<T>(why: impl Into<String>) -> anyhow::Result<T> {
    Err(Skipped(why.into()).into())
}
