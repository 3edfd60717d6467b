//! When and on what kind of computer it is measured; nothing that names this one.

use std::fs;
use std::thread::available_parallelism;

use chrono::Utc;

/// The day, how often, and with which cores, processor and kernel.
pub(crate) fn now_and_here(runs: usize) -> String {
    let day = Utc::now().format("%Y-%m-%d");
    let cores = available_parallelism().unwrap();
    format!("{day}, medians of {runs}, {cores} cores ({}), Linux {}", processor(), kernel())
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find(|line| line.starts_with("model name"));
    let name = model.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim());
    name.unwrap_or("unknown processor").to_owned()
}

/// The numbers of the release. What stands behind them is whose build it is.
fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.chars().take_while(|letter| letter.is_ascii_digit() || *letter == '.').collect()
}
