//! The end of a machine: goodbyes with counts, the rest of the arrivals, the end entry.
//!
//! A machine reads until it has every peer's goodbye or a named limit passes. So nobody resets
//! anybody, and a message lost at the tail is seen.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use log::warn;

use super::door::Door;
use super::inbox::{Halt, Inbox};
use super::pacemaker::Pacemaker;
use super::producer::Producers;
use super::tick_loop::TickLoop;
use crate::logbook::{ChannelCounts, EndRecord, Ending};
use crate::model::MachineId;
use crate::trial::Trial;
use crate::wall_clock;

/// How long a machine that leaves early waits for goodbyes at most: the run is lost, and whoever tells
/// all its machines to end does not wait for ever for their last entries.
const LEAVING_LIMIT: Duration = Duration::from_secs(3);

/// Ends a machine after its tick loop, and gives what cut it short, if anything did.
pub(super) fn part(
    mut ticks: TickLoop<'_>,
    pacemaker: &mut dyn Pacemaker,
    halt: Option<Halt>,
    limit: Duration,
) -> Option<Halt> {
    if let Some(broken @ Halt::LogBroken(_)) = halt {
        return Some(broken);
    }
    let deadline = match halt {
        None => pacemaker.goodbyes_due(limit),
        Some(_) => Some(wall_clock::now() + limit.min(LEAVING_LIMIT)),
    };
    let trouble = hear_goodbyes(&mut ticks, halt.as_ref(), deadline);
    pacemaker.admit_rest(&ticks.inbox, &mut ticks.queue);
    let left = count_left(&ticks);
    let trouble = match missing_message(&ticks, &left) {
        Some(missing) => worse(trouble, missing),
        None => trouble,
    };
    if halt.is_none()
        && let Err(broken) = ticks.tell_what_is_over(None, pacemaker)
    {
        return trouble.or(Some(broken));
    }
    let why = ending(ticks.trial, halt.as_ref(), trouble.as_ref());
    let record = EndRecord {
        why,
        system_time: pacemaker.ended_at(),
        ticks_done: ticks.tally.ticks_done,
        ticks_skipped: ticks.tally.ticks_skipped,
        logical_clock: ticks.machine.now(),
        sent: by_port(ticks.trial, of_peers(&ticks, &ticks.outlet.producers.sent().collect())),
        received: by_port(ticks.trial, of_peers(&ticks, &ticks.tally.received)),
        left: by_port(ticks.trial, of_peers(&ticks, &left)),
    };
    if let Err(error) = ticks.outlet.log.end(&record) {
        // What went wrong first is what the machine tells.
        return halt.or(trouble).or(Some(Halt::LogBroken(error)));
    }
    ticks.outlet.door.end();
    let TickLoop { inbox, outlet, .. } = &mut ticks;
    let unheard = match why {
        Ending::Finished => be_heard(inbox, &outlet.producers, &outlet.door, deadline),
        _ => None,
    };
    halt.or(trouble).or(unheard)
}

/// Answers the peers of a machine that had finished when it died: they may need its goodbye, and
/// messages that it sent, to come to their ends. Gives what ends it before all of them have.
pub(super) fn part_again(
    inbox: &mut Inbox,
    producers: &mut Producers,
    door: &Door,
    limit: Duration,
) -> Option<Halt> {
    door.end();
    producers.say_goodbye(None);
    be_heard(inbox, producers, door, Some(wall_clock::now() + limit))
}

/// Says goodbye and reads until nobody's is missing; gives the worst that happens meanwhile.
fn hear_goodbyes(
    ticks: &mut TickLoop<'_>,
    halt: Option<&Halt>,
    deadline: Option<Instant>,
) -> Option<Halt> {
    let left_for = halt.map(|halt| halt.cause(ticks.id));
    ticks.outlet.producers.say_goodbye(left_for);
    let mut trouble = None;
    let mut absent: Vec<MachineId> = ticks.outlet.producers.sent().map(|(peer, _)| peer).collect();
    loop {
        let is_lost =
            |peer| [halt, trouble.as_ref()].into_iter().flatten().any(|halt| halt.loses(peer));
        absent.retain(|peer| ticks.inbox.goodbye_of(*peer).is_none() && !is_lost(*peer));
        let Some(&peer) = absent.first() else { return trouble };
        match ticks.inbox.next_notice(deadline).map(|notice| ticks.inbox.heed(notice)) {
            None => {
                return worse(
                    trouble,
                    silent(&ticks.outlet.producers, peer, "did not say goodbye"),
                );
            }
            Some(Ok(())) => {}
            Some(Err(next)) => {
                absent.retain(|peer| !next.loses(*peer));
                trouble = worse(trouble, next);
            }
        }
    }
}

/// Waits until every peer has said that its log is whole, and was told that this machine's is; so
/// that none has to come back to a machine that is gone.
fn be_heard(
    inbox: &mut Inbox,
    producers: &Producers,
    door: &Door,
    deadline: Option<Instant>,
) -> Option<Halt> {
    loop {
        let (unheard, unanswered) = (producers.unheard(), door.unanswered());
        let &peer = unheard.first().or(unanswered.first())?;
        match inbox.next_notice(deadline).map(|notice| inbox.heed(notice)) {
            None if unheard.is_empty() => {
                // Its log is whole, so all is well with the run.
                warn!("machine {peer} did not come to hear that this machine's log is whole");
                return None;
            }
            None => return Some(silent(producers, peer, "did not say that its log is whole")),
            Some(Ok(())) => {}
            Some(Err(next)) => return Some(next),
        }
    }
}

/// Tells of a peer for which no time is left, and why it cannot be reached if that is known.
fn silent(producers: &Producers, peer: MachineId, what: &str) -> Halt {
    let trouble = producers.troubles().into_iter().find(|(other, _)| *other == peer);
    let trouble = trouble.map_or(String::new(), |(_, why)| format!(": {why}"));
    Halt::PeerSilent { peer, what: format!("{what} in time (--goodbye-limit){trouble}") }
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
    let peers = ticks.trial.peers(ticks.id).into_iter();
    peers.map(|peer| (peer, counts.get(&peer).copied().unwrap_or(0)))
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
        Some(Halt::PeerSilent { peer, .. }) => Ending::PeerSilent(port(peer)),
        Some(Halt::Failed(_) | Halt::LogBroken(_)) => Ending::Failed,
    }
}

/// Tells what cut a machine short.
pub(super) fn explain(trial: &Trial, halt: Halt) -> anyhow::Error {
    let name = |peer: MachineId| format!("peer {peer} ({})", trial.spec(peer).address());
    match halt {
        Halt::Signalled(signal) => anyhow!("ended by signal {signal}"),
        Halt::PeerLeft(peer) => anyhow!("{} left before its last tick", name(peer)),
        Halt::PeerLost { peer, why } => anyhow!("{} is lost: {why}", name(peer)),
        Halt::PeerSilent { peer, what } => anyhow!("{} {what}", name(peer)),
        Halt::Failed(error) => error,
        Halt::LogBroken(error) => {
            error.context("nothing more is done, as it could not be recorded; --resume goes on")
        }
    }
}
