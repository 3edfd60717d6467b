//! The model: what a machine is and does, with no socket, no thread and no wall clock in it.
//!
//! Everything here is pure. The OS process drives it at the real pace and at the virtual pace, the
//! tests drive it directly; all of them run the very same code.
//!
//! - [`clock`]: Lamport's logical clock and its timestamps.
//! - [`machine`]: a machine and the rule of its tick.
//! - [`topology`]: who may send to whom.
//! - [`schedule`]: which tick is due when, in exact model time.
//! - [`stretches`]: a clock rate that changes.
//! - [`order`]: the order of all ticks of all machines.
//! - [`engine`]: all machines of a trial in one loop; `disturbed` is its way with faults.
//! - [`lookahead`]: what a machine can promise its peers, at the virtual pace.
//! - [`fault`]: what a trial does to its machines and channels, and when.
//! - [`fault_rates`]: how faults change the clock rate of a machine.
//! - [`absence`]: when a machine is dead or stands still.
//! - [`ledger`]: what the log of a machine has to tell of faults, and when.
//! - [`link`]: what becomes of a message on a channel.
//! - [`arrival`]: when a message arrives, in model time.
//! - [`chance`]: seeds, streams and the one helper that draws integers.
//!
//! It imports nothing else of the crate.

pub mod absence;
pub mod arrival;
pub mod chance;
pub mod clock;
mod disturbed;
pub mod engine;
pub mod fault;
pub mod fault_rates;
pub mod ledger;
pub mod link;
pub mod lookahead;
pub mod machine;
pub mod order;
pub mod schedule;
pub mod stretches;
pub mod topology;

pub use absence::{Absence, absences};
pub use arrival::Arrival;
pub use chance::{Dice, Seed, Stream};
pub use clock::{LogicalClock, Timestamp};
pub use engine::{Engine, Outcome};
pub use fault::{ChannelFault, Channels, Fault, FaultId, FaultKind, MachineFault, Span};
pub use ledger::{Ledger, Over};
pub use link::{Fate, Links, RETRY_MS};
pub use lookahead::{Lookahead, RUN_AHEAD_MAX};
pub use machine::{DrawRange, Event, Machine, MachineId, Message, Step, peers_in_mesh, tick};
pub use order::{Round, Slot};
pub use schedule::{ClockRate, ModelTime, Phase, Schedule, Tick};
pub use stretches::RateChange;
pub use topology::{Shape, Topology};
