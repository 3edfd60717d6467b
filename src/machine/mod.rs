//! One machine as an OS process: sockets, threads and the tick loop around the pure model.
//!
//! In the order in which a run meets them:
//! - [`process`]: the story of one machine, from its start to its end entry.
//! - [`wire`]: the lines that travel between machines. `docs/protocol.md` describes them in full.
//! - [`secret`]: what the machines of a run share, and how they prove it to each other.
//! - [`listener`]: the one listening socket; it lets nobody in but the peers of the run.
//! - [`consumer`]: one thread per incoming connection; it feeds the inbox at network speed.
//! - [`inbox`]: what consumer threads and signals tell the tick loop.
//! - [`promise_board`]: what the peers have promised, at the virtual pace.
//! - [`producer`]: the outgoing connection to each peer.
//! - [`outlet`]: what leaves a machine, entries before their messages.
//! - [`assembly`]: connecting, and the common start.
//! - [`pacemaker`]: when tick k may run, and which arrivals are in the message queue by then.
//! - [`tick_loop`]: one loop for every pace.
//! - [`farewell`]: goodbyes, and what is left.

mod assembly;
mod consumer;
mod farewell;
mod inbox;
mod listener;
mod outlet;
mod pacemaker;
mod process;
mod producer;
mod promise_board;
pub mod secret;
mod signals;
mod tick_loop;
pub mod wire;

pub use process::{Limits, MachineConfig, Outcome, run};
