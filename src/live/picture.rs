//! What was seen of the runs, as lines of a given width and height: every machine a row, if all fit;
//! otherwise the machines of one run that stand out, or every run a line.

use super::machine::MachineView;
use super::run::{Condition, RunView};
use super::table::{Columns, condition};
use super::text::{Charset, Line, Paint, span, width_of};
use crate::logbook::Ending;
use crate::model::{Channels, Fault, FaultId, FaultKind, MachineFault, MachineId};
use crate::pace::{Pace, Speed};
use crate::trial::listed;

/// How long the track of the time is, in columns.
const TRACK_MIN: usize = 6;
const TRACK_MAX: usize = 40;

/// What a picture may be made of.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Columns.
    pub width: usize,
    /// Lines.
    pub height: usize,
    /// The characters.
    pub charset: Charset,
    /// Whether there are colours.
    pub has_colour: bool,
}

/// Pictures the runs.
#[must_use]
pub fn picture(runs: &[&RunView], frame: &Frame) -> Vec<String> {
    let columns = Columns::fitting(runs, frame.width, frame.charset);
    let rows = |run: &&RunView| run.machines.len() + usize::from(!run.trial.faults.is_empty());
    let all_rows: usize = runs.iter().map(rows).sum();
    let lines = if all_rows + 3 * runs.len() <= frame.height + 1 {
        spacious(runs, frame, &columns)
    } else if all_rows + runs.len() < frame.height {
        tight(runs, frame, &columns)
    } else if let [run] = *runs {
        standing_out(run, frame, &columns)
    } else {
        one_line_each(runs, frame)
    };
    let lines = lines.iter().take(frame.height);
    lines.map(|line| line.print(frame.width, frame.has_colour)).collect()
}

/// Each run by itself.
fn spacious(runs: &[&RunView], frame: &Frame, columns: &Columns) -> Vec<Line> {
    let mut lines = Vec::new();
    for (run, heading) in runs.iter().zip(headings(runs, frame)) {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(heading);
        lines.push(columns.names());
        lines.extend((0..run.machines.len()).map(|index| columns.row(run, index)));
        lines.extend(faults(run));
    }
    lines
}

/// One run below the other, and the names of the columns once.
fn tight(runs: &[&RunView], frame: &Frame, columns: &Columns) -> Vec<Line> {
    let mut lines = vec![columns.names()];
    for (run, heading) in runs.iter().zip(headings(runs, frame)) {
        lines.push(heading);
        lines.extend((0..run.machines.len()).map(|index| columns.row(run, index)));
        lines.extend(faults(run));
    }
    lines
}

/// The machines of a run that stand out, and how many more there are.
fn standing_out(run: &RunView, frame: &Frame, columns: &Columns) -> Vec<Line> {
    let mut lines = headings(&[run], frame);
    let faults = faults(run);
    let room = frame.height.saturating_sub(3 + usize::from(faults.is_some()));
    let mut order: Vec<usize> = (0..run.machines.len()).collect();
    // By the longest queue so far, since by the present one the rows would not stand still.
    order.sort_by_key(|&index| {
        (!is_odd(run, index), std::cmp::Reverse(run.machines[index].queue_len_max), index)
    });
    let (shown, hidden) = order.split_at(room.min(order.len()));
    let mut shown = shown.to_vec();
    shown.sort_unstable();
    lines.push(columns.names());
    lines.extend(shown.iter().map(|&index| columns.row(run, index)));
    let longest = hidden.iter().map(|&index| run.machines[index].queue_len()).max().unwrap_or(0);
    let queues = match longest {
        0 => "all empty".to_owned(),
        longest => format!("{longest} at most"),
    };
    let mut more = Line::default();
    more.push(Paint::Dim, format!("  and {} more machines, their queues {queues}", hidden.len()));
    lines.push(more);
    lines.extend(faults);
    lines
}

/// Every run a line, and how many more there are.
fn one_line_each(runs: &[&RunView], frame: &Frame) -> Vec<Line> {
    let shown =
        if runs.len() <= frame.height { runs.len() } else { frame.height.saturating_sub(1) };
    let name = runs.iter().map(|run| width_of(&run.trial.name)).max().unwrap_or(0);
    let time = runs.iter().map(|run| width_of(&time(run))).max().unwrap_or(0);
    let mut lines: Vec<Line> = runs[..shown]
        .iter()
        .map(|run| {
            let mut line = Line::default();
            line.push(Paint::Bold, format!("{:<name$}  ", run.trial.name));
            push_track(&mut line, run, frame.charset, frame.width.saturating_sub(68).clamp(6, 20));
            line.append(progress(run, time, frame.charset));
            line.push(Paint::Plain, "  ");
            line.append(queues(run, frame.width.saturating_sub(line.width())));
            line
        })
        .collect();
    if shown < runs.len() {
        let mut more = Line::default();
        more.push(Paint::Dim, format!("and {} more trials", runs.len() - shown));
        lines.push(more);
    }
    lines
}

