//! Follows a run by the logs in its folder.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::run::RunView;
use crate::logbook::{ReadError, SystemTime, Tail, log_path};
use crate::model::MachineId;
use crate::trial::Trial;

/// A run that is followed.
#[derive(Debug)]
pub struct Follower {
    view: RunView,
    tails: Vec<(MachineId, Tail)>,
}

impl Follower {
    /// Follows the run in a folder; its logs need not be there yet.
    ///
    /// # Errors
    /// When the folder holds no resolved trial.
    pub fn new(folder: &Path) -> Result<Self> {
        let trial = Trial::load_resolved(&folder.join("trial.toml")).with_context(|| {
            format!("there is no run to watch in {}; start one first", folder.display())
        })?;
        let tail = |machine| (machine, Tail::new(log_path(folder, trial.spec(machine).port)));
        let tails = trial.machine_ids().map(tail).collect();
        Ok(Self { tails, view: RunView::new(trial) })
    }

    /// What was seen of the run.
    #[must_use]
    pub fn view(&self) -> &RunView {
        &self.view
    }

    /// Looks at what is new.
    ///
    /// # Errors
    /// When a log cannot be read, does not follow the format, or is of another run.
    pub fn look(&mut self, now: SystemTime) -> Result<(), ReadError> {
        for (machine, tail) in &mut self.tails {
            tail.look(|news| self.view.take(*machine, news))?;
            self.view.note_written(*machine, tail.written());
        }
        self.view.note(now);
        Ok(())
    }
}
