//! `scalemodel watch`, as a user meets it on a terminal and elsewhere.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;
mod screen;

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use common::{Bench, Running, finish_all, run, stderr, stdout, wait_until};
use screen::Screen;

const UNICODE: [(&str, &str); 3] = [("TERM", "xterm"), ("LC_ALL", "C.UTF-8"), ("NO_COLOR", "")];

/// A command on a terminal of 24 lines and 80 columns, which `script` makes.
struct OnTerminal {
    script: Child,
    /// The OS process of the command.
    command: String,
    /// The file that gets its exit code.
    code: PathBuf,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl OnTerminal {
    /// Starts a command of a shell; `folder` is where its number is noted.
    fn start(folder: &Path, command: &str, environment: &[(&str, &str)]) -> Self {
        let [note, code] = ["pid", "code"].map(|name| folder.join(name));
        let _ = fs::remove_file(&note);
        // `script` may see the end of the terminal before that of the command, and then reports an exit
        // code that means nothing: the shell notes it, and keeps its own words to itself.
        let line = format!(
            "stty rows 24 cols 80; trap : INT HUP QUIT TERM; exec 3>&2 2>/dev/null; \
             (echo $BASHPID >{}; exec {command} 2>&3 3>&-); echo $? >{}",
            note.display(),
            code.display()
        );
        let mut script = Command::new("script")
            .args(["--quiet", "--command", &line, "/dev/null"])
            .envs(environment.iter().copied())
            .env("SHELL", "/bin/bash")
            .env("SCALEMODEL", env!("CARGO_BIN_EXE_scalemodel"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut out, all) = (script.stdout.take().unwrap(), Arc::clone(&shown));
        let reader = thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(len @ 1..) = out.read(&mut some) {
                all.lock().unwrap().extend_from_slice(&some[..len]);
            }
        });
        let mut command = String::new();
        wait_until("the command has started", || {
            command = fs::read_to_string(&note).unwrap_or_default();
            command.ends_with('\n')
        });
        Self { script, command: command.trim().to_owned(), code, shown, reader }
    }

    /// Watches a run.
    fn watch(bench: &Bench, environment: &[(&str, &str)]) -> Self {
        let (program, folder) = (env!("CARGO_BIN_EXE_scalemodel"), bench.folder().display());
        Self::start(bench.folder(), &format!("{program} watch {folder}"), environment)
    }

    fn bytes(&self) -> Vec<u8> {
        self.shown.lock().unwrap().clone()
    }

    /// What the terminal shows now.
    fn screen(&self) -> Screen {
        Screen::showing(&self.bytes())
    }

    fn wait_for(&self, text: &str) {
        wait_until(&format!("the terminal shows '{text}'"), || self.screen().text().contains(text));
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.command]).status().unwrap().success());
    }

    /// Types something.
    fn press(&mut self, keys: &str) {
        self.script.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end: the exit code, and what the terminal shows then, its cursor among it.
    fn finish(mut self) -> (i32, Screen, String) {
        wait_until("the command ends", || self.script.try_wait().unwrap().is_some());
        let code = fs::read_to_string(&self.code).unwrap().trim().parse().unwrap();
        self.reader.join().unwrap();
        let bytes = self.shown.lock().unwrap().clone();
        let screen = Screen::showing(&bytes);
        assert!(screen.is_cursor_shown(), "the cursor is hidden");
        assert_eq!(screen.column(), 0, "{}", screen.text());
        (code, screen, String::from_utf8(bytes).unwrap())
    }
}

/// Machines of a bench that tick for a minute, once each of them has ticked.
fn ticking(bench: &Bench) -> Vec<Running> {
    let machines = bench.start_all(&[]);
    wait_until("every machine ticks", || {
        (1..=machines.len()).all(|number| 1 < bench.ticks(number))
    });
    machines
}