/// A run in short: how it is called, how far it is, how long it will go on, and its drift.
fn headings(runs: &[&RunView], frame: &Frame) -> Vec<Line> {
    let widest = |cell: fn(&RunView) -> String| {
        runs.iter().map(|run| width_of(&cell(run))).max().unwrap_or(0)
    };
    let (name, pace, time) = (widest(|run| run.trial.name.clone()), widest(pace), widest(time));
    let heading = |run: &&RunView| {
        let right = progress(run, time, frame.charset);
        let left = frame.width.saturating_sub(name + 2 + right.width());
        let mut line = Line::default();
        line.push(Paint::Bold, format!("{:<name$}  ", run.trial.name));
        let has_pace = pace + 2 + TRACK_MIN + 2 <= left;
        if has_pace {
            line.push(Paint::Dim, format!("{:<pace$}  ", self::pace(run)));
        }
        let track = left.saturating_sub(2 + if has_pace { pace + 2 } else { 0 });
        if TRACK_MIN <= track {
            push_track(&mut line, run, frame.charset, track.min(TRACK_MAX));
        }
        line.append(right);
        line
    };
    runs.iter().map(heading).collect()
}

fn push_track(line: &mut Line, run: &RunView, charset: Charset, width: usize) {
    let [passed, to_come] = charset.track(width, run.model_time_us(), run.duration_us());
    line.push(Paint::Bar, passed);
    line.push(Paint::Dim, to_come + "  ");
}

fn pace(run: &RunView) -> String {
    match run.pace {
        None => String::new(),
        Some(Pace::Real(speed)) if speed == Speed::ONE => "real pace".to_owned(),
        Some(Pace::Real(speed)) => format!("real pace, speed {speed}"),
        Some(Pace::Virtual) => "virtual pace".to_owned(),
    }
}

fn time(run: &RunView) -> String {
    let (seconds, duration) = (run.model_time_us() / 1_000_000, run.trial.duration_s.to_string());
    format!("{seconds:>width$} of {duration} s", width = duration.len())
}

fn progress(run: &RunView, time_width: usize, charset: Charset) -> Line {
    let mut line = Line::default();
    line.push_right(Paint::Plain, time_width, &time(run));
    let (paint, text) = stage(run);
    line.push(Paint::Plain, "  ");
    line.push(paint, format!("{text:<10}"));
    line.push(Paint::Plain, "  ");
    line.push(Paint::Dim, "drift");
    let drift = run.drift().map_or("-".to_owned(), |drift| drift.to_string());
    line.push_right(Paint::Plain, 5, &drift);
    let arrow = if run.is_over() { " " } else { charset.arrow(run.drift_direction()) };
    line.push(Paint::Note, format!(" {arrow}"));
    line
}

/// How far a run is, in a word.
fn stage(run: &RunView) -> (Paint, String) {
    let is = |wanted: fn(&Condition) -> bool| run.conditions.iter().all(wanted);
    if run.is_finished() {
        (Paint::Plain, "finished".to_owned())
    } else if run.is_over() {
        (Paint::Alarm, "not whole".to_owned())
    } else if is(|condition| *condition == Condition::Missing) {
        (Paint::Dim, "no log yet".to_owned())
    } else if is(|condition| matches!(condition, Condition::Missing | Condition::Connecting)) {
        (Paint::Dim, "connecting".to_owned())
    } else if is(is_still) {
        (Paint::Alarm, "silent".to_owned())
    } else {
        let left = run.seconds_left().map(|left| format!("{} left", span(left)));
        (Paint::Plain, left.unwrap_or_default())
    }
}

/// Whether a machine does not go on, as far as can be seen.
fn is_still(condition: &Condition) -> bool {
    matches!(condition, Condition::Missing | Condition::Silent(_) | Condition::Ended(_))
}

