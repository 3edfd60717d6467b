//! `scalemodel trial` and `scalemodel prepare`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use common::{Bench, run, stderr, stdout};

#[test]
fn the_notebooks_nine_trials_are_what_the_notebook_tells() {
    // Durations, draw ranges, and the clock rates where the notebook tells them.
    let told: [(u64, u32, Option<[u32; 3]>); 9] = [
        (60, 10, None),
        (60, 10, None),
        (60, 10, Some([1, 3, 2])),
        (60, 10, None),
        (60, 10, Some([5, 1, 5])),
        (120, 10, None),
        (60, 5, Some([6, 6, 1])),
        (60, 5, None),
        (60, 15, Some([5, 4, 1])),
    ];
    let mut ports = Vec::new();
    for ((duration_s, draw_range, rates), number) in told.into_iter().zip(1..) {
        let output = run(&["trial", &format!("scripts/trials/trial{number}.toml")]);
        assert!(output.status.success());
        assert_eq!(stderr(&output), "", "a trial of the notebook has no warning");
        let trial: toml::Table = stdout(&output).parse().unwrap();
        assert_eq!(trial["name"].as_str(), Some(format!("trial{number}").as_str()));
        assert_eq!(trial["duration_s"].as_integer(), Some(i64::try_from(duration_s).unwrap()));
        assert_eq!(trial["draw_range"].as_integer(), Some(draw_range.into()));
        let column = |key: &str| -> Vec<i64> {
            let machines = trial["machine"].as_array().unwrap().iter();
            machines.map(|machine| machine[key].as_integer().unwrap()).collect()
        };
        let found = column("clock_rate");
        assert!(found.iter().all(|rate| (1..=6).contains(rate)), "{found:?}");
        assert!(rates.is_none_or(|rates| rates.map(i64::from)[..] == found), "{found:?}");
        match number {
            1 => assert_eq!(found.iter().min(), Some(&2)),
            6 => assert_eq!(found.iter().filter(|rate| **rate == 1).count(), 2),
            _ => {}
        }
        ports.extend(column("port"));
    }
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 27, "the ports are disjoint");
    assert!(ports.iter().all(|port| *port < 32_768));
}

