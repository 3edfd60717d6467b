//! INT and TERM as notices: a signalled machine ends its tick and takes its leave. XFSZ is taken and
//! ignored: a write beyond the limit on file sizes then fails as any other, and is told.

use std::thread;

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::inbox::{InboxSender, Notice};

const STACK_SIZE: usize = 64 << 10;

/// Turns INT and TERM into notices. The same signal a second time ends the process at once.
///
/// # Errors
/// When the operating system refuses a handler or a thread.
pub(super) fn watch(inbox: InboxSender) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGXFSZ]).context("cannot handle signals")?;
    let mut seen = Vec::new();
    thread::Builder::new()
        .name("signals".to_owned())
        .stack_size(STACK_SIZE)
        .spawn(move || {
            for signal in signals.forever().filter(|signal| *signal != SIGXFSZ) {
                if seen.contains(&signal) {
                    // Should the default action fail, the leave-taking goes on.
                    let _ = emulate_default_handler(signal);
                }
                seen.push(signal);
                inbox.tell(Notice::Signalled(signal));
            }
        })
        .context("cannot start the signal thread; raise the limit on threads (ulimit -u)")?;
    Ok(())
}

/// Dies as a machine does that is killed: at once, and without a word to anybody.
pub(super) fn die_by_kill() -> ! {
    let own = rustix::process::getpid();
    // Nobody may forbid a process to kill itself; should it live on all the same, it ends here.
    let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
    std::process::abort()
}
