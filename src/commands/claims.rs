//! `scalemodel claims`: the notebook's trials against a thousand seeds, and its claims one by one,
//! as one Markdown document.

use std::fmt::Write as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use log::error;

use super::print;
use super::progress::{Progress, Unit};
use crate::analysis::claims::laboratory::{Case, Laboratory, Run, TRIALS, percentiles};
use crate::analysis::claims::notebook::claims;
use crate::analysis::claims::{
    Claim, Finding, HOLDS_FROM, HOLDS_WITH_A_CONDITION_FROM, Verdict, per_cent,
};
use crate::analysis::history::History;
use crate::analysis::stats;
use crate::analysis::sweep::{FIGURES, Row, measure};
use crate::cli::{Answer, whole};
use crate::trial::Trial;

/// Test the notebook's claims over many seeds, and write them down as Markdown
///
/// The answer is no if a verdict is not the expected one.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  scalemodel claims --runs 1000

scripts/notebook.sh runs and plots the trials as well, and writes docs/notebook.md.")]
pub struct ClaimsArgs {
    /// How many seeds: 1 to N
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = whole(20_u32..=1_000_000))]
    runs: u32,

    /// The folder of the notebook's trials: trial1.toml to trial9.toml
    #[arg(long, value_name = "DIR", default_value = "scripts/trials")]
    trials: PathBuf,

    /// Hold these logs against the bands: DIR/trial1 to DIR/trial9 [default: repeat the runs in
    /// this process]
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,

    /// Where the document finds the plots DIR/<trial>-clock.png and -queue.png [default: no plots]
    #[arg(long, value_name = "DIR")]
    plots: Option<String>,
}

/// A claim, and what came of it.
struct Tested {
    claim: Claim,
    finding: Finding,
    verdict: Verdict,
}

/// Runs the command.
///
/// # Errors
/// When a trial or a log is absent or wrong, or a log differs from its repetition in process.
pub fn run(args: &ClaimsArgs) -> Result<Answer> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let laboratory = Laboratory::open(&args.trials, args.runs, threads)?;
    let tested = test_all(&laboratory);
    let mut document = introduction(&laboratory);
    document += &summary(&tested);
    document += &trials(args, &laboratory)?;
    document += &details(&tested);
    print(&document)?;
    let surprises = tested.iter().filter(|tested| tested.verdict != tested.claim.expected);
    let mut answer = Answer::Yes;
    for Tested { claim, verdict, finding } in surprises {
        error!(
            "claim {}: found '{}' ({}), expected '{}'",
            claim.id,
            verdict.name(),
            per_cent(finding.share),
            claim.expected.name()
        );
        answer = Answer::No;
    }
    Ok(answer)
}

fn test_all(laboratory: &Laboratory) -> Vec<Tested> {
    let claims = claims();
    let meter = Progress::meter("testing", claims.len() as u64, Unit::Of("claims"));
    let test = |claim| {
        let tested = test(claim, laboratory);
        meter(1);
        tested
    };
    claims.into_iter().map(test).collect()
}

fn test(claim: Claim, laboratory: &Laboratory) -> Tested {
    let finding = (claim.find)(laboratory);
    let verdict = Verdict::of_share(finding.share);
    Tested { claim, finding, verdict }
}

fn introduction(laboratory: &Laboratory) -> String {
    format!(
        "# The notebook, reproduced\n\n\
         The engineering notebook of 8 March 2023 looks at nine trials, one run each, and draws \
         conclusions.\n\
         Here are the nine trials again, and each conclusion about jumps, queues and drift tested \
         over {runs} runs.\n\
         A claim that is true in {holds} of the runs or more *holds*; in {condition} or more it \
         *holds with a\n\
         condition*, which is named; else it *does not hold*. Nothing here is edited by hand:\n\
         `scripts/notebook.sh` runs the trials, draws the plots and writes this file, and fails if \
         a verdict changes.\n\n",
        runs = laboratory.run_count(),
        holds = per_cent(HOLDS_FROM),
        condition = per_cent(HOLDS_WITH_A_CONDITION_FROM),
    )
}

