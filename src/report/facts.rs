//! What the page says in words and figures, as JSON.

use std::borrow::Cow;

use serde::Serialize;

use super::chapter::{Chapter, Sheet};
use super::drift::{DriftHistogram, width};
use super::events::{Extras, Lane, lanes};
use crate::analysis::causality::Pairs;
use crate::analysis::check::{Rule, Verdict, Violation};
use crate::analysis::compare::{Comparison, compare};
use crate::analysis::history::{EventRef, History};
use crate::analysis::stats::RunStats;
use crate::analysis::tally::JUMP_BUCKETS;
use crate::logbook::{Log, log_path};
use crate::model::fault::numbered;
use crate::model::{Fault, FaultId, FaultKind, MachineId, Topology};
use crate::pace::Pace;
use crate::trial::fault_keys;

/// So many consequences of a violation are told; the others are counted.
const CONSEQUENCES_MAX: usize = 3;

/// All that the page knows beside events and messages.
#[derive(Debug, Serialize)]
pub(super) struct Facts<'a> {
    schema_version: u32,
    program: &'static str,
    /// The upper ends of the ranges of the histogram of jumps; the last range has none.
    jump_buckets: [u64; JUMP_BUCKETS.len()],
    rules: Vec<&'static str>,
    runs: Vec<RunFacts<'a>>,
    /// The first run held against each of the others.
    comparisons: Vec<ComparisonFacts>,
}

impl<'a> Facts<'a> {
    /// Gathers the facts, with at most `limit` violations of each run.
    pub(super) fn of(chapters: &'a [Chapter], limit: usize) -> Self {
        let drift_max = chapters.iter().map(|chapter| chapter.stats.drift_max).max();
        let width = width(drift_max.unwrap_or(0));
        Self {
            schema_version: 1,
            program: env!("CARGO_PKG_VERSION"),
            jump_buckets: JUMP_BUCKETS,
            rules: Rule::ALL.iter().map(|rule| rule.name()).collect(),
            runs: chapters.iter().map(|chapter| RunFacts::of(chapter, width, limit)).collect(),
            comparisons: chapters
                .split_first()
                .map(|(one, others)| (0..).zip(others).map(|pair| compared(one, pair)).collect())
                .unwrap_or_default(),
        }
    }
}

#[derive(Debug, Serialize)]
struct RunFacts<'a> {
    folder: String,
    trial: &'a str,
    pace: &'static str,
    /// How many model seconds pass in a second; none at the virtual pace.
    speed: Option<String>,
    /// As text: a page holds numbers of up to 2^53, a seed may have 63 bits.
    seed: String,
    draw_range: u32,
    duration_s: u64,
    machines: Vec<MachineFacts<'a>>,
    faults: Vec<FaultFacts>,
    channels: Vec<Lane<'a>>,
    verdict: VerdictFacts<'a>,
    stats: &'a RunStats,
    sheet: &'a Sheet,
    drift: DriftHistogram,
}

impl<'a> RunFacts<'a> {
    fn of(chapter: &'a Chapter, drift_width: u64, limit: usize) -> Self {
        let history = &chapter.history;
        let trial = &history.trial;
        Self {
            folder: history.folder.display().to_string(),
            trial: &trial.name,
            pace: history.pace.name(),
            speed: match history.pace {
                Pace::Real(speed) => Some(speed.to_string()),
                Pace::Virtual => None,
            },
            seed: trial.seed.get().to_string(),
            draw_range: trial.draw_range.0,
            duration_s: trial.duration_s,
            machines: trial.machine_ids().map(|id| MachineFacts::of(history, id)).collect(),
            faults: numbered(&trial.faults).map(|fault| FaultFacts::of(history, fault)).collect(),
            channels: lanes(history),
            verdict: VerdictFacts::of(chapter, limit),
            stats: &chapter.stats,
            sheet: &chapter.sheet,
            drift: DriftHistogram::of(history, drift_width),
        }
    }
}

