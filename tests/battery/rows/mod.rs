//! The rows, one file a group.

mod config;
mod disk;
mod identity;
mod logs;
mod network;
mod process;
mod time;
mod wire;

use crate::row::Row;

/// All rows, in the order of the page.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    let groups = [
        process::ROWS,
        network::ROWS,
        disk::ROWS,
        wire::ROWS,
        identity::ROWS,
        logs::ROWS,
        config::ROWS,
        time::ROWS,
    ];
    groups.into_iter().flatten()
}
