//! The door of a machine, and the channels through it: who is let in, who is told why not, and how a
//! channel goes on from connection to connection. The tests speak the protocol themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;

use common::stranger::{self, Guest, Host, Stranger};
use common::{Bench, LIMIT, Running, assert_holds, finish_all, kill, refusal, wait_until};
use scalemodel::machine::wire::{Boot, Line};
use scalemodel::model::MachineId;

/// Forty seconds of model time in two.
const SPEED: [&str; 2] = ["--speed", "20"];

#[test]
fn machines_with_different_secrets_refuse_each_other() {
    let bench = Bench::new("127.20.3.14", 10, &[10, 10]);
    let other = bench.folder().join("other");
    let options = ["--secret", other.to_str().unwrap(), "--connect-limit", "1"];
    let machines = [bench.start(1, &["--connect-limit", "1"]), bench.start(2, &options)];
    let errors = machines.map(refusal).concat();
    assert!(errors.contains("a machine with another secret holds its port"), "{errors}");
    assert_eq!([bench.ticks(1), bench.ticks(2)], [0, 0]);
    assert_eq!(mode_of(&other), 0o600);
}

fn mode_of(file: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(file).unwrap().permissions().mode() & 0o7777
}

/// Two machines of which only the first runs; the test speaks as the second.
fn half_a_run(host: &'static str) -> (Bench, Running) {
    let bench = Bench::new(host, 10, &[10, 10]);
    let machine = bench.start(1, &["--connect-limit", "60"]);
    wait_until("machine 1 listens", || TcpStream::connect(bench.address(1)).is_ok());
    (bench, machine)
}

#[test]
fn a_later_incarnation_takes_the_place_of_an_earlier_one_and_a_copy_does_not() {
    let (bench, machine) = half_a_run("127.20.3.15");
    let come = |incarnation, boot| {
        let mut stranger = Stranger::connect(&bench, 1);
        stranger.say_hello(incarnation, Boot(boot));
        let answer = stranger.prove();
        (stranger, answer)
    };
    let (mut first, welcome) = come(1, 7);
    assert_eq!(welcome, "welcome 1 -");
    // The same OS process may connect anew; whatever became of its old connection.
    let (mut second, welcome) = come(1, 7);
    assert_eq!(welcome, "welcome 1 -");
    assert_eq!(first.hear(), None, "the earlier connection is ended");
    let copy = "refused machine 2 is another OS process: this is a second copy";
    assert_eq!(come(1, 8).1, copy);
    assert_eq!(come(2, 8).1, "welcome 1 -");
    assert_eq!(second.hear(), None, "the earlier connection is ended");
    let over = "refused incarnation 1 of machine 2 is over; 2 came after it";
    assert_eq!(come(1, 7).1, over);
    assert_eq!(come(2, 7).1, copy);
    kill([machine]);
}

#[test]
fn a_connection_that_was_given_up_does_not_end_the_one_after_it() {
    let (bench, machine) = half_a_run("127.20.3.24");
    let [mut given_up, mut present] = [(); 2].map(|()| Stranger::connect(&bench, 1));
    let proofs = [&mut given_up, &mut present].map(|stranger| {
        stranger.say_hello(1, Boot(7));
        stranger.hear_challenge()
    });
    // While the machine does not get to its door, the peer loses patience, and comes again.
    machine.signal("STOP");
    given_up.say(&proofs[0]);
    drop(given_up);
    present.say(&proofs[1]);
    machine.signal("CONT");
    assert_eq!(present.hear().as_deref(), Some("welcome 1 -"));
    present.say(&stranger::message(1));
    present.say(&stranger::message(1));
    assert_eq!(present.hear().as_deref(), Some("ack 1 0"));
    kill([machine]);
}

#[test]
fn who_has_proved_the_secret_is_told_why_it_is_refused() {
    let (bench, machine) = half_a_run("127.20.3.16");
    type Change = fn(&mut Stranger);
    let cases: [(Change, &str); 4] = [
        (|s| s.hello.from = MachineId::new(9), "refused machine 9 is no peer of machine 1"),
        (|s| s.hello.from = MachineId::new(1), "refused machine 1 is no peer of machine 1"),
        (|s| s.hello.is_virtual = true, "refused another pace"),
        (|s| s.hello.trial.0 ^= 1, "refused another trial: its digest is"),
    ];
    for (change, expected) in cases {
        let mut stranger = Stranger::connect(&bench, 1);
        change(&mut stranger);
        stranger.say_hello(1, Boot(7));
        let answer = stranger.prove();
        assert!(answer.starts_with(expected), "{answer}");
    }
    kill([machine]);
}

#[test]
fn a_hello_to_somebody_else_gets_no_proof() {
    let (bench, machine) = half_a_run("127.20.3.22");
    let mut squatter = Stranger::connect(&bench, 1);
    squatter.hello.to = MachineId::new(2);
    squatter.say_hello(1, Boot(7));
    assert_eq!(squatter.hear().as_deref(), Some("refused"));
    kill([machine]);
}

#[test]
fn a_hello_and_its_proof_are_good_for_one_connection() {
    let (bench, machine) = half_a_run("127.20.3.17");
    let mut honest = Stranger::connect(&bench, 1);
    honest.say_hello(1, Boot(7));
    assert_eq!(honest.prove(), "welcome 1 -");
    let mut replay = Stranger::connect(&bench, 1);
    replay.say(&honest.said.concat());
    assert!(replay.hear().unwrap().starts_with("challenge "));
    assert_eq!(replay.hear().as_deref(), Some("refused"));
    assert_eq!(replay.hear(), None);
    // The replay has not taken the place of the machine that it pretends to be.
    honest.say(&stranger::message(1));
    honest.say(&stranger::message(1));
    assert_eq!(honest.hear().as_deref(), Some("ack 1 0"));
    kill([machine]);
}

