//! How far a long command is: a bar on standard error, if that is a terminal.
//!
//! Nothing is drawn before the work has lasted a moment, nothing with `--quiet`, and nothing is left
//! behind.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use log::{Level, log_enabled};

use crate::wall_clock;

/// Work that is done by then shows no bar.
const PATIENCE: Duration = Duration::from_millis(400);

/// How often a second the bar is drawn.
const DRAWN_PER_SECOND: u8 = 10;

/// Counts what is done, from any thread.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
    is_shown: OnceLock<()>,
}

/// In what the work is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    /// So many of them: runs, events, claims.
    Of(&'static str),
    /// Bytes.
    Bytes,
}

impl Progress {
    /// Nothing of `total` is done.
    pub(super) fn new(doing: &str, total: u64, unit: Unit) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        bar.set_style(style(unit));
        bar.set_message(doing.to_owned());
        Self { bar, began: wall_clock::now(), is_shown: OnceLock::new() }
    }

    /// Does so, too, as a function that is told how many more are done.
    pub(super) fn meter(doing: &str, total: u64, unit: Unit) -> impl Fn(u64) + Sync {
        let progress = Self::new(doing, total, unit);
        move |count| progress.advance(count)
    }

    /// So many more are done.
    pub(super) fn advance(&self, count: u64) {
        self.bar.inc(count);
        if self.is_shown.get().is_none() && PATIENCE <= wall_clock::now() - self.began {
            self.is_shown.get_or_init(|| self.show());
        }
    }

    fn show(&self) {
        if log_enabled!(Level::Warn) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWN_PER_SECOND));
        }
    }
}

/// Leaves the terminal as it was.
impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(unit: Unit) -> ProgressStyle {
    let count = match unit {
        Unit::Of(things) => format!("{{human_pos}} of {{human_len}} {things}"),
        Unit::Bytes => "{bytes} of {total_bytes}".to_owned(),
    };
    let template = format!("{{msg}} [{{bar:30}}] {count}, {{eta}} left");
    // The template is ours: were it wrong, a bar of the plainest kind would be drawn.
    let style = ProgressStyle::with_template(&template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("#>.")
}
