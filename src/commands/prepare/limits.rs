//! The limits of this computer on threads and open files, held against what machines need.

use std::fs;

use anyhow::{Result, bail};
use rustix::process::{Resource, getrlimit, getuid};

use crate::machine::Needs;

/// A limit, and how to raise it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Limit {
    /// What it is on, and what is needed of it.
    what: String,
    needed: u64,
    /// None if there is no such limit here.
    allowed: Option<u64>,
    fix: String,
}

/// Refuses what does not fit into this computer, all of it at once.
///
/// # Errors
/// With every limit that is too low, what is needed, and how to raise it.
pub(super) fn refuse_what_does_not_fit(needs: Needs) -> Result<()> {
    let told: Vec<String> = limits(needs).iter().filter_map(Limit::refusal).collect();
    if !told.is_empty() {
        bail!("this computer does not allow what the machines need: {}", told.join("; "));
    }
    Ok(())
}

impl Limit {
    fn refusal(&self) -> Option<String> {
        let Self { what, needed, fix, .. } = self;
        let allowed = self.allowed.filter(|allowed| allowed < needed)?;
        Some(format!("{what}: {needed} are needed, allowed: {allowed}; {fix}"))
    }
}

fn limits(needs: Needs) -> Vec<Limit> {
    let Needs { threads, processes, open_files, open_files_of_all } = needs;
    let limit = |what: &str, needed, allowed, fix: &str| Limit {
        what: what.to_owned(),
        needed,
        allowed,
        fix: fix.replace("{needed}", &u64::to_string(&needed)),
    };
    let with_others = threads + running_threads();
    let of_user = getrlimit(Resource::Nproc).current.filter(|_| !getuid().is_root());
    let fewer = "or take a topology with fewer links";
    vec![
        limit(
            "open files of a machine",
            open_files,
            getrlimit(Resource::Nofile).current,
            "ulimit -n {needed} raises it",
        ),
        limit(
            "open files of all",
            open_files_of_all,
            number("/proc/sys/fs/file-max"),
            "sysctl -w fs.file-max={needed} raises it",
        ),
        limit(
            &format!("threads of {processes} machines"),
            threads,
            of_user,
            &format!("ulimit -u {{needed}} raises it, {fewer}"),
        ),
        limit(
            "threads, with those that run now",
            with_others,
            number("/proc/sys/kernel/pid_max"),
            &format!("sysctl -w kernel.pid_max={{needed}} raises it, {fewer}"),
        ),
        limit(
            "threads, with those that run now",
            with_others,
            number("/proc/sys/kernel/threads-max"),
            &format!("sysctl -w kernel.threads-max={{needed}} raises it, {fewer}"),
        ),
        limit(
            "threads of this control group",
            threads + group_number("pids.current").unwrap_or(0),
            group_number("pids.max"),
            &format!("whoever set pids.max may raise it to {{needed}}, {fewer}"),
        ),
    ]
}

/// How many threads this computer runs: the fourth field of loadavg is `running/all`.
fn running_threads() -> u64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let all = text.split(' ').nth(3).and_then(|field| field.split('/').nth(1)?.parse().ok());
    all.unwrap_or(0)
}

/// A number of the control group of this process; none if it is not limited.
fn group_number(file: &str) -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let mount = match controllers {
            "" => "",
            "pids" => "/pids",
            _ => return None,
        };
        number(&format!("/sys/fs/cgroup{mount}{}/{file}", path.trim_end_matches('/')))
    })
}

fn number(file: &str) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_too_low_is_named_with_its_fix() {
        let needs = Needs { open_files: u64::MAX, ..Needs::default() };
        let told = refuse_what_does_not_fit(needs).unwrap_err().to_string();
        assert!(
            told.contains("open files of a machine: 18446744073709551615 are needed"),
            "{told}"
        );
        assert!(told.contains("ulimit -n 18446744073709551615 raises it"), "{told}");
        let needs = Needs { threads: 1 << 40, processes: 7, ..Needs::default() };
        let told = refuse_what_does_not_fit(needs).unwrap_err().to_string();
        assert!(told.contains("sysctl -w kernel.pid_max="), "{told}");
    }

    #[test]
    fn what_fits_is_not_refused() {
        let needs = Needs { threads: 10, processes: 2, open_files: 20, open_files_of_all: 40 };
        refuse_what_does_not_fit(needs).unwrap();
    }
}
