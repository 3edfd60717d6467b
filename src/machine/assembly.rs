//! Connecting, and the common start.
//!
//! No order of launch is needed: each machine connects to every peer, at once and then with
//! backoff, while its listener lets the peers in. When all connections of a machine stand it tells
//! machine 1, and machine 1 answers all: start in so many nanoseconds. That is a length of time,
//! so the clocks of hosts need not agree.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::inbox::{Halt, Inbox, Notice};
use super::producer::{Attempt, Producer, Producers, Refusal};
use super::wire::{Hello, Line};
use crate::model::MachineId;
use crate::trial::Trial;
use crate::wall_clock;

/// The first wait between two attempts to connect; it doubles up to [`BACKOFF_MAX`].
const BACKOFF_MIN: Duration = Duration::from_millis(1);
const BACKOFF_MAX: Duration = Duration::from_millis(100);

/// Machine 1, which names the common start.
fn starter() -> MachineId {
    MachineId::new(1)
}

/// Builds the connections of one machine.
#[derive(Debug)]
pub(super) struct Assembly<'a> {
    pub(super) trial: &'a Trial,
    pub(super) inbox: &'a mut Inbox,
    /// The hello of this machine; its receiver is filled in for each peer.
    pub(super) hello: Hello,
    /// How long the assembly may take.
    pub(super) limit: Duration,
    /// How far ahead machine 1 names the common start.
    pub(super) start_delay: Duration,
}

/// Who has been heard of.
#[derive(Debug, Default)]
struct Roll {
    connected: BTreeSet<MachineId>,
    ready: BTreeSet<MachineId>,
    start: Option<Instant>,
}

