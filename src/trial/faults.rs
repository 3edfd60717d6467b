//! What the faults of a trial must keep to together, wherever they were read from.

use std::collections::BTreeMap;

use crate::model::fault::numbered;
use crate::model::fault_rates::rate_changes_max;
use crate::model::{Fault, FaultId, FaultKind, MachineFault, MachineId, Span, Topology};

/// How many faults a trial may have.
pub const FAULTS_MAX: usize = 1000;

/// How many changes of clock rates the faults of a trial may make, all machines together.
pub const RATE_CHANGES_MAX: u64 = 1_000_000;

/// How many channels the faults of a trial may strike, all faults together.
pub const CHANNELS_MAX: usize = 1_000_000;

/// Names every fault that does not fit its trial, and why.
#[must_use]
pub fn misfits(faults: &[Fault], machines: usize, duration_s: u64) -> Vec<(FaultId, String)> {
    let mut misfits: Vec<(FaultId, String)> = numbered(faults)
        .filter_map(|(number, fault)| Some((number, misfit(fault, machines, duration_s)?)))
        .collect();
    if misfits.is_empty() {
        misfits.extend(overlaps(faults));
        misfits.extend(excess(faults));
    }
    misfits
}

/// Names every fault of channels none of which the topology has, and why.
#[must_use]
pub fn unlinked(faults: &[Fault], topology: &Topology) -> Vec<(FaultId, String)> {
    let is_unlinked = |fault: &Fault| match &fault.kind {
        FaultKind::OnMachines(..) => false,
        FaultKind::OnChannels(channels, _) => {
            !channels.pairs().iter().any(|(from, to)| topology.links(*from, *to))
        }
    };
    let what = "to: none of these machines is linked with a sender, allowed: one of its peers";
    let unlinked = numbered(faults).filter(|(_, fault)| is_unlinked(fault));
    unlinked.map(|(number, _)| (number, what.to_owned())).collect()
}

/// Why a fault alone does not fit.
fn misfit(fault: &Fault, machines: usize, duration_s: u64) -> Option<String> {
    let (end_ms, trial_ms) = (fault.span.end_ms(), 1000 * duration_s);
    if trial_ms < end_ms {
        return Some(format!(
            "for_ms: the {} ends at {end_ms} ms, allowed: {trial_ms} or less, the end of the trial",
            fault.name()
        ));
    }
    let struck: Vec<MachineId> = match &fault.kind {
        FaultKind::OnMachines(machines, _) => machines.clone(),
        FaultKind::OnChannels(channels, _) => {
            channels.from.iter().chain(&channels.to).copied().collect()
        }
    };
    if let Some(unknown) = struck.iter().find(|machine| machines <= machine.index()) {
        return Some(format!("there is no machine {unknown}, allowed: 1..={machines}"));
    }
    match &fault.kind {
        FaultKind::OnChannels(channels, _) if channels.pairs().is_empty() => {
            Some("to: no machine but the sender itself, allowed: another machine".to_owned())
        }
        _ => None,
    }
}

/// Whether a machine is there while the fault lasts, or its rate another one.
fn is_absence(fault: MachineFault) -> bool {
    matches!(fault, MachineFault::Kill | MachineFault::Pause)
}

/// Faults of one machine that get into each other's way.
fn overlaps(faults: &[Fault]) -> Vec<(FaultId, String)> {
    let mut by_machine: BTreeMap<(MachineId, bool), Vec<(Span, FaultId)>> = BTreeMap::new();
    for (number, fault) in numbered(faults) {
        if let FaultKind::OnMachines(machines, kind) = &fault.kind {
            for machine in machines {
                let spans = by_machine.entry((*machine, is_absence(*kind))).or_default();
                spans.push((fault.span, number));
            }
        }
    }
    let mut overlaps = Vec::new();
    for ((machine, are_absences), mut spans) in by_machine {
        spans.sort_by_key(|(span, number)| (span.at_ms, *number));
        for pair in spans.windows(2) {
            let [(before, first), (after, second)] = [pair[0], pair[1]];
            let gap_ms = u64::from(are_absences);
            if after.at_ms < before.end_ms() + gap_ms {
                let (least, way) = (before.end_ms() + gap_ms, first.max(second));
                let other = first.min(second);
                let what = format!(
                    "at_ms: gets into the way of fault {other} on machine {machine}; of these two \
                     the later one begins at {least} ms or later"
                );
                overlaps.push((way, what));
            }
        }
    }
    overlaps
}

/// Faults that are more than a trial may have, all together.
fn excess(faults: &[Fault]) -> Option<(FaultId, String)> {
    let (mut changes, mut channels) = (0_u64, 0_usize);
    for (number, fault) in numbered(faults) {
        match &fault.kind {
            FaultKind::OnMachines(machines, kind) => {
                let each = rate_changes_max(*kind, fault.span);
                changes = changes.saturating_add(each.saturating_mul(machines.len() as u64));
            }
            FaultKind::OnChannels(struck, _) => {
                let ways = 1 + usize::from(struck.both_ways);
                channels += ways * struck.from.len() * struck.to.len();
            }
        }
        if RATE_CHANGES_MAX < changes {
            let what = format!(
                "for_ms: the faults up to this one change clock rates {changes} times, allowed: \
                 {RATE_CHANGES_MAX}; shorten it, or name fewer machines"
            );
            return Some((number, what));
        }
        if CHANNELS_MAX < channels {
            let what = format!(
                "to: the faults up to this one strike {channels} channels, allowed: {CHANNELS_MAX}"
            );
            return Some((number, what));
        }
    }
    None
}
