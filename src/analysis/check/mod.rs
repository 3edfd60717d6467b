//! Whether causality held, from the logs alone.
//!
//! Each rule is one small module. A rule looks at the whole history and lists what breaks it; after
//! a violation it goes on from what the log says, so that one fault is one finding.
//!
//! - [`headers`]: the logs are of one run.
//! - [`schedule`]: ticks in order, none missing without an entry.
//! - [`pace`]: ticks on schedule, none early.
//! - [`absences`]: no tick of a machine that a fault keeps away.
//! - [`restarts`]: machines that came back say so, and count their starts.
//! - [`clock`]: the update rule of every event, and the clock condition over every edge of the
//!   causal history.
//! - [`draws`]: the draws are the seed's; events and peers are the draws'.
//! - [`channels`]: every receive has exactly one send; FIFO; nothing lost.
//! - [`queue`]: queue lengths that add up at every tick.
//! - [`ends`]: end entries that agree with the logs and with each other.
//! - [`faults`]: what the logs tell of faults is what the trial says.
//!
//! What they find is a [`violation`]; [`causes`] folds what follows from another under its cause.

mod absences;
mod causes;
mod channels;
mod clock;
mod draws;
mod ends;
mod faults;
mod headers;
mod pace;
mod queue;
mod restarts;
mod schedule;
mod violation;

use std::fmt;

use serde::Serialize;

use super::causality::{Causality, Pairs};
use super::history::{EventRef, History};
use crate::logbook::{Ending, Log};
use crate::model::MachineId;
use violation::Complaints;

pub use violation::Violation;

/// The rules of the checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// All logs are of one run: same trial, same pace, one log a machine.
    Headers,
    /// Ticks are numbered in order, stand at their model time, are not early, and none is missing
    /// without an entry.
    Schedule,
    /// A machine that came back says so, and counts its starts; none does at the virtual pace.
    Restarts,
    /// Every event advances its clock exactly as Lamport's rules say.
    ClockRule,
    /// If a happened before b, then clock(a) < clock(b).
    ClockCondition,
    /// The draws are the seed's, and every event is what its draw says.
    Draws,
    /// Every receive has exactly one send.
    Matching,
    /// The messages of a channel are received in the order of their sends.
    Fifo,
    /// What was sent is received, or left in the queue at the end.
    Conservation,
    /// Queue lengths add up, and only a tick with an empty queue draws.
    Queue,
    /// An end entry says what its log says.
    Ends,
    /// What is told of faults is what the trial says, and what became of it.
    Faults,
}

impl Rule {
    /// Every rule, in the order in which they are listed.
    pub const ALL: [Self; 12] = [
        Self::Headers,
        Self::Schedule,
        Self::Restarts,
        Self::ClockRule,
        Self::ClockCondition,
        Self::Draws,
        Self::Matching,
        Self::Fifo,
        Self::Conservation,
        Self::Queue,
        Self::Ends,
        Self::Faults,
    ];

    /// The rule's name, as it is printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Schedule => "schedule",
            Self::Restarts => "restarts",
            Self::ClockRule => "clock-rule",
            Self::ClockCondition => "clock-condition",
            Self::Draws => "draws",
            Self::Matching => "matching",
            Self::Fifo => "fifo",
            Self::Conservation => "conservation",
            Self::Queue => "queue",
            Self::Ends => "ends",
            Self::Faults => "faults",
        }
    }
}

/// What a check may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The run is whole, and every rule holds.
    Holds,
    /// Something is missing, and what is there breaks no rule.
    CannotSay,
    /// A rule is broken, whatever is missing.
    Violated,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Holds => "holds",
            Self::CannotSay => "cannot say",
            Self::Violated => "violated",
        })
    }
}

