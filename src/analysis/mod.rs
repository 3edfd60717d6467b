//! What the logs say: history, check, statistics. No running machine is needed, and the rule of a
//! tick is never called: a checker that runs the rule it checks proves nothing.
//!
//! - [`run_folder`]: the logs in the folder of a run.
//! - [`history`]: the logs of one run, joined; every receive matched to its send.
//! - [`causality`]: happened-before, rebuilt as vector clocks.
//! - [`check`]: whether causality held, rule by rule.
//! - [`compare`]: two runs of one trial side by side.
//! - [`predict`]: what theory says of a trial.
//! - [`sweep`]: one trial over many seeds.
//! - [`claims`]: what the notebook claims, held against many runs.
//! - [`tally`]: the figures of a machine and of a run, taken event by event.
//! - [`stats`]: jumps, queues, waiting times, lateness and drift.

pub mod causality;
pub mod check;
pub mod claims;
pub mod compare;
pub mod history;
pub mod predict;
pub mod run_folder;
pub mod stats;
pub mod sweep;
pub mod tally;