#[derive(Debug, Serialize)]
struct MachineFacts<'a> {
    machine: u16,
    host: String,
    port: u16,
    clock_rate: u32,
    phase: u32,
    /// The machines that it may send to, unless it may send to all.
    sends_to: Option<Vec<u16>>,
    /// The path of its log.
    path: String,
    log: Option<LogFacts<'a>>,
}

impl<'a> MachineFacts<'a> {
    fn of(history: &'a History, machine: MachineId) -> Self {
        let spec = history.trial.spec(machine);
        Self {
            machine: machine.get(),
            host: spec.host.to_string(),
            port: spec.port,
            clock_rate: spec.clock_rate.0,
            phase: spec.phase.0,
            sends_to: (history.trial.topology != Topology::FullMesh)
                .then(|| history.trial.peers(machine).iter().map(|peer| peer.get()).collect()),
            path: log_path(&history.folder, spec.port).display().to_string(),
            log: history.log(machine).map(|log| LogFacts::of(history, machine, log)),
        }
    }
}

#[derive(Debug, Serialize)]
struct LogFacts<'a> {
    version: &'a str,
    events: usize,
    /// The common start; none if the machine never started.
    start: Option<String>,
    /// Why the log ended; none if the machine still runs, or was killed.
    end: Option<String>,
    torn_line: Option<usize>,
    #[serde(flatten)]
    extras: Extras,
    skips: Vec<SkipFacts>,
    restarts: Vec<RestartFacts>,
}

impl<'a> LogFacts<'a> {
    fn of(history: &History, machine: MachineId, log: &'a Log) -> Self {
        let schedule = history.schedule(machine);
        let skips = log.skips.iter().map(|skip| SkipFacts {
            first: skip.entry.first.0,
            last: skip.entry.last.0,
            first_us: schedule.due(skip.entry.first).micros(),
            last_us: schedule.due(skip.entry.last).micros(),
        });
        let restarts = log.restarts.iter().map(|restart| RestartFacts {
            incarnation: restart.entry.incarnation,
            before_event: log.ticks.partition_point(|tick| tick.line < restart.line),
        });
        Self {
            version: &log.header.version,
            events: log.ticks.len(),
            start: log.start.map(|start| start.to_string()),
            end: log.end.as_ref().map(|end| end.entry.why.to_string()),
            torn_line: log.torn_line,
            extras: Extras::of(history, log),
            skips: skips.collect(),
            restarts: restarts.collect(),
        }
    }
}

/// Ticks that were skipped.
#[derive(Debug, Serialize)]
struct SkipFacts {
    first: u64,
    last: u64,
    /// When the first was due, in microseconds of model time.
    first_us: u64,
    last_us: u64,
}

#[derive(Debug, Serialize)]
struct RestartFacts {
    incarnation: u32,
    /// How many events of the machine come before.
    before_event: usize,
}

#[derive(Debug, Serialize)]
struct FaultFacts {
    number: u16,
    kind: &'static str,
    from_s: f64,
    to_s: f64,
    /// The positions of the machines that it strikes.
    machines: Vec<usize>,
    /// The positions of senders and receivers of the channels that it strikes.
    channels: Vec<[usize; 2]>,
    /// How often it struck, as far as the logs tell.
    hits: Option<u64>,
    /// The fault as a log's header tells it.
    line: String,
}

impl FaultFacts {
    fn of(history: &History, (number, fault): (FaultId, &Fault)) -> Self {
        let (machines, channels) = match &fault.kind {
            FaultKind::OnMachines(machines, _) => {
                (machines.iter().map(|id| id.index()).collect(), Vec::new())
            }
            FaultKind::OnChannels(channels, _) => {
                let pairs = channels.pairs();
                (Vec::new(), pairs.iter().map(|(from, to)| [from.index(), to.index()]).collect())
            }
        };
        let told = history.present().flat_map(|(_, log)| &log.faults);
        let hits = told.filter(|told| told.entry.number == number).map(|told| told.entry.hits);
        Self {
            number: number.get(),
            kind: fault.name(),
            from_s: fault.span.at_ms as f64 / 1000.0,
            to_s: fault.span.end_ms() as f64 / 1000.0,
            machines,
            channels,
            hits: hits.reduce(u64::saturating_add),
            line: fault_keys::line(fault),
        }
    }
}

