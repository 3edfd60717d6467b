//! Waiting for several connections at once, and how a dead one is noticed.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, Timespec};
use rustix::net::sockopt;

use crate::wall_clock;

/// A connection on which nothing moves is probed after so long, ...
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
/// ... again after each of these, ...
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
/// ... and is dead when so many probes were not answered.
const KEEPALIVE_PROBES: u32 = 3;
/// A connection is dead when what was written stays unacknowledged for so long, in milliseconds.
const USER_TIMEOUT_MS: u32 = 5000;

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

/// Lets the kernel find out when the other end is gone without a word.
pub(super) fn keep_alive(socket: impl AsFd) -> io::Result<()> {
    sockopt::set_socket_keepalive(&socket, true)?;
    sockopt::set_tcp_keepidle(&socket, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(&socket, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(&socket, KEEPALIVE_PROBES)?;
    sockopt::set_tcp_user_timeout(&socket, USER_TIMEOUT_MS)?;
    Ok(())
}
