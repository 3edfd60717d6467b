//! What a machine asks of the kernel's scheduler: punctual wake-ups, a core, a priority.

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

/// Keeps this process on the core that it shares with its neighbours in the trial. Another run
/// begins at another core.
///
/// At the virtual pace a machine does a few microseconds of work and then waits for its peers. To
/// wake a machine on the same core takes a fraction of the time, and a machine that is moved to
/// another core is woken from afar by all of its peers.
pub(super) fn share_core(run: &RunId, machine: MachineId, machines: usize) {
    let pinned = sched_getaffinity(None).and_then(|allowed| {
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
        let first: usize = run.to_string().bytes().map(usize::from).sum();
        let used = machines.div_ceil(MACHINES_PER_CORE).min(cores.len());
        let mut shared = CpuSet::new();
        shared.set(cores[(first + machine.index() * used / machines) % cores.len()]);
        sched_setaffinity(None, &shared)
    });
    if let Err(error) = pinned {
        info!("the run will be slower: its machines cannot share a core: {error}");
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
