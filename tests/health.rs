//! `scalemodel health`, end to end: machines that run are asked, and the layers disagree as they
//! should when something is done to the run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Output, Stdio};
use std::thread;

use common::stranger::{Asker, Host, Stranger};
use common::{
    Bench, Running, assert_holds, finish_all, kill, run, scalemodel, stderr, stdout, wait_until,
};
use scalemodel::logbook::SystemTime;
use scalemodel::machine::wire::{BackLine, Boot, EchoLine, Line};
use serde_json::Value;

/// Bounds that a busy computer keeps to as well.
const PATIENT: [&str; 10] =
    ["--format", "json", "--span", "1", "--window", "3000", "--limit", "3000", "--late", "60000"];

/// What `health` says of a run, by layer.
struct Told {
    code: i32,
    document: Value,
}

impl Told {
    /// The verdict of a layer, from 1.
    fn verdict(&self, layer: usize) -> &str {
        self.document["layers"][layer - 1]["verdict"].as_str().unwrap()
    }

    fn verdicts(&self) -> [&str; 5] {
        [1, 2, 3, 4, 5].map(|layer| self.verdict(layer))
    }

    /// Where something is wrong, as a layer says: machine 2, or channel [1, 2].
    fn places(&self, layer: usize) -> Vec<Value> {
        let problems = self.document["layers"][layer - 1]["problems"].as_array().unwrap();
        let place = |problem: &Value| match &problem["machine"] {
            Value::Null => problem["channel"].clone(),
            machine => machine.clone(),
        };
        problems.iter().map(place).collect()
    }

    fn figures(&self, layer: usize) -> &Value {
        &self.document["layers"][layer - 1]["figures"]
    }
}

fn ask(bench: &Bench, options: &[&str]) -> Output {
    let folder = bench.folder().to_str().unwrap().to_owned();
    run(&[&["health", &folder], options].concat())
}

fn health(bench: &Bench) -> Told {
    let output = ask(bench, &PATIENT);
    let text = stdout(&output);
    let document = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", stderr(&output)));
    Told { code: output.status.code().unwrap(), document }
}

/// Starts all machines, and waits until each has ticked.
fn start(bench: &Bench) -> Vec<Running> {
    let machines = bench.start_all(&[]);
    let all = 1..=bench.ports.len();
    wait_until("every machine ticks", || all.clone().all(|machine| 0 < bench.ticks(machine)));
    machines
}

/// A run of machines that keep up, with faults of its trial.
fn run_with(host: &'static str, faults: &str) -> (Bench, Vec<Running>) {
    let bench = Bench::new(host, 600, &[5, 5, 5]);
    let trial = fs::read_to_string(bench.trial_file()).unwrap();
    fs::write(bench.trial_file(), trial + faults).unwrap();
    let machines = start(&bench);
    (bench, machines)
}

#[test]
fn a_run_in_which_all_is_well_is_healthy() {
    let (bench, machines) = run_with("127.20.6.1", "");
    let told = health(&bench);
    assert_eq!(told.verdicts(), ["healthy"; 5], "{:#}", told.document);
    assert_eq!(told.code, 0);
    let pids = told.figures(1).as_array().unwrap().iter().map(|machine| machine["pid"].as_u64());
    assert!(pids.eq(machines.iter().map(|machine| Some(u64::from(machine.0.id())))));
    assert_eq!(told.figures(3)["sent"], 60);
    // All machines are on this computer, which has one system time.
    for offset in told.figures(4).as_array().unwrap() {
        let [offset, error] = ["offset_us", "error_us"].map(|name| offset[name].as_i64().unwrap());
        assert!(offset.abs() <= error, "{offset} +-{error}");
    }
    let text = ask(&bench, &PATIENT[2..]);
    assert_eq!(text.status.code(), Some(0));
    assert!(stdout(&text).starts_with("bench: healthy\n"), "{}", stdout(&text));
    kill(machines);
}

