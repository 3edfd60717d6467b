//! `scalemodel check`: a stored run holds; tampered with in any way that a rule claims to find, it
//! does not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{check, run, stderr, stdout};
use scalemodel::analysis::check::Verdict;
use scalemodel::analysis::history::History;
use scalemodel::logbook::Log;
use tempfile::TempDir;

/// A copy of the stored run: machine 1 at 5 ticks a second, machine 2 at 1, machine 3 at 4.
struct Copy(TempDir);

impl Copy {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let copy = Self(folder);
        for machine in 1..=3 {
            let stored = PathBuf::from("tests/data/run").join(format!("log2000{machine}.txt"));
            fs::copy(stored, copy.file(machine)).unwrap();
        }
        copy
    }

    fn file(&self, machine: u32) -> PathBuf {
        self.0.path().join(format!("log2000{machine}.txt"))
    }

    fn check(&self) -> (i32, String) {
        check(self.0.path())
    }

    /// Rewrites the lines of a log. Index 15 is its first tick, on line 16.
    fn edit(&self, machine: u32, change: impl FnOnce(&mut Vec<String>)) -> &Self {
        let text = fs::read_to_string(self.file(machine)).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        change(&mut lines);
        fs::write(self.file(machine), lines.join("\n") + "\n").unwrap();
        self
    }
}

/// Columns of a tick.
const TICK: usize = 1;
const MODEL_TIME: usize = 2;
const LATENESS: usize = 3;
const EVENT: usize = 4;
const PEERS: usize = 5;
const CLOCK: usize = 6;
const QUEUE: usize = 7;
const RECEIVED: usize = 8;
const DRAW: usize = 9;

/// Changes one column of one tick.
fn set(lines: &mut [String], tick: usize, column: usize, value: &str) {
    let line = &mut lines[14 + tick];
    let mut cells: Vec<&str> = line.split_ascii_whitespace().collect();
    assert_ne!(cells[column], value, "the stored run has this value already");
    cells[column] = value;
    *line = cells.join(" ");
}

/// Replaces text in the end entry.
fn set_end(lines: &mut [String], from: &str, to: &str) {
    let end = lines.last_mut().unwrap();
    assert!(end.contains(from), "{end}");
    *end = end.replace(from, to);
}

type Tampering = (&'static str, u32, fn(&mut Vec<String>), &'static str);

/// The entry of a restart.
fn restart(incarnation: u32) -> String {
    format!(
        "# restart: incarnation={incarnation} cut_bytes=0 system_time=2026-11-22T13:45:52.000000Z"
    )
}

