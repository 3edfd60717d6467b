//! The end of a machine: goodbyes with counts, the rest of the arrivals, the end entry.
//!
//! A machine reads until it has every peer's goodbye or a named limit passes. So nobody resets
//! anybody, and a message lost at the tail is seen.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::inbox::Halt;
use super::pacemaker::Pacemaker;
use super::tick_loop::TickLoop;
use crate::logbook::{ChannelCounts, EndRecord, Ending};
use crate::model::MachineId;
use crate::trial::Trial;
use crate::wall_clock;

/// Ends a machine after its tick loop, and gives what cut it short, if anything did.
pub(super) fn part(
    mut ticks: TickLoop<'_>,
    pacemaker: &mut dyn Pacemaker,
    halt: Option<Halt>,
    limit: Duration,
) -> Option<Halt> {
    let deadline = match halt {
        None => pacemaker.goodbyes_due(limit),
        Some(_) => Some(wall_clock::now() + limit),
    };
    let trouble = hear_goodbyes(&mut ticks, halt.as_ref(), deadline);
    pacemaker.admit_rest(&ticks.inbox, &mut ticks.queue);
    let left = count_left(&ticks);
    let trouble = match missing_message(&ticks, &left) {
        Some(missing) => worse(trouble, missing),
        None => trouble,
    };
    let why = ending(ticks.trial, halt.as_ref(), trouble.as_ref());
    let record = EndRecord {
        why,
        system_time: pacemaker.ended_at(),
        ticks_done: ticks.tally.ticks_done,
        ticks_skipped: ticks.tally.ticks_skipped,
        logical_clock: ticks.machine.now(),
        sent: by_port(ticks.trial, ticks.outlet.producers.sent()),
        received: by_port(ticks.trial, of_peers(&ticks, &ticks.tally.received)),
        left: by_port(ticks.trial, of_peers(&ticks, &left)),
    };
    // What went wrong first is what the machine tells.
    let written = ticks.outlet.log.end(&record).err().map(Halt::Failed);
    halt.or(trouble).or(written)
}

/// Says goodbye and reads until nobody's is missing; gives the worst that happens meanwhile.
fn hear_goodbyes(
    ticks: &mut TickLoop<'_>,
    halt: Option<&Halt>,
    deadline: Option<Instant>,
) -> Option<Halt> {
    let left_for = halt.map(|halt| halt.cause(ticks.id));
    let mut trouble = ticks.outlet.producers.say_goodbye(left_for).err();
    let mut absent: Vec<MachineId> = ticks.outlet.producers.sent().map(|(peer, _)| peer).collect();
    loop {
        let is_lost =
            |peer| [halt, trouble.as_ref()].into_iter().flatten().any(|halt| halt.loses(peer));
        absent.retain(|peer| ticks.inbox.goodbye_of(*peer).is_none() && !is_lost(*peer));
        let Some(&peer) = absent.first() else { return trouble };
        match ticks.inbox.next_notice(deadline).map(|notice| ticks.inbox.heed(notice)) {
            None => return worse(trouble, Halt::PeerSilent(peer)),
            Some(Ok(())) => {}
            Some(Err(next)) => {
                absent.retain(|peer| !next.loses(*peer));
                trouble = worse(trouble, next);
            }
        }
    }
}

/// What happened first, unless what comes next is grave and it was not.
fn worse(first: Option<Halt>, next: Halt) -> Option<Halt> {
    match first {
        Some(first) if first.is_grave() || !next.is_grave() => Some(first),
        _ => Some(next),
    }
}

fn count_left(ticks: &TickLoop<'_>) -> BTreeMap<MachineId, u64> {
    let mut left = BTreeMap::new();
    for message in &ticks.queue {
        *left.entry(message.from).or_default() += 1;
    }
    left
}

/// Holds what arrived against what the peers say they sent.
fn missing_message(ticks: &TickLoop<'_>, left: &BTreeMap<MachineId, u64>) -> Option<Halt> {
    let count = |counts: &BTreeMap<MachineId, u64>, peer| counts.get(&peer).copied().unwrap_or(0);
    ticks.outlet.producers.sent().find_map(|(peer, _)| {
        let sent = ticks.inbox.goodbye_of(peer)?;
        let arrived = count(&ticks.tally.received, peer) + count(left, peer);
        let why = format!("it sent {sent} messages and {arrived} arrived");
        (sent != arrived).then_some(Halt::PeerLost { peer, why })
    })
}

/// Counts in the order of the machine's peers; who is not counted has 0.
fn of_peers(
    ticks: &TickLoop<'_>,
    counts: &BTreeMap<MachineId, u64>,
) -> impl Iterator<Item = (MachineId, u64)> {
    let peers = ticks.outlet.producers.sent();
    peers.map(|(peer, _)| (peer, counts.get(&peer).copied().unwrap_or(0)))
}

fn by_port(trial: &Trial, counts: impl Iterator<Item = (MachineId, u64)>) -> ChannelCounts {
    ChannelCounts(counts.map(|(peer, count)| (trial.spec(peer).port, count)).collect())
}

/// Why the log ends: a peer that was never heard out matters more than why the machine left, unless
/// that was a failure of its own.
fn ending(trial: &Trial, halt: Option<&Halt>, trouble: Option<&Halt>) -> Ending {
    let port = |peer: &MachineId| trial.spec(*peer).port;
    let has_failed = matches!(halt, Some(Halt::Failed(_)));
    let unheard = trouble.filter(|trouble| trouble.is_grave() && !has_failed);
    match unheard.or(halt).or(trouble) {
        None => Ending::Finished,
        Some(Halt::Signalled(_)) => Ending::Interrupted,
        Some(Halt::PeerLeft(peer)) => Ending::PeerLeft(port(peer)),
        Some(Halt::PeerLost { peer, .. }) => Ending::PeerLost(port(peer)),
        Some(Halt::PeerSilent(peer)) => Ending::PeerSilent(port(peer)),
        Some(Halt::Failed(_)) => Ending::Failed,
    }
}

/// Tells what cut a machine short.
pub(super) fn explain(trial: &Trial, halt: Halt) -> anyhow::Error {
    let name = |peer: MachineId| format!("peer {peer} ({})", trial.spec(peer).address());
    match halt {
        Halt::Signalled(signal) => anyhow!("ended by signal {signal}"),
        Halt::PeerLeft(peer) => anyhow!("{} left before its last tick", name(peer)),
        Halt::PeerLost { peer, why } => anyhow!("{} is lost: {why}", name(peer)),
        Halt::PeerSilent(peer) => {
            anyhow!("{} did not say goodbye in time (--goodbye-limit)", name(peer))
        }
        Halt::Failed(error) => error,
    }
}