#[test]
fn a_machine_that_was_killed_is_dead_and_its_channels_are_broken() {
    let (bench, mut machines) = run_with("127.20.6.2", "");
    kill([machines.remove(1)]);
    let told = health(&bench);
    assert_eq!(told.code, 1);
    assert_eq!(told.figures(1)[1]["presence"], "dead");
    assert_eq!(told.places(1), [2]);
    let broken: Vec<_> = [[1, 2], [2, 1], [2, 3], [3, 2]].map(Value::from).into();
    assert_eq!(told.places(2), broken);
    assert_eq!(told.places(3), [2]);
    assert_eq!([told.verdict(4), told.verdict(5)], ["healthy"; 2], "{:#}", told.document);
    kill(machines);
}

#[test]
fn a_machine_that_stands_still_listens_and_does_not_speak() {
    let (bench, machines) = run_with("127.20.6.3", "");
    machines[1].signal("STOP");
    let told = health(&bench);
    machines[1].signal("CONT");
    assert_eq!(told.code, 1);
    let expected = ["degraded", "healthy", "degraded", "healthy", "healthy"];
    assert_eq!(told.verdicts(), expected, "{:#}", told.document);
    assert_eq!(told.figures(1)[1]["presence"], "deaf");
    assert_eq!([told.places(1), told.places(3)], [[2], [2]]);
    let again = health(&bench);
    assert_eq!(again.verdicts(), ["healthy"; 5], "{:#}", again.document);
    kill(machines);
}

#[test]
fn a_cut_one_way_is_named_with_its_direction_by_the_third_layer_alone() {
    let cut = "\n[[fault]]\nkind = \"partition\"\nat_ms = 0\nfor_ms = 590000\nfrom = 1\nto = 2\n";
    let (bench, machines) = run_with("127.20.6.4", cut);
    let told = health(&bench);
    assert_eq!(told.code, 1);
    let expected = ["healthy", "healthy", "degraded", "healthy", "healthy"];
    assert_eq!(told.verdicts(), expected, "{:#}", told.document);
    assert_eq!(told.places(3), [Value::from([1, 2])]);
    // Machines 1 and 2, which cannot be compared by probes of their own, are by way of machine 3.
    assert_eq!(told.figures(4).as_array().unwrap().len(), 2);
    kill(machines);
}

#[test]
fn machines_that_speak_while_nothing_propagates_are_told_from_healthy_ones() {
    let lossy = "\n[[fault]]\nkind = \"loss\"\nat_ms = 0\nfor_ms = 590000\npercent = 100\n\
                 from = [1, 2, 3]\nto = [1, 2, 3]\n";
    let (bench, machines) = run_with("127.20.6.5", lossy);
    let told = health(&bench);
    assert_eq!(told.code, 1);
    let expected = ["healthy", "healthy", "degraded", "cannot-say", "healthy"];
    assert_eq!(told.verdicts(), expected, "{:#}", told.document);
    assert_eq!(told.places(3).len(), 6);
    assert_eq!(told.figures(3)["lost"], 60);
    kill(machines);
}

#[test]
fn a_port_that_a_stranger_holds_is_open_and_not_healthy() {
    for (host, says, presence) in [
        ("127.20.6.6", &b""[..], "deaf"),
        ("127.20.6.7", &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "strange"),
    ] {
        let (bench, mut machines) = run_with(host, "");
        kill([machines.pop().unwrap()]);
        let listener = TcpListener::bind(bench.address(3)).unwrap();
        // It ends with the test.
        thread::spawn(move || {
            let mut callers = Vec::new();
            while let Ok((mut caller, _)) = listener.accept() {
                let _ = caller.write_all(says);
                callers.push(caller);
            }
        });
        let told = health(&bench);
        assert_eq!(told.code, 1);
        assert_eq!(told.figures(1)[2]["presence"], presence);
        assert_eq!([told.places(1), told.places(3)], [[3], [3]]);
        kill(machines);
    }
}

#[test]
fn a_machine_that_is_too_slow_for_its_messages_is_alive_and_named_by_the_last_layer() {
    let bench = Bench::new("127.20.6.8", 600, &[20, 1, 20]);
    let machines = start(&bench);
    let mut told = health(&bench);
    wait_until("the queue of machine 2 holds something", || {
        told = health(&bench);
        told.verdict(5) != "healthy"
    });
    let expected = ["healthy", "healthy", "healthy", "healthy", "degraded"];
    assert_eq!(told.verdicts(), expected, "{:#}", told.document);
    assert_eq!((told.code, told.places(5)), (1, vec![Value::from(2)]));
    kill(machines);
}

