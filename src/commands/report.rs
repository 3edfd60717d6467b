//! `scalemodel report`: one page that shows runs.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use log::warn;

use super::stats::{sheet_of, warn_of_absent};
use super::whole_file::write_whole;
use super::{check_run, load, print};
use crate::analysis::stats::measure;
use crate::cli::{Answer, whole};
use crate::report::{Chapter, MARK, write};

/// Runs are drawn side by side; more than this have no room.
const RUNS_MAX: usize = 8;

/// Write one page that shows a run, or several side by side
///
/// The page needs no network and no other file: the trial, the verdict of check, the table of stats
/// with predictions, clocks and queues over time, histograms, and the space-time diagram. Open it in
/// a browser, or print it. docs/report.md tells what is to be seen.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scalemodel report logs/trial5 -o trial5.html
  scalemodel report logs/trial5 logs/twin -o twins.html   side by side, on one scale")]
pub struct ReportArgs {
    /// The folders of the runs
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,

    /// The page; an older report of this name is replaced once the new one is whole
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,

    /// How many violations of a run to list
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = whole(0..=usize::MAX))]
    limit: usize,
}

/// Runs the command.
///
/// # Errors
/// When a folder holds no log that can be read, or the page cannot be written.
pub fn run(args: &ReportArgs) -> Result<Answer> {
    if RUNS_MAX < args.runs.len() {
        bail!("{} runs are named, allowed: {RUNS_MAX} or fewer on one page", args.runs.len());
    }
    refuse_to_lose(&args.output)?;
    let chapters = args.runs.iter().map(|run| chapter(run)).collect::<Result<Vec<_>>>()?;
    let beyond = write_whole(&args.output, |out| Ok(write(&chapters, args.limit, out)?))?;
    for (chapter, count) in chapters.iter().zip(beyond).filter(|(_, count)| 0 < *count) {
        let folder = chapter.history.folder.display();
        warn!("{folder}: numbers beyond 2^52: {count}; the page shows 2^52 instead of each");
    }
    for chapter in &chapters {
        let (folder, findings) = (chapter.history.folder.display(), &chapter.findings);
        let (machines, events) = (findings.machines, findings.events);
        let shown = format!("{folder}: {}; {machines} machines, {events} events", findings.verdict);
        print(&(shown + "\n"))?;
    }
    print(&format!("written: {}\n", args.output.display()))?;
    Ok(Answer::Yes)
}

fn chapter(folder: &Path) -> Result<Chapter> {
    let history = load(folder)?;
    warn_of_absent(&history);
    let findings = check_run(&history);
    let stats = measure(&history);
    let sheet = sheet_of(&stats);
    Ok(Chapter { history, findings, stats, sheet })
}

/// Looks at the file first: nobody waits for a page that cannot be written, and a log that was named by
/// mistake is not lost.
fn refuse_to_lose(file: &Path) -> Result<()> {
    let told = || format!("cannot write {}", file.display());
    match fs::metadata(file) {
        Ok(found) if found.is_dir() => bail!("{}: it is a folder; name a file", told()),
        Ok(found) if found.is_file() && !is_report(file).with_context(told)? => {
            bail!("{}: it is no report, and would be lost; name another file", told())
        }
        _ => Ok(()),
    }
}

fn is_report(file: &Path) -> Result<bool> {
    let mut beginning = Vec::new();
    File::open(file)?.take(MARK.len() as u64).read_to_end(&mut beginning)?;
    Ok(beginning == MARK.as_bytes())
}