/// The queues of a run in a few columns, or else the longest one, and the first machine that is odd.
fn queues(run: &RunView, width: usize) -> Line {
    let mut line = Line::default();
    if let Some(index) = (0..run.machines.len()).find(|&index| is_odd(run, index))
        && let Some((paint, text)) = condition(run, index)
    {
        line.push(paint, format!("machine {}: {text}", MachineId::at(index)));
        return line;
    }
    let queues: Vec<u64> = run.machines.iter().map(MachineView::queue_len).collect();
    let all = queues.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    if width_of("queues ") + width_of(&all) <= width {
        line.push(Paint::Dim, "queues ");
        line.push(Paint::Plain, all);
    } else {
        line.push(Paint::Dim, "longest queue ");
        line.push(Paint::Plain, queues.iter().max().unwrap_or(&0).to_string());
    }
    line
}

/// Whether a machine does not do what it should, or a fault keeps it from it.
fn is_odd(run: &RunView, index: usize) -> bool {
    match run.conditions[index] {
        Condition::Silent(_) => true,
        Condition::Ended(ending) => ending != Ending::Finished,
        Condition::Struck(_, fault) => matches!(fault, MachineFault::Kill | MachineFault::Pause),
        Condition::Missing | Condition::Connecting | Condition::Ticking | Condition::Done => false,
    }
}

/// The faults that are under way; nothing if the trial has none.
fn faults(run: &RunView) -> Option<Line> {
    if run.trial.faults.is_empty() {
        return None;
    }
    let now = run.faults_now();
    let mut line = Line::default();
    if now.is_empty() {
        line.push(Paint::Dim, "  no fault is under way");
    }
    for (place, (number, fault)) in now.into_iter().enumerate() {
        line.push(Paint::Plain, if place == 0 { "  " } else { "; " });
        line.push(Paint::Note, told(number, fault));
    }
    Some(line)
}

fn told(number: FaultId, fault: &Fault) -> String {
    let who = match &fault.kind {
        FaultKind::OnMachines(machines, _) => {
            let noun = if machines.len() == 1 { "machine" } else { "machines" };
            format!("of {noun} {}", listed(machines, ", "))
        }
        FaultKind::OnChannels(Channels { from, to, both_ways }, _) => {
            let back = if *both_ways { " and back" } else { "" };
            format!("from {} to {}{back}", listed(from, ", "), listed(to, ", "))
        }
    };
    let end_ms = fault.span.end_ms();
    let (seconds, tenths) = (end_ms / 1000, end_ms / 100 % 10);
    format!("fault {number}: {} {who} until {seconds}.{tenths} s", fault.name())
}

#[cfg(test)]
mod tests {
    use super::super::sample::{look, run, start, tell, tick};
    use super::*;

    const PLAIN: Frame =
        Frame { width: 79, height: 23, charset: Charset::Unicode, has_colour: false };

    fn sample() -> RunView {
        let faults = "[[fault]]\nkind = \"kill\"\nat_ms = 20000\nfor_ms = 10000\nmachine = 1\n";
        let mut run = run("sample", &[5, 1, 5], faults);
        start(&mut run, Pace::Real(Speed::ONE));
        tell(&mut run, 1, &tick(100, 19, "internal -", 110, 0));
        tell(
            &mut run,
            2,
            "# skipped: ticks=3..=4 lateness_us=1500000 system_time=2026-11-22T14:46:04.721837Z",
        );
        tell(&mut run, 2, &tick(20, 19, "receive 20003", 60, 11));
        look(&mut run, 19_900, &[1, 2, 3]);
        tell(&mut run, 2, &tick(25, 24, "receive 20001", 64, 13));
        tell(&mut run, 3, &tick(125, 24, "send 20001,20002", 141, 0));
        look(&mut run, 24_950, &[2, 3]);
        run
    }

    fn many(machines: usize) -> RunView {
        let mut run = run("many", &vec![6; machines], "");
        start(&mut run, Pace::Real(Speed::ONE));
        for machine in 1..=machines {
            let queue = if machine % 10 == 7 { machine as u64 } else { 0 };
            tell(&mut run, machine, &tick(60, 9, "internal -", 60, queue));
        }
        look(&mut run, 10_000, &(1..=machines).collect::<Vec<_>>());
        run
    }

    #[test]
    fn a_run_is_pictured_in_eighty_columns() {
        let expected = "\
sample  real pace  ━━━━━━━━──────────────  24 of 60 s  36 s left   drift   77 ↑
  machine  rate     tick  clock  queue       to 20    last event
  1 20001   5/s  100/300    110      0                killed by fault 1
  2 20002   1/s    25/60     64     13 ███████▏    ↑  receive from 1, 2 skipped
  3 20003   5/s  125/300    141      0                send to 1, 2
  fault 1: kill of machine 1 until 30.0 s";
        assert_eq!(picture(&[&sample()], &PLAIN).join("\n"), expected);
    }

