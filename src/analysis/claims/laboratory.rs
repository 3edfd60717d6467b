//! Where claims are tested: the runs of the notebook's trials, and of variants of them, each made
//! once and kept.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;

use crate::analysis::stats::percentile;
use crate::analysis::sweep::{FIGURES, RUN_FIGURES, Row, run_all};
use crate::model::{DrawRange, MachineId, Seed};
use crate::trial::Trial;
use crate::trial::draft::Draft;

/// How many trials the notebook has.
pub const TRIALS: usize = 9;

/// One run: its figures by name, and what was drawn for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The clock rates, by machine.
    pub rates: Vec<u32>,
    row: Row,
}

impl Run {
    /// Joins the figures of a run with the trial that it repeats.
    #[must_use]
    pub fn new(trial: &Trial, row: Row) -> Self {
        Self { rates: trial.machines.iter().map(|machine| machine.clock_rate.0).collect(), row }
    }

    /// A figure of a machine, by its name in [`FIGURES`].
    ///
    /// # Panics
    /// When there is no such figure.
    #[must_use]
    pub fn figure(&self, machine: MachineId, name: &str) -> f64 {
        let position = FIGURES.iter().position(|(figure, _)| *figure == name);
        let position = position.unwrap_or_else(|| panic!("no figure of a machine is {name}"));
        self.row.values[machine.index() * FIGURES.len() + position]
    }

    /// A figure of the run, by its name in [`RUN_FIGURES`].
    ///
    /// # Panics
    /// When there is no such figure.
    #[must_use]
    pub fn of_run(&self, name: &str) -> f64 {
        let position = RUN_FIGURES.iter().position(|figure| *figure == name);
        let position = position.unwrap_or_else(|| panic!("no figure of a run is {name}"));
        self.row.values[self.rates.len() * FIGURES.len() + position]
    }

    /// The machines, in order.
    pub fn machines(&self) -> impl Iterator<Item = MachineId> + use<> {
        (0..self.rates.len()).map(MachineId::at)
    }

    /// The clock rate of a machine.
    #[must_use]
    pub fn rate(&self, machine: MachineId) -> u32 {
        self.rates[machine.index()]
    }

    /// The slowest machine and the fastest; nothing if all tick alike.
    #[must_use]
    pub fn extremes(&self) -> Option<(MachineId, MachineId)> {
        let slowest = self.machines().min_by_key(|machine| self.rate(*machine))?;
        let fastest = self.machines().max_by_key(|machine| self.rate(*machine))?;
        (self.rate(slowest) < self.rate(fastest)).then_some((slowest, fastest))
    }

    /// The largest of a figure over all machines.
    #[must_use]
    pub fn largest(&self, name: &str) -> f64 {
        self.machines().map(|machine| self.figure(machine, name)).fold(0.0, f64::max)
    }
}

/// Which runs: a trial of the notebook, as it is or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    /// The number of the trial, 1..=9.
    trial: usize,
    duration_s: Option<u64>,
    draw_range: Option<u32>,
    has_rates_of_trial: bool,
}

impl Case {
    /// A trial as its file has it; clock rates that the file leaves open differ from seed to seed.
    #[must_use]
    pub fn trial(trial: usize) -> Self {
        Self { trial, duration_s: None, draw_range: None, has_rates_of_trial: false }
    }

    /// The same for another duration.
    #[must_use]
    pub fn lasting(self, duration_s: u64) -> Self {
        Self { duration_s: Some(duration_s), ..self }
    }

    /// The same with another draw range.
    #[must_use]
    pub fn drawing(self, draw_range: u32) -> Self {
        Self { draw_range: Some(draw_range), ..self }
    }

    /// The same, with the clock rates that the trial's own seed draws, whatever the seed.
    #[must_use]
    pub fn at_rates_of_trial(self) -> Self {
        Self { has_rates_of_trial: true, ..self }
    }
}

/// Runs cases over many seeds, and keeps what came out.
pub struct Laboratory {
    drafts: Vec<Draft>,
    runs: u32,
    threads: usize,
    done: RefCell<BTreeMap<Case, Rc<[Run]>>>,
}

impl Laboratory {
    /// Reads the nine trials of a folder; each case is to be run over seeds 1..=`runs`.
    ///
    /// # Errors
    /// When a trial file is absent or wrong.
    pub fn open(folder: &Path, runs: u32, threads: usize) -> Result<Self> {
        let drafts = (1..=TRIALS)
            .map(|trial| Draft::load(&folder.join(format!("trial{trial}.toml"))))
            .collect::<Result<_>>()?;
        Ok(Self { drafts, runs, threads, done: RefCell::default() })
    }

    /// How many seeds a case is run over.
    #[must_use]
    pub fn run_count(&self) -> u32 {
        self.runs
    }

    /// A trial of the notebook, resolved with its own seed.
    ///
    /// # Errors
    /// When the seed is open and the operating system gives no entropy.
    pub fn own_trial(&self, trial: usize) -> Result<Trial> {
        self.drafts[trial - 1].clone().resolve()
    }