/// What is done to which log, and what the checker must say of it.
const VIOLATIONS: &[Tampering] = &[
    ("another seed", 2, |l| l[6] = "# seed: 4".into(), "log20002.txt:1: headers: "),
    ("another version", 2, |l| l[1] = "# version: 9.9.9".into(), "log20002.txt:2: headers: "),
    ("another machine's log", 2, |l| l[3] = "# machine: 3".into(), "log20002.txt:1: headers: "),
    ("a tick removed", 1, |l| drop(l.remove(17)), "log20001.txt:18: schedule: tick 3 is missing"),
    (
        "a tick doubled",
        1,
        |l| l.insert(17, l[16].clone()),
        ":18: schedule: tick 2 stands where tick 3",
    ),
    ("two ticks swapped", 1, |l| l.swap(21, 22), "log20001.txt:22: schedule: tick 7 is missing"),
    (
        "a wrong model time",
        1,
        |l| set(l, 5, MODEL_TIME, "0.820001"),
        ":20: schedule: tick 5 is due at",
    ),
    ("an early tick", 1, |l| set(l, 5, LATENESS, "-1"), ":20: schedule: tick 5 ran 1 us before"),
    ("a tick too many", 2, |l| set(l, 10, TICK, "11"), ":25: schedule: tick 11 is not in 1..=10"),
    (
        "an end too soon",
        3,
        |l| drop(l.remove(54)),
        ":55: schedule: the machine ended finished after",
    ),
    (
        "a skip that fits nowhere",
        1,
        |l| {
            let skip =
                "# skipped: ticks=9..=9 lateness_us=9 system_time=2026-11-22T13:45:52.000000Z";
            l.insert(17, skip.to_owned());
        },
        "log20001.txt:18: schedule: tick 3 was due, but ticks 9 and on are skipped",
    ),
    (
        "a restart that is not counted",
        1,
        |l| l.insert(17, restart(1)),
        "log20001.txt:18: restarts: incarnation 1 came back, but 2 is due",
    ),
    (
        "a restart that is passed over",
        1,
        |l| {
            l.insert(17, restart(2));
            l.insert(25, restart(4));
        },
        "log20001.txt:26: restarts: incarnation 4 came back, but 3 is due",
    ),
    (
        "a clock that is lost in a restart",
        1,
        |l| {
            set(l, 3, CLOCK, "1");
            l.insert(16, restart(2));
        },
        "log20001.txt:19: clock-rule: the clock of this internal is 1, but 2 + 1 is due",
    ),
    ("a clock one too high", 1, |l| set(l, 2, CLOCK, "3"), ":17: clock-rule: the clock of this"),
    (
        "a receive that forgets max",
        2,
        |l| set(l, 2, CLOCK, "2"),
        ":17: clock-rule: the clock of this receive is 2, but max(1, 6) + 1",
    ),
    (
        "a receive that ties",
        2,
        |l| set(l, 2, CLOCK, "6"),
        ":17: clock-condition: clock 6 of the receive is not above clock 6",
    ),
    (
        "a clock that stands",
        2,
        |l| set(l, 3, CLOCK, "7"),
        ":18: clock-condition: clock 7 stands after clock 7",
    ),
    (
        "another draw",
        2,
        |l| set(l, 1, DRAW, "4"),
        ":16: draws: the draw is 4, but the seed's next is 5",
    ),
    ("no draw", 2, |l| set(l, 1, DRAW, "-"), ":16: draws: this internal has no draw"),
    ("a draw on a receive", 2, |l| set(l, 2, DRAW, "1"), ":17: draws: a receive draws nothing"),
    (
        "a send to nobody's port",
        2,
        |l| {
            set(l, 1, EVENT, "send");
            set(l, 1, PEERS, "20009");
        },
        "log20002.txt:16: draws: a draw of 5 is an internal event",
    ),
    (
        "a message from nobody",
        2,
        |l| set(l, 2, PEERS, "20009"),
        ":17: matching: received from port 20009",
    ),
    (
        "a message never sent",
        2,
        |l| set(l, 2, RECEIVED, "5"),
        ":17: matching: machine 1 never sent",
    ),
    (
        "a message received twice",
        2,
        |l| set(l, 3, RECEIVED, "6"),
        ":18: matching: the message of this send was received before",
    ),
    (
        "two messages swapped",
        2,
        |l| {
            set(l, 2, RECEIVED, "8");
            set(l, 3, RECEIVED, "6");
        },
        "log20002.txt:18: fifo: received after a message that was sent later",
    ),
    (
        "a message lost",
        2,
        |l| set(l, 2, RECEIVED, "8"),
        "conservation: the message to machine 2 is lost",
    ),
    (
        "a message left too many",
        2,
        |l| set_end(l, "left=20003:4", "left=20003:5"),
        ":26: conservation: machine 3 sent 8 messages to machine 2: 4 were received, so 4 are left",
    ),
    (
        "a draw with a queue",
        2,
        |l| set(l, 1, QUEUE, "3"),
        ":16: queue: internal with 3 messages in the queue",
    ),
    (
        "a queue that vanishes",
        2,
        |l| set(l, 8, QUEUE, "9"),
        ":24: queue: the queue fell from 9 to 7 in one tick",
    ),
    (
        "a queue that is forgotten",
        2,
        |l| set(l, 10, QUEUE, "13"),
        ":26: queue: 12 messages are left, but 13",
    ),
    (
        "done miscounted",
        2,
        |l| set_end(l, "done=10", "done=9"),
        ":26: ends: the end entry says done=9",
    ),
    (
        "skipped miscounted",
        2,
        |l| set_end(l, "skipped=0", "skipped=1"),
        ":26: ends: the end entry says skipped=1",
    ),
    (
        "the clock misstated",
        2,
        |l| set_end(l, "clock=31", "clock=32"),
        ":26: ends: the end entry says logical_clock=32",
    ),
    (
        "sent miscounted",
        1,
        |l| set_end(l, "sent=20002:13", "sent=20002:12"),
        ":66: ends: the end entry says sent=20002:12",
    ),
    (
        "received miscounted",
        1,
        |l| set_end(l, "20003:9 ", "20003:8 "),
        ":66: ends: the end entry says received=20003:8",
    ),
    (
        "a peer unlisted",
        1,
        |l| set_end(l, "sent=20002:13,", "sent="),
        ":66: ends: the end entry does not list",
    ),
];

