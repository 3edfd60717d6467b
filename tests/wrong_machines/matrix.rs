//! The kill matrix: which rule of the oracle accuses which wrong machine, and how often.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use scalemodel::analysis::check::{Findings, Rule, Verdict};
use scalemodel::trial::Trial;

use crate::catalogue::{CATALOGUE, Sight, WrongMachine, all};
use crate::seams::Right;
use crate::trials::{Durations, random_for};
use crate::workbench::{Scratch, Setting};

/// Every wrong machine runs so many trials in each of its settings.
pub(crate) const TRIALS: u64 = 20;

const DURATIONS: Durations = Durations { least_s: 5, lengths: 4 };

/// What became of one wrong machine.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) machine: &'static WrongMachine,
    pub(crate) runs: usize,
    /// Runs whose logs differ from the right machine's.
    pub(crate) spoiled: usize,
    /// Spoiled runs that were found to be violated.
    pub(crate) caught: usize,
    /// Runs that each rule accused, by its place in [`Rule::ALL`].
    pub(crate) accused: [usize; Rule::ALL.len()],
    /// Runs that each rule accused not only as a consequence of another violation.
    pub(crate) as_cause: [usize; Rule::ALL.len()],
    /// The first spoiled run that was not caught.
    pub(crate) missed: Option<(Trial, Setting)>,
}

impl Row {
    /// In how many runs the rule meant for the machine accused it.
    pub(crate) fn by_its_rule(&self) -> usize {
        self.accused[place(self.machine.rule)]
    }
}

fn place(rule: Rule) -> usize {
    Rule::ALL.iter().position(|other| *other == rule).unwrap()
}

/// The rules that accuse a run: as a cause, and in all.
fn rules_of(findings: &Findings) -> [BTreeSet<Rule>; 2] {
    let causes = findings.violations.iter().map(|violation| violation.rule);
    let consequences = findings.violations.iter().flat_map(|violation| &violation.consequences);
    let causes: BTreeSet<Rule> = causes.collect();
    let all = consequences.map(|violation| violation.rule).chain(causes.iter().copied());
    [causes.clone(), all.collect()]
}

/// The matrix, computed once.
pub(crate) static MATRIX: LazyLock<Vec<Row>> = LazyLock::new(matrix);

fn matrix() -> Vec<Row> {
    let right: Vec<(Setting, Trial, Vec<String>)> = right_runs();
    let machines: Vec<&'static WrongMachine> = all().collect();
    in_parallel(machines.len(), || {
        let scratch = Scratch::new();
        let (machines, right) = (&machines, &right);
        move |index| row(machines[index], right, &scratch)
    })
}

/// The right machine's logs of every trial in every setting.
fn right_runs() -> Vec<(Setting, Trial, Vec<String>)> {
    let scratch = Scratch::new();
    let cases = Setting::ALL.iter().flat_map(|setting| (1..=TRIALS).map(move |c| (*setting, c)));
    let run = |(setting, case)| {
        let trial = random_for(setting, case, DURATIONS);
        scratch.run(&trial, setting, &mut Right);
        let logs = scratch.logs(&trial);
        (setting, trial, logs)
    };
    cases.map(run).collect()
}

fn row(
    machine: &'static WrongMachine,
    right: &[(Setting, Trial, Vec<String>)],
    scratch: &Scratch,
) -> Row {
    let none = [0; Rule::ALL.len()];
    let mut row = Row {
        machine,
        runs: 0,
        spoiled: 0,
        caught: 0,
        accused: none,
        as_cause: none,
        missed: None,
    };
    for (setting, trial, right_logs) in right {
        if !machine.revealed_by.contains(setting) {
            continue;
        }
        row.runs += 1;
        scratch.run(trial, *setting, (machine.make)().as_mut());
        if scratch.logs(trial) == *right_logs {
            continue;
        }
        row.spoiled += 1;
        let findings = scratch.findings();
        if findings.verdict == Verdict::Violated {
            row.caught += 1;
        } else if row.missed.is_none() {
            row.missed = Some((trial.clone(), *setting));
        }
        let [causes, all] = rules_of(&findings);
        causes.iter().for_each(|rule| row.as_cause[place(*rule)] += 1);
        all.iter().for_each(|rule| row.accused[place(*rule)] += 1);
    }
    row
}

