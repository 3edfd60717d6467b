//! Waiting for several connections at once.

use std::time::Instant;

use rustix::event::{PollFd, Timespec};

use crate::wall_clock;

/// Waits until one of the connections is ready, or until a deadline; whichever are ready say so.
pub(crate) fn wait(fds: &mut [PollFd<'_>], deadline: Option<Instant>) {
    let timeout = deadline.map(|deadline| {
        let left = deadline.saturating_duration_since(wall_clock::now());
        Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        }
    });
    // A signal may end the wait early; everyone looks again then.
    let _ = rustix::event::poll(fds, timeout.as_ref());
}
