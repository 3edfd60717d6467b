//! Draws a picture over the one before, and leaves the terminal as it was.
//!
//! A picture stands below the cursor, which waits on the blank line above it. So whatever another
//! program prints meanwhile comes to stand above the next picture, and a terminal that changes its
//! size keeps the place from which the next one is drawn. A picture is one write, which the terminal
//! is asked to show at once. Nothing is changed but that the cursor is hidden.

use std::io::{self, Write as _};

use rustix::process::getpgrp;
use rustix::termios::{tcgetpgrp, tcgetwinsize};

const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
const BEGIN_UPDATE: &str = "\x1b[?2026h";
const END_UPDATE: &str = "\x1b[?2026l";
const CLEAR_LINE: &str = "\x1b[K";
/// Clears the line of the cursor and all below.
const CLEAR: &str = "\r\x1b[J";

/// A terminal on standard output.
#[derive(Debug, Default)]
pub(super) struct Screen {
    is_drawn: bool,
}

impl Screen {
    /// The columns and lines of the terminal; 80 and 24 if it does not tell.
    pub(super) fn size() -> (usize, usize) {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if 0 < size.ws_col && 0 < size.ws_row => {
                (usize::from(size.ws_col), usize::from(size.ws_row))
            }
            _ => (80, 24),
        }
    }

    /// Draws a picture, if this program is in the foreground: another one has the terminal otherwise.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let foreground = tcgetpgrp(io::stdout());
        if foreground.is_ok_and(|group| group != getpgrp()) {
            return Ok(());
        }
        let mut text = format!("{BEGIN_UPDATE}{HIDE_CURSOR}\r{CLEAR_LINE}");
        for line in lines {
            text += &format!("\r\n{line}{CLEAR_LINE}");
        }
        let back = if lines.is_empty() { String::new() } else { format!("\x1b[{}A", lines.len()) };
        text += &format!("\x1b[J{back}\r{END_UPDATE}");
        self.is_drawn = true;
        write(&text)
    }

    /// Leaves a picture behind as ordinary lines, with a blank one above, and the terminal as it was.
    pub(super) fn leave(&mut self, lines: &[String]) -> io::Result<()> {
        let show = if self.is_drawn { SHOW_CURSOR } else { "" };
        self.is_drawn = false;
        let lines: String = lines.iter().map(|line| format!("\n{line}")).collect();
        write(&format!("{CLEAR}{lines}\n{show}"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.is_drawn {
            // The error that is the reason is told by others.
            let _ = write(&format!("{CLEAR}{SHOW_CURSOR}"));
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
