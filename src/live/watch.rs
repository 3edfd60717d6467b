//! Looks and draws, again and again, until the runs are over or a signal comes.

use std::env;
use std::io::{self, IsTerminal as _};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::follow::Follower;
use super::picture::{Frame, picture};
use super::run::RunView;
use super::screen::Screen;
use super::text::Charset;
use crate::wall_clock;

/// A picture is drawn after so long.
const PERIOD: Duration = Duration::from_millis(250);

/// How watching ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The runs are over.
    Over,
    /// A signal came.
    Signalled(i32),
}

/// What the terminal on standard output can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    charset: Charset,
    has_colour: bool,
}

impl Terminal {
    /// The terminal on standard output; none if there is none, or if it only knows lines.
    #[must_use]
    pub fn of_stdout() -> Option<Self> {
        if io::stdout().is_terminal() { Self::of(|name| env::var(name).ok()) } else { None }
    }

    /// A terminal as the environment tells of it.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let value = |name: &str| variable(name).filter(|value| !value.is_empty());
        value("TERM").filter(|term| term != "dumb")?;
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(value);
        let locale = locale.unwrap_or_default().to_lowercase();
        let is_unicode = locale.contains("utf-8") || locale.contains("utf8");
        let charset = if is_unicode { Charset::Unicode } else { Charset::Ascii };
        Some(Self { charset, has_colour: value("NO_COLOR").is_none() })
    }
}

/// Shows runs on a terminal until they are over.
///
/// # Errors
/// When a log cannot be read or is none, the terminal cannot be written, or signals cannot be handled.
pub fn watch(runs: &mut [Follower], terminal: Terminal) -> Result<Outcome> {
    let signals = signals()?;
    let mut screen = Screen::default();
    let mut next = wall_clock::now();
    let mut was_over = false;
    loop {
        let signal = wait(&signals, next)?;
        for run in &mut *runs {
            run.look(wall_clock::system_time())?;
        }
        let views: Vec<&RunView> = runs.iter().map(Follower::view).collect();
        let is_over = views.iter().all(|view| view.is_over());
        // A machine complains after its log has ended: what it says stands above the last picture.
        let leaves = is_over && was_over;
        was_over = is_over;
        let lines = picture(&views, &frame(terminal));
        let drawn =
            if leaves || signal.is_some() { screen.leave(&lines) } else { screen.draw(&lines) };
        drawn.context("cannot write to the terminal")?;
        match signal {
            Some(SIGTSTP) => emulate_default_handler(SIGTSTP).context("cannot stop")?,
            Some(signal) => return Ok(Outcome::Signalled(signal)),
            None if leaves => return Ok(Outcome::Over),
            None => {}
        }
        // A computer that is busy shows fewer pictures, not all of them later.
        next = (next + PERIOD).max(wall_clock::now());
    }
}

/// The frame of a picture. The last column stays free, as terminals differ in what follows a full
/// line; one line is the blank one above.
fn frame(terminal: Terminal) -> Frame {
    let (columns, lines) = Screen::size();
    let Terminal { charset, has_colour } = terminal;
    Frame { width: columns - 1, height: lines - 1, charset, has_colour }
}

/// Waits for a signal, until the next look is due.
fn wait(signals: &Receiver<i32>, due: std::time::Instant) -> Result<Option<i32>> {
    match signals.recv_deadline(due) {
        Ok(signal) => Ok(Some(signal)),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        Err(RecvTimeoutError::Disconnected) => anyhow::bail!("the signal thread has ended"),
    }
}

/// The signals that end or stop a program on a terminal.
fn signals() -> Result<Receiver<i32>> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP])
        .context("cannot handle signals")?;
    let (sender, receiver) = unbounded();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || signals.forever().all(|signal| sender.send(signal).is_ok()))
        .context("cannot start the signal thread; raise the limit on threads (ulimit -u)")?;
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(variables: &[(&str, &str)]) -> Option<Terminal> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Terminal::of(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_terminal_shows_what_its_environment_says() {
        let shown = |variables| terminal(variables).map(|it| (it.charset, it.has_colour));
        let (unicode, ascii) = (Charset::Unicode, Charset::Ascii);
        assert_eq!(shown(&[]), None);
        assert_eq!(shown(&[("TERM", "dumb"), ("LANG", "C.UTF-8")]), None);
        assert_eq!(shown(&[("TERM", "xterm")]), Some((ascii, true)));
        assert_eq!(shown(&[("TERM", "xterm"), ("LANG", "de_DE.utf8")]), Some((unicode, true)));
        let overruled = [("TERM", "xterm"), ("LC_ALL", "C"), ("LANG", "C.UTF-8")];
        assert_eq!(shown(&overruled), Some((ascii, true)));
        let plain = [("TERM", "xterm"), ("LC_CTYPE", "C.UTF-8"), ("NO_COLOR", "1")];
        assert_eq!(shown(&plain), Some((unicode, false)));
        assert_eq!(shown(&[("TERM", "xterm"), ("NO_COLOR", "")]), Some((ascii, true)));
    }
}
