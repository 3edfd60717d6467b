//! What the machines of a trial need of the computer, so that a run which cannot be is refused before
//! it starts.

use crate::model::MachineId;
use crate::trial::Trial;

/// The threads of a machine beside its consumer threads: tick loop, signals, listener, courier.
const THREADS: u64 = 4;

/// The open files of a machine beside its connections: three standard streams, the log, the lock of
/// the folder, the listening socket, an event, what watches connections, a pair for signals, and one
/// in passing.
const FILES: u64 = 12;

/// The open files of a connection both ways: the one that goes out; the one that came in, for its
/// consumer thread and once more for the answers.
const FILES_PER_CONTACT: u64 = 3;

/// What machines need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Threads, of all machines.
    pub threads: u64,
    /// OS processes.
    pub processes: u64,
    /// Open files, of the machine that needs most.
    pub open_files: u64,
    /// Open files, of all machines.
    pub open_files_of_all: u64,
}

impl Needs {
    /// What the machines of a trial need.
    #[must_use]
    pub fn of(trial: &Trial) -> Self {
        trial
            .machine_ids()
            .map(|machine| Self::of_machine(trial, machine))
            .fold(Self::default(), Self::beside)
    }

    fn of_machine(trial: &Trial, machine: MachineId) -> Self {
        let contacts = trial.contacts(machine).len() as u64;
        let strangers = super::listener::STRANGERS_MAX as u64;
        let open_files = FILES + FILES_PER_CONTACT * contacts + strangers;
        Self {
            threads: THREADS + contacts,
            processes: 1,
            open_files,
            open_files_of_all: open_files,
        }
    }

    /// What these and others need that run side by side.
    #[must_use]
    pub fn beside(self, other: Self) -> Self {
        Self {
            threads: self.threads + other.threads,
            processes: self.processes + other.processes,
            open_files: self.open_files.max(other.open_files),
            open_files_of_all: self.open_files_of_all + other.open_files_of_all,
        }
    }
}