#[test]
fn ticks_that_come_late_are_told_by_the_last_layer_while_all_else_is_well() {
    let (bench, machines) = run_with("127.20.6.9", "");
    machines[1].signal("STOP");
    let before = bench.ticks(1);
    wait_until("a second has passed", || before + 5 < bench.ticks(1));
    machines[1].signal("CONT");
    let output = ask(&bench, &[&PATIENT[..8], &["--late", "500"]].concat());
    let told = Told {
        code: output.status.code().unwrap(),
        document: serde_json::from_str(&stdout(&output)).unwrap(),
    };
    assert_eq!(told.code, 1);
    let expected = ["healthy", "healthy", "healthy", "healthy", "degraded"];
    assert_eq!(told.verdicts(), expected, "{:#}", told.document);
    assert!(told.places(5).contains(&Value::from(2)), "{:#}", told.document);
    kill(machines);
}

#[test]
fn a_system_time_that_is_ahead_is_estimated_within_its_error() {
    const AHEAD_US: i64 = 3_600_000_000;
    let bench = Bench::new("127.20.6.10", 600, &[5, 5]);
    let host = Host::new(&bench, 2);
    let machine = bench.start(1, &[]);
    let mut guest = host.welcome(1);
    let mut peer = Stranger::connect(&bench, 1);
    peer.say_hello(1, Boot(7));
    assert_eq!(peer.prove(), "welcome 1 -");
    peer.say("ready\n");
    wait_until("machine 1 ticks", || 0 < bench.ticks(1));
    let folder = bench.folder().to_str().unwrap().to_owned();
    let asked = thread::spawn(move || run(&[&["health", &folder], &PATIENT[..]].concat()));
    // Machine 2, which the test plays, answers probes by a clock that is an hour ahead.
    let mut probes = 0;
    while probes < 10 {
        let Ok(Line::Probe(probe)) = guest.hear().unwrap().parse() else { continue };
        let now = SystemTime(scalemodel::wall_clock::system_time().0 + AHEAD_US);
        let echo = EchoLine { probe, heard: now, answered: now };
        peer.say(&format!("{}\n", Line::Echo(echo)));
        probes += 1;
    }
    let output = asked.join().unwrap();
    let told = Told { code: 1, document: serde_json::from_str(&stdout(&output)).unwrap() };
    assert_eq!(output.status.code(), Some(1));
    assert_eq!((told.verdict(4), told.places(4)), ("degraded", vec![Value::from(2)]));
    let offset = &told.figures(4)[0];
    let [offset, error] = ["offset_us", "error_us"].map(|name| offset[name].as_i64().unwrap());
    assert!((offset - AHEAD_US).abs() <= error, "{offset} +-{error}");
    kill([machine]);
}

#[test]
fn without_a_run_or_its_secret_it_cannot_be_said() {
    let bench = Bench::new("127.20.6.11", 600, &[5, 5]);
    let says = |output: &Output, what: &str| {
        assert_eq!(output.status.code(), Some(2), "{}", stderr(output));
        assert!(stderr(output).contains(what), "{}", stderr(output));
        assert_eq!(stdout(output), "");
    };
    says(&ask(&bench, &[]), "there is no secret");
    let machines = start(&bench);
    let other = bench.folder().join("other");
    fs::write(&other, "5a".repeat(32) + "\n").unwrap();
    std::process::Command::new("chmod").arg("600").arg(&other).status().unwrap();
    let output = ask(&bench, &["--secret", other.to_str().unwrap()]);
    says(&output, "machine 1 (127.20.6.11:20001) another program holds its port: it has another");
    let trial = fs::read_to_string(bench.trial_file()).unwrap();
    let another = bench.folder().join("another.toml");
    fs::write(&another, trial.replace("seed = 7", "seed = 8")).unwrap();
    let output = run(&["health", another.to_str().unwrap()]);
    says(&output, "machine 1 (127.20.6.11:20001) does not answer: another trial: its digest is");
    kill(machines);
    says(&ask(&bench, &[]), "the run is over or not begun: machine 1 (127.20.6.11:20001) is not");
    says(&run(&["health", "/nowhere"]), "/nowhere");
}