#[test]
fn the_stored_run_holds() {
    let (code, text) = Copy::new().check();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("3 machines, 100 events; messages: 47 sent, 35 received"), "{text}");
}

#[test]
fn every_tampering_is_found_by_its_rule() {
    for (name, machine, change, expected) in VIOLATIONS {
        let (code, text) = Copy::new().edit(*machine, change).check();
        assert_eq!(code, 1, "{name}: {text}");
        assert!(text.contains(expected), "{name}: expected '{expected}' in\n{text}");
    }
}

type Change = (&'static str, u32, fn(&mut Vec<String>));

/// What a restart explains, in which log.
const RESTARTS: &[Change] = &[
    ("none of the state is lost", 1, |l| l.insert(17, restart(2))),
    ("two in a row", 1, |l| l.splice(17..17, [restart(2), restart(3)]).for_each(drop)),
    ("before the common start", 1, |l| l.insert(13, restart(2))),
    ("after the end entry", 1, |l| l.push(restart(2))),
    ("the queue begins anew", 2, |l| {
        set(l, 8, QUEUE, "9");
        l.insert(23, restart(2));
    }),
    ("the last queue is not what is left", 2, |l| {
        set(l, 10, QUEUE, "13");
        l.insert(25, restart(2));
    }),
    ("lateness is by another clock", 1, |l| {
        set(l, 4, LATENESS, "400000");
        l.insert(19, restart(2));
    }),
];

#[test]
fn a_restart_explains_what_is_lost_with_an_os_process_and_no_more() {
    for (name, machine, change) in RESTARTS {
        let copy = Copy::new();
        let (code, text) = copy.edit(*machine, change).check();
        assert_eq!(code, 0, "{name}: {text}");
        copy.edit(*machine, |l| l.retain(|line| !line.starts_with("# restart")));
        let is_explained = matches!(*name, "none of the state is lost" | "two in a row")
            || name.starts_with("before")
            || name.starts_with("after");
        assert_eq!(copy.check().0, i32::from(!is_explained), "{name}");
    }
}

#[test]
fn a_restart_in_a_log_of_the_virtual_pace_is_violated() {
    let folder = TempDir::new().unwrap();
    for entry in fs::read_dir("tests/data/pinned").unwrap() {
        let file = entry.unwrap().path();
        fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    assert_eq!(check(folder.path()).0, 0);
    let file = folder.path().join("log20001.txt");
    let text = fs::read_to_string(&file).unwrap();
    let (before, after) = text.split_at(text.rfind("# end").unwrap());
    fs::write(&file, format!("{before}{}\n{after}", restart(2))).unwrap();
    let (code, text) = check(folder.path());
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("restarts: no kill of the trial lets the machine come back here"),
        "{text}"
    );
}

/// What is done to which log, and what the checker must miss.
const GAPS: &[Tampering] = &[
    (
        "no end entry",
        2,
        |l| drop(l.pop()),
        "log20002.txt: the end entry; the machine still runs, or was killed",
    ),
    ("interrupted", 2, |l| set_end(l, "finished", "interrupted"), "ended early: interrupted"),
    (
        "a peer left",
        2,
        |l| set_end(l, "finished", "peer-left:20001"),
        "ended early: peer-left:20001",
    ),
    ("garbage", 2, |l| l[16] = "garbage".into(), "log20002.txt:17: system_time is not YYYY-MM-DD"),
    (
        "an unknown event",
        2,
        |l| set(l, 1, EVENT, "sleep"),
        ":16: unknown event 'sleep'; known: internal",
    ),
    (
        "an unknown entry",
        2,
        |l| l.insert(16, "# dozed: 1".into()),
        ":17: unknown entry '# dozed: 1'",
    ),
    (
        "a tick after the end",
        2,
        |l| l.push(l[16].clone()),
        ":27: found an entry after the end entry",
    ),
    (
        "another format",
        2,
        |l| l[0] = "# scalemodel log, format 2".into(),
        ":1: log format '2'; this program",
    ),
    (
        "a speed that is none",
        2,
        |l| l[5] = "# speed: banana".into(),
        "log20002.txt:6: speed: found",
    ),
    ("a pace that is none", 2, |l| l[4] = "# pace: fast".into(), "log20002.txt:5: pace: 'fast'"),
    (
        "a machine too many",
        2,
        |l| l[3] = "# machine: 7".into(),
        "machine: 7, but the header lists 3",
    ),
    ("a header without seed", 2, |l| drop(l.remove(6)), "the header has no line '# seed: ...'"),
];

#[test]
fn what_cannot_be_read_or_is_not_whole_cannot_be_said() {
    for (name, machine, change, expected) in GAPS {
        let (code, text) = Copy::new().edit(*machine, change).check();
        assert_eq!(code, 2, "{name}: {text}");
        assert!(text.contains(expected), "{name}: expected '{expected}' in\n{text}");
    }
}

#[test]
fn a_missing_log_is_noticed() {
    let copy = Copy::new();
    fs::remove_file(copy.file(2)).unwrap();
    let (code, text) = copy.check();
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("missing: the log of machine 2, "), "{text}");
}

