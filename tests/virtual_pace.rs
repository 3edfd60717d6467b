//! The virtual pace and the in-process engine: each is the other's oracle, and stored logs pin what
//! a seed gives.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Bench, check, run, stderr, stdout, wait_until};
use scalemodel::model::{Dice, MachineId, Seed, Stream};
use tempfile::TempDir;

const VIRTUAL: [&str; 2] = ["--pace", "virtual"];

/// Runs a trial in process; gives the folder of its logs.
fn simulate(trial: &Path, options: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let logs = folder.path().to_str().unwrap();
    let args = ["simulate", trial.to_str().unwrap(), "--logs", logs];
    let output = run(&[&args, options].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    folder
}

/// Runs the trial of a bench as OS processes at the virtual pace and in process, and compares
/// every byte of every log.
fn assert_twins(bench: &Bench) {
    // A busy computer starts a dozen machines one after the other.
    bench.run_all(&[&VIRTUAL[..], &["--connect-limit", "60"]].concat());
    let twin = simulate(&bench.trial_file(), &[]);
    for (port, machine) in bench.ports.iter().zip(1..) {
        let simulated = fs::read_to_string(twin.path().join(format!("log{port}.txt"))).unwrap();
        assert!(bench.log(machine) == simulated, "machine {machine}: the logs differ");
    }
    let (code, text) = bench.check();
    assert_eq!(code, 0, "{text}");
}

#[test]
fn the_nine_trials_are_their_twins_byte_for_byte() {
    for number in 1..=9 {
        let text = fs::read_to_string(format!("scripts/trials/trial{number}.toml")).unwrap();
        assert_twins(&bench_of(&text.replace("127.0.0.1", &format!("127.20.3.{number}"))));
    }
}

#[test]
fn every_topology_gives_twins_byte_for_byte() {
    for (shape, host) in [("ring", 121), ("star", 122), ("grid", 123), ("random", 124)] {
        let mut args = vec!["trial", "--quiet", "--machines", "9", "--topology", shape];
        let host = format!("127.20.3.{host}");
        args.extend(["--seed", "5", "--duration", "30", "--host", &host]);
        if shape == "random" {
            args.extend(["--degree", "4"]);
        }
        assert_twins(&bench_of(&stdout(&run(&args))));
    }
}

#[test]
fn random_trials_are_their_twins_byte_for_byte() {
    for case in 1..=12_u16 {
        // Drawn from the case, so that a failure repeats.
        let seed = Seed::new(u64::from(case)).unwrap();
        let mut dice = Dice::new(seed, Stream::Draws(MachineId::new(case)));
        let machines = 1 + dice.roll(11);
        let mut trial = format!("name = \"random\"\nduration_s = {}\n", dice.roll(8));
        // Every third has the least draw range that is allowed.
        let range = if case % 3 == 0 { machines } else { machines + dice.roll(9) };
        trial += &format!("draw_range = {range}\nseed = {}\n", dice.roll(1_000_000));
        for port in (20_001..).take(machines as usize) {
            // Equal phases and equal instants are likely: four phases, odd rates.
            let (rate, phase) = (2 * dice.roll(8) - 1, 250 * dice.roll(4));
            trial += &format!("[[machine]]\nhost = \"127.20.4.{case}\"\nport = {port}\n");
            trial += &format!("clock_rate = {rate}\nphase = {phase}\n");
        }
        assert_twins(&bench_of(&trial));
    }
}

/// A bench for another trial, which is resolved.
fn bench_of(trial: &str) -> Bench {
    let mut bench = Bench::new("127.20.3.1", 1, &[1, 1]);
    fs::write(bench.trial_file(), trial).unwrap();
    let resolved = stdout(&run(&["trial", bench.trial_file().to_str().unwrap()]));
    let ports = resolved.lines().filter_map(|line| line.strip_prefix("port = ")?.parse().ok());
    bench.ports = ports.collect();
    fs::write(bench.trial_file(), resolved).unwrap();
    bench
}

#[test]
fn what_a_seed_gave_once_it_gives_for_ever() {
    let twin = simulate(Path::new("tests/data/pinned/trial.toml"), &[]);
    for port in [20_001, 20_002, 20_003] {
        let name = format!("log{port}.txt");
        let without_version = |path: &Path| {
            let text = fs::read_to_string(path).unwrap();
            let lines = text.lines().filter(|line| !line.starts_with("# version: "));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let stored = without_version(&Path::new("tests/data/pinned").join(&name));
        assert_eq!(without_version(&twin.path().join(&name)), stored, "{name}");
    }
}

#[test]
fn a_machine_that_dies_ends_the_run_on_the_others() {
    let bench = Bench::new("127.20.3.20", 1_000_000, &[10, 10, 10]);
    let mut machines = bench.start_all(&VIRTUAL);
    wait_until("ticks are logged", || (1..=3).all(|machine| 3 < bench.ticks(machine)));
    machines.remove(2).signal("KILL");
    for machine in machines {
        let (status, errors) = machine.finish();
        assert_eq!(status.code(), Some(2));
        assert!(errors.contains("peer 3 (127.20.3.20:20003) "), "{errors}");
    }
    assert_eq!(bench.check().0, 2);
}

#[test]
fn machines_of_different_paces_refuse_each_other() {
    let bench = Bench::new("127.20.3.21", 10, &[1, 1]);
    let machines = [
        bench.start(1, &["--pace", "virtual", "--connect-limit", "1"]),
        bench.start(2, &["--connect-limit", "1"]),
    ];
    let ends: Vec<_> = machines.into_iter().map(common::Running::finish).collect();
    assert!(ends.iter().all(|(status, _)| status.code() == Some(2)), "{ends:?}");
    assert!(ends.iter().any(|(_, errors)| errors.contains("it refused: another pace")), "{ends:?}");
}

#[test]
fn the_checker_recomputes_every_queue_of_a_virtual_run() {
    let twin = simulate(Path::new("tests/data/pinned/trial.toml"), &[]);
    let log = twin.path().join("log20002.txt");
    let text = fs::read_to_string(&log).unwrap();
    // One message more in the queue on two successive ticks adds up, but was never sent.
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let tick = lines.iter().position(|line| line.contains(" receive ")).unwrap() + 3;
    for line in &mut lines[tick..] {
        let mut cells: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let places = (0..cells.len()).filter(|place| !cells[*place].is_empty());
        if let Some(place) = places.into_iter().nth(7).filter(|_| !line.starts_with('#')) {
            cells[place] = (cells[place].parse::<u64>().unwrap() + 1).to_string();
            *line = cells.join(" ");
        }
    }
    let last = lines.len() - 1;
    lines[last] = lines[last].replace("left=20003:4", "left=20003:5");
    fs::write(&log, lines.join("\n") + "\n").unwrap();
    let (code, text) = check(twin.path());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("queue: the queue is "), "{text}");
}

#[test]
fn a_simulation_that_is_cut_short_accuses_nobody() {
    let folder = TempDir::new().unwrap();
    let logs = folder.path().to_str().unwrap();
    // Files may have 16 blocks of 512 bytes or 1 KiB, as the shell counts them.
    let cut = Command::new("sh")
        .args(["-c", "ulimit -f 16; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_scalemodel")])
        .args(["simulate", "scripts/trials/trial5.toml", "--logs", logs])
        .output()
        .unwrap();
    assert!(!cut.status.success());
    let begun = folder.path().join("log20151.txt.part");
    assert!(fs::metadata(&begun).unwrap().len() > 8000, "the limit did not strike");
    let (code, text) = check(folder.path());
    assert_eq!(code, 2, "{text}");
}