#[test]
fn at_the_virtual_pace_nothing_can_be_asked() {
    let bench = Bench::new("127.20.6.12", 10, &[5, 5]);
    let options = ["--pace", "virtual", "--connect-limit", "60"];
    let machine = bench.start(1, &options);
    wait_until("the secret is made", || bench.folder().join("secret").exists());
    let mut errors = String::new();
    wait_until("machine 1 answers", || {
        errors = stderr(&ask(&bench, &[]));
        errors.contains("does not answer")
    });
    assert!(errors.contains("at the virtual pace nothing can be asked"), "{errors}");
    finish_all(vec![machine, bench.start(2, &options)]);
    let twin = bench.folder().join("twin");
    let mut simulate = scalemodel();
    simulate.arg("simulate").arg(bench.trial_file()).arg("--logs").arg(&twin);
    assert!(simulate.output().unwrap().status.success());
    for port in &bench.ports {
        let log = |folder: &std::path::Path| {
            fs::read_to_string(folder.join(format!("log{port}.txt"))).unwrap()
        };
        assert_eq!(log(bench.folder()), log(&twin), "whoever asked has left a trace");
    }
}

#[test]
fn a_run_that_is_asked_all_the_time_holds_and_says_when_it_is_over() {
    let bench = Bench::new("127.20.6.13", 120, &[20, 20, 20]);
    let machines = bench.start_all(&["--speed", "10"]);
    wait_until("machines tick", || (1..=3).all(|machine| 0 < bench.ticks(machine)));
    let folder = bench.folder().to_str().unwrap().to_owned();
    let watchers = [0, 1].map(|_| {
        let folder = folder.clone();
        thread::spawn(move || run(&[&["health", &folder, "--watch=0"], &PATIENT[..]].concat()))
    });
    finish_all(machines);
    assert_holds(&bench);
    for watcher in watchers {
        let output = watcher.join().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        assert!(stderr(&output).contains("no more is asked"), "{}", stderr(&output));
        let lines: Vec<Value> =
            stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(1 < lines.len(), "it was asked {} times", lines.len());
    }
}

#[test]
fn whoever_closes_the_pipe_has_seen_enough() {
    let (bench, machines) = run_with("127.20.6.19", "");
    let mut command = scalemodel();
    command.arg("health").arg(bench.folder()).args(PATIENT).arg("--watch=600");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"schema_version\":1"), "{line}");
    drop(out);
    wait_until("it ends, although the next time is far", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    kill(machines);
}

/// How many threads a machine has.
fn threads(machine: &Running) -> usize {
    fs::read_dir(format!("/proc/{}/task", machine.0.id())).unwrap().count()
}

#[test]
fn an_asker_has_a_thread_for_as_long_as_it_stays() {
    let (bench, machines) = run_with("127.20.6.14", "");
    let before = threads(&machines[0]);
    let mut asker = Asker::prove(&bench, 1, 1);
    asker.say("look");
    assert!(asker.hear().unwrap().starts_with("state the-run 1 "));
    assert_eq!(threads(&machines[0]), before + 1);
    drop(asker);
    wait_until("the thread has ended", || threads(&machines[0]) == before);
    kill(machines);
}

#[test]
fn so_many_may_ask_at_one_time_and_each_checkup_only_once() {
    let (bench, machines) = run_with("127.20.6.15", "");
    let ask = |checkup| {
        let mut asker = Asker::prove(&bench, 1, checkup);
        asker.say("look");
        let answer = asker.hear().unwrap();
        (asker, answer)
    };
    let mut askers = Vec::new();
    for checkup in 1..=4 {
        let (asker, answer) = ask(checkup);
        assert!(answer.starts_with("state "), "{answer}");
        askers.push(asker);
    }
    assert_eq!(ask(5).1, "refused 4 ask already; ask again when they have heard");
    askers.pop();
    wait_until("there is room again", || ask(5).1.starts_with("state "));
    assert_eq!(ask(3).1, "refused checkup 0000000000000003 goes on already");
    kill(machines);
}

