//! The order of merged entries, and what is refused.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

const HEADER: &str = "# scalemodel log, format 1
# version: 0.1.0
# trial: small
# machine: N
# pace: real
# speed: 1
# seed: 7
# draw_range: 10
# duration_s: 9
# machines: 3
# machine 1: host=127.0.0.1 port=20001 clock_rate=1 phase=100
# machine 2: host=127.0.0.1 port=20002 clock_rate=1 phase=200
# machine 3: host=127.0.0.1 port=20003 clock_rate=1 phase=300
# start: 2026-11-22T14:46:02.000000Z
system_time tick model_time_s lateness_us event peers logical_clock queue_len received_timestamp draw
";

/// Writes the logs of a run. Of every tick is given what follows the lateness; a tick that is a
/// text with '#' is an entry of its own.
fn write(folder: &Path, machines: [&[&str]; 3]) {
    for (number, ticks) in (1..).zip(machines) {
        let mut log = HEADER.replace('N', &number.to_string());
        let mut tick = 0;
        for text in ticks {
            if text.starts_with('#') {
                writeln!(log, "{text}").unwrap();
                continue;
            }
            tick += 1;
            let time = format!("{}.{number}00000", tick - 1);
            writeln!(log, "2026-11-22T14:46:02.000000Z {tick} {time} 0 {text}").unwrap();
        }
        fs::write(folder.join(format!("log2000{number}.txt")), log).unwrap();
    }
}

/// The events as they come: machine, tick and vector clock.
fn events(run: &Run, survey: &Survey) -> Vec<String> {
    let mut merge = Merge::surveyed(run, survey).unwrap();
    let mut events = Vec::new();
    while let Some(moment) = merge.next().unwrap() {
        if let Moment::Row(row) = moment {
            events.push(format!("m{} {} {:?}", row.machine, row.record.tick, row.vector));
        }
    }
    events
}

fn run_of(machines: [&[&str]; 3]) -> (TempDir, Run) {
    let folder = TempDir::new().unwrap();
    write(folder.path(), machines);
    let run = Run::open(folder.path()).unwrap();
    (folder, run)
}

const INTERNAL: &str = "internal - 1 0 - 9";
const END: &str = "# end: why=finished done=0 skipped=0 logical_clock=0 sent=- received=- left=- \
                   system_time=2026-11-22T14:46:12.000000Z";

#[test]
fn events_come_by_due_time() {
    let (_folder, run) = run_of([&[INTERNAL, INTERNAL, END], &[INTERNAL, END], &[END]]);
    let survey = Survey::of(&run, |_| ()).unwrap();
    let expected = ["m1 1 [1, 0, 0]", "m2 1 [0, 1, 0]", "m1 2 [2, 0, 0]"];
    assert_eq!(events(&run, &survey), expected);
    assert_eq!(survey.remarks(&run), [] as [String; 0]);
    assert_eq!((survey.events, survey.messages), (3, 0));
}

#[test]
fn a_receive_that_was_due_before_its_send_comes_after_it() {
    let send = "send 20001,20002 1 0 - 3";
    let receive = "receive 20003 2 0 1 -";
    let (_folder, run) = run_of([&[receive, INTERNAL, END], &[receive, END], &[send, END]]);
    let survey = Survey::of(&run, |_| ()).unwrap();
    let expected = ["m3 1 [0, 0, 1]", "m1 1 [1, 0, 1]", "m2 1 [0, 1, 1]", "m1 2 [2, 0, 1]"];
    assert_eq!(events(&run, &survey), expected);
    assert_eq!((survey.moved, survey.moved_max_us), (2, 200_000));
}

#[test]
fn a_receive_without_a_send_heard_of_nothing_and_is_told() {
    let invented = "receive 20002 9 0 8 -";
    let again = "receive 20002 10 0 1 -";
    let send = "send 20001 1 0 - 1";
    let (_folder, run) = run_of([&[invented, again, again, END], &[send, END], &[END]]);
    let survey = Survey::of(&run, |_| ()).unwrap();
    let expected = ["m1 1 [1, 0, 0]", "m2 1 [0, 1, 0]", "m1 2 [2, 1, 0]", "m1 3 [3, 1, 0]"];
    assert_eq!(events(&run, &survey), expected);
    let remarks = survey.remarks(&run);
    assert_eq!(remarks.len(), 3, "{remarks:?}");
    assert!(remarks[0].contains("log20001.txt:16: no send belongs"), "{remarks:?}");
    assert!(remarks[1].contains("log20001.txt:18: no send belongs"), "{remarks:?}");
    assert!(remarks[2].contains("scalemodel check"), "{remarks:?}");
}