impl Assembly<'_> {
    /// Connects to every peer, waits for every peer, and agrees on the common start.
    pub(super) fn assemble(mut self) -> Result<(Producers, Instant), Halt> {
        let deadline = wall_clock::now() + self.limit;
        let peers = self.trial.peers(self.hello.from);
        let mut roll = Roll::default();
        let producers = self.connect_all(&peers, deadline, &mut roll)?;
        let mut producers = Producers::new(producers, &peers);
        self.wait_for(deadline, &mut roll, "did not connect to this machine", |roll| {
            missing(&peers, &roll.connected)
        })?;
        let start = if self.hello.from == starter() {
            self.wait_for(deadline, &mut roll, "did not get ready", |roll| {
                missing(&peers, &roll.ready)
            })?;
            self.name_start(&peers, &mut producers)?
        } else {
            producers.say(starter(), &Line::Ready)?;
            self.wait_for(deadline, &mut roll, "did not name the common start", |roll| {
                if roll.start.is_some() { Vec::new() } else { vec![starter()] }
            })?;
            roll.start.expect("the wait ends when the start is named")
        };
        Ok((producers, start))
    }

    fn connect_all(
        &mut self,
        peers: &[MachineId],
        deadline: Instant,
        roll: &mut Roll,
    ) -> Result<Vec<Producer>, Halt> {
        let mut attempts: Vec<Attempt> = peers.iter().map(|peer| self.attempt(*peer)).collect();
        let mut producers = Vec::new();
        let mut backoff = BACKOFF_MIN;
        loop {
            let mut absent = Vec::new();
            let mut failed = Vec::new();
            for mut attempt in attempts {
                match attempt.go_on() {
                    Ok(producer) => producers.push(producer),
                    Err(Refusal::NotYet(why)) => {
                        absent.push((attempt.peer(), why));
                        failed.push(attempt);
                    }
                    Err(Refusal::Final(why)) => {
                        let name = self.name(attempt.peer());
                        return Err(Halt::Failed(anyhow!("{name}: {why}")));
                    }
                }
            }
            attempts = failed;
            if absent.is_empty() {
                return Ok(producers);
            }
            if deadline <= wall_clock::now() {
                return Err(self.unreached(&absent));
            }
            self.listen_until(deadline.min(wall_clock::now() + backoff), roll)
                .map_err(|halt| self.also_unreached(halt, &absent))?;
            backoff = BACKOFF_MAX.min(backoff * 2);
        }
    }

    fn attempt(&self, peer: MachineId) -> Attempt {
        let hello = Hello { to: peer, ..self.hello.clone() };
        Attempt::new(self.trial.spec(peer).address(), hello)
    }

    fn name_start(&self, peers: &[MachineId], producers: &mut Producers) -> Result<Instant, Halt> {
        let start = wall_clock::now() + self.start_delay;
        for &peer in peers {
            // What is left of the delay when this peer's line is written.
            let left = start.saturating_duration_since(wall_clock::now());
            let in_ns = u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
            producers.say(peer, &Line::Start { in_ns })?;
        }
        Ok(start)
    }

    /// Waits until nobody is missing.
    fn wait_for(
        &mut self,
        deadline: Instant,
        roll: &mut Roll,
        failure: &str,
        missing: impl Fn(&Roll) -> Vec<MachineId>,
    ) -> Result<(), Halt> {
        loop {
            let absent = missing(roll);
            if absent.is_empty() {
                return Ok(());
            }
            if deadline <= wall_clock::now() {
                let names: Vec<_> = absent.iter().map(|peer| self.name(*peer)).collect();
                let (names, limit) = (names.join(", "), self.limit.as_secs_f64());
                return Err(Halt::Failed(anyhow!(
                    "{names} {failure} within {limit} s (--connect-limit)"
                )));
            }
            if let Some(notice) = self.inbox.next_notice(deadline) {
                self.enrol(notice, roll)?;
            }
        }
    }

    /// Waits for a while, and keeps the roll meanwhile.
    fn listen_until(&mut self, until: Instant, roll: &mut Roll) -> Result<(), Halt> {
        while let Some(notice) = self.inbox.next_notice(until) {
            self.enrol(notice, roll)?;
        }
        Ok(())
    }

    fn enrol(&mut self, notice: Notice, roll: &mut Roll) -> Result<(), Halt> {
        let is_first = match notice {
            Notice::Connected(peer) => roll.connected.insert(peer),
            Notice::Disconnected(peer) => roll.connected.remove(&peer),
            Notice::Ready(peer) if self.hello.from == starter() => roll.ready.insert(peer),
            Notice::Start(start) => roll.start.replace(start).is_none(),
            other => return self.inbox.heed(other),
        };
        if is_first {
            Ok(())
        } else {
            Err(Halt::Failed(anyhow!("a peer connected, or said 'ready' or 'start', twice")))
        }
    }

    /// A peer that gives up first must not hide who is missing.
    fn also_unreached(&self, halt: Halt, absent: &[(MachineId, String)]) -> Halt {
        match halt {
            Halt::PeerLost { peer, why } => {
                let name = self.name(peer);
                Halt::Failed(anyhow!("{name} gave up: {why}; {}", self.reasons(absent)))
            }
            other => other,
        }
    }

    fn reasons(&self, absent: &[(MachineId, String)]) -> String {
        let peers = absent.iter().map(|(peer, why)| format!("{}: {why}", self.name(*peer)));
        format!("not reached: {}", peers.collect::<Vec<_>>().join("; "))
    }

    fn unreached(&self, absent: &[(MachineId, String)]) -> Halt {
        let (reasons, limit) = (self.reasons(absent), self.limit.as_secs_f64());
        Halt::Failed(anyhow!("{reasons}; within {limit} s (--connect-limit)"))
    }

    fn name(&self, peer: MachineId) -> String {
        format!("machine {peer} ({})", self.trial.spec(peer).address())
    }
}

fn missing(peers: &[MachineId], heard_of: &BTreeSet<MachineId>) -> Vec<MachineId> {
    peers.iter().filter(|peer| !heard_of.contains(peer)).copied().collect()
}