#[test]
fn a_probe_comes_back_with_its_four_times_and_is_told_once() {
    let (bench, machines) = run_with("127.20.6.16", "");
    let mut asker = Asker::prove(&bench, 1, 1);
    asker.say("send 17");
    let mut backs: Vec<BackLine> = Vec::new();
    wait_until("both probes are back", || {
        asker.say("look");
        let Ok(Line::State(state)) = asker.hear().unwrap().parse() else { panic!("no state") };
        for _ in 0..2 {
            assert!(asker.hear().unwrap().starts_with("channel "));
        }
        for _ in 0..state.echoes {
            let Ok(Line::Back(back)) = asker.hear().unwrap().parse() else { panic!("no echo") };
            backs.push(back);
        }
        backs.len() == 2
    });
    let peers: Vec<u16> = backs.iter().map(|back| back.peer.get()).collect();
    assert!(peers.contains(&2) && peers.contains(&3), "{peers:?}");
    for BackLine { number, sent, heard, answered, back, .. } in backs {
        assert_eq!(number, 17);
        assert!(sent <= back && heard <= answered);
    }
    kill(machines);
}

#[test]
fn whoever_asks_wrongly_is_sent_away_and_the_run_holds() {
    let bench = Bench::new("127.20.6.17", 60, &[5, 5, 5]);
    let machines = bench.start_all(&["--speed", "10"]);
    wait_until("machines tick", || (1..=3).all(|machine| 0 < bench.ticks(machine)));
    let cases = [
        ("hello".to_owned(), "refused expected hello PROTOCOL"),
        ("17 1 1 1 0 00000000".to_owned(), "refused "),
        ("send -1".to_owned(), "refused expected a whole number"),
        ("goodbye 0 finished".to_owned(), "refused expected look, or send NUMBER"),
        ("probe 0000000000000001 1".to_owned(), "refused expected look, or send NUMBER"),
        ("x".repeat(257), "refused a line of more than 256 bytes"),
        ("\u{1b}[2J".to_owned(), "refused unknown line"),
    ];
    for ((words, expected), checkup) in cases.iter().zip(1..) {
        let mut asker = Asker::prove(&bench, 2, checkup);
        asker.say(words);
        let answer = asker.hear().unwrap();
        assert!(answer.starts_with(expected), "{words:?}: {answer}");
        assert_eq!(asker.hear(), None);
    }
    // Without a proof nothing is answered, and a proof of a hello is none of a question.
    let mut stranger = Asker::connect(&bench, 2, 100);
    assert!(stranger.hear().unwrap().starts_with("challenge "));
    stranger.say("look");
    assert_eq!(stranger.hear().as_deref(), Some("refused"));
    let mut forger = Asker::connect(&bench, 2, 101);
    assert!(forger.hear().unwrap().starts_with("challenge "));
    forger.say(&format!("proof {}", "0".repeat(64)));
    assert_eq!(forger.hear().as_deref(), Some("refused"));
    finish_all(machines);
    assert_holds(&bench);
}

#[test]
fn a_peer_that_probes_at_the_virtual_pace_breaks_the_protocol() {
    let bench = Bench::new("127.20.6.18", 600, &[5, 5]);
    let host = Host::new(&bench, 2);
    let machine = bench.start(1, &["--pace", "virtual"]);
    let _guest = host.welcome(1);
    let mut peer = Stranger::connect(&bench, 1);
    peer.hello.is_virtual = true;
    peer.say_hello(1, Boot(7));
    assert_eq!(peer.prove(), "welcome 1 -");
    peer.say("ready\nprobe 0000000000000001 1\n");
    let mut errors = String::new();
    let mut machine = machine;
    machine.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(errors.contains("it said 'probe 0000000000000001 1'"), "{errors}");
    assert_eq!(machine.0.wait().unwrap().code(), Some(2));
}