#[test]
fn a_run_is_pictured_from_before_its_start_to_its_end() {
    let bench = Bench::new("127.61.1.1", 20, &[5, 1, 5]);
    let watch = OnTerminal::watch(&bench, &UNICODE);
    watch.wait_for("no log yet");
    let machines = bench.start_all(&["--speed", "10"]);
    watch.wait_for(" s left");
    watch.wait_for("5/s");
    finish_all(machines);
    let (code, screen, _) = watch.finish();
    assert_eq!(code, 0);
    let text = screen.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].starts_with("bench  real pace, speed 10  ━"), "{text}");
    assert!(lines[1].contains("20 of 20 s  finished"), "{text}");
    for (line, what) in lines[3..6].iter().zip(["100/100", "20/20", "100/100"]) {
        assert!(line.contains(what) && line.ends_with("finished"), "{text}");
    }
    assert_eq!(lines.len(), 6, "the cursor is below: {text}");
}

#[test]
fn signals_and_ctrl_c_leave_the_terminal_as_it_was_and_the_run_alone() {
    let bench = Bench::new("127.61.2.1", 60, &[5, 5]);
    let machines = ticking(&bench);
    for (signal, expected) in [("TERM", 143), ("HUP", 129), ("QUIT", 131), ("Ctrl-C", 130)] {
        let mut watch = OnTerminal::watch(&bench, &UNICODE);
        watch.wait_for("5/s");
        assert!(!watch.screen().is_cursor_shown());
        match signal {
            "Ctrl-C" => watch.press("\x03"),
            _ => watch.signal(signal),
        }
        let (code, screen, _) = watch.finish();
        assert_eq!(code, expected, "{signal}");
        assert!(screen.text().contains(" s left"), "{signal}: {}", screen.text());
    }
    let before = bench.ticks(1);
    wait_until("the run goes on", || before + 2 <= bench.ticks(1));
    common::kill(machines);
}

#[test]
fn colours_and_unicode_are_used_only_where_they_are_wanted() {
    let bench = Bench::new("127.61.3.1", 20, &[5, 5]);
    bench.run_all(&["--pace", "virtual"]);
    let shown = |environment: &[(&str, &str)]| {
        let (code, _, bytes) = OnTerminal::watch(&bench, environment).finish();
        assert_eq!(code, 0);
        assert!(bytes.contains("finished"), "{bytes}");
        bytes
    };
    let all = shown(&UNICODE);
    assert!(all.contains('\u{2501}') && all.contains("\x1b[36m"));
    let plain = shown(&[("TERM", "xterm"), ("LC_ALL", "C"), ("NO_COLOR", "1")]);
    assert!(plain.is_ascii() && !plain.contains("\x1b[3") && !plain.contains("\x1b[1m"));
}

#[test]
fn a_dumb_terminal_and_a_pipe_get_lines() {
    let bench = Bench::new("127.61.4.1", 20, &[5, 5]);
    bench.run_all(&["--pace", "virtual"]);
    let (program, folder) = (env!("CARGO_BIN_EXE_scalemodel"), bench.folder().display());
    let command = format!("{program} watch --every 0 {folder}");
    for (term, command) in [("dumb", command.replace("--every 0 ", "")), ("xterm", command)] {
        let environment = [("TERM", term), ("LC_ALL", "C.UTF-8")];
        let (code, screen, bytes) =
            OnTerminal::start(bench.folder(), &command, &environment).finish();
        assert_eq!(code, 0);
        assert!(screen.text().starts_with("bench:  20 of 20 s, clocks "), "{bytes}");
        assert!(!bytes.contains('\x1b'));
    }
    let output = run(&["watch", "--every", "0", bench.folder().to_str().unwrap()]);
    assert!(output.status.success() && stdout(&output).starts_with("bench:  20 of 20 s, clocks "));
}

