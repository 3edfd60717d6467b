//! Trials with faults as OS processes, and `scalemodel inflict`, which kills, stops and starts them
//! again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::process::{Child, Command, Output, Stdio};

use common::{Bench, Running, run, scalemodel, stderr, wait_until};
use tempfile::TempDir;

const VIRTUAL: [&str; 2] = ["--pace", "virtual"];

const KILL: &str = "[[fault]]\nkind = \"kill\"\nat_ms = 2000\nfor_ms = 1000\nmachine = 1\n";
const PAUSE: &str = "[[fault]]\nkind = \"pause\"\nat_ms = 2000\nfor_ms = 4000\nmachine = 2\n";

/// A bench with the trial that has a fault of every kind.
fn with_every_kind(host: &'static str) -> Bench {
    let bench = Bench::new(host, 16, &[6, 5, 6]);
    let trial = fs::read_to_string("tests/data/every_fault.toml").unwrap();
    fs::write(bench.trial_file(), trial.replace("127.0.0.1", host)).unwrap();
    bench
}

fn with_faults(host: &'static str, faults: &str) -> Bench {
    let bench = Bench::new(host, 8, &[5, 3]);
    let trial = fs::read_to_string(bench.trial_file()).unwrap();
    fs::write(bench.trial_file(), trial + faults).unwrap();
    bench
}

fn start_inflicting(bench: &Bench, pids: &[u32], options: &[&str]) -> Child {
    let pids = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    scalemodel()
        .args(["inflict", "--run", "the-run", "--pids", &pids, "--trial"])
        .arg(bench.trial_file())
        .arg("--logs")
        .arg(bench.folder())
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs a trial and its faults to the end; what the inflictor said.
fn inflict(bench: &Bench, options: &[&str]) -> Output {
    let machines = bench.start_all(options);
    let pids: Vec<u32> = machines.iter().map(|machine| machine.0.id()).collect();
    start_inflicting(bench, &pids, options).wait_with_output().unwrap()
}

fn assert_done(output: &Output) {
    assert!(output.status.success(), "{}", stderr(output));
}

#[test]
fn faults_at_the_virtual_pace_are_those_of_the_engine_byte_for_byte() {
    let bench = with_every_kind("127.20.8.1");
    assert_done(&inflict(&bench, &VIRTUAL));
    let twin = TempDir::new().unwrap();
    let (trial, logs) = (bench.trial_file(), twin.path().to_str().unwrap().to_owned());
    assert_done(&run(&["simulate", trial.to_str().unwrap(), "--logs", &logs]));
    for (port, machine) in bench.ports.iter().zip(1..) {
        let simulated = fs::read_to_string(twin.path().join(format!("log{port}.txt"))).unwrap();
        assert!(bench.log(machine) == simulated, "machine {machine}: the logs differ");
    }
    let (code, said) = bench.check();
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_run_at_the_real_pace_stands_every_kind_of_fault() {
    let bench = with_every_kind("127.20.8.2");
    // So slow that a busy computer stops and starts machines well within the spans of the faults.
    assert_done(&inflict(&bench, &["--speed", "2"]));
    let (code, said) = bench.check();
    assert_eq!(code, 0, "{said}");
    let restarts = |machine| bench.log(machine).matches("\n# restart: ").count();
    assert_eq!([1, 2, 3].map(restarts), [1, 2, 0]);
}

#[test]
fn a_kill_or_a_pause_that_nobody_carries_out_cannot_be_said() {
    let bench = with_faults("127.20.8.3", &format!("{KILL}{PAUSE}"));
    bench.run_all(&["--speed", "4"]);
    let (code, said) = bench.check();
    assert_eq!(code, 2, "{said}");
    for fault in ["fault 1 (kill)", "fault 2 (pause)"] {
        let missing = format!("{fault} did not take effect: it struck nothing");
        assert!(said.contains(&missing), "{said}");
    }
}

#[test]
fn a_pause_is_a_real_one() {
    let bench = with_faults("127.20.8.4", PAUSE);
    assert_done(&inflict(&bench, &["--speed", "4"]));
    let (code, said) = bench.check();
    assert_eq!(code, 0, "{said}");
    assert!(bench.log(2).contains("# fault: number=1 kind=pause hits=1 "), "{}", bench.log(2));
    assert!(bench.log(2).contains("# skipped: "), "{}", bench.log(2));
}

#[test]
fn a_machine_that_nobody_starts_again_ends_the_run_of_its_peers() {
    let bench = with_faults("127.20.8.5", KILL);
    let options = [&VIRTUAL[..], &["--connect-limit", "3"]].concat();
    let mut machines = bench.start_all(&options).into_iter();
    let (killed, _) = machines.next().unwrap().finish();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&killed), Some(9));
    let (status, said) = machines.next().unwrap().finish();
    assert_eq!(status.code(), Some(2));
    assert!(said.contains("peer 1 (127.20.8.5:20001) is lost"), "{said}");
    assert_eq!(bench.check().0, 2);
}

#[test]
fn only_a_kill_of_the_trial_is_gone_on_from_at_the_virtual_pace() {
    let bench = with_faults("127.20.8.6", "");
    let machine = bench.start(1, &VIRTUAL);
    wait_until("the log has begun", || bench.log(1).contains("# machine: "));
    machine.signal("KILL");
    machine.finish();
    let (status, said) = bench.start(1, &[&VIRTUAL[..], &["--resume"]].concat()).finish();
    assert_eq!(status.code(), Some(2));
    assert!(said.contains("the trial does not kill machine 1 where its log ends"), "{said}");
}

#[test]
fn a_machine_that_dies_of_something_else_is_named() {
    let bench = with_faults("127.20.8.7", PAUSE);
    let machines = bench.start_all(&[]);
    let pids: Vec<u32> = machines.iter().map(|machine| machine.0.id()).collect();
    let inflictor = start_inflicting(&bench, &pids, &[]);
    wait_until("ticks are logged", || 0 < bench.ticks(2));
    machines[1].signal("KILL");
    let output = inflictor.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("machine 2 has ended before its faults were over"), "{said}");
}

#[test]
fn an_inflictor_that_is_told_to_end_lets_go_on_what_it_stopped() {
    let bench = with_faults("127.20.8.8", PAUSE);
    let machines = bench.start_all(&[]);
    let pids: Vec<u32> = machines.iter().map(|machine| machine.0.id()).collect();
    let mut inflictor = Running(start_inflicting(&bench, &pids, &[]));
    let state = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit(')').next().unwrap().trim().chars().next().unwrap()
    };
    wait_until("machine 2 is stopped", || state(pids[1]) == 'T');
    inflictor.signal("TERM");
    inflictor.0.wait().unwrap();
    wait_until("machine 2 goes on", || state(pids[1]) != 'T');
    drop(machines);
}

#[test]
fn every_machine_must_be_named() {
    let bench = with_faults("127.20.8.9", KILL);
    let output = start_inflicting(&bench, &[1], &[]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("--pids: found 1, allowed: one for each of the 2 machines"), "{said}");
    let mut gone = Command::new("true").spawn().unwrap();
    let pid = gone.id();
    gone.wait().unwrap();
    let output = start_inflicting(&bench, &[pid, pid], &[]).wait_with_output().unwrap();
    let said = stderr(&output);
    assert!(said.contains("machine 1 has ended before its faults were over"), "{said}");
}