    #[test]
    fn a_run_in_which_nobody_goes_on_has_no_time_left() {
        let mut run = sample();
        assert_eq!(stage(&run).1, "36 s left");
        look(&mut run, 35_000, &[]);
        assert_eq!(stage(&run).1, "silent");
        look(&mut run, 60_000, &[]);
        assert_eq!(stage(&run).1, "not whole");
    }

    #[test]
    fn without_unicode_only_ascii_is_used() {
        let lines = picture(&[&sample()], &Frame { charset: Charset::Ascii, ..PLAIN });
        assert!(lines.iter().all(|line| line.is_ascii()), "{lines:?}");
        assert!(
            lines[0].contains("  ========--------------  ")
                && lines[3].contains(" 13 #######     ^  ")
        );
    }

    #[test]
    fn colours_change_nothing_but_the_colours() {
        let coloured = picture(&[&sample()], &Frame { has_colour: true, ..PLAIN });
        assert!(coloured[2].contains("\x1b[33mkilled by fault 1\x1b[0m"));
        let strip = |line: &String| {
            let mut pieces = line.split('\x1b');
            let first = pieces.next().unwrap().to_owned();
            pieces.fold(first, |text, piece| text + piece.split_once('m').unwrap().1)
        };
        let bare: Vec<String> =
            coloured.iter().map(|line| strip(line).trim_end().to_owned()).collect();
        assert_eq!(bare, picture(&[&sample()], &PLAIN));
    }

    #[test]
    fn a_narrow_picture_leaves_out_what_is_needed_least() {
        let narrow = picture(&[&sample()], &Frame { width: 59, ..PLAIN });
        assert!(narrow[0].starts_with("sample  ━"), "{narrow:?}");
        assert_eq!(narrow[3], "  2 20002    25/60     64     13 ███▉   ↑  receive from 1,");
        let narrower = picture(&[&sample()], &Frame { width: 39, ..PLAIN });
        assert_eq!(narrower[3], "  2    25/60     64     13 ↑  receive f");
    }

    #[test]
    fn no_picture_is_larger_than_its_frame() {
        let (few, hundred) = (sample(), many(100));
        for (width, height) in [(0, 0), (1, 1), (10, 3), (39, 11), (79, 23), (79, 4), (200, 120)] {
            for runs in [vec![&few], vec![&hundred], vec![&few; 9], vec![&few, &hundred]] {
                let lines = picture(&runs, &Frame { width, height, ..PLAIN });
                assert!(lines.len() <= height, "{width} x {height}: {lines:?}");
                let widest = lines.iter().map(|line| width_of(line)).max().unwrap_or(0);
                assert!(widest <= width, "{width} x {height}: {lines:?}");
            }
        }
    }

    #[test]
    fn of_many_machines_those_with_long_queues_are_shown() {
        let lines = picture(&[&many(100)], &Frame { height: 9, ..PLAIN });
        let numbers: Vec<&str> =
            lines[2..8].iter().map(|line| line.split_whitespace().next().unwrap()).collect();
        assert_eq!(numbers, ["47", "57", "67", "77", "87", "97"]);
        assert_eq!(lines[8], "  and 94 more machines, their queues 37 at most");
    }

    #[test]
    fn runs_that_do_not_fit_get_a_line_each() {
        let run = sample();
        let nine = picture(&[&run; 9], &PLAIN);
        assert_eq!(nine.len(), 9);
        let expected =
            "sample  ━━━━───────  24 of 60 s  36 s left   drift   77 ↑  machine 1: killed by";
        assert_eq!(nine[8], expected);
        let tight = picture(&[&run; 9], &Frame { height: 60, ..PLAIN });
        assert_eq!(tight.len(), 1 + 9 * 5);
        let wide = picture(&[&many(8), &many(8)], &Frame { height: 4, ..PLAIN });
        assert!(wide[0].ends_with("queues 0 0 0 0 0 0 7 0"), "{wide:?}");
        let crowded = picture(&[&many(60), &many(10)], &Frame { height: 4, ..PLAIN });
        assert!(crowded[0].ends_with("longest queue 57"), "{crowded:?}");
        let cut = picture(&[&run; 9], &Frame { height: 4, ..PLAIN });
        assert_eq!((cut.len(), cut[3].as_str()), (4, "and 6 more trials"));
    }
}
