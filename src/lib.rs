//! scalemodel: a laboratory for logical time.
//!
//! Machines are OS processes, each ticking at its own clock rate, talking over pairwise sockets,
//! each keeping a Lamport clock and a log. Around them: trials, a checker, statistics, plots.
//!
//! The way of the data, one way only:
//! trial file -> resolved trial -> machines -> logs -> history -> check, statistics, plots, export.
//!
//! - [`cli`], [`commands`]: what can be typed.
//! - [`model`]: pure: the clock, the rule of a tick, the schedule, chance.
//! - [`trial`]: the trial file.
//! - [`analysis`]: what the logs say: history, check, statistics.
//! - [`export`]: runs in the formats of other programs.
//! - [`pace`]: the two paces of a run.
//! - [`machine`]: one machine as an OS process.
//! - [`inflict`]: kills and pauses that a trial demands, from another OS process.
//! - [`health`]: how a run is that is going on, layer by layer.
//! - [`logbook`]: the logs of the machines.
//! - [`live`]: what runs are doing, on a terminal, while they do it.
//! - [`report`]: one page that shows runs.
//! - [`vector_log`]: logs with vector clocks that other programs wrote.
//! - [`wall_clock`]: the only place that reads a clock.

pub mod analysis;
pub mod cli;
pub mod commands;
mod decimal;
pub mod export;
pub mod health;
pub mod inflict;
pub mod live;
pub mod logbook;
pub mod machine;
pub mod model;
pub mod pace;
mod quote;
pub mod report;
pub mod trial;
pub mod vector_log;
pub mod wall_clock;