#[test]
fn a_trial_is_made_of_so_many_machines() {
    let hundred: toml::Table = stdout(&run(&["trial", "-q", "--machines", "100"])).parse().unwrap();
    assert_eq!(hundred["machine"].as_array().unwrap().len(), 100);
    assert_eq!(hundred["draw_range"].as_integer(), Some(100), "99 peers, and one for all");
    let args = ["trial", "-q", "--machines", "9", "--clock-rates", "6,6,1", "--topology", "ring"];
    let ring = stdout(&run(&args));
    assert!(ring.contains("draw_range = 10\n") && ring.contains("peers = [2, 9]\n"), "{ring}");
    assert_eq!(ring.matches("clock_rate = 1\n").count(), 3);
    for (words, told) in [
        ("--machines 9 --topology random", "--topology random needs --degree"),
        ("--machines 9 --topology random --degree 3", "degree: found 3, allowed: 1..=8, an even"),
        ("--machines 9 --topology ring --degree 2", "--degree is of --topology random alone"),
        ("--machines 9 --draw-range 8", "--draw-range 8: allowed: 9 or more"),
        ("--machines 9 --name Nine", "--name \"Nine\": allowed: letters a-z"),
        ("--machines 9 --host 0.0.0.0", "--host 0.0.0.0: allowed: an address"),
    ] {
        let output = run(&[["trial"].as_slice(), &words.split(' ').collect::<Vec<_>>()].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
}

#[test]
fn logs_of_different_topologies_are_not_of_one_run() {
    let folder = tempfile::TempDir::new().unwrap();
    let (file, logs) = (folder.path().join("trial.toml"), folder.path().join("logs"));
    let ring = run(&["trial", "-q", "--machines", "4", "--topology", "ring", "--seed", "3"]);
    fs::write(&file, stdout(&ring)).unwrap();
    let logs_text = logs.to_str().unwrap();
    assert!(run(&["simulate", file.to_str().unwrap(), "--logs", logs_text]).status.success());
    let log = logs.join("log20003.txt");
    let text = fs::read_to_string(&log).unwrap();
    // A path, without the link between machines 1 and 4.
    let path = text.replace(" peers=2,4\n# machine 2", " peers=2\n# machine 2");
    let path = path.replace(" peers=1,3\n# start", " peers=3\n# start");
    assert_eq!(text.len() - path.len(), 4);
    fs::write(&log, path).unwrap();
    let output = run(&["check", logs_text]);
    assert_eq!(output.status.code(), Some(1));
    let told = "the peers in the lines that begin with 'machine' differ";
    assert!(stdout(&output).contains(told), "{}", stdout(&output));
}

#[test]
fn what_this_computer_does_not_allow_is_refused_before_the_start() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("trial.toml");
    fs::write(&file, stdout(&run(&["trial", "-q", "--machines", "40"]))).unwrap();
    let prepare = |limit: &str| {
        let script = format!("{limit}; exec \"$0\" -q prepare --dry-run \"$1\"");
        let mut shell = Command::new("bash");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_scalemodel")]).arg(&file).output().unwrap()
    };
    let output = prepare("ulimit -n 100");
    assert_eq!(output.status.code(), Some(2));
    let told = "open files of a machine: 145 are needed, allowed: 100; ulimit -n 145 raises it";
    assert!(stderr(&output).contains(told), "{}", stderr(&output));
    assert!(prepare("ulimit -n 145").status.success());
}

#[test]
fn what_is_wrong_with_a_topology_is_told_with_its_line() {
    let good = stdout(&run(&["trial", "-q", "--machines", "4", "--topology", "ring"]));
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("trial.toml");
    for (find, replace, told) in [
        ("peers = [2, 4]", "peers = [2, 3]", ":11: peers of machine 1: machine 3 does not list"),
        ("peers = [2, 4]", "peers = [1, 4]", ":11: peers of machine 1: no machine is its own peer"),
        ("peers = [2, 4]", "peers = [2, 5]", ":11: peers: found [2, 5], allowed: a list of"),
        ("peers = [2, 4]", "peers = 2", ":11: peers: found 2, allowed: a list of different"),
        ("peers = [2, 4]", "", ": peers of machine 1: missing, while other machines list theirs"),
        ("draw_range", "topology = \"star\"\ndraw_range", ":3: topology: stands beside peers"),
        ("draw_range", "degree = 2\ndraw_range", ":3: degree: is of topology = \"random\" alone"),
        (
            "draw_range",
            "topology = \"disc\"\ndraw_range",
            ":3: topology: found \"disc\", allowed: \"full-mesh\"",
        ),
    ] {
        fs::write(&file, good.replacen(find, replace, 1)).unwrap();
        let output = run(&["trial", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
}

#[test]
fn a_resolved_trial_resolves_to_itself() {
    let once = stdout(&run(&["trial", "scripts/trials/trial2.toml"]));
    let bench = Bench::new("127.20.2.1", 1, &[1, 1]);
    fs::write(bench.trial_file(), &once).unwrap();
    assert_eq!(stdout(&run(&["trial", bench.trial_file().to_str().unwrap()])), once);
}

#[test]
fn a_seed_on_the_command_line_beats_the_trials() {
    let [one, two] = ["1", "2"]
        .map(|seed| stdout(&run(&["trial", "scripts/trials/trial2.toml", "--seed", seed])));
    assert!(one.contains("seed = 1\n") && two.contains("seed = 2\n"));
    assert_ne!(one.replace("seed = 1", ""), two.replace("seed = 2", ""), "rates are drawn anew");
}

#[test]
fn ticks_that_come_too_close_are_warned_of() {
    let bench = Bench::new("127.20.2.2", 10, &[5, 5]);
    let text = fs::read_to_string(bench.trial_file()).unwrap();
    fs::write(bench.trial_file(), text.replace("phase = 618", "phase = 3")).unwrap();
    let output = run(&["trial", bench.trial_file().to_str().unwrap()]);
    assert!(output.status.success());
    let warning = stderr(&output);
    assert!(warning.contains("ticks of machines 1 and 2 come within 400 us"), "{warning}");
}

#[test]
fn every_mistake_of_a_file_is_told_at_once() {
    let bench = Bench::new("127.20.2.3", 10, &[5, 5]);
    let text = fs::read_to_string(bench.trial_file()).unwrap();
    let bad = text.replace("duration_s = 10", "duration = 0").replace("port = 20002", "port = 0");
    fs::write(bench.trial_file(), bad).unwrap();
    let output = run(&["trial", bench.trial_file().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
    let file = bench.trial_file().display().to_string();
    let text = stderr(&output);
    for expected in [
        format!("{file}:1: duration_s: missing in the trial; allowed: a whole number in 1..="),
        format!("{file}:2: unknown key 'duration'; did you mean 'duration_s'? allowed: name, "),
        format!("{file}:14: port: found 0, allowed: a whole number in 1..=65535"),
    ] {
        assert!(text.contains(&expected), "{expected}\n{text}");
    }
}

#[test]
fn a_file_that_is_not_utf_8_is_refused_with_its_line() {
    let bench = Bench::new("127.20.2.4", 10, &[5, 5]);
    fs::write(bench.trial_file(), b"name = \"bench\"\n# caf\xe9\n").unwrap();
    let output = run(&["trial", bench.trial_file().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let expected = format!("{}:2: not UTF-8; save the file", bench.trial_file().display());
    assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
}

fn prepare(logs: &Path, trials: &[&Path]) -> std::process::Output {
    let logs = logs.to_str().unwrap();
    let trials = trials.iter().map(|trial| trial.to_str().unwrap());
    let args: Vec<&str> = ["prepare", "--logs", logs].into_iter().chain(trials).collect();
    run(&args)
}

#[test]
fn a_folder_is_laid_out_and_an_earlier_run_is_moved_aside() {
    let bench = Bench::new("127.20.2.4", 10, &[5, 5]);
    let logs = bench.folder().join("logs");
    let plan = stdout(&prepare(&logs, &[&bench.trial_file()]));
    let fields: Vec<&str> = plan.trim_end().split('\t').collect();
    assert_eq!(fields[..3], ["bench", logs.join("bench").to_str().unwrap(), "2"]);
    assert_eq!(fields[3].len(), 32);
    let secret = logs.join("bench/secret");
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o7777, 0o600);
    let earlier_secret = fs::read_to_string(&secret).unwrap();
    fs::write(logs.join("bench/note"), "mine").unwrap();
    let again = prepare(&logs, &[&logs.join("bench/trial.toml")]);
    assert!(again.status.success(), "{}", stderr(&again));
    assert!(stderr(&again).contains("the earlier run is moved to "), "{}", stderr(&again));
    assert!(!logs.join("bench/note").exists());
    assert_eq!(fs::read_dir(&logs).unwrap().count(), 2);
    assert_ne!(stdout(&again), plan, "every run has an identity of its own");
    assert_ne!(fs::read_to_string(&secret).unwrap(), earlier_secret, "and a secret of its own");
}

#[test]
fn machines_on_other_hosts_are_planned_without_trying_their_addresses() {
    let bench = Bench::new("192.0.2.7", 10, &[5, 5]);
    let logs = bench.folder().join("logs");
    let here = prepare(&logs, &[&bench.trial_file()]);
    assert_eq!(here.status.code(), Some(2));
    let told = stderr(&here);
    assert!(told.contains("machine 1 of bench cannot listen on 192.0.2.7:20001"), "{told}");
    assert!(told.contains("machines on other hosts need --hosts"), "{told}");
    let plan = stdout(&prepare(&logs, &[Path::new("--hosts"), &bench.trial_file()]));
    let fields: Vec<&str> = plan.trim_end().split('\t').collect();
    assert_eq!(fields[4..], ["-", "192.0.2.7,192.0.2.7", "20001,20002"]);
}

#[test]
fn kills_and_pauses_on_other_hosts_are_refused() {
    let bench = Bench::new("192.0.2.7", 10, &[5, 5]);
    let fault = "\n[[fault]]\nkind = \"kill\"\nat_ms = 1000\nfor_ms = 1000\nmachine = 2\n";
    let text = fs::read_to_string(bench.trial_file()).unwrap() + fault;
    fs::write(bench.trial_file(), text).unwrap();
    let logs = bench.folder().join("logs");
    let output = prepare(&logs, &[Path::new("--hosts"), &bench.trial_file()]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(told.contains("bench: a fault kills or pauses machine 2"), "{told}");
    assert!(!logs.exists());
}

#[test]
fn shared_and_taken_ports_are_refused_before_anything_is_changed() {
    let bench = Bench::new("127.20.2.5", 10, &[5, 5]);
    let logs = bench.folder().join("logs");
    let other = bench.folder().join("other.toml");
    let text = fs::read_to_string(bench.trial_file()).unwrap();
    fs::write(&other, text.replace("\"bench\"", "\"other\"")).unwrap();
    let shared = stderr(&prepare(&logs, &[&bench.trial_file(), &other]));
    assert!(
        shared.contains("machine 1 of other and machine 1 of bench both listen on"),
        "{shared}"
    );
    let twice = stderr(&prepare(&logs, &[&bench.trial_file(), &bench.trial_file()]));
    assert!(twice.contains("two of the trials are named 'bench'"), "{twice}");
    let _taken = TcpListener::bind(bench.address(2)).unwrap();
    let output = prepare(&logs, &[&bench.trial_file()]);
    assert_eq!(output.status.code(), Some(2));
    let taken = stderr(&output);
    assert!(taken.contains("machine 2 of bench cannot listen on 127.20.2.5:20002"), "{taken}");
    assert!(!logs.exists());
}
