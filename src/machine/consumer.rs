//! A consumer thread: reads one incoming connection, and feeds the inbox at network speed.

use std::io::{self, BufRead, ErrorKind};

use log::{debug, info};

use super::assembly::starter;
use super::door::{Door, Reception, Visit};
use super::inbox::Notice;
use super::wire::{LINE_LEN_MAX, Line, read_line};
use crate::quote::shown;
use crate::wall_clock;

/// Reads lines until the connection ends.
pub(super) fn consume(mut stream: impl BufRead, visit: Visit, door: &Door) {
    let mut buffer = Vec::with_capacity(64);
    loop {
        let reception = match read_line(&mut stream, LINE_LEN_MAX, &mut buffer) {
            Ok(Some(line)) => take(line, visit, door),
            Ok(None) => return door.leave(visit),
            Err(error) if is_corrupted_message(&error, &buffer) => {
                info!("discarded a message of machine {}: {error}", visit.peer);
                door.lose_message(visit)
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                Reception::Wrong(error.to_string())
            }
            Err(error) => {
                debug!("the connection from machine {} failed: {error}", visit.peer);
                return door.break_off(visit);
            }
        };
        match reception {
            Reception::Taken => {}
            Reception::Superseded => return,
            Reception::Wrong(why) => {
                return door.inbox.tell(Notice::Lost { from: visit.peer, why });
            }
        }
    }
}

/// Answers a probe, or takes the answer to one. A connection that is not the present one any more
/// may say its last probes, too: they change nothing.
fn take_probe(line: &Line, visit: Visit, door: &Door) {
    match (line, &door.checkups) {
        (Line::Probe(probe), Some(checkups)) => checkups.hear(visit.peer, *probe, door.start()),
        (Line::Echo(echo), Some(checkups)) => checkups.come_back(visit.peer, echo),
        _ => {}
    }
}

/// A line that began as a message and is none: it was changed on its way, and is sent again.
fn is_corrupted_message(error: &io::Error, line: &[u8]) -> bool {
    error.kind() == ErrorKind::InvalidData
        && line.len() <= LINE_LEN_MAX
        && line.first().is_some_and(u8::is_ascii_digit)
}

fn take(line: Line, visit: Visit, door: &Door) -> Reception {
    let is_virtual = door.identity.is_virtual;
    match line {
        Line::Message(message) => return door.take_message(visit, &message),
        Line::Promise(before) if is_virtual => return door.take_promise(visit, before),
        Line::Goodbye { sent, left_for } if left_for.is_none_or(|cause| door.knows(cause)) => {
            // Who leaves because of this machine is, seen from here, the one who leaves.
            let own = door.identity.machine;
            let own_fault = |cause| if cause == own { visit.peer } else { cause };
            return door.take_goodbye(visit, sent, left_for.map(own_fault));
        }
        Line::Probe(_) | Line::Echo(_) if door.checkups.is_some() => take_probe(&line, visit, door),
        Line::Ready => door.roll_call.note_readiness(visit.peer),
        Line::Start { in_ns } if visit.peer == starter() => {
            door.roll_call.note_start(wall_clock::instant_in(in_ns));
        }
        other => {
            let said = shown(other.to_string());
            return Reception::Wrong(format!("it said {said}, which is not its to say"));
        }
    }
    Reception::Taken
}