#[test]
fn what_is_no_run_or_no_log_is_refused() {
    let bench = Bench::new("127.61.5.1", 20, &[5, 5]);
    let output = run(&["watch", "no-such-folder"]);
    assert_eq!(output.status.code(), Some(2));
    let expected =
        "scalemodel: error: there is no run to watch in no-such-folder; start one first: ";
    assert!(stderr(&output).starts_with(expected), "{}", stderr(&output));
    let watch = OnTerminal::watch(&bench, &UNICODE);
    watch.wait_for("no log yet");
    fs::write(bench.log_file(2), "hello\n").unwrap();
    let (code, screen, _) = watch.finish();
    assert_eq!(code, 2);
    assert!(screen.text().contains("/log20002.txt:1: not a log"), "{}", screen.text());
}

/// Starts the script on a terminal.
fn experiment(bench: &Bench, options: &str) -> OnTerminal {
    let folder = bench.folder().display();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/run_experiment.sh");
    let command = format!(
        "{script} --no-plots --skip-after 0 --logs {folder}/logs {options} {folder}/trial.toml"
    );
    OnTerminal::start(bench.folder(), &command, &UNICODE)
}

#[test]
fn the_script_shows_a_picture_and_what_follows_it_in_order() {
    let bench = Bench::new("127.61.6.1", 20, &[5, 1, 5]);
    for options in ["--speed 10", "--pace virtual"] {
        let (code, _, bytes) = experiment(&bench, options).finish();
        assert_eq!(code, 0, "{bytes}");
        let text = Screen::of_lines(1000, &bytes).text();
        let places = ["running bench: 3 machines", "20 of 20 s  finished", "logs/bench: holds"];
        let places = places.map(|what| text.find(what).unwrap_or_else(|| panic!("{what}: {text}")));
        assert!(places.is_sorted(), "{text}");
        assert_eq!(text.matches(" of 20 s ").count(), 1, "one picture is left: {text}");
    }
}

/// Waits until all machines of an experiment tick.
fn wait_for_ticks(bench: &Bench) {
    wait_until("all tick", || {
        let log = |port: &u16| bench.folder().join(format!("logs/bench/log{port}.txt"));
        let text = |port| fs::read_to_string(log(port)).unwrap_or_default();
        bench.ports.iter().all(|port| text(port).contains("\n20"))
    });
}

#[test]
fn what_machines_say_stands_above_the_picture() {
    let bench = Bench::new("127.61.7.1", 60, &[5, 5, 5]);
    let script = experiment(&bench, "");
    script.wait_for("5/s");
    wait_for_ticks(&bench);
    // A machine that is told to end says so to its peers, which cannot go on, and complain.
    let victim =
        format!("machine --trial {}/logs/bench/trial.toml --machine 2", bench.folder().display());
    let kill = Command::new("pkill").args(["-TERM", "-f", "--", &victim]).status().unwrap();
    assert!(kill.success());
    let (code, _, bytes) = script.finish();
    assert_eq!(code, 2, "{bytes}");
    let text = Screen::of_lines(1000, &bytes).text();
    let complaint = "scalemodel: error: machine 1 of bench: peer 2";
    let lines: Vec<&str> = text.lines().collect();
    let place = |what: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(what))
            .unwrap_or_else(|| panic!("{what}: {text}"))
    };
    assert!(place(complaint) < place("bench  real pace"), "{text}");
    assert!(place("bench  real pace") < place("bench: not whole: "), "{text}");
    assert_eq!(text.matches(" of 60 s ").count(), 1, "one picture is left: {text}");
}

#[test]
fn ctrl_c_ends_the_script_and_leaves_the_terminal_as_it_was() {
    let bench = Bench::new("127.61.8.1", 60, &[5, 5]);
    let mut script = experiment(&bench, "");
    script.wait_for("5/s");
    script.press("\x03");
    let (code, screen, bytes) = script.finish();
    assert_eq!(code, 130, "{bytes:?}");
    // What is said while the picture is drawn may be drawn over by it; the last line stays.
    let text = screen.text();
    assert!(text.contains("interrupted; the logs so far are in "), "{text}");
}