/// What was checked and found.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// The verdict.
    pub verdict: Verdict,
    /// How many machines the trial has.
    pub machines: usize,
    /// How many events the logs hold.
    pub events: usize,
    /// How many messages were sent.
    pub sent: usize,
    /// How many messages were received.
    pub received: usize,
    /// How the pairs of events are related, unless a rule is broken.
    pub pairs: Option<Pairs>,
    /// What is missing for a verdict.
    pub missing: Vec<String>,
    /// What breaks a rule, in an order that respects causality; consequences under their causes.
    pub violations: Vec<Violation>,
    /// Receives that would lie in the past of their own sends; the causal order leaves them out.
    #[serde(skip)]
    pub circular: Vec<EventRef>,
}

/// Checks one run.
#[must_use]
pub fn check(history: &History) -> Findings {
    check_metered(history, |_| |_| ())
}

/// The rules; what they complain of is put in order afterwards.
const RULES: [fn(&mut Complaints); 11] = [
    headers::check,
    schedule::check,
    pace::check,
    absences::check,
    restarts::check,
    clock::check,
    draws::check,
    channels::check,
    queue::check,
    ends::check,
    faults::check,
];

/// Does so, too; the meter is made for a number of steps, and told of those that are done.
#[must_use]
pub fn check_metered<M: Fn(u64)>(history: &History, meter: impl FnOnce(u64) -> M) -> Findings {
    let meter = meter(1 + RULES.len() as u64);
    let mut pasts = clock::Pasts::new(history);
    let causality = Causality::telling(history, |receive, past| pasts.take(receive, past));
    meter(1);
    let mut complaints = Complaints::new(&causality, pasts.not_above());
    for rule in RULES {
        rule(&mut complaints);
        meter(1);
    }
    let violations = causes::fold(&causality, complaints.in_order());
    let missing = what_is_missing(history);
    let verdict = match (violations.is_empty(), missing.is_empty()) {
        (false, _) => Verdict::Violated,
        (true, false) => Verdict::CannotSay,
        (true, true) => Verdict::Holds,
    };
    Findings {
        verdict,
        machines: history.trial.machines.len(),
        events: history.event_count(),
        sent: history.channels.iter().map(|channel| channel.sends.len()).sum(),
        received: history.channels.iter().map(|channel| channel.receives.len()).sum(),
        pairs: (verdict != Verdict::Violated).then(|| causality.pairs()),
        missing,
        violations,
        circular: causality.circular().to_vec(),
    }
}

/// What keeps the checker from saying that everything holds.
fn what_is_missing(history: &History) -> Vec<String> {
    let mut missing: Vec<String> = history.unreadable.iter().map(ToString::to_string).collect();
    for machine in history.trial.machine_ids() {
        match history.log(machine) {
            Some(log) => missing.extend(gap_in(log)),
            None => {
                let port = history.trial.spec(machine).port;
                let path = crate::logbook::log_path(&history.folder, port);
                let is_read = history.strangers.iter().any(|stranger| stranger.path == path);
                if !is_read && !history.unreadable.iter().any(|error| error.path == path) {
                    missing.push(format!("the log of machine {machine}, {}", path.display()));
                }
            }
        }
    }
    missing.extend(faults::without_effect(history));
    if history.event_count() == 0 {
        missing.push("events: no machine made a tick".to_owned());
    }
    missing
}

/// Why a log is not whole, if it is not.
fn gap_in(log: &Log) -> Option<String> {
    let path = log.path.display();
    match (&log.end, log.torn_line) {
        (_, Some(line)) => Some(format!("{path}:{line}: the last line is torn")),
        (None, None) if log.start.is_none() => {
            Some(format!("{path}: every tick; the machine never started"))
        }
        (None, None) => {
            Some(format!("{path}: the end entry; the machine still runs, or was killed"))
        }
        (Some(end), None) if end.entry.why != Ending::Finished => Some(format!(
            "{path}:{}: the rest of the run; the machine ended early: {}",
            end.line, end.entry.why
        )),
        (Some(_), None) => None,
    }
}

/// An event of a machine, by its index.
fn event(machine: MachineId, index: usize) -> EventRef {
    EventRef { machine, index }
}
