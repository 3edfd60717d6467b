//! The subcommands: one file each, with its arguments and its `run`.

pub mod machine;
pub mod prepare;
pub mod trial;

use std::io::{self, Write as _};

use anyhow::Result;

/// Writes a result to standard output.
fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