#[test]
fn a_circle_is_broken_inside_it_and_not_at_one_who_waits_for_it() {
    let from_2 = "receive 20002 3 0 2 -";
    let from_3 = "receive 20003 3 0 2 -";
    let (to_1_and_3, to_2) = ("send 20001,20003 2 0 - 1", "send 20002 2 0 - 1");
    let (_folder, run) = run_of([&[from_2, END], &[from_3, to_1_and_3, END], &[from_2, to_2]]);
    let survey = Survey::of(&run, |_| ()).unwrap();
    let remarks = survey.remarks(&run);
    assert!(remarks[1].contains("log20002.txt:16: this receive would happen before its own"));
    let expected =
        ["m2 1 [0, 1, 0]", "m2 2 [0, 2, 0]", "m1 1 [1, 2, 0]", "m3 1 [0, 2, 1]", "m3 2 [0, 2, 2]"];
    assert_eq!(events(&run, &survey), expected);
}

#[test]
fn the_log_of_a_running_machine_is_cut_where_it_is_newer_than_its_senders() {
    let send = "send 20001 1 0 - 1";
    let receive = "receive 20002 2 0 1 -";
    let (folder, mut run) = run_of([&[INTERNAL, receive, INTERNAL], &[send], &[]]);
    let size = |name: &str| fs::metadata(folder.path().join(name)).unwrap().len();
    let (receiver, header) = (size("log20001.txt"), size("log20003.txt"));
    run.as_of(MachineId::new(1), header, receiver);
    run.as_of(MachineId::new(2), header, header);
    let survey = Survey::of(&run, |_| ()).unwrap();
    assert_eq!(events(&run, &survey), ["m1 1 [1, 0, 0]"]);
    let remarks = survey.remarks(&run);
    assert!(remarks[0].contains("log20001.txt:17: the run goes on"), "{remarks:?}");

    // What had been there before any log was looked at is no newer: its send is missing.
    run.as_of(MachineId::new(1), receiver, receiver);
    let survey = Survey::of(&run, |_| ()).unwrap();
    assert_eq!(events(&run, &survey).len(), 3);
    let remarks = survey.remarks(&run).join("\n");
    assert!(remarks.contains("log20001.txt:17: no send belongs"), "{remarks}");
}

#[test]
fn logs_that_change_between_the_two_readings_are_noticed() {
    let send = "send 20001 1 0 - 1";
    let receive = "receive 20002 2 0 1 -";
    let (folder, run) = run_of([&[receive, END], &[send, END], &[END]]);
    let survey = Survey::of(&run, |_| ()).unwrap();
    write(folder.path(), [&[receive, END], &["send 20003 1 0 - 1", END], &[END]]);
    let mut merge = Merge::surveyed(&run, &survey).unwrap();
    let error = loop {
        match merge.next() {
            Ok(moment) => assert!(moment.is_some()),
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("log20001.txt:16: the logs have changed"), "{error}");
}

#[test]
fn what_no_log_of_the_trial_can_hold_is_refused() {
    let refusal = |tick: &'static str| {
        let (_folder, run) = run_of([&[tick, END], &[END], &[END]]);
        Survey::of(&run, |_| ()).unwrap_err().to_string()
    };
    let stranger = refusal("send 9 1 0 - 1");
    assert!(stranger.ends_with("log20001.txt:16: no machine of the trial has the port 9"));
    let (folder, _) = run_of([&[INTERNAL; 10], &[END], &[END]]);
    let run = Run::open(folder.path()).unwrap();
    let late = Survey::of(&run, |_| ()).unwrap_err().to_string();
    assert!(late.ends_with("log20001.txt:25: tick 10, but the last one of the trial is 9"));
}
