//! How far a sweep is: a bar on a terminal, nothing elsewhere.
//!
//! It is our own since what the known crates need of the mathematics library would be loaded into
//! every machine.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::wall_clock;

/// The bar is drawn anew after so long.
const PERIOD: Duration = Duration::from_millis(100);

/// The bar has so many signs.
const WIDTH: usize = 40;

/// Counts what is done, from any thread.
#[derive(Debug)]
pub(super) struct Progress {
    total: usize,
    done: AtomicUsize,
    /// When the bar is drawn next; none where nobody sees it.
    next: Option<Mutex<Instant>>,
}

impl Progress {
    /// Nothing of `total` is done.
    pub(super) fn new(total: usize) -> Self {
        let next = io::stderr().is_terminal().then(|| Mutex::new(wall_clock::now() + PERIOD));
        Self { total, done: AtomicUsize::new(0), next }
    }

    /// One more is done.
    pub(super) fn advance(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        // A run may take a microsecond: the clock is not looked at after each.
        if !done.is_multiple_of(64) {
            return;
        }
        // Another thread that draws just now draws for all.
        if let Some(mut next) = self.next.as_ref().and_then(|next| next.try_lock().ok())
            && *next <= wall_clock::now()
        {
            *next = wall_clock::now() + PERIOD;
            draw(&format!("{} {done} of {} runs", bar(done, self.total), self.total));
        }
    }

    /// Leaves the terminal as it was.
    pub(super) fn clear(&self) {
        if self.next.is_some() {
            draw("");
        }
    }
}

fn bar(done: usize, total: usize) -> String {
    let full = WIDTH * done.min(total) / total.max(1);
    format!("[{}{}]", "#".repeat(full), ".".repeat(WIDTH - full))
}

/// Draws over the present line. A terminal that is gone needs no bar.
fn draw(text: &str) {
    let _ = write!(io::stderr(), "\r{text}\x1b[K");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_full_when_all_is_done() {
        assert_eq!(bar(0, 8), format!("[{}]", ".".repeat(WIDTH)));
        assert_eq!(bar(2, 8), format!("[{}{}]", "#".repeat(10), ".".repeat(30)));
        assert_eq!(bar(8, 8), format!("[{}]", "#".repeat(WIDTH)));
    }
}
