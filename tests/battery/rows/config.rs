//! Config: mistakes in trial files and on the command line. Nothing is started.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use anyhow::{Context as _, Result, ensure};

use crate::bench::Bench;
use crate::row::{Extent, Row};
use crate::scene::{Scene, ask, must_say, run_all};

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "C1",
        extent: Extent::Quick,
        fault: "a value that is out of range, of another type, or no number",
        injected: "ports 0, -1, 65536, \"a\"; clock rates 0, -1, 10001, 1.5, nan; and so on",
        must: "refused with file, line, key, what was found and what is allowed; nothing starts",
        act: wrong_values,
    },
    Row {
        id: "C2",
        extent: Extent::Quick,
        fault: "a key that is unknown, doubled or missing",
        injected: "a slip in every key; every line doubled; every line left out",
        must: "refused with file and line; for a slip, the key that was meant",
        act: wrong_keys,
    },
    Row {
        id: "C3",
        extent: Extent::Quick,
        fault: "many mistakes in one trial",
        injected: "a mistake on every line",
        must: "all of them are told at once",
        act: many_mistakes,
    },
    Row {
        id: "C4",
        extent: Extent::Quick,
        fault: "a trial file that is none",
        injected: "missing, empty, a folder, a loop of links, not UTF-8, a byte order mark, 16 MiB",
        must: "refused with the file's name; nothing hangs",
        act: no_trial_file,
    },
    Row {
        id: "C5",
        extent: Extent::Quick,
        fault: "a host that is none",
        injected: "256.0.0.1, 1.2.3, a name, an empty word, a port within, blanks",
        must: "refused with line and what is allowed",
        act: wrong_hosts,
    },
    Row {
        id: "C6",
        extent: Extent::Quick,
        fault: "no machine, one machine, and more than the draw range allows",
        injected: "0, 1, and 12 machines with a draw range of 10",
        must: "refused with the reason; 2 machines are not",
        act: numbers_of_machines,
    },
    Row {
        id: "C7",
        extent: Extent::Quick,
        fault: "mistakes on the command line",
        injected: "machine 0, machine 9 of 2, speeds 0 and -1, a run with a blank, unknown words",
        must: "exit code 2, the option is named, nothing starts",
        act: wrong_options,
    },
    Row {
        id: "C8",
        extent: Extent::Quick,
        fault: "two runs at the same ports",
        injected: "prepare two trials that share a port; prepare one whose port is taken",
        must: "refused before anything is changed on disk, with all ports that are taken",
        act: shared_ports,
    },
    Row {
        id: "C9",
        extent: Extent::Full,
        fault: "a large mesh",
        injected: "40 machines, 1560 connections, at the virtual pace",
        must: "it runs to its end and holds",
        act: large_mesh,
    },
    Row {
        id: "C10",
        extent: Extent::Quick,
        fault: "IPv6",
        injected: "machines at ::1",
        must: "it runs to its end and holds; skipped where there is no ::1",
        act: ipv6,
    },
];

/// The lines of a trial that is right.
fn right(bench: &Bench) -> Result<Vec<String>> {
    Ok(fs::read_to_string(bench.trial_file())?.lines().map(str::to_owned).collect())
}

/// The trial must be refused, and at this line.
fn must_be_refused_at(bench: &Bench, lines: &[String], line: usize) -> Result<String> {
    let file = bench.folder.join("wrong.toml");
    fs::write(&file, lines.join("\n") + "\n")?;
    let name = file.to_str().context("the folder has a name in UTF-8")?;
    let (code, text) = ask(&["trial", name])?;
    let shown = lines.get(line.max(1) - 1).cloned().unwrap_or_default();
    ensure!(code == 2, "'{shown}' is answered with {code}: {text}");
    if line != 0 {
        must_say(&text, &format!("wrong.toml:{line}: "))?;
    }
    let logs = bench.folder.to_str().context("the folder has a name in UTF-8")?;
    let machine = ["machine", "--trial", name, "--machine", "1", "--run", "r", "--logs", logs];
    ensure!(ask(&machine)?.0 == 2, "a machine runs with '{shown}'");
    ensure!(!bench.log_file(1).exists(), "there is a log, with '{shown}'");
    Ok(text)
}

fn wrong_values(scene: &Scene) -> Result<String> {
    let bench = scene.bench("trial", 10, &[5, 1])?;
    let right = right(&bench)?;
    let mut refused = 0;
    for (key, values) in [
        ("duration_s", "0 -1 1.5 nan inf \"10\" true 99999999999999999999 [] 1e3"),
        ("draw_range", "0 1 -5 4294967296 \"ten\" 1.0 false"),
        ("seed", "-1 9223372036854775808 \"7\" 0.5"),
        ("port", "0 -1 65536 \"21001\" 1.5 true"),
        ("clock_rate", "0 -1 10001 1.5 nan \"fast\" false"),
        ("phase", "0 1001 -1 0.5 \"half\""),
        ("name", "\"\" \"A\" \"a/b\" \"..\" 7 \"\\u0000\""),
    ] {
        let place = right.iter().position(|line| line.starts_with(key)).context("it is there")?;
        for value in values.split(' ') {
            let mut wrong = right.clone();
            wrong[place] = format!("{key} = {value}");
            let text = must_be_refused_at(&bench, &wrong, place + 1)?;
            let has_reason = text.contains("allowed") || text.contains("expected");
            ensure!(has_reason || text.contains("invalid"), "'{key} = {value}': {text}");
            refused += 1;
        }
    }
    Ok(format!("{refused} values refused at their lines"))
}