/// Does so many pieces of work on every core, and gives the results in order.
pub(crate) fn in_parallel<T: Send, W: FnMut(usize) -> T>(
    count: usize,
    worker: impl Fn() -> W + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut work = worker();
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if count <= index {
                return done;
            }
            done.push((index, work(index)));
        }
    };
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().flat_map(|worker| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        results.collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The matrix as a page of the docs.
pub(crate) fn page() -> String {
    let runs: usize = MATRIX.iter().map(|row| row.runs).sum();
    let mut page = format!(
        "{INTRODUCTION}
There are {} wrong machines here; they ran {runs} times.
",
        MATRIX.len()
    );
    let mut rows = MATRIX.iter();
    for (title, machines) in CATALOGUE {
        let rows: Vec<&Row> = rows.by_ref().take(machines.len()).collect();
        write!(page, "\n## {title}\n\n{}\n{}", table(&rows), notes(&rows)).unwrap();
    }
    page
}

const INTRODUCTION: &str = "\
# The kill matrix

The oracle, `scalemodel check`, is held against machines that are wrong on purpose. Each is wrong at
one step: its clock, its draw, its queue, its wire, an entry, the header or the end entry, its pace,
its restart.
Many of them have run in public programs for the same exercise. A rule that no wrong machine
exercises would be a rule without proof.

`scripts/kill_matrix.sh` computes this page anew, and a test fails when the page is not what it
computes. The machines are in `tests/wrong_machines/catalogue/`.

How to read a table:

- Each wrong machine runs 20 random trials in each setting that reveals it: the virtual pace, the
  real pace, a standstill (one machine stands still and skips ticks), a kill (one machine is killed
  in the middle of a send), faults (the virtual pace, with random faults in the trial), a restart
  (one machine is killed after an entry, and comes back from its log). The real pace is played with
  lateness and delays as a network may have.
- *spoiled* counts the runs whose logs differ from those of the right machine. In the others the
  wrong machine met no occasion to go wrong.
- *caught* counts the spoiled runs that the oracle finds violated. It is all of them, unless a note
  says why a run may look like a right one.
- The other columns count the runs that each rule accuses. The rule that is meant for the machine is
  bold. A count in parentheses is of runs in which the rule is broken only as a consequence of
  another violation, which is named as the cause.
- The right machine, in the same settings, is never accused: another test runs it 10,000 times.
";

fn table(rows: &[&Row]) -> String {
    let names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    let mut table =
        format!("| wrong machine | runs | spoiled | caught | {} |\n", names.join(" | "));
    table += &format!("|{}\n", " --- |".repeat(4 + names.len()));
    for row in rows {
        let cells: Vec<String> = Rule::ALL.iter().map(|rule| cell(row, *rule)).collect();
        let (name, Row { runs, spoiled, caught, .. }) = (row.machine.name, row);
        writeln!(table, "| {name} | {runs} | {spoiled} | {caught} | {} |", cells.join(" | "))
            .unwrap();
    }
    table
}

fn cell(row: &Row, rule: Rule) -> String {
    let (accused, as_cause) = (row.accused[place(rule)], row.as_cause[place(rule)]);
    let count = match (accused, as_cause) {
        (0, _) => String::new(),
        (accused, 0) => format!("({accused})"),
        (accused, _) => accused.to_string(),
    };
    let is_meant = rule == row.machine.rule && !count.is_empty();
    if is_meant { format!("**{count}**") } else { count }
}

fn notes(rows: &[&Row]) -> String {
    let mut notes =
        "| wrong machine | what is wrong | revealed by |\n| --- | --- | --- |\n".to_owned();
    for row in rows {
        let WrongMachine { name, wrong, revealed_by, sight, .. } = row.machine;
        let note = match sight {
            Sight::Always => String::new(),
            Sight::Sometimes(why) => format!(" *Not every spoiled run can be told: {why}.*"),
            Sight::Never(why) => format!(" *Never caught: {why}.*"),
        };
        let settings: Vec<&str> = revealed_by.iter().map(|setting| setting.name()).collect();
        writeln!(notes, "| {name} | {wrong}{note} | {} |", settings.join(", ")).unwrap();
    }
    notes
}
