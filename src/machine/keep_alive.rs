//! How the kernel finds out that the other end of a connection is gone without a word.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::sockopt;

use crate::model::MachineId;

/// A connection on which nothing moves is probed after so long, or later: [`KeepAlive::of`].
const IDLE_MIN: Duration = Duration::from_secs(5);
/// It is dead when the probe was not answered within this time: the timeout below overrides how many
/// probes the kernel would send (tcp(7)).
const INTERVAL: Duration = Duration::from_secs(1);
/// A connection is dead when what was written stays unacknowledged for so long, in milliseconds.
const USER_TIMEOUT_MS: u32 = 5000;

/// When the connections of one machine are probed.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeepAlive {
    idle: Duration,
}

impl KeepAlive {
    /// What a machine with so many peers does. All connections of a run are made at one time, so they would all be probed
    /// at one time, and in a large mesh every tick that is due then would be late. So machines differ,
    /// by whole seconds, as the kernel counts them, and by the more the more connections each has.
    pub(super) fn of(own: MachineId, peers: usize) -> Self {
        let choices = peers / 2 + 1;
        let later = Duration::from_secs((own.index() % choices) as u64);
        Self { idle: IDLE_MIN + later }
    }

    /// Has the kernel keep an eye on a connection, or on all that a listening socket accepts.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn watch_over(self, socket: impl AsFd) -> io::Result<()> {
        sockopt::set_socket_keepalive(&socket, true)?;
        sockopt::set_tcp_keepidle(&socket, self.idle)?;
        sockopt::set_tcp_keepintvl(&socket, INTERVAL)?;
        sockopt::set_tcp_user_timeout(&socket, USER_TIMEOUT_MS)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// How many machines of a mesh have the kernel wait for so many seconds.
    fn idle_seconds(machines: u16) -> BTreeMap<u64, usize> {
        let mut counts = BTreeMap::new();
        for own in (1..=machines).map(MachineId::new) {
            let KeepAlive { idle } = KeepAlive::of(own, usize::from(machines - 1));
            *counts.entry(idle.as_secs()).or_default() += 1;
        }
        counts
    }

    #[test]
    fn machines_of_a_large_mesh_are_probed_at_times_of_their_own() {
        assert_eq!(idle_seconds(3), BTreeMap::from([(5, 2), (6, 1)]));
        assert_eq!(idle_seconds(100), (5..55).map(|idle| (idle, 2)).collect());
    }
}