fn wrong_keys(scene: &Scene) -> Result<String> {
    let bench = scene.bench("trial", 10, &[5, 1])?;
    let right = right(&bench)?;
    let mut refused = 0;
    for (place, line) in right.iter().enumerate() {
        let Some((key, value)) = line.split_once(" = ") else { continue };
        let with = |replacement: Vec<String>| {
            let mut wrong = right.clone();
            wrong.splice(place..=place, replacement);
            wrong
        };
        let slip = with(vec![format!("{key}x = {value}")]);
        let text = must_be_refused_at(&bench, &slip, place + 1)?;
        must_say(&text, &format!("did you mean '{key}'?"))?;
        let doubled = with(vec![line.clone(), line.clone()]);
        must_be_refused_at(&bench, &doubled, place + 2)?;
        refused += 2;
        // What is left out may be drawn; a trial with something left to draw does not run.
        must_be_refused_by_machine(&bench, &with(Vec::new()))?;
        refused += 1;
    }
    Ok(format!("{refused} trials refused"))
}

fn must_be_refused_by_machine(bench: &Bench, lines: &[String]) -> Result<()> {
    let file = bench.folder.join("open.toml");
    fs::write(&file, lines.join("\n") + "\n")?;
    let (name, logs) = (file.to_string_lossy(), bench.folder.to_string_lossy());
    let machine = ["machine", "--trial", &name, "--machine", "1", "--run", "r", "--logs", &logs];
    let (code, text) = ask(&machine)?;
    ensure!(code == 2, "a machine runs a trial that is not resolved: {text}");
    must_say(&text, "open.toml")?;
    ensure!(!bench.log_file(1).exists(), "there is a log: {text}");
    Ok(())
}

fn many_mistakes(scene: &Scene) -> Result<String> {
    let bench = scene.bench("trial", 10, &[5, 1])?;
    let wrong: Vec<String> = right(&bench)?
        .iter()
        .map(|line| match line.split_once(" = ") {
            Some((key, _)) => format!("{key} = []"),
            None => line.clone(),
        })
        .collect();
    let text = must_be_refused_at(&bench, &wrong, 1)?;
    let told = (1..=wrong.len()).filter(|line| text.contains(&format!("wrong.toml:{line}: ")));
    let (told, made) = (told.count(), wrong.iter().filter(|line| line.ends_with("[]")).count());
    ensure!(told == made, "{told} of {made} mistakes are told: {text}");
    Ok(format!("{told} mistakes told at once"))
}

fn no_trial_file(scene: &Scene) -> Result<String> {
    let folder = scene.folder();
    let path = |name: &str| folder.join(name);
    fs::write(path("empty"), "")?;
    fs::create_dir(path("folder"))?;
    symlink(path("loop"), path("loop"))?;
    fs::write(path("latin"), b"name = \"caf\xe9\"\n")?;
    fs::write(path("mark"), "\u{feff}name = 7\n")?;
    fs::write(path("large"), "x".repeat(16 << 20))?;
    let names = ["missing", "empty", "folder", "loop", "latin", "mark", "large"];
    for name in names {
        let file = path(name);
        let (code, text) = ask(&["trial", &file.to_string_lossy()])?;
        ensure!(code == 2, "'{name}' is answered with {code}: {text}");
        must_say(&text, name)?;
        ensure!(text.len() < 4096, "{} bytes are said of '{name}'", text.len());
    }
    Ok(format!("{} refused", names.len()))
}

fn wrong_hosts(scene: &Scene) -> Result<String> {
    let bench = scene.bench("trial", 10, &[5, 1])?;
    let right = right(&bench)?;
    let place = right.iter().position(|line| line.starts_with("host")).context("it is there")?;
    let hosts =
        ["256.0.0.1", "1.2.3", "localhost", "", " 127.0.0.1", "127.0.0.1:80", "[::1]", "١٢٧.0.0.1"];
    for host in hosts {
        let mut wrong = right.clone();
        wrong[place] = format!("host = \"{host}\"");
        must_be_refused_at(&bench, &wrong, place + 1)?;
    }
    Ok(format!("{} hosts refused at their line", hosts.len()))
}