    /// The runs of a case, by seed.
    ///
    /// # Panics
    /// Never: a draft with a seed needs no entropy.
    #[must_use]
    pub fn runs(&self, case: Case) -> Rc<[Run]> {
        if let Some(runs) = self.done.borrow().get(&case) {
            return Rc::clone(runs);
        }
        let draft = self.draft(case);
        let trial_of = |index: usize| -> Trial {
            let mut draft = draft.clone();
            draft.seed = Seed::new(1 + index as u64);
            draft.resolve().expect("a draft with a seed needs no entropy")
        };
        let never = AtomicBool::new(false);
        let rows = run_all(self.runs as usize, trial_of, self.threads, &never, || ());
        let runs: Rc<[Run]> =
            rows.into_iter().map(|(index, row)| Run::new(&trial_of(index), row)).collect();
        self.done.borrow_mut().insert(case, Rc::clone(&runs));
        runs
    }

    fn draft(&self, case: Case) -> Draft {
        let mut draft = self.drafts[case.trial - 1].clone();
        if case.has_rates_of_trial && draft.seed.is_some() {
            let own = draft.clone().resolve().expect("a draft with a seed needs no entropy");
            for (open, drawn) in draft.machines.iter_mut().zip(&own.machines) {
                open.clock_rate = Some(drawn.clock_rate);
            }
        }
        draft.duration_s = case.duration_s.unwrap_or(draft.duration_s);
        draft.draw_range = case.draw_range.map_or(draft.draw_range, DrawRange);
        draft
    }
}

/// The share that is true, of those that can be said; 0 if there are none.
#[must_use]
pub fn share(truths: impl Iterator<Item = Option<bool>>) -> f64 {
    let (mut known, mut holding) = (0_u32, 0_u32);
    for truth in truths.flatten() {
        known += 1;
        holding += u32::from(truth);
    }
    f64::from(holding) / f64::from(known.max(1))
}

/// The median of a value over runs.
#[must_use]
pub fn median(runs: &[Run], value: impl Fn(&Run) -> f64) -> f64 {
    let [median] = percentiles(runs, value, [50]);
    median
}

/// Percentiles of a value over runs, by nearest rank.
#[must_use]
pub fn percentiles<const N: usize>(
    runs: &[Run],
    value: impl Fn(&Run) -> f64,
    per_cent: [usize; N],
) -> [f64; N] {
    let mut values: Vec<f64> = runs.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    per_cent.map(|per_cent| percentile(&values, per_cent))
}

/// The mean of a value over runs.
#[must_use]
pub fn mean(runs: &[Run], value: impl Fn(&Run) -> f64) -> f64 {
    runs.iter().map(value).sum::<f64>() / runs.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::sweep::measure;

    fn laboratory() -> Laboratory {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/trials");
        Laboratory::open(&folder, 3, 2).unwrap()
    }

    #[test]
    fn figures_are_found_by_machine_and_name() {
        let trial = laboratory().own_trial(5).unwrap();
        let row = measure(&trial);
        let run = Run::new(&trial, row.clone());
        let slow = MachineId::new(2);
        assert_eq!((run.rate(slow), run.rates.as_slice()), (1, [5, 1, 5].as_slice()));
        assert!((run.figure(MachineId::new(1), "internal") - row.values[0]).abs() < 1e-12);
        assert!((run.figure(slow, "internal") - row.values[20]).abs() < 1e-12);
        assert!((run.of_run("drift_end") - row.values[61]).abs() < 1e-12);
        let events = ["internal", "sends", "receives"].map(|name| run.figure(slow, name));
        assert!((events.iter().sum::<f64>() - 60.0).abs() < 1e-12);
    }

    #[test]
    #[should_panic(expected = "no figure of a machine is queue")]
    fn a_figure_that_is_not_there_is_no_zero() {
        let trial = laboratory().own_trial(5).unwrap();
        let _ = Run::new(&trial, measure(&trial)).figure(MachineId::new(1), "queue");
    }

    #[test]
    fn a_shorter_run_of_a_seed_is_the_beginning_of_a_longer_one() {
        let laboratory = laboratory();
        let whole = laboratory.runs(Case::trial(5));
        let half = laboratory.runs(Case::trial(5).lasting(30));
        for (whole, half) in whole.iter().zip(half.iter()) {
            let slow = MachineId::new(2);
            assert!(half.figure(slow, "clock_end") < whole.figure(slow, "clock_end"));
            assert!(half.figure(slow, "jump_max") <= whole.figure(slow, "jump_max"));
        }
    }

    #[test]
    fn the_rates_of_the_trial_stay_over_all_seeds() {
        let laboratory = laboratory();
        let own = laboratory.own_trial(4).unwrap();
        let rates: Vec<u32> = own.machines.iter().map(|machine| machine.clock_rate.0).collect();
        let runs = laboratory.runs(Case::trial(4).at_rates_of_trial());
        assert!(runs.iter().all(|run| run.rates == rates));
    }

    #[test]
    fn a_share_leaves_out_what_cannot_be_said() {
        let truths = [Some(true), None, Some(false), Some(true), Some(true)];
        assert!((share(truths.into_iter()) - 0.75).abs() < 1e-12);
        assert!(share(std::iter::empty()).abs() < 1e-12);
    }
}
