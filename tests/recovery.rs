//! Coming back: machines that are killed go on from their logs, and nothing is lost. Real OS
//! processes, real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;

use common::{Bench, Running, assert_holds, finish_all, kill, refusal, wait_until};
use scalemodel::logbook::{Log, LogWriter};

/// Forty seconds of model time in two.
const SPEED: [&str; 2] = ["--speed", "20"];

fn resume(bench: &Bench, machine: usize, options: &[&str]) -> Running {
    bench.start(machine, &[&["--resume"], options].concat())
}

/// Waits until each machine has made so many ticks more, or all of them.
fn wait_for_ticks(bench: &Bench, more: usize) {
    let machines = 1..=bench.ports.len();
    let before: Vec<usize> = machines.clone().map(|machine| bench.ticks(machine)).collect();
    wait_until("ticks are logged", || {
        machines.clone().all(|machine| {
            before[machine - 1] + more <= bench.ticks(machine)
                || bench.log(machine).contains("\n# end: ")
        })
    });
}

#[test]
fn a_killed_machine_comes_back_and_nothing_is_lost() {
    for (host, victim) in [("127.20.3.1", 1), ("127.20.3.2", 2)] {
        let bench = Bench::new(host, 40, &[10, 10, 10]);
        let mut machines = bench.start_all(&SPEED);
        wait_for_ticks(&bench, 20);
        kill([machines.remove(victim - 1)]);
        machines.push(resume(&bench, victim, &SPEED));
        finish_all(machines);
        assert_holds(&bench);
        let log = Log::load(&bench.log_file(victim)).unwrap();
        assert_eq!(log.restarts.len(), 1);
        assert_eq!(log.restarts[0].entry.incarnation, 2);
        assert!([1, 2, 3].iter().all(|machine| bench.ticks(*machine) == 400));
    }
}

#[test]
fn a_machine_that_was_away_for_long_skips_what_it_missed() {
    let bench = Bench::new("127.20.3.3", 40, &[10, 10]);
    let options = ["--speed", "20", "--skip-after", "0.2"];
    let peer = bench.start(1, &SPEED);
    let victim = bench.start(2, &options);
    wait_for_ticks(&bench, 20);
    kill([victim]);
    let before = bench.ticks(1);
    // The peer is never early: 100 ticks of it are half a second.
    wait_until("the peer has gone on", || before + 100 < bench.ticks(1));
    let victim = resume(&bench, 2, &options);
    finish_all(vec![peer, victim]);
    assert_holds(&bench);
    let log = Log::load(&bench.log_file(2)).unwrap();
    assert!(log.restarts[0].line < log.skips.last().unwrap().line);
    assert!(bench.ticks(2) < 400);
}

#[test]
fn all_machines_are_killed_at_once_and_come_back() {
    let bench = Bench::new("127.20.3.4", 40, &[10, 7, 3]);
    let machines = bench.start_all(&SPEED);
    wait_for_ticks(&bench, 10);
    for machine in &machines {
        machine.signal("KILL");
    }
    kill(machines);
    let machines = (1..=3).rev().map(|machine| resume(&bench, machine, &SPEED)).collect();
    finish_all(machines);
    assert_holds(&bench);
    assert_eq!([1, 2, 3].map(|machine| bench.ticks(machine)), [400, 280, 120]);
}

#[test]
fn a_machine_may_be_killed_again_and_again() {
    let bench = Bench::new("127.20.3.5", 120, &[10, 10, 10]);
    let mut machines: Vec<_> = bench.start_all(&SPEED).into_iter().map(Some).collect();
    for (round, victim) in [2, 2, 1, 3, 1, 2].into_iter().enumerate() {
        wait_for_ticks(&bench, 3 * round);
        kill(machines[victim - 1].take());
        machines[victim - 1] = Some(resume(&bench, victim, &SPEED));
    }
    finish_all(machines.into_iter().flatten().collect());
    assert_holds(&bench);
    let restarts = |machine| Log::load(&bench.log_file(machine)).unwrap().restarts.len();
    // Who was killed before its log was begun has nothing to come back from.
    assert!((1..=3).contains(&restarts(2)));
    assert_eq!([restarts(1), restarts(3)], [2, 1]);
}

