//! The catalogue of wrong machines: each is wrong at one seam, on purpose.
//!
//! Many of them have run: in public programs for the same exercise, or in this one before a test
//! found them. A rule of the oracle that no wrong machine exercises is a rule without proof.
//!
//! - [`clock`]: the logical clock and the timestamps on messages.
//! - [`draw`]: what is drawn, and who is addressed.
//! - [`queue`]: which message is received, and the length of the queue.
//! - [`wire`]: what becomes of a message on its way.
//! - [`entry`]: the entries of ticks.
//! - [`frame`]: the header and the end entry.
//! - [`pace`]: when ticks run.
//! - [`fault`]: what faults do, and what is told of them.
//! - [`restart`]: what a machine that comes back remembers.

mod clock;
mod draw;
mod entry;
mod fault;
mod frame;
mod pace;
mod queue;
mod restart;
mod wire;

use scalemodel::analysis::check::Rule;

use crate::seams::Seams;
use crate::workbench::Setting;

/// A machine that is wrong at one seam.
#[derive(Debug)]
pub(crate) struct WrongMachine {
    /// Its name, in kebab case.
    pub(crate) name: &'static str,
    /// What is wrong with it, in one sentence.
    pub(crate) wrong: &'static str,
    /// Where it reveals itself.
    pub(crate) revealed_by: &'static [Setting],
    /// The rule that is meant to catch it.
    pub(crate) rule: Rule,
    /// Whether every run that it spoils can be told from a right one.
    pub(crate) sight: Sight,
    /// Makes it anew for one run.
    pub(crate) make: fn() -> Box<dyn Seams>,
}

/// Whether every run that a wrong machine spoils can be told from a right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Every run whose logs differ from the right machine's is caught.
    Always,
    /// Some runs have the logs of a right machine in other circumstances, and why.
    Sometimes(&'static str),
    /// No run is caught since no log can tell, and why.
    Never(&'static str),
}

/// The catalogue by seam: the title of each part, and its machines.
pub(crate) const CATALOGUE: [(&str, &[WrongMachine]); 9] = [
    ("The clock", clock::MACHINES),
    ("The draw", draw::MACHINES),
    ("The queue", queue::MACHINES),
    ("The wire", wire::MACHINES),
    ("The entry", entry::MACHINES),
    ("Header and end entry", frame::MACHINES),
    ("The pace", pace::MACHINES),
    ("Faults", fault::MACHINES),
    ("The restart", restart::MACHINES),
];

/// Every wrong machine.
pub(crate) fn all() -> impl Iterator<Item = &'static WrongMachine> {
    CATALOGUE.iter().flat_map(|(_, machines)| machines.iter())
}

/// The wrong machine of that name.
pub(crate) fn named(name: &str) -> Option<&'static WrongMachine> {
    all().find(|machine| machine.name == name)
}

/// It is wrong at whatever pace.
const ANY_PACE: &[Setting] = &[Setting::Virtual, Setting::Real];
/// It is wrong, or can be known to be, at the virtual pace only.
const VIRTUAL: &[Setting] = &[Setting::Virtual];
/// It takes the wall clock to be wrong.
const REAL: &[Setting] = &[Setting::Real];
/// It is wrong after it stood still.
const STANDSTILL: &[Setting] = &[Setting::Standstill];
/// It takes a kill to see that it is wrong.
const KILL: &[Setting] = &[Setting::Kill];

/// It takes a fault of the trial to be wrong.
const FAULTS: &[Setting] = &[Setting::Faults];
/// It takes a restart to see that it is wrong.
const RESTART: &[Setting] = &[Setting::Restart];

/// Makes a wrong machine before its first tick.
fn make<S: Seams + Default + 'static>() -> Box<dyn Seams> {
    Box::new(S::default())
}
