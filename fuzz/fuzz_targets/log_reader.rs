//! Any bytes are a log or are refused; a log that is printed again is the same log.

#![no_main]

use std::fmt::Write as _;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use scalemodel::logbook::header::COLUMNS;
use scalemodel::logbook::{Log, Numbered};

fuzz_target!(|bytes: &[u8]| read(bytes));

fn read(bytes: &[u8]) {
    let path = Path::new("log20001.txt");
    let log = match Log::read(path, bytes) {
        Ok(log) => log,
        Err(refusal) => {
            assert!(!refusal.to_string().is_empty());
            return;
        }
    };
    let text = print(&log);
    let again = match Log::read(path, text.as_bytes()) {
        Ok(again) => again,
        Err(refusal) => panic!("what was read is refused when printed: {refusal}\n{text}"),
    };
    assert_eq!(again.header, log.header);
    assert_eq!(again.start, log.start);
    assert_eq!(again.clock_offset, log.clock_offset);
    assert!(entries(&again.ticks).eq(entries(&log.ticks)), "ticks differ");
    assert!(entries(&again.skips).eq(entries(&log.skips)), "skipped ticks differ");
    assert!(entries(&again.restarts).eq(entries(&log.restarts)), "restarts differ");
    assert_eq!(again.end.map(|end| end.entry), log.end.map(|end| end.entry));
    assert_eq!(again.torn_line, None);
}

/// Prints a log line by line, in the order of its file, but for restarts in the header, which stand
/// below it; a torn line is no part of it.
fn print(log: &Log) -> String {
    let mut text = log.header.to_string();
    let mut restarts = log.restarts.iter().peekable();
    let mut skips = log.skips.iter().peekable();
    if let Some(offset) = log.clock_offset {
        line(&mut text, format_args!("{offset}"));
    }
    if let Some(start) = log.start {
        line(&mut text, format_args!("# start: {start}"));
        line(&mut text, format_args!("{}", COLUMNS.join(" ")));
    }
    let ends = log.ticks.iter().map(|tick| tick.line).chain([usize::MAX]);
    let mut ticks = log.ticks.iter();
    for end in ends {
        loop {
            let restart = restarts.peek().map_or(usize::MAX, |restart| restart.line);
            let skip = skips.peek().map_or(usize::MAX, |skip| skip.line);
            if end <= restart.min(skip) {
                break;
            }
            if let Some(skip) = skips.next_if(|skip| skip.line < restart) {
                line(&mut text, format_args!("{}", skip.entry));
            } else if let Some(restart) = restarts.next() {
                line(&mut text, format_args!("{}", restart.entry));
            }
        }
        if let Some(tick) = ticks.next() {
            line(&mut text, format_args!("{}", tick.entry));
        }
    }
    if let Some(end) = &log.end {
        line(&mut text, format_args!("{}", end.entry));
    }
    text
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("writing into a string cannot fail");
}

/// The entries without their lines, which differ where the header had keys that are passed over.
fn entries<T>(numbered: &[Numbered<T>]) -> impl Iterator<Item = &T> {
    numbered.iter().map(|numbered| &numbered.entry)
}