#[test]
fn a_machine_may_be_killed_before_the_common_start() {
    let bench = Bench::new("127.20.3.6", 10, &[10, 10]);
    let early = bench.start(1, &SPEED);
    wait_until("the log is begun", || bench.log(1).contains("# machine 2: "));
    kill([early]);
    let machines = vec![resume(&bench, 1, &SPEED), bench.start(2, &SPEED)];
    finish_all(machines);
    assert_holds(&bench);
    assert!(bench.log(1).contains("# restart: incarnation=2 cut_bytes=0 "));
}

/// A run of two machines, both of which were killed in the middle.
fn killed_run(host: &'static str) -> Bench {
    let bench = Bench::new(host, 12, &[10, 10]);
    let machines = bench.start_all(&SPEED);
    wait_for_ticks(&bench, 25);
    for machine in &machines {
        machine.signal("KILL");
    }
    kill(machines);
    bench
}

#[test]
fn a_torn_last_line_is_cut_wherever_it_is_torn() {
    let bench = killed_run("127.20.3.7");
    let (whole, of_peer) = (bench.log(1), bench.log(2));
    // It has the shape of the line that comes next.
    let next = whole.lines().last().unwrap();
    let header = Log::load(&bench.log_file(1)).unwrap().header;
    for torn in 1..=next.len() {
        fs::write(bench.log_file(1), format!("{whole}{}", &next[..torn])).unwrap();
        let (writer, resumed) = LogWriter::resume(&bench.log_file(1), &header).unwrap();
        assert_eq!(resumed.unwrap().cut_bytes, torn as u64);
        drop(writer);
        assert_eq!(bench.log(1), whole);
    }
    for torn in [1, 30, next.len()] {
        fs::write(bench.log_file(2), &of_peer).unwrap();
        fs::write(bench.log_file(1), format!("{whole}{}", &next[..torn])).unwrap();
        let machines: Vec<_> = (1..=2).map(|machine| resume(&bench, machine, &SPEED)).collect();
        wait_until("the restart is logged", || {
            bench.log(1).contains(&format!("# restart: incarnation=2 cut_bytes={torn} "))
        });
        if torn == next.len() {
            finish_all(machines);
        } else {
            kill(machines);
        }
    }
    assert_holds(&bench);
}

#[test]
fn a_header_that_is_torn_is_written_anew() {
    let bench = killed_run("127.20.3.8");
    let log = Log::load(&bench.log_file(1)).unwrap();
    let whole = bench.log(1);
    let header = log.header.to_string();
    for torn in 0..header.len() {
        fs::write(bench.log_file(1), &whole[..torn]).unwrap();
        let (writer, resumed) = LogWriter::resume(&bench.log_file(1), &log.header).unwrap();
        assert!(resumed.is_none(), "{torn}");
        drop(writer);
        assert_eq!(bench.log(1), header);
    }
    let columns = whole.find("system_time  ").unwrap();
    for torn in header.len()..columns {
        fs::write(bench.log_file(1), &whole[..torn]).unwrap();
        let (_, resumed) = LogWriter::resume(&bench.log_file(1), &log.header).unwrap();
        assert!(!resumed.unwrap().has_columns, "{torn}");
    }
}

#[test]
fn a_log_that_was_edited_is_refused_with_its_line() {
    let bench = killed_run("127.20.3.9");
    let log = Log::load(&bench.log_file(1)).unwrap();
    let tick = log.ticks.iter().find(|tick| 10 <= tick.entry.logical_clock.0).unwrap();
    let whole = bench.log(1);
    let edited = whole.lines().enumerate().map(|(index, line)| {
        if index + 1 != tick.line {
            return format!("{line}\n");
        }
        let clock = tick.entry.logical_clock.0;
        let (before, after) = line.split_at(line.find(&format!(" {clock} ")).unwrap());
        format!("{before}{}\n", after.replacen(&clock.to_string(), &(clock + 1).to_string(), 1))
    });
    let edited: String = edited.collect();
    assert_ne!(edited, whole);
    fs::write(bench.log_file(1), &edited).unwrap();
    let errors = refusal(resume(&bench, 1, &SPEED));
    let place = format!("log20001.txt:{}: ", tick.line);
    assert!(errors.contains(&place) && errors.contains("the log was changed"), "{errors}");
    assert_eq!(bench.log(1), edited, "nothing that is logged is harmed");
}