#[test]
fn two_runs_are_equal_or_part_at_a_named_event() {
    let pinned = Path::new("tests/data/pinned/trial.toml");
    let (one, same) = (simulate(pinned, &[]), simulate(pinned, &[]));
    let compare = |one: &TempDir, other: &TempDir| {
        run(&["compare", one.path().to_str().unwrap(), other.path().to_str().unwrap()])
    };
    let equal = compare(&one, &same);
    assert_eq!((equal.status.code(), stdout(&equal)), (Some(0), "equal: 100 events\n".to_owned()));
    let log = same.path().join("log20003.txt");
    let text = fs::read_to_string(&log).unwrap();
    let internal = text.lines().position(|line| line.contains(" internal ")).unwrap();
    let changed: Vec<String> = text
        .lines()
        .enumerate()
        .map(
            |(index, line)| {
                if index == internal { line.replace(" 0 ", " 7 ") } else { line.to_owned() }
            },
        )
        .collect();
    fs::write(&log, changed.join("\n") + "\n").unwrap();
    let parted = compare(&one, &same);
    assert_eq!(parted.status.code(), Some(1));
    let text = stdout(&parted);
    assert!(text.starts_with("the runs part at "), "{text}");
    assert!(text.contains(&format!("log20003.txt:{}", internal + 1)), "{text}");
    let other = simulate(pinned, &["--seed", "8"]);
    let refused = compare(&one, &other);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("are runs of different trials"), "{}", stderr(&refused));
}
