//! The logs in the folder of a run: which files they are, how they are read, and whether they belong there.

use std::fmt::Display;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, Result, anyhow};

use crate::logbook::{Header, Log, ReadError, log_path};
use crate::model::MachineId;
use crate::pace::Pace;
use crate::trial::Trial;

/// Reads logs on all cores; they come in the order of their files.
pub(super) fn load_all<M: Fn(u64) + Sync>(
    files: &[PathBuf],
    meter: impl FnOnce(u64) -> M,
) -> Vec<Result<Log, ReadError>> {
    // All sizes are taken before anything is read: see `History::cut_what_is_too_new`.
    let size = |file: &PathBuf| fs::metadata(file).map_or(0, |file| file.len());
    let sizes: Vec<u64> = files.iter().map(size).collect();
    let meter = meter(sizes.iter().sum());
    let (next, known) = (AtomicUsize::new(0), OnceLock::new());
    let load_some = || {
        let mut loaded = Vec::new();
        while let Some((place, file)) = {
            let place = next.fetch_add(1, Ordering::Relaxed);
            files.get(place).map(|file| (place, file))
        } {
            loaded.push((place, Log::load_since(file, sizes[place], &known, &meter)));
        }
        loaded
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(files.len());
    let mut logs: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(load_some)).collect();
        let loaded = threads.into_iter().map(|thread| thread.join());
        loaded.flat_map(|loaded| loaded.expect("reading a log does not panic")).collect()
    });
    logs.sort_by_key(|(place, _)| *place);
    logs.into_iter().map(|(_, log)| log).collect()
}

/// The files of a folder that are named like logs, in the order of their names.
pub(crate) fn log_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| {
        let folder = folder.display();
        anyhow!("cannot read the folder {folder}: {error}; give the folder of a run's logs")
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let port = name.strip_prefix("log").and_then(|name| name.strip_suffix(".txt"));
        if port.is_some_and(|port| port.parse::<u16>().is_ok()) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What in the header of a log does not fit a run, if anything.
pub(crate) fn misfit(run: &Trial, pace: Pace, header: &Header) -> Option<String> {
    let own = &header.trial;
    let differs = |key: &str, here: &dyn Display, there: &dyn Display| {
        Some(format!("'{key}' is {here} here and {there} there"))
    };
    match (header.pace, pace) {
        (Pace::Real(own), Pace::Real(run)) if own != run => {
            return differs("speed", &own, &run);
        }
        (own, run) if own != run => return differs("pace", &own.name(), &run.name()),
        _ => {}
    }
    if own.name != run.name {
        return differs("trial", &own.name, &run.name);
    }
    if own.seed != run.seed {
        return differs("seed", &own.seed, &run.seed);
    }
    if own.draw_range != run.draw_range {
        return differs("draw_range", &own.draw_range.0, &run.draw_range.0);
    }
    if own.duration_s != run.duration_s {
        return differs("duration_s", &own.duration_s, &run.duration_s);
    }
    if own.durability != run.durability {
        return Some("the line 'durability' differs".to_owned());
    }
    if own.machines != run.machines {
        return Some("the lines that begin with 'machine' differ".to_owned());
    }
    if own.topology != run.topology {
        return Some("the peers in the lines that begin with 'machine' differ".to_owned());
    }
    if own.faults != run.faults {
        return Some("the lines that begin with 'fault' differ".to_owned());
    }
    None
}

/// Why a file is not the log of a machine of a run, if it is not.
pub(crate) fn misplaced(
    run: &Trial,
    folder: &Path,
    machine: MachineId,
    path: &Path,
) -> Option<String> {
    let Some(spec) = run.machines.get(machine.index()) else {
        return Some(format!("there is no machine {machine}"));
    };
    let port = spec.port;
    (path != log_path(folder, port))
        .then(|| format!("it says 'machine: {machine}', whose log is log{port}.txt"))
}
