//! `scalemodel sweep --check`: holds every run of a sweep against the oracle.
//!
//! A run that is violated would be a mistake of this program, so it is told as the smallest trial
//! that shows it.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, Result};

use crate::analysis::check::{Verdict, check};
use crate::analysis::history::History;
use crate::commands::progress::{Progress, Unit};
use crate::commands::simulate::simulate;
use crate::trial::Trial;
use crate::trial::shrink::shrink;

/// What became of the runs of a sweep.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// How many runs were checked.
    pub(super) runs: usize,
    /// In how many a fault did not take effect, and nothing else was missing or wrong.
    pub(super) idle: usize,
    /// The numbers of those that do not hold, in order.
    pub(super) failing: Vec<usize>,
}

/// Checks so many trials on so many threads, until all are done or `stop` is set.
///
/// # Errors
/// When logs cannot be written or read.
pub(super) fn check_all(
    trials: usize,
    trial: impl Fn(usize) -> Trial + Sync,
    threads: usize,
    stop: &AtomicBool,
) -> Result<Checked> {
    let next = AtomicUsize::new(0);
    let progress = Progress::new("checking", trials as u64, Unit::Of("runs"));
    let work = |worker: usize| -> Result<Checked> {
        let folder = Folder::new(worker)?;
        let mut checked = Checked::default();
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if trials <= index {
                break;
            }
            checked.runs += 1;
            match folder.judge(&trial(index))? {
                Judgement::Holds => {}
                Judgement::Idle => checked.idle += 1,
                Judgement::Fails => checked.failing.push(index),
            }
            progress.advance(1);
        }
        Ok(checked)
    };
    let parts: Vec<Result<Checked>> = thread::scope(|scope| {
        let work = &work;
        let workers: Vec<_> = (0..threads.max(1)).map(|n| scope.spawn(move || work(n))).collect();
        let parts = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        parts.collect()
    });
    let mut all = Checked::default();
    for part in parts {
        let Checked { runs, idle, failing } = part?;
        all.runs += runs;
        all.idle += idle;
        all.failing.extend(failing);
    }
    all.failing.sort_unstable();
    Ok(all)
}

/// The smallest trial that does not hold, of one that does not, as a trial file.
///
/// # Errors
/// When logs cannot be written or read.
pub(super) fn smallest(failing: &Trial) -> Result<String> {
    let folder = Folder::new(usize::MAX)?;
    // A trial that cannot be run says nothing: it is not taken for a failing one.
    let fails = |trial: &Trial| folder.judge(trial).is_ok_and(|found| found == Judgement::Fails);
    let shrunk = shrink(failing, fails);
    Ok(shrunk.to_string())
}

/// What became of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    Holds,
    /// A fault met nothing that it could strike, so that nobody can say whether the run stood it.
    Idle,
    Fails,
}

/// A folder for the logs of one run after the other; it is removed in the end.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new(worker: usize) -> Result<Self> {
        let name = format!("scalemodel-sweep-{}-{worker}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self(path))
    }

    /// Runs a trial and asks the oracle.
    fn judge(&self, trial: &Trial) -> Result<Judgement> {
        let run = self.0.join("run");
        simulate(trial, &run, |_| ())?;
        let verdict = check(&History::load(&run)?).verdict;
        fs::remove_dir_all(&run)
            .with_context(|| format!("cannot remove the folder {}", run.display()))?;
        Ok(match verdict {
            Verdict::Holds => Judgement::Holds,
            // All logs are there and whole: what is missing is the effect of a fault.
            Verdict::CannotSay if !trial.faults.is_empty() => Judgement::Idle,
            Verdict::CannotSay | Verdict::Violated => Judgement::Fails,
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the computer's own cleaning of temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::draft::Draft;

    #[test]
    fn the_runs_of_a_sweep_hold_and_leave_nothing_behind() {
        let draft = Draft::load(std::path::Path::new("scripts/trials/trial1.toml")).unwrap();
        let mut trial = draft.resolve().unwrap();
        trial.duration_s = 5;
        let checked = check_all(7, |_| trial.clone(), 2, &AtomicBool::new(false)).unwrap();
        assert_eq!((checked.runs, checked.failing), (7, Vec::new()));
        let mine = format!("scalemodel-sweep-{}-", std::process::id());
        let left = fs::read_dir(std::env::temp_dir()).unwrap().filter(|entry| {
            entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(&mine)
        });
        assert_eq!(left.count(), 0);
    }
}
