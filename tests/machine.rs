//! `scalemodel machine`, end to end: real OS processes, real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use common::{Bench, finish_all, wait_until};

/// A minute of model time in half a second.
const FAST: [&str; 2] = ["--speed", "120"];

#[test]
fn three_machines_run_their_trial_and_causality_holds() {
    let bench = Bench::new("127.20.1.1", 60, &[5, 1, 5]);
    bench.run_all(&FAST);
    let (code, text) = bench.check();
    assert_eq!(code, 0, "{text}");
    assert_eq!([1, 2, 3].map(|machine| bench.ticks(machine)), [300, 60, 300]);
    for machine in 1..=3 {
        assert!(bench.log(machine).lines().last().unwrap().starts_with("# end: why=finished"));
    }
}

#[test]
fn no_receive_ties_with_its_send() {
    let bench = Bench::new("127.20.1.2", 60, &[6, 6, 1]);
    bench.run_all(&FAST);
    let mut receives = 0;
    for line in (1..=3)
        .flat_map(|machine| bench.log(machine).lines().map(str::to_owned).collect::<Vec<_>>())
    {
        let cells: Vec<&str> = line.split_ascii_whitespace().collect();
        if cells.get(4) == Some(&"receive") {
            receives += 1;
            assert!(cells[8].parse::<u64>().unwrap() < cells[6].parse().unwrap(), "{line}");
        }
    }
    assert!(0 < receives);
}

#[test]
fn twelve_machines_and_two_machines_run_as_well() {
    for (host, rates) in [("127.20.1.3", vec![3; 12]), ("127.20.1.4", vec![10, 1])] {
        let bench = Bench::new(host, 10, &rates);
        bench.run_all(&["--speed", "20", "--connect-limit", "60"]);
        let (code, text) = bench.check();
        assert_eq!(code, 0, "{text}");
    }
}

#[test]
fn on_one_computer_the_clocks_are_found_to_agree() {
    let bench = Bench::new("127.20.1.66", 2, &[5, 5, 5]);
    bench.run_all(&["--speed", "20"]);
    let measured = |machine: usize| -> Option<(i64, i64)> {
        let log = bench.log(machine);
        let line = log.lines().find_map(|line| line.strip_prefix("# clock_offset: offset_us="))?;
        let (offset, error) = line.split_once(" error_us=").unwrap();
        Some((offset.parse().unwrap(), error.parse().unwrap()))
    };
    assert_eq!(measured(1), None, "it is the one that others are compared with");
    for machine in [2, 3] {
        let (offset, error) = measured(machine).unwrap();
        assert!(offset.abs() <= error, "{offset} give or take {error}");
        assert!(error < 1_000_000, "no exchange took two seconds: {error}");
    }
}

#[test]
fn machines_may_be_launched_in_any_order() {
    let bench = Bench::new("127.20.1.5", 10, &[2, 2, 2]);
    let mut machines = vec![bench.start(3, &FAST)];
    wait_until("machine 3 listens", || TcpStream::connect(bench.address(3)).is_ok());
    machines.push(bench.start(1, &FAST));
    wait_until("machine 1 listens", || TcpStream::connect(bench.address(1)).is_ok());
    machines.push(bench.start(2, &FAST));
    finish_all(machines);
    assert_eq!(bench.check().0, 0);
}

/// What a machine answers to a stranger's first line.
fn answer(bench: &Bench, machine: usize, line: &str) -> String {
    let mut stream = TcpStream::connect(bench.address(machine)).unwrap();
    // The machine may refuse and close before everything is written.
    let _ = stream.write_all(line.as_bytes());
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = String::new();
    let _ = BufReader::new(stream).read_line(&mut answer);
    answer.trim_end().to_owned()
}