/// The verdicts at a glance.
fn summary(tested: &[Tested]) -> String {
    let mut text = "## Verdicts\n\n".to_owned();
    let count = |verdict| tested.iter().filter(|tested| tested.verdict == verdict).count();
    let _ = writeln!(
        text,
        "Of {} claims, {} hold, {} hold with a condition, and {} do not hold.\n",
        tested.len(),
        count(Verdict::Holds),
        count(Verdict::HoldsWithACondition),
        count(Verdict::DoesNotHold)
    );
    text += "| section | the notebook says | true in | verdict |\n| --- | --- | ---: | --- |\n";
    for Tested { claim, finding, verdict } in tested {
        let Claim { id, section, words, .. } = claim;
        let share = per_cent(finding.share);
        let _ =
            writeln!(text, "| {section} | [{words}](#{id}) | {share} | {} |", emphasized(*verdict));
    }
    text + "\n"
}

fn emphasized(verdict: Verdict) -> String {
    match verdict {
        Verdict::Holds => verdict.name().to_owned(),
        Verdict::HoldsWithACondition => format!("*{}*", verdict.name()),
        Verdict::DoesNotHold => format!("**{}**", verdict.name()),
    }
}

/// The figures of the bands, and the decimals with which they are shown.
const SHOWN: [(&str, &str, usize); 6] = [
    ("clock_end", "clock at the end", 0),
    ("jump_mean", "jump, mean", 2),
    ("jump_max", "jump, max", 0),
    ("queue_max", "queue, max", 0),
    ("queue_end", "queue at the end", 0),
    ("wait_mean_s", "wait, mean (s)", 3),
];

/// The nine trials: plots and bands.
fn trials(args: &ClaimsArgs, laboratory: &Laboratory) -> Result<String> {
    let mut text = format!(
        "## The nine trials\n\n\
         Each trial is run once, with the seed of its file, one OS process a machine. Beside every\n\
         figure of that run stands, in brackets, the band in which nine of ten of {} runs lie: from\n\
         the 5 % to the 95 % point, at the same clock rates. What lies outside is printed **bold**.\n\
         By chance that would be one figure in ten, seldom one alone. Here it is more: the seeds are\n\
         not drawn blindly but chosen, so that each trial shows what the notebook tells of it, and\n\
         so that its ticks keep well apart. The notebook does not tell the clock rates of trials 2,\n\
         4 and 8; here their seeds draw them.\n\n",
        laboratory.run_count()
    );
    for number in 1..=TRIALS {
        let trial = laboratory.own_trial(number)?;
        let row = match &args.logs {
            Some(logs) => logged(&trial, &logs.join(&trial.name))?,
            None => measure(&trial),
        };
        let runs = laboratory.runs(Case::trial(number).at_rates_of_trial());
        let _ = writeln!(text, "### Trial {number}\n\n{}\n", description(&trial));
        if let Some(plots) = &args.plots {
            text += &pictures(plots, number, &trial);
        }
        text += &bands(&Run::new(&trial, row), &runs);
    }
    Ok(text)
}

/// The figures of the logs of a run, which must be those of the same run in process.
fn logged(trial: &Trial, folder: &Path) -> Result<Row> {
    let history = History::load(folder)?;
    let found = stats::measure(&history);
    let figures = found.machines.iter().flat_map(|m| FIGURES.map(|(_, value)| value(&m.figures)));
    let of_run = [found.drift_max as f64, found.drift_end as f64];
    let row = Row { seed: found.seed, values: figures.chain(of_run).collect() };
    if row != measure(trial) {
        bail!(
            "{}: not the run of {} with seed {} at the virtual pace: its figures differ from that \
             run in process; run the trial again",
            folder.display(),
            trial.name,
            trial.seed
        );
    }
    Ok(row)
}

