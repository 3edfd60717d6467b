//! Files that are there whole, or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// How much is gathered before it is written.
pub(super) const BUFFER_BYTES: usize = 64 << 10;

/// Writes beside a file, and gives it its name at the end: nobody takes half
/// of it for a whole.
///
/// # Errors
/// When it cannot be written; nothing is left of it then.
pub(super) fn write_whole<T>(
    file: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<T>,
) -> Result<T> {
    let told = || format!("cannot write {}", file.display());
    let place = match fs::metadata(file) {
        // A device or a pipe is written to, not replaced.
        Ok(found) if !found.is_file() && !found.is_dir() => {
            let device = File::options().write(true).open(file).with_context(told)?;
            return write(&mut BufWriter::with_capacity(BUFFER_BYTES, device)).with_context(told);
        }
        Ok(found) if found.is_dir() => bail!("{}: it is a folder; name a file", told()),
        Ok(_) => fs::canonicalize(file).with_context(told)?,
        Err(_) => file.to_owned(),
    };
    let mut aside = place.clone().into_os_string();
    aside.push(".part");
    let aside = PathBuf::from(aside);
    let written = File::create(&aside)
        .map_err(anyhow::Error::from)
        .and_then(|part| write(&mut BufWriter::with_capacity(BUFFER_BYTES, part)))
        .and_then(|done| Ok(fs::rename(&aside, &place).map(|()| done)?));
    if written.is_err() {
        let _ = fs::remove_file(&aside);
    }
    written.with_context(told)
}
