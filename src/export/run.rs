//! The logs of one run, as they were when the export began: they are read twice, and a machine may
//! still write.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read as _, Take};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, bail};

use super::moment::name;
use crate::analysis::run_folder::{log_files, misfit, misplaced};
use crate::logbook::{KnownTrial, LogReader, ReadError, SystemTime, log_path, open_log};
use crate::model::{MachineId, ModelTime};
use crate::pace::Pace;
use crate::trial::Trial;

/// There may be a thousand logs.
const BUFFER_BYTES: usize = 32 << 10;

/// A log that is being read, up to where it ended when the export began.
pub(super) type Reader = LogReader<BufReader<Take<File>>>;

/// The logs of one run; all of them are there.
#[derive(Debug)]
pub struct Run {
    /// The folder of the run.
    pub folder: PathBuf,
    /// The resolved trial, as the logs tell it.
    pub trial: Arc<Trial>,
    /// The pace of the run.
    pub pace: Pace,
    /// The trial as the headers say it.
    known: OnceLock<KnownTrial>,
    /// By position of the machine.
    logs: Vec<LogFile>,
    by_port: BTreeMap<u16, MachineId>,
}

/// The file of a log.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    /// How many bytes it had before any log was looked at. Of a receive in them, the send is in what
    /// is read: it was logged earlier.
    settled_bytes: u64,
    /// How many bytes are read.
    bytes: u64,
    /// Whether its machine ever started.
    has_started: bool,
}

impl Run {
    /// Opens the logs of a run's folder.
    ///
    /// # Errors
    /// When a log is missing, cannot be read or belongs to another run: what happened before what
    /// could then not be told.
    pub fn open(folder: &Path) -> Result<Self> {
        let paths = log_files(folder)?;
        let settled = paths.iter().map(|path| size(path)).collect::<Result<Vec<_>>>()?;
        let mut logs: BTreeMap<MachineId, LogFile> = BTreeMap::new();
        let mut of_run: Option<(Arc<Trial>, Pace)> = None;
        let known = OnceLock::new();
        for (path, settled_bytes) in paths.into_iter().zip(settled) {
            let bytes = size(&path)?;
            let mut log = LogFile { path, settled_bytes, bytes, has_started: false };
            let reader = log.open(&known)?;
            log.has_started = reader.start.is_some();
            let header = reader.header;
            let machine = header.machine;
            let (trial, pace) =
                of_run.get_or_insert_with(|| (Arc::clone(&header.trial), header.pace));
            if let Some(why) = misfit(trial, *pace, &header)
                .or_else(|| misplaced(trial, folder, machine, &log.path))
            {
                bail!("{}: another run than the first log's: {why}", log.path.display());
            }
            logs.insert(machine, log);
        }
        let Some((trial, pace)) = of_run else {
            bail!("{}: no log<PORT>.txt; give the folder of a run", folder.display());
        };
        let missing = trial.machine_ids().find(|machine| !logs.contains_key(machine));
        if let Some(machine) = missing {
            let path = log_path(folder, trial.spec(machine).port);
            bail!(
                "the log of machine {machine}, {}, is missing; without it nobody can tell what \
                 happened before what",
                path.display()
            );
        }
        let by_port = trial.machine_ids().map(|machine| (trial.spec(machine).port, machine));
        Ok(Self {
            folder: folder.to_owned(),
            by_port: by_port.collect(),
            trial,
            pace,
            known,
            logs: logs.into_values().collect(),
        })
    }

    /// How many bytes the logs have together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.logs.iter().map(|log| log.bytes).sum()
    }

    /// Whether a machine ever started.
    #[must_use]
    pub fn has_started(&self, machine: MachineId) -> bool {
        self.logs[machine.index()].has_started
    }

    /// The names of the machines, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.trial.machine_ids().map(name).collect()
    }

    /// The machine that has a port.
    pub(super) fn machine_at(&self, port: u16) -> Option<MachineId> {
        self.by_port.get(&port).copied()
    }

    /// The file of a machine's log.
    pub(super) fn path(&self, machine: MachineId) -> &Path {
        &self.logs[machine.index()].path
    }

    /// Whether what ends at a byte of a machine's log stood there before any log was looked at.
    pub(super) fn is_settled(&self, machine: MachineId, end_byte: u64) -> bool {
        end_byte <= self.logs[machine.index()].settled_bytes
    }

    /// Takes a log as if it had had so many bytes before any log was looked at, and so many later.
    #[cfg(test)]
    pub(super) fn as_of(&mut self, machine: MachineId, settled_bytes: u64, bytes: u64) {
        let log = &mut self.logs[machine.index()];
        (log.settled_bytes, log.bytes) = (settled_bytes, bytes);
    }

    /// Begins to read the log of a machine.
    pub(super) fn reader(&self, machine: MachineId) -> Result<Reader, ReadError> {
        self.logs[machine.index()].open(&self.known)
    }

    /// When a point of model time was to be, in microseconds since the common start: at the real
    /// pace on the wall clock.
    pub(super) fn since_start_us(&self, time: ModelTime) -> u64 {
        match self.pace {
            Pace::Virtual => time.micros(),
            Pace::Real(speed) => {
                u64::try_from(speed.wall_time(time).as_micros()).unwrap_or(u64::MAX)
            }
        }
    }

    /// When a system time was, in microseconds since the common start by the same computer's clock.
    pub(super) fn system_since_start_us(&self, time: SystemTime, start: Option<SystemTime>) -> u64 {
        let start = match self.pace {
            Pace::Virtual => SystemTime(0),
            Pace::Real(_) => start.unwrap_or(time),
        };
        u64::try_from(time.0.saturating_sub(start.0)).unwrap_or(0)
    }
}

impl LogFile {
    fn open(&self, known: &OnceLock<KnownTrial>) -> Result<Reader, ReadError> {
        let file = open_log(&self.path)?.take(self.bytes);
        LogReader::knowing(&self.path, BufReader::with_capacity(BUFFER_BYTES, file), known)
    }
}

fn size(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len())
}
