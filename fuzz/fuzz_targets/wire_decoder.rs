//! Any bytes from a stranger are lines of the protocol or are refused; a line that is printed
//! again is the same line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use scalemodel::machine::wire::{LINE_LEN_MAX, Line, read_line};

fuzz_target!(|bytes: &[u8]| decode(bytes));

fn decode(bytes: &[u8]) {
    let (lines, _) = read_all(bytes);
    let printed: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let (again, refusal) = read_all(printed.as_bytes());
    assert_eq!(refusal, None, "what was read is refused when printed:\n{printed}");
    assert_eq!(again, lines);
}

/// The lines up to the end, or up to the first that is refused, and why.
fn read_all(mut bytes: &[u8]) -> (Vec<Line>, Option<String>) {
    let mut lines = Vec::new();
    let mut buffer = Vec::new();
    loop {
        match read_line(&mut bytes, LINE_LEN_MAX, &mut buffer) {
            Ok(Some(line)) => lines.push(line),
            Ok(None) => return (lines, None),
            Err(refusal) => return (lines, Some(refusal.to_string())),
        }
        assert!(buffer.len() <= LINE_LEN_MAX);
    }
}
