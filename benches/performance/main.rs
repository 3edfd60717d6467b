//! Measures everything, prints one table, and writes it into `docs/performance.md`.
//!
//! Run with: cargo bench --bench performance -- --write
//!
//! A topic is one file with one function, which gives its rows. In it what is measured and what it is
//! held against take turns, so that both meet the same noise; a figure is the median of the runs. A
//! topic that fails is named at the end, and takes nothing from the others.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its results")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock, waits and draws")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

mod bare_mesh;
mod check;
mod computer;
mod durability;
mod engine;
mod figures;
mod flood;
mod lateness;
mod machines;
mod message;
mod page;
mod ping_pong;
mod program;
mod rates;
mod realtime;
mod report;
mod scale;
mod sweep;
mod table;
mod twins;
mod virtual_pace;
mod watch;

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use clap::Parser;
use clap::builder::PossibleValuesParser;
use scalemodel::cli::whole;
use table::Row;
use tempfile::TempDir;

/// What is measured; the table is in this order.
const TOPICS: [Topic; 14] = [
    Topic { name: "lateness", measure: lateness::measure },
    Topic { name: "rates", measure: rates::measure },
    Topic { name: "flood", measure: flood::measure },
    Topic { name: "realtime", measure: realtime::measure },
    Topic { name: "twins", measure: twins::measure },
    Topic { name: "message", measure: message::measure },
    Topic { name: "scale", measure: scale::measure },
    Topic { name: "virtual", measure: virtual_pace::measure },
    Topic { name: "engine", measure: engine::measure },
    Topic { name: "sweep", measure: sweep::measure },
    Topic { name: "check", measure: check::measure },
    Topic { name: "report", measure: report::measure },
    Topic { name: "durability", measure: durability::measure },
    Topic { name: "watch", measure: watch::measure },
];

const PAGE: &str = "docs/performance.md";

struct Topic {
    name: &'static str,
    measure: fn(&Plan) -> Vec<Row>,
}

/// How a topic is measured.
struct Plan {
    /// How often; a figure is the median.
    runs: usize,
    /// A folder on a disk for whatever is needed meanwhile; empty at the beginning of a topic.
    folder: PathBuf,
}

/// Measure everything, or some topics, and print one table
///
/// All of it takes half an hour on two cores. The computer should be otherwise idle. Needs cyclictest
/// (Debian: rt-tests), GNU time, script and taskset.
#[derive(Parser)]
#[command(name = "cargo bench --bench performance --", max_term_width = 100)]
struct Options {
    /// What to measure [default: everything]
    #[arg(value_name = "TOPIC", value_parser = PossibleValuesParser::new(TOPICS.map(|topic| topic.name)))]
    topics: Vec<String>,

    /// Replace the rows of these topics in docs/performance.md, each as soon as it is measured
    #[arg(long)]
    write: bool,

    /// How often each thing is measured; a figure is the median
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole(1_usize..=1000))]
    runs: usize,

    /// What cargo says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some(ping_pong::ROLE) => ping_pong::echo(&arguments[2..]),
        Some(bare_mesh::ROLE) => bare_mesh::machine(&arguments[2..]),
        _ => return measure(&Options::parse()),
    }
    ExitCode::SUCCESS
}

fn measure(options: &Options) -> ExitCode {
    let is_named = |topic: &&Topic| {
        options.topics.is_empty() || options.topics.iter().any(|name| name == topic.name)
    };
    let mut failed = Vec::new();
    print!("{}", table::HEAD);
    for topic in TOPICS.iter().filter(is_named) {
        eprintln!("measuring {} ...", topic.name);
        let rows = catch_unwind(|| rows(topic, options.runs));
        let kept = rows.map_err(|_| "it broke off, as is said above".to_owned()).and_then(|rows| {
            rows.iter().for_each(|row| print!("{row}"));
            if options.write { keep(topic, &rows, options.runs) } else { Ok(()) }
        });
        if let Err(why) = kept {
            eprintln!("{}: {why}", topic.name);
            failed.push(topic.name);
        }
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("these have failed, all others are whole: {}", failed.join(", "));
    ExitCode::FAILURE
}

fn rows(topic: &Topic, runs: usize) -> Vec<String> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let plan = Plan { runs, folder: folder.path().join("run") };
    fs::create_dir(&plan.folder).unwrap();
    (topic.measure)(&plan).iter().map(|row| row.line(topic.name)).collect()
}

/// Puts the rows of a topic into the page.
fn keep(topic: &Topic, rows: &[String], runs: usize) -> Result<(), String> {
    let path = Path::new(PAGE);
    let page = fs::read_to_string(path).map_err(|error| format!("cannot read {PAGE}: {error}"))?;
    let topics = TOPICS.map(|topic| topic.name);
    let layout = page::Layout { head: table::HEAD, topics: &topics };
    let measured = page::Measured { topic: topic.name, rows, at: &computer::now_and_here(runs) };
    let page = page::replace(&page, &layout, &measured)
        .map_err(|why| format!("cannot write its rows into {PAGE}: {why}"))?;
    fs::write(path, page).map_err(|error| format!("cannot write {PAGE}: {error}"))
}
