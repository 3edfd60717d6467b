//! How a mistake in a trial file is told.

use std::fmt;

/// One mistake: where it is and what it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The key, what was found, and what is allowed.
    pub what: String,
}

/// All mistakes of one trial file, in the order of its lines. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// The file as it was named.
    pub file: String,
    /// The mistakes.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { line, what }) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{}:{line}: {what}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
