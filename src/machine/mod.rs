//! One machine as an OS process: sockets, threads and the tick loop around the pure model.
//!
//! In the order in which a run meets them:
//! - [`process`]: the story of one machine, from its start to its end entry.
//! - [`beginning`]: its log, its secret and who it is.
//! - [`resume`]: a machine that comes back, from its own log.
//! - [`secret`], [`identity`]: who a machine is, and how it proves it.
//! - [`wire`]: the lines that travel between machines. `docs/protocol.md` describes them in full.
//! - [`listener`]: the one listening socket; it lets nobody in but the peers of the run.
//! - [`door`]: who may come in, and what has come from each peer.
//! - [`checkup`]: what is answered to those who ask how the machine is.
//! - [`consumer`]: one thread per incoming connection; it feeds the inbox at network speed.
//! - [`inbox`]: what the other threads and signals tell the tick loop.
//! - [`promise_board`]: what the peers have promised, at the virtual pace.
//! - [`channel`]: the sending end of a channel; it outlives its connections.
//! - [`shim`]: faults of channels, at the real pace.
//! - [`producer`]: the outgoing side, as the tick loop sees it.
//! - [`courier`], [`attempt`]: one thread that connects, and connects again.
//! - [`poll`]: waiting for several connections at once; [`watch`]: for many.
//! - [`keep_alive`]: how a dead connection is noticed.
//! - [`outlet`]: what leaves a machine, entries before their messages.
//! - [`assembly`], [`roll_call`]: waiting for the peers, and the common start.
//! - [`pacemaker`]: when tick k may run, and which arrivals are in the message queue by then.
//! - [`tick_loop`]: one loop for every pace.
//! - [`scheduling`]: what a machine asks of the kernel's scheduler.
//! - [`needs`]: what the machines of a trial need of the computer.
//! - [`faults`]: what the trial does to this machine on purpose.
//! - [`farewell`]: goodbyes, and what is left.

mod assembly;
mod attempt;
mod beginning;
mod channel;
mod checkup;
mod consumer;
mod courier;
mod door;
mod farewell;
mod faults;
mod identity;
mod inbox;
mod keep_alive;
mod listener;
mod needs;
mod outlet;
mod pacemaker;
pub(crate) mod poll;
mod process;
mod producer;
mod promise_board;
mod resume;
mod roll_call;
mod scheduling;
pub mod secret;
mod shim;
mod signals;
mod tick_loop;
mod watch;
pub mod wire;

pub use needs::Needs;
pub use process::{Limits, MachineConfig, Outcome, run};
