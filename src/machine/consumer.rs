//! A consumer thread: reads one incoming connection, and feeds the inbox at network speed.

use std::io::{BufRead, ErrorKind};
use std::time::Duration;

use super::inbox::{Arrival, Notice};
use super::listener::Door;
use super::wire::{LINE_LEN_MAX, Line, read_line};
use crate::model::{MachineId, Message, Tick};
use crate::quote::shown;
use crate::wall_clock;

/// Reads lines until the peer's goodbye; a connection that ends before that is lost.
pub(super) fn consume(mut stream: impl BufRead, from: MachineId, door: &Door) {
    let mut buffer = Vec::with_capacity(64);
    let mut sequence = 0;
    let mut promised = Tick(1);
    let mut is_silent = true;
    let mut is_full = false;
    loop {
        let line = match read_line(&mut stream, LINE_LEN_MAX, &mut buffer) {
            Ok(Some(line)) => line,
            Ok(None) if is_silent => return door.release(from),
            Err(error) if is_silent && error.kind() == ErrorKind::ConnectionReset => {
                return door.release(from);
            }
            Ok(None) => return lose(door, from, "its connection ended without a goodbye"),
            Err(error) => return lose(door, from, &error.to_string()),
        };
        is_silent = false;
        match line {
            Line::Message { timestamp, tick, sequence: found } => {
                sequence += 1;
                if found != sequence {
                    let why = format!("message {found} arrived where {sequence} was due");
                    return lose(door, from, &why);
                }
                if tick < promised {
                    let why = format!("it sent on its tick {tick}, and had promised not to");
                    return lose(door, from, &why);
                }
                let message = Message { from, timestamp };
                let has_room = door.inbox.arrive(Arrival { message, sent_at: tick });
                if !has_room && !is_full {
                    // The machine ends; what comes until the goodbye is read and let go.
                    is_full = true;
                    door.inbox.tell_full();
                }
            }
            Line::Promise(before) if door.is_virtual && promised < before => {
                promised = before;
                door.inbox.promise(from, before);
            }
            Line::Ready => door.inbox.tell(Notice::Ready(from)),
            Line::Start { in_ns } if from == MachineId::new(1) => {
                let begin = wall_clock::now() + Duration::from_nanos(in_ns);
                door.inbox.tell(Notice::Start(begin));
            }
            Line::Goodbye { sent, left_for } if left_for.is_none_or(|cause| door.knows(cause)) => {
                // Who leaves because of this machine is, seen from here, the one who leaves.
                let own_fault = |cause| if cause == door.machine { from } else { cause };
                let left_for = left_for.map(own_fault);
                return door.inbox.tell(Notice::Goodbye { from, sent, left_for });
            }
            Line::Goodbye { .. }
            | Line::Promise(_)
            | Line::Start { .. }
            | Line::Hello(_)
            | Line::Welcome
            | Line::Refused(_) => {
                let said = shown(line.to_string());
                return lose(door, from, &format!("it said {said}, which is not its to say"));
            }
        }
    }
}

fn lose(door: &Door, from: MachineId, why: &str) {
    door.inbox.tell(Notice::Lost { from, why: why.to_owned() });
}
