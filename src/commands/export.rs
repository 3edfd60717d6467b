//! `scalemodel export`: writes a run in the format of another program.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use log::warn;

use super::progress::{Progress, Unit};
use super::whole_file::{BUFFER_BYTES, write_whole};
use crate::cli::Answer;
use crate::export::{FORMATS, Format, Run, Survey};

/// Write a run in the format of another program: to draw it, or to work with its events
///
/// All formats are described in docs/export.md. What had to be left out of the logs is said on
/// standard error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scalemodel export logs/trial5 --to shiviz -o trial5.log
  scalemodel export logs/trial5 --to csv | head")]
pub struct ExportArgs {
    /// The folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// The format
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    to: Format,

    /// The file to write, instead of standard output; it is replaced once the export is whole
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn formats() -> impl TypedValueParser<Value = Format> {
    let values = FORMATS.map(|format| PossibleValue::new(format.name).help(format.summary));
    PossibleValuesParser::new(values).try_map(|name| {
        let known = FORMATS.into_iter().find(|format| format.name == name);
        known.ok_or("no such format")
    })
}

/// Runs the command.
///
/// # Errors
/// When a log is missing or cannot be read, or the output cannot be written.
pub fn run(args: &ExportArgs) -> Result<Answer> {
    let run = Run::open(&args.run)?;
    let survey = Survey::of(&run, meter("reading logs", &run))?;
    for remark in survey.remarks(&run) {
        warn!("{remark}");
    }
    for remark in args.to.concerns.iter().filter_map(|concern| survey.remark_on(*concern, &run)) {
        warn!("{remark}");
    }
    let write = |out: &mut dyn Write| args.to.export(&run, &survey, out, meter("exporting", &run));
    match &args.output {
        None => to_standard_output(write)?,
        Some(file) => write_whole(file, write)?,
    }
    Ok(Answer::Yes)
}

fn meter(doing: &str, run: &Run) -> impl Fn(u64) {
    Progress::meter(doing, run.bytes(), Unit::Bytes)
}

/// Whoever closed standard output has seen enough.
fn to_standard_output(write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
    let is_closed = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    match write(&mut out) {
        Err(error) if error.downcast_ref().is_some_and(is_closed) => {
            // What is left in the buffer has no reader.
            let _ = out.into_parts();
            Ok(())
        }
        Err(error) if error.is::<io::Error>() => {
            let _ = out.into_parts();
            Err(error).context("cannot write to standard output")
        }
        done => done,
    }
}