fn description(trial: &Trial) -> String {
    let rates: Vec<String> =
        trial.machines.iter().map(|machine| format!("{}/s", machine.clock_rate)).collect();
    format!(
        "Clock rates {}; {} s; draws in 1..={}; seed {}.",
        rates.join(", "),
        trial.duration_s,
        trial.draw_range.0,
        trial.seed
    )
}

fn pictures(plots: &str, number: usize, trial: &Trial) -> String {
    let picture = |kind: &str, what: &str| {
        format!("![Trial {number}: seconds against {what}]({plots}/{}-{kind}.png)", trial.name)
    };
    format!(
        "| logical clock | message queue |\n| --- | --- |\n| {} | {} |\n\n",
        picture("clock", "logical clock"),
        picture("queue", "queue size")
    )
}

/// A run against the bands of many: a row a figure, a column a machine.
fn bands(run: &Run, runs: &[Run]) -> String {
    let mut text = "| |".to_owned();
    for machine in run.machines() {
        let _ = write!(text, " machine {machine}, {}/s |", run.rate(machine));
    }
    text += "\n| --- |";
    text += &" ---: |".repeat(run.rates.len());
    text.push('\n');
    let mut inside = 0;
    for (name, title, decimals) in SHOWN {
        let _ = write!(text, "| {title} |");
        for machine in run.machines() {
            let band = Band::of(runs, |run| run.figure(machine, name));
            let (cell, is_inside) = band.cell(run.figure(machine, name), decimals);
            inside += usize::from(is_inside);
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    let drift = |run: &Run| run.of_run("drift_end");
    let (cell, is_inside) = Band::of(runs, drift).cell(drift(run), 0);
    inside += usize::from(is_inside);
    let empty = " |".repeat(run.rates.len() - 1);
    let _ = writeln!(text, "| drift at the end, of all | {cell} |{empty}");
    let all = SHOWN.len() * run.rates.len() + 1;
    let _ = writeln!(text, "\n{inside} of {all} figures lie inside their bands.\n");
    text
}

/// Where nine of ten runs lie.
struct Band {
    p5: f64,
    p95: f64,
}

impl Band {
    fn of(runs: &[Run], value: impl Fn(&Run) -> f64) -> Self {
        let [p5, p95] = percentiles(runs, value, [5, 95]);
        Self { p5, p95 }
    }

    /// A value beside the band, and whether it lies inside.
    fn cell(&self, value: f64, decimals: usize) -> (String, bool) {
        let is_inside = (self.p5..=self.p95).contains(&value);
        let mark = if is_inside { "" } else { "**" };
        let Self { p5, p95 } = self;
        let text = format!("{mark}{value:.decimals$}{mark} ({p5:.decimals$} to {p95:.decimals$})");
        (text, is_inside)
    }
}

/// The claims, one by one.
fn details(tested: &[Tested]) -> String {
    let mut text = "## The claims, one by one\n\n\
         Every claim is tested on seeds 1 and up; where a trial leaves clock rates open, each seed \
         draws its own.\n"
        .to_owned();
    for Tested { claim, finding, verdict } in tested {
        let Claim { id, section, words, test, reason, .. } = claim;
        let _ = write!(
            text,
            "\n### {id}\n\n\
             > {words} (section {section})\n\n\
             - Test: {test}\n\
             - Found: true in {share} of the runs. {figures}\n\
             - Verdict: {verdict}. {reason}\n",
            share = per_cent(finding.share),
            figures = finding.figures,
            verdict = emphasized(*verdict),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_outside_its_band_is_bold() {
        let band = Band { p5: 1.0, p95: 3.0 };
        assert_eq!(band.cell(3.0, 0), ("3 (1 to 3)".to_owned(), true));
        assert_eq!(band.cell(3.5, 1), ("**3.5** (1.0 to 3.0)".to_owned(), false));
    }
}