#[test]
fn a_torn_last_line_is_said_openly() {
    let copy = Copy::new();
    let text = fs::read_to_string(copy.file(2)).unwrap();
    fs::write(copy.file(2), &text[..text.len() - 30]).unwrap();
    let (code, text) = copy.check();
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("log20002.txt:26: the last line is torn"), "{text}");
}

#[test]
fn violated_beats_cannot_say() {
    let copy = Copy::new();
    fs::remove_file(copy.file(3)).unwrap();
    copy.edit(1, |lines| set(lines, 2, CLOCK, "3"));
    let (code, text) = copy.check();
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("missing: the log of machine 3, "), "{text}");
}

/// The stored run as it would be read while it still goes on: of machine 1 the first ticks only were
/// there when its log was read, and the others ended before theirs were.
fn read_in_mid_run(settled: usize) -> History {
    let folder = Path::new("tests/data/run");
    let logs = (1..=3).map(|machine| {
        let mut log = Log::load(&folder.join(format!("log2000{machine}.txt"))).unwrap();
        if machine == 1 {
            log.end = None;
            log.ticks.truncate(10);
        }
        log.is_settled = log.ticks.len() <= settled;
        log.settled = settled.min(log.ticks.len());
        log
    });
    History::of(folder, logs.collect(), Vec::new())
}

#[test]
fn a_run_that_still_goes_on_is_not_accused_of_what_was_not_read_yet() {
    let findings = scalemodel::analysis::check::check(&read_in_mid_run(1));
    assert_eq!(findings.verdict, Verdict::CannotSay, "{:?}", findings.violations);
    // Had everything been there before, the sends of machine 1 would be missing.
    let findings = scalemodel::analysis::check::check(&read_in_mid_run(usize::MAX));
    assert_eq!(findings.verdict, Verdict::Violated);
}

#[test]
fn an_empty_run_is_never_holds() {
    let folder = TempDir::new().unwrap();
    assert_eq!(check(folder.path()).0, 2);
    let copy = Copy::new();
    for machine in 1..=3 {
        copy.edit(machine, |lines| {
            lines.drain(15..lines.len() - 1);
        });
    }
    let (code, text) = copy.check();
    assert_ne!(code, 0, "{text}");
    assert!(text.contains("missing: events: no machine made a tick"), "{text}");
}

#[test]
fn one_lost_message_is_one_violation_of_its_channel() {
    // Machine 2 takes 8 where 6 was due, and goes on from there: its clock and channel stay right.
    let copy = Copy::new();
    copy.edit(2, |lines| {
        for (tick, received) in [(2, "8"), (3, "12")] {
            set(lines, tick, RECEIVED, received);
        }
    });
    let text = copy.check().1;
    assert_eq!(text.matches("conservation: the message to machine 2 is lost").count(), 1, "{text}");
}

#[test]
fn violations_are_machine_readable_and_limited() {
    let copy = Copy::new();
    copy.edit(1, |lines| {
        (2..20).for_each(|tick| set(lines, tick, LATENESS, "-7"));
    });
    let folder = copy.0.path().to_str().unwrap();
    let output = run(&["check", "--format", "json", "--limit", "3", folder]);
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["runs"][0]["verdict"], "violated");
    assert_eq!(report["runs"][0]["violations"].as_array().unwrap().len(), 3);
    assert_eq!(report["runs"][0]["violations"][0]["rule"], "schedule");
    let text = stdout(&run(&["check", "--limit", "3", folder]));
    assert!(text.contains("and 15 more violations (--limit)"), "{text}");
}

#[test]
fn a_folder_that_is_no_run_is_named() {
    let output = run(&["check", "no/such/folder"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("cannot read the folder no/such/folder"),
        "{}",
        stderr(&output)
    );
}