#[test]
fn a_message_is_accepted_once_and_in_its_order() {
    let (bench, machine) = half_a_run("127.20.3.18");
    let mut peer = Stranger::connect(&bench, 1);
    peer.say_hello(1, Boot(7));
    assert_eq!(peer.prove(), "welcome 1 -");
    peer.say(&stranger::message(1));
    peer.say(&stranger::message(1));
    assert_eq!(peer.hear().as_deref(), Some("ack 1 0"));
    // One is missing: it is asked for once, however many come after it.
    peer.say(&(stranger::message(3) + &stranger::message(4)));
    assert_eq!(peer.hear().as_deref(), Some("again 2"));
    let changed = stranger::message(2).replacen("2 ", "3 ", 1);
    peer.say(&changed);
    assert_eq!(peer.hear().as_deref(), Some("again 2"));
    peer.say(&(stranger::message(2) + &stranger::message(1)));
    assert_eq!(peer.hear().as_deref(), Some("ack 2 0"));
    // The last one before silence is missing: the goodbye tells.
    peer.say(&format!("{}\n", Line::Goodbye { sent: 3, left_for: None }));
    assert_eq!(peer.hear().as_deref(), Some("again 3"));
    drop(peer);
    let mut peer = Stranger::connect(&bench, 1);
    peer.say_hello(2, Boot(8));
    assert_eq!(peer.prove(), "welcome 3 -", "what was accepted counts on every connection");
    kill([machine]);
}

#[test]
fn a_flood_of_strangers_keeps_no_machine_out() {
    let bench = Bench::new("127.20.3.19", 20, &[10, 10]);
    let mut machines = vec![bench.start(1, &SPEED)];
    wait_until("machine 1 listens", || TcpStream::connect(bench.address(1)).is_ok());
    let flood: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(bench.address(1)).unwrap();
            let _ = stream.write_all(b"hel");
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            stream
        })
        .collect();
    machines.push(bench.start(2, &SPEED));
    finish_all(machines);
    drop(flood);
    assert_holds(&bench);
}

#[test]
fn a_channel_goes_on_where_the_welcome_says() {
    let bench = Bench::new("127.20.3.20", 600, &[100, 100]);
    let host = Host::new(&bench, 2);
    let machine = bench.start(1, &SPEED);
    let mut guest = host.welcome(1);
    let mut peer = Stranger::connect(&bench, 1);
    peer.say_hello(1, Boot(7));
    assert_eq!(peer.prove(), "welcome 1 -");
    peer.say("ready\n");
    let sent: Vec<_> = (1..=5).map(|_| guest.hear_message()).collect();
    assert!(sent.iter().map(|message| message.sequence).eq(1..=5));
    let hello = guest.hello.clone();
    drop(guest);
    // The connection is broken, two of its messages are lost: the machine connects anew.
    let mut guest = host.welcome(4);
    assert_eq!((guest.hello.incarnation, guest.hello.boot), (hello.incarnation, hello.boot));
    assert_ne!(guest.hello.nonce, hello.nonce);
    assert_eq!([guest.hear_message(), guest.hear_message()], [sent[3], sent[4]]);
    guest.say("ack 5 3\nagain 4\n");
    wait_until("message 4 comes again", || guest.hear_message() == sent[3]);
    // What is recorded is forgotten: who is welcomed for it has met a log that was cut.
    drop(guest);
    let _guest = host.welcome(3);
    let errors = refusal(machine);
    let expected = "peer 2 (127.20.3.20:20002) is lost: it asks for message 3, and had recorded 3";
    assert!(errors.contains(expected), "{errors}");
}

#[test]
fn at_the_virtual_pace_a_promise_is_said_again_after_the_messages_that_are_due() {
    let bench = Bench::new("127.20.3.25", 600, &[100, 100]);
    let host = Host::new(&bench, 2);
    let machine = bench.start(1, &["--pace", "virtual"]);
    let mut guest = host.welcome(1);
    let mut peer = Stranger::connect(&bench, 1);
    peer.hello.is_virtual = true;
    peer.say_hello(1, Boot(7));
    assert_eq!(peer.prove(), "welcome 1 -");
    peer.say("ready\npromise 90\n");
    let lines_till_quiet = |guest: &mut Guest| {
        // It promises to send nothing before its next tick, and waits for the peer to go on.
        let is_last = |line: &Line| matches!(line, Line::Promise(tick) if 90 <= tick.0);
        let mut lines: Vec<Line> = Vec::new();
        while !lines.last().is_some_and(is_last) {
            let line = guest.hear().unwrap();
            lines.push(line.parse().unwrap());
        }
        lines.retain(|line| matches!(line, Line::Message(_)) || is_last(line));
        lines
    };
    let said = lines_till_quiet(&mut guest);
    assert!(5 < said.len());
    drop(guest);
    let mut guest = host.welcome(3);
    assert_eq!(lines_till_quiet(&mut guest), said[2..]);
    guest.say("again 4\n");
    assert_eq!(lines_till_quiet(&mut guest), said[3..]);
    kill([machine]);
}