fn numbers_of_machines(scene: &Scene) -> Result<String> {
    for (count, reason) in [(0, "machine"), (1, "machine"), (12, "draw_range")] {
        let bench = scene.bench(&format!("of-{count}"), 10, &vec![1; count.max(1)])?;
        let mut lines = right(&bench)?;
        if count == 0 {
            lines.truncate(4);
        }
        for line in &mut lines {
            if line.starts_with("draw_range") {
                "draw_range = 10".clone_into(line);
            }
        }
        let text = must_be_refused_at(&bench, &lines, 0)?;
        must_say(&text, reason)?;
    }
    let two = scene.bench("of-2", 10, &[1, 1])?;
    ensure!(ask(&["trial", &two.trial_file().to_string_lossy()])?.0 == 0, "two are refused");
    Ok("0, 1 and 12 refused, 2 not".to_owned())
}

fn wrong_options(scene: &Scene) -> Result<String> {
    let bench = scene.bench("trial", 10, &[5, 1])?;
    let (trial, logs) = (bench.trial_file(), bench.folder.clone());
    let (trial, logs) = (trial.to_string_lossy(), logs.to_string_lossy());
    let right = ["--trial", &trial, "--machine", "1", "--run", "r", "--logs", &logs];
    let cases: [(&[&str], &str); 13] = [
        (&["--machine", "0"], "--machine"),
        (&["--machine", "9"], "there is no machine 9"),
        (&["--machine", "-1"], "--machine"),
        (&["--machine", "65536"], "--machine"),
        (&["--run", "a b"], "--run"),
        (&["--run", ""], "--run"),
        (&["--speed", "0"], "--speed"),
        (&["--speed", "nan"], "--speed"),
        (&["--pace", "warp"], "--pace"),
        (&["--pace", "virtual", "--speed", "2"], "--speed"),
        (&["--connect-limit=-1"], "--connect-limit"),
        (&["--queue-limit", "0"], "--queue-limit"),
        (&["--unknown"], "--unknown"),
    ];
    for (options, named) in cases {
        let kept = right.chunks(2).filter(|pair| !options.contains(&pair[0])).flatten().copied();
        let args: Vec<&str> =
            ["machine"].into_iter().chain(kept).chain(options.iter().copied()).collect();
        let (code, text) = ask(&args)?;
        ensure!(code == 2, "{options:?} is answered with {code}: {text}");
        must_say(&text, named)?;
        ensure!(!bench.log_file(1).exists(), "there is a log, with {options:?}");
    }
    Ok(format!("{} command lines refused", cases.len()))
}

fn shared_ports(scene: &Scene) -> Result<String> {
    let bench = scene.bench("one", 10, &[5, 1])?;
    let other = bench.folder.join("other.toml");
    fs::write(&other, fs::read_to_string(bench.trial_file())?.replace("\"bench\"", "\"other\""))?;
    let logs = scene.folder().join("logs");
    let (trial, other, logs_name) = (
        bench.trial_file(),
        other.to_string_lossy().into_owned(),
        logs.to_string_lossy().into_owned(),
    );
    let trial = trial.to_string_lossy();
    let (code, text) = ask(&["prepare", "--logs", &logs_name, &trial, &other])?;
    ensure!(code == 2, "a shared port is answered with {code}: {text}");
    must_say(&text, &format!("both listen on {}", bench.address(1)))?;
    let taken = [1, 2].map(|machine| TcpListener::bind(bench.address(machine)));
    ensure!(taken.iter().all(Result::is_ok), "the ports cannot be taken");
    let (code, text) = ask(&["prepare", "--logs", &logs_name, &trial])?;
    ensure!(code == 2, "a taken port is answered with {code}: {text}");
    must_say(&text, &bench.address(1))?;
    must_say(&text, &bench.address(2))?;
    ensure!(!logs.exists(), "the folder of the logs was made");
    Ok("refused; nothing was changed".to_owned())
}

fn large_mesh(scene: &Scene) -> Result<String> {
    let rates: Vec<u32> = (0..40).map(|index| 1 + index % 6).collect();
    let bench = scene.bench("mesh", 10, &rates)?;
    run_all(&bench, &["--pace", "virtual", "--connect-limit", "60"])?;
    bench.must_hold()?;
    Ok("it holds".to_owned())
}

fn ipv6(scene: &Scene) -> Result<String> {
    if TcpListener::bind("[::1]:0").is_err() {
        return crate::row::skipped("there is no ::1");
    }
    let bench = scene.bench("six", 20, &[5, 3, 6])?;
    let trial = fs::read_to_string(bench.trial_file())?.replace(&bench.host, "::1");
    // The host is shared by whoever tests IPv6: the ports are of this row alone.
    fs::write(bench.trial_file(), trial.replace("port = 21", "port = 22"))?;
    let bench = Bench { ports: bench.ports.iter().map(|port| port + 1000).collect(), ..bench };
    run_all(&bench, &["--speed", "20"])?;
    bench.must_hold()?;
    Ok("it holds".to_owned())
}