#[test]
fn a_log_that_lost_what_a_peer_has_is_refused() {
    let bench = killed_run("127.20.3.10");
    let sender = Log::load(&bench.log_file(1)).unwrap();
    let receiver = Log::load(&bench.log_file(2)).unwrap();
    let received = receiver.ticks.iter().filter(|tick| tick.entry.event.name() == "receive");
    assert!(0 < received.count(), "the run is too short for this test");
    let send = sender.ticks.iter().find(|tick| tick.entry.event.name() == "send").unwrap();
    let cut: String = bench.log(1).lines().take(send.line - 1).map(|l| format!("{l}\n")).collect();
    fs::write(bench.log_file(1), cut).unwrap();
    // Long enough for machine 1 to come while it is there.
    let peer = resume(&bench, 2, &["--speed", "20", "--goodbye-limit", "5"]);
    let errors = refusal(resume(&bench, 1, &SPEED));
    assert!(errors.contains("whose log tells of 0; a log was cut"), "{errors}");
    // It goes on once its peer was tried in vain, and may be refused before that or after.
    let peer_2 = ["machine 2 (127.20.3.10:20002): it", "peer 2 (127.20.3.10:20002) is lost: it"];
    assert!(peer_2.iter().any(|peer| errors.contains(peer)), "{errors}");
    refusal(peer);
    assert_ne!(bench.check().0, 0);
}

#[test]
fn a_second_copy_of_a_running_machine_is_refused() {
    let bench = Bench::new("127.20.3.11", 120, &[10, 10]);
    let machines = bench.start_all(&SPEED);
    wait_for_ticks(&bench, 5);
    let errors = refusal(resume(&bench, 2, &SPEED));
    assert!(errors.contains("cannot listen on 127.20.3.11:20002"), "{errors}");
    let header = Log::load(&bench.log_file(2)).unwrap().header;
    let error = LogWriter::resume(&bench.log_file(2), &header).unwrap_err().to_string();
    assert!(error.contains("is being written by another OS process"), "{error}");
    finish_all(machines);
    assert_holds(&bench);
}

#[test]
fn who_has_finished_comes_back_for_its_peers_only() {
    let bench = Bench::new("127.20.3.12", 20, &[10, 10]);
    bench.run_all(&SPEED);
    let (whole, of_peer) = (bench.log(1), bench.log(2));
    // Nobody needs it any more.
    finish_all(vec![resume(&bench, 1, &["--speed", "20", "--goodbye-limit", "0.2"])]);
    let log = bench.log(1);
    assert!(log.starts_with(&whole) && log.contains("\n# restart: incarnation=2 cut_bytes=0 "));
    assert_holds(&bench);
    // Both were killed, one of them before its end entry, which it can write again.
    let (kept, _) = of_peer.split_at(of_peer.rfind("# end").unwrap());
    fs::write(bench.log_file(2), kept).unwrap();
    finish_all((1..=2).map(|machine| resume(&bench, machine, &SPEED)).collect());
    assert_holds(&bench);
    assert_eq!(Log::load(&bench.log_file(1)).unwrap().restarts.len(), 2);
    fs::write(bench.log_file(1), whole.replace("why=finished", "why=interrupted")).unwrap();
    let errors = refusal(resume(&bench, 1, &SPEED));
    assert!(errors.contains("the machine has ended: interrupted"), "{errors}");
}

#[test]
fn what_cannot_be_gone_on_with_is_refused_with_the_reason() {
    let bench = killed_run("127.20.3.13");
    let errors = refusal(resume(&bench, 1, &["--speed", "10"]));
    assert!(errors.contains("log20001.txt: the log is of another run"), "{errors}");
    fs::remove_file(bench.folder().join("secret")).unwrap();
    let errors = refusal(resume(&bench, 1, &SPEED));
    assert!(errors.contains("there is no secret "), "{errors}");
}

#[test]
fn a_machine_whose_log_is_full_dies_as_it_stands_and_comes_back() {
    let bench = Bench::new("127.20.3.21", 40, &[10, 10]);
    let peer = bench.start(1, &SPEED);
    let full = bench.start_limited(2, "ulimit -f 8", &SPEED);
    let errors = refusal(full);
    assert!(errors.contains("cannot write the log"), "{errors}");
    assert!(errors.contains("nothing more is done, as it could not be recorded"), "{errors}");
    assert_eq!(bench.log(2).len(), 8 << 10);
    let again = resume(&bench, 2, &SPEED);
    finish_all(vec![peer, again]);
    assert_holds(&bench);
    assert!(!bench.log(2).contains("cut_bytes=0 "));
}
