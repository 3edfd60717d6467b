//! What a machine asks of the kernel's scheduler: punctual wake-ups, a core, a priority.

use std::io;
use std::num::NonZero;

use log::{info, warn};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use thread_priority::ThreadPriority;
use thread_priority::unix::{
    RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

use super::wire::RunId;
use crate::model::MachineId;

/// So many machines share a core at the virtual pace, while there are cores.
const MACHINES_PER_CORE: usize = 8;

/// How the machines of a run are spread over cores at the virtual pace, neighbours in the trial
/// together.
///
/// At this pace a machine does a few microseconds of work and then waits for its peers. To wake a
/// machine on the same core takes a fraction of the time, and a machine that is moved to another
/// core is woken from afar by all of its peers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cores {
    machines: usize,
    used: usize,
}

impl Cores {
    /// Keeps this process on the core that it shares with its neighbours; nothing if the operating
    /// system does not let it. Another run begins at another core.
    pub(super) fn share(run: &RunId, machine: MachineId, machines: usize) -> Option<Self> {
        let shared = Self::keep_to_one(run, machine, machines);
        if let Err(error) = &shared {
            info!("the run will be slower: its machines cannot share a core: {error}");
        }
        shared.ok()
    }

    fn keep_to_one(run: &RunId, machine: MachineId, machines: usize) -> io::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
        let first: usize = run.to_string().bytes().map(usize::from).sum();
        let spread = Self::spread(machines, cores.len());
        let mut shared = CpuSet::new();
        shared.set(cores[(first + spread.place(machine)) % cores.len()]);
        sched_setaffinity(None, &shared)?;
        Ok(spread)
    }

    fn spread(machines: usize, cores: usize) -> Self {
        Self { machines, used: machines.div_ceil(MACHINES_PER_CORE).min(cores) }
    }

    /// The core of a machine, counted from the first of the run.
    fn place(self, machine: MachineId) -> usize {
        machine.index() * self.used / self.machines
    }

    /// Whether two machines keep to the same core.
    pub(super) fn are_together(self, one: MachineId, other: MachineId) -> bool {
        self.place(one) == self.place(other)
    }
}

/// Asks the kernel to wake this thread at its deadlines and not up to 50 us later.
pub(super) fn tighten_timer() {
    if let Err(error) = rustix::thread::set_current_timer_slack(NonZero::new(1)) {
        warn!("ticks may be 50 us later than need be: the timer slack cannot be set: {error}");
    }
}

/// Asks for the priority of realtime (`SCHED_FIFO`, the lowest of it) for this thread and those that it
/// starts: then no ordinary program makes a tick late. Without it the machine runs all the same.
pub(super) fn ask_for_realtime() {
    let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    match set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, fifo) {
        Ok(()) => info!("realtime is granted"),
        Err(error) => warn!(
            "realtime is not granted, so busy programs may make ticks late: {error:?}; run as root, or \
             raise the limit (ulimit -r 1)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn together_with(own: u16, machines: u16, cores: usize) -> Vec<u16> {
        let spread = Cores::spread(usize::from(machines), cores);
        let is_near = |peer: &u16| spread.are_together(MachineId::new(own), MachineId::new(*peer));
        (1..=machines).filter(is_near).collect()
    }

    #[test]
    fn few_machines_are_all_together() {
        assert_eq!(together_with(2, 8, 4), (1..=8).collect::<Vec<_>>());
    }

    #[test]
    fn many_machines_are_spread_evenly_and_neighbours_stay_together() {
        assert_eq!(together_with(15, 30, 2), (1..=15).collect::<Vec<_>>());
        assert_eq!(together_with(16, 30, 2), (16..=30).collect::<Vec<_>>());
        assert_eq!(together_with(9, 9, 4), (6..=9).collect::<Vec<_>>());
    }

    #[test]
    fn one_core_has_all() {
        assert_eq!(together_with(7, 30, 1).len(), 30);
    }
}