#[derive(Debug, Serialize)]
struct VerdictFacts<'a> {
    verdict: Verdict,
    events: usize,
    sent: usize,
    received: usize,
    pairs: Option<Pairs>,
    missing: &'a [String],
    violations_total: usize,
    violations: Vec<ViolationFacts<'a>>,
}

impl<'a> VerdictFacts<'a> {
    fn of(chapter: &'a Chapter, limit: usize) -> Self {
        let findings = &chapter.findings;
        Self {
            verdict: findings.verdict,
            events: findings.events,
            sent: findings.sent,
            received: findings.received,
            pairs: findings.pairs,
            missing: &findings.missing,
            violations_total: findings.violations.len(),
            violations: findings.violations.iter().take(limit).map(ViolationFacts::of).collect(),
        }
    }
}

/// A violation; events are told by the positions of their machines and their own.
#[derive(Debug, Serialize)]
struct ViolationFacts<'a> {
    time_us: u64,
    rule: Rule,
    what: &'a str,
    places: &'a [String],
    /// The first is the one that is wrong.
    events: Vec<[usize; 2]>,
    machines: Vec<usize>,
    /// A causal path between two of the events.
    path: Vec<[[usize; 2]; 2]>,
    consequences: Vec<Cow<'a, str>>,
    consequences_total: usize,
}

impl<'a> ViolationFacts<'a> {
    fn of(violation: &'a Violation) -> Self {
        let position = |event: &EventRef| [event.machine.index(), event.index];
        let consequences = violation.consequences.iter().take(CONSEQUENCES_MAX);
        let told = |other: &'a Violation| match other.places.first() {
            Some(place) => format!("{place}: {}: {}", other.rule.name(), other.what).into(),
            None => Cow::Borrowed(other.what.as_str()),
        };
        // Where the violation itself has no path, that of what follows from it shows the way.
        let proof = std::iter::once(violation)
            .chain(&violation.consequences)
            .find(|other| !other.stretches.is_empty())
            .unwrap_or(violation);
        let more = proof.events.iter().filter(|event| !violation.events.contains(event));
        Self {
            time_us: violation.time_us,
            rule: violation.rule,
            what: &violation.what,
            places: &violation.places,
            events: violation.events.iter().chain(more).map(position).collect(),
            machines: violation.machines.iter().map(|machine| machine.index()).collect(),
            path: proof
                .stretches
                .iter()
                .map(|stretch| [position(&stretch.first), position(&stretch.last)])
                .collect(),
            consequences: consequences.map(told).collect(),
            consequences_total: violation.consequences.len(),
        }
    }
}

/// How the first run compares with another.
#[derive(Debug, Serialize)]
struct ComparisonFacts {
    /// The position of the other run.
    other: usize,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
enum Outcome {
    Equal {
        events: usize,
    },
    Parted {
        due_us: u64,
        /// The position of the machine that parts first.
        machine: usize,
        events_before: usize,
        events: u64,
        what: String,
        places: [Option<String>; 2],
    },
    /// They cannot be compared.
    Refused {
        why: String,
    },
}

fn compared(one: &Chapter, (position, other): (usize, &Chapter)) -> ComparisonFacts {
    let outcome = match compare(&one.history, &other.history) {
        Ok(Comparison::Equal { events }) => Outcome::Equal { events },
        Ok(Comparison::Parted(parting)) => Outcome::Parted {
            due_us: parting.due.micros(),
            machine: parting.machine.index(),
            events_before: parting.events_before,
            events: parting.events,
            what: parting.what,
            places: parting.places,
        },
        Err(error) => Outcome::Refused { why: format!("{error:#}") },
    };
    ComparisonFacts { other: position + 1, outcome }
}