#[test]
fn strangers_are_refused_and_touch_no_clock() {
    let bench = Bench::new("127.20.1.6", 30, &[4, 4, 4]);
    let machines = bench.start_all(&["--speed", "15"]);
    wait_until("ticks are logged", || (1..=3).all(|machine| 4 < bench.ticks(machine)));
    let hello = |run: &str, version: u32| {
        let (boot, digest, nonce) = ("0".repeat(16), "1".repeat(16), "2".repeat(32));
        format!("hello {version} {run} 1 2 1 {boot} real {digest} {nonce}")
    };
    let cases = [
        ("500000\n".to_owned(), "refused"),
        ("500000 1 1 1 0 00000000\n".to_owned(), "refused"),
        ("GET / HTTP/1.1\r\n".to_owned(), "refused"),
        ("welcome 1 -\n".to_owned(), "refused"),
        (format!("proof {}\n", "0".repeat(64)), "refused"),
        ("hello 1 the-run 1 2 1 real\n".to_owned(), "refused"),
        (hello("another-run", 3) + "\n", "refused"),
        (hello("the-run", 7) + "\n", "refused protocol 7; this machine speaks 3"),
        (hello("the-run", 3), "refused"),
        ("x".repeat(9000), "refused"),
    ];
    for (line, expected) in cases {
        let found = answer(&bench, 2, &line);
        // A stranger that says too much may be cut off by a reset before it reads the answer.
        let was_cut_off = 256 < line.len() && found.is_empty();
        assert!(found == expected || was_cut_off, "{line:?}: {found}");
    }
    finish_all(machines);
    let (code, text) = bench.check();
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_missing_peer_is_named_when_the_limit_has_passed() {
    let bench = Bench::new("127.20.1.7", 10, &[1, 1, 1]);
    let machines = [1, 3].map(|machine| bench.start(machine, &["--connect-limit", "0.3"]));
    for machine in machines {
        let (status, errors) = machine.finish();
        assert_eq!(status.code(), Some(2));
        assert!(errors.contains("not reached: "), "{errors}");
        assert!(errors.contains("machine 2 (127.20.1.7:20002): Connection refused"), "{errors}");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let bench = Bench::new("127.20.1.8", 10, &[1, 1]);
    let _other = TcpListener::bind(bench.address(1)).unwrap();
    let (status, errors) = bench.start(1, &[]).finish();
    assert_eq!(status.code(), Some(2));
    assert!(errors.contains("machine 1 of bench: cannot listen on 127.20.1.8:20001"), "{errors}");
    assert!(!bench.log_file(1).exists());
}

#[test]
fn another_program_on_a_peers_port_is_named() {
    let bench = Bench::new("127.20.1.9", 10, &[1, 1]);
    let other = TcpListener::bind(bench.address(2)).unwrap();
    let machine = bench.start(1, &["--connect-limit", "5"]);
    let (mut stream, _) = other.accept().unwrap();
    stream.write_all(b"220 mail.example ESMTP\n").unwrap();
    let (status, errors) = machine.finish();
    assert_eq!(status.code(), Some(2));
    assert!(
        errors.contains("machine 2 (127.20.1.9:20002): another program holds its port"),
        "{errors}"
    );
}

#[test]
fn an_earlier_log_is_never_overwritten() {
    let bench = Bench::new("127.20.1.10", 10, &[1, 1]);
    std::fs::write(bench.log_file(1), "precious\n").unwrap();
    let (status, errors) = bench.start(1, &[]).finish();
    assert_eq!(status.code(), Some(2));
    assert!(errors.contains("cannot create the log"), "{errors}");
    assert_eq!(bench.log(1), "precious\n");
}

#[test]
fn the_peers_of_a_killed_machine_go_on_and_wait_for_it_until_a_limit() {
    let bench = Bench::new("127.20.1.11", 40, &[10, 10, 10]);
    let mut machines = bench.start_all(&["--speed", "20", "--goodbye-limit", "3"]);
    wait_until("ticks are logged", || (1..=3).all(|machine| 3 < bench.ticks(machine)));
    machines.remove(1).signal("KILL");
    for machine in machines {
        let (status, errors) = machine.finish();
        assert_eq!(status.code(), Some(2));
        let expected = "peer 2 (127.20.1.11:20002) did not say goodbye in time (--goodbye-limit)";
        assert!(errors.contains(expected), "{errors}");
        assert!(errors.contains("Connection refused"), "{errors}");
    }
    for machine in [1, 3] {
        assert_eq!(bench.ticks(machine), 400);
        assert!(bench.log(machine).contains("# end: why=peer-silent:20002 "));
    }
    let (code, text) = bench.check();
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains("log20002.txt: the end entry; the machine still runs, or was killed"),
        "{text}"
    );
}

#[test]
fn at_the_virtual_pace_a_killed_machine_ends_its_peers() {
    let bench = Bench::new("127.20.1.17", 1_000_000, &[10, 10, 10]);
    let mut machines = bench.start_all(&["--pace", "virtual"]);
    wait_until("ticks are logged", || (1..=3).all(|machine| 3 < bench.ticks(machine)));
    machines.remove(1).signal("KILL");
    for machine in machines {
        let (status, errors) = machine.finish();
        assert_eq!(status.code(), Some(2));
        // Who sees the broken connection first says so to the other.
        assert!(errors.contains("peer 2 (127.20.1.17:20002) "), "{errors}");
    }
    let endings = [1, 3].map(|machine| last_line(&bench.log_file(machine))).concat();
    assert!(endings.contains("# end: why=peer-lost:20002 "), "{endings}");
}

/// The last line of a log that may be long.
fn last_line(file: &Path) -> String {
    let output = Command::new("tail").args(["-n", "1"]).arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_signalled_machine_takes_its_leave_and_dies_by_the_signal() {
    for (host, name, number) in [("127.20.1.12", "INT", 2), ("127.20.1.13", "TERM", 15)] {
        let bench = Bench::new(host, 3600, &[10, 10, 10]);
        let mut machines = bench.start_all(&[]);
        wait_until("ticks are logged", || (1..=3).all(|machine| 3 < bench.ticks(machine)));
        let signalled = machines.remove(2);
        signalled.signal(name);
        assert_eq!(signalled.finish().0.signal(), Some(number));
        assert!(bench.log(3).lines().last().unwrap().starts_with("# end: why=interrupted"));
        for machine in machines {
            let (status, errors) = machine.finish();
            assert_eq!(status.code(), Some(2));
            let expected = format!("peer 3 ({host}:20003) left before its last tick");
            assert!(errors.contains(&expected), "{errors}");
        }
        assert!(bench.log(1).contains("# end: why=peer-left:20003 "));
        let (code, text) = bench.check();
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("the machine ended early: interrupted"), "{text}");
    }
}

#[test]
fn a_machine_that_stood_still_skips_what_it_missed_and_says_so() {
    let bench = Bench::new("127.20.1.14", 20, &[10, 10]);
    let speed = ["--speed", "10"];
    let peer = bench.start(1, &speed);
    let paused = bench.start(2, &["--speed", "10", "--skip-after", "0.2"]);
    wait_until("ticks are logged", || 3 < bench.ticks(2));
    paused.signal("STOP");
    // The peer is never early: when it has made 50 ticks more, half a second has passed.
    let before = bench.ticks(1);
    wait_until("the peer has gone on", || before + 50 < bench.ticks(1));
    paused.signal("CONT");
    finish_all(vec![peer, paused]);
    assert!(bench.log(2).contains("# skipped: ticks="));
    assert!(bench.ticks(2) < 200);
    let (code, text) = bench.check();
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_full_queue_ends_the_run_with_the_limit_named() {
    let bench = Bench::new("127.20.1.15", 600, &[50, 1]);
    let machines = bench.start_all(&["--speed", "20", "--queue-limit", "5"]);
    let errors: Vec<String> = machines.into_iter().map(|machine| machine.finish().1).collect();
    assert!(
        errors[1].contains("limit of 5") || errors[1].contains("which is its limit"),
        "{errors:?}"
    );
    assert!(errors[1].contains("--queue-limit"), "{errors:?}");
}

#[test]
fn a_trial_that_is_not_resolved_is_refused() {
    let bench = Bench::new("127.20.1.16", 10, &[1, 1]);
    let text = std::fs::read_to_string(bench.trial_file()).unwrap().replace("seed = 7\n", "");
    std::fs::write(bench.trial_file(), text).unwrap();
    let (status, errors) = bench.start(1, &[]).finish();
    assert_eq!(status.code(), Some(2));
    assert!(errors.contains("not a resolved trial: seed left to draw"), "{errors}");
}

/// The kernel's number for `SCHED_FIFO` in /proc/PID/stat.
const FIFO: &str = "1";

#[test]
fn realtime_is_granted_or_its_refusal_is_told() {
    let bench = Bench::new("127.20.1.90", 60, &[5, 5]);
    let options = ["--realtime", "--verbose"];
    let machines = [bench.start(1, &options), bench.start(2, &options)];
    wait_until("the machines tick", || 1 < bench.ticks(1) && 1 < bench.ticks(2));
    let policies = machines.each_ref().map(|machine| {
        let stat = format!("/proc/{}/stat", machine.0.id());
        // The name of the program, in parentheses, may have blanks; the policy is field 41.
        let text = std::fs::read_to_string(stat).unwrap();
        text.rsplit(')').next().unwrap().split(' ').nth(39).unwrap().to_owned()
    });
    let may = Command::new("chrt").args(["-f", "1", "true"]).status().unwrap().success();
    for (machine, policy) in machines.into_iter().zip(policies) {
        machine.signal("TERM");
        let (_, said) = machine.finish();
        assert_eq!(policy == FIFO, may, "{said}");
        assert_eq!(said.contains("realtime is not granted"), !may, "{said}");
        assert_eq!(said.contains("realtime is granted"), may, "{said}");
    }
}

#[test]
fn the_tool_hands_over_to_the_program_of_a_machine_beside_it() {
    let alone = tempfile::TempDir::new().unwrap();
    let tool = alone.path().join("scalemodel");
    std::fs::copy(env!("CARGO_BIN_EXE_scalemodel"), &tool).unwrap();
    for words in ["machine --help", "-v machine --trial t --machine 1 --run r --logs l"] {
        let output = Command::new(&tool).args(words.split(' ')).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = common::stderr(&output);
        assert!(said.contains("put scalemodel-machine beside scalemodel"), "{said}");
    }
    std::fs::copy(
        env!("CARGO_BIN_EXE_scalemodel-machine"),
        alone.path().join("scalemodel-machine"),
    )
    .unwrap();
    let output = Command::new(&tool).args(["machine", "--help"]).output().unwrap();
    assert!(common::stdout(&output).contains("Usage: scalemodel machine "));
}
