//! What to do when every log waits for a message: one of the messages will not come.

use super::lane::Lane;
use super::run::Run;
use super::survey::Misfit;
use crate::model::MachineId;

/// Of the lanes that wait in vain, the one whose next tick was due first, and why it does.
pub(super) fn stuck(run: &Run, lanes: &[Lane]) -> Option<(MachineId, Misfit)> {
    let first = |machines: &mut dyn Iterator<Item = MachineId>| {
        let due = |machine: MachineId| Some((lanes[machine.index()].head()?.due, machine));
        machines.filter_map(due).min().map(|(_, machine)| machine)
    };
    let awaited = |machine: MachineId| Some(lanes[machine.index()].waits_for?.0);
    let is_over = |machine: MachineId| lanes[machine.index()].head().is_none();
    let mut without_send =
        run.trial.machine_ids().filter(|machine| awaited(*machine).is_some_and(is_over));
    if let Some(machine) = first(&mut without_send) {
        return Some((machine, Misfit::WithoutSend));
    }
    // Each waits for another one that waits. Whoever follows them comes into a circle.
    let mut inside = run.trial.machine_ids().find(|id| awaited(*id).is_some())?;
    for _ in 0..lanes.len() {
        inside = awaited(inside)?;
    }
    let circle = std::iter::successors(Some(inside), |machine| {
        awaited(*machine).filter(|next| *next != inside)
    });
    Some((first(&mut circle.into_iter())?, Misfit::Circular))
}
