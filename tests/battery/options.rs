//! What can be asked of the battery. Flags of the usual test harness that have no meaning here are
//! let pass, so that `cargo test` may be given some for all tests.

use std::path::PathBuf;

use crate::row::{Extent, Group, Row};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Run,
    List,
}

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) wish: Wish,
    /// Rows that take their time as well.
    all: bool,
    /// How many rows run side by side.
    pub(crate) jobs: usize,
    /// The page of the docs to write the outcomes into.
    pub(crate) page: Option<PathBuf>,
    /// Identities of rows, names of groups; everything if empty.
    filters: Vec<String>,
}

/// Rows mostly wait, so there may be more of them than cores.
const JOBS: usize = 6;

impl Options {
    /// Reads the command line.
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options =
            Self { wish: Wish::Run, all: false, jobs: JOBS, page: None, filters: Vec::new() };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--all" => options.all = true,
                "--list" => options.wish = Wish::List,
                "--page" => options.page = Some(value()?.into()),
                "--jobs" | "--test-threads" => {
                    let jobs = value()?;
                    options.jobs =
                        jobs.parse().ok().filter(|jobs| 0 < *jobs).ok_or("no number of jobs")?;
                }
                "--format" | "--color" | "--skip" => drop(value()?),
                flag if flag.starts_with('-') => {}
                filter => options.filters.push(filter.to_lowercase()),
            }
        }
        Ok(options)
    }

    /// Whether a row is to be run. Who names a row or a group gets it, however long it takes.
    pub(crate) fn wants(&self, row: &Row) -> bool {
        let names =
            |filter: &String| *filter == row.id.to_lowercase() || *filter == Group::of(row).name();
        if self.filters.is_empty() {
            self.all || row.extent == Extent::Quick
        } else {
            self.filters.iter().any(names)
        }
    }
}
