//! The rules `ends` and `conservation`: an end entry says what its log says, and on every channel
//! what was sent is received or left.

use std::collections::BTreeMap;

use super::Rule;
use super::violation::Complaints;
use crate::logbook::{ChannelCounts, EndRecord, Ending, Log, Numbered};
use crate::model::{MachineId, Timestamp};

pub(super) fn check(complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    for (machine, log) in history.present() {
        if let Some(end) = &log.end {
            check_own(log, end, complaints);
            check_cause(machine, log, end, complaints);
            check_channels(machine, log, end, complaints);
            check_conserved(machine, log, end, complaints);
        }
    }
}

/// Ticks, skipped ticks and clock of the end entry are those of the log above it.
fn check_own(log: &Log, end: &Numbered<EndRecord>, complaints: &mut Complaints<'_>) {
    let EndRecord { ticks_done, ticks_skipped, logical_clock, .. } = end.entry;
    let skipped: u64 = log.skips.iter().map(|skip| skip.entry.count()).sum();
    let last = log.ticks.last().map_or(Timestamp(0), |tick| tick.entry.logical_clock);
    let mut differ = |name: &str, said: u64, found: u64| {
        if said != found {
            let what = format!("the end entry says {name}={said}, but the log has {found}");
            complaints.at_line(Rule::Ends, log, end.line, what);
        }
    };
    differ("done", ticks_done, log.ticks.len() as u64);
    differ("skipped", ticks_skipped, skipped);
    differ("logical_clock", logical_clock.0, last.0);
}

/// Sent and received counts of the end entry are those of the log above it, peer by peer.
fn check_channels(
    machine: MachineId,
    log: &Log,
    end: &Numbered<EndRecord>,
    complaints: &mut Complaints<'_>,
) {
    let history = complaints.history;
    let peers = history.trial.peers(machine);
    for counts in [&end.entry.sent, &end.entry.received, &end.entry.left] {
        let listed = counts.0.iter().map(|(port, _)| *port);
        if !listed.eq(peers.iter().map(|peer| history.trial.spec(*peer).port)) {
            let what = "the end entry does not list exactly the machine's peers".to_owned();
            complaints.at_line(Rule::Ends, log, end.line, what);
            return;
        }
    }
    let mut differ = |name: &str, said: &ChannelCounts, found: BTreeMap<MachineId, usize>| {
        for (peer, (port, said)) in peers.iter().zip(&said.0) {
            if let Some(found) = found.get(peer).filter(|found| **found as u64 != *said) {
                let what =
                    format!("the end entry says {name}={port}:{said}, but the log has {found}");
                complaints.at_line(Rule::Ends, log, end.line, what);
            }
        }
    };
    let sent = history.channels_from(machine).iter();
    differ("sent", &end.entry.sent, sent.map(|c| (c.to, c.sends.len())).collect());
    let received = history.channels_to(machine);
    differ("received", &end.entry.received, received.map(|c| (c.from, c.receives.len())).collect());
}

/// Sent = received + left. Messages lost in mid-channel have been told of already.
///
/// A message may be recorded and never travel when its sender or its connection dies: then fewer
/// may be left, and the run is not whole, which the verdict says. More can never be left, since an
/// entry is written before its message is sent.
fn check_conserved(
    machine: MachineId,
    log: &Log,
    end: &Numbered<EndRecord>,
    complaints: &mut Complaints<'_>,
) {
    let history = complaints.history;
    let is_orderly = |log: &Log| log.end.as_ref().is_some_and(|end| end.entry.why.is_orderly());
    let left: BTreeMap<u16, u64> = end.entry.left.0.iter().copied().collect();
    for channel in history.channels_to(machine) {
        let Some(sender) = history.log(channel.from) else { continue };
        if !log.is_settled && sender.end.is_none() {
            // The receiver ended while the logs were read: it may know more of its sender.
            continue;
        }
        let port = history.trial.spec(channel.from).port;
        let left = left.get(&port).copied().unwrap_or(0);
        let due = (channel.unreceived() - channel.lost.len()) as u64;
        if due < left || (left < due && is_orderly(sender) && is_orderly(log)) {
            let what = format!(
                "machine {} sent {} messages to machine {machine}: {} were received, so {due} are \
                 left, but the end entry says {left}",
                channel.from,
                channel.sends.len(),
                channel.sends.len() - channel.unreceived()
            );
            complaints.at_line(Rule::Conservation, log, end.line, what).about(channel.from);
        }
    }
}

/// Who ended the run is a peer.
fn check_cause(
    machine: MachineId,
    log: &Log,
    end: &Numbered<EndRecord>,
    complaints: &mut Complaints<'_>,
) {
    let trial = &complaints.history.trial;
    let (Ending::PeerLeft(port) | Ending::PeerLost(port) | Ending::PeerSilent(port)) =
        end.entry.why
    else {
        return;
    };
    if !trial.peers(machine).iter().any(|peer| trial.spec(*peer).port == port) {
        let what = format!("the end entry says {}, but no peer has that port", end.entry.why);
        complaints.at_line(Rule::Ends, log, end.line, what);
    }
}
