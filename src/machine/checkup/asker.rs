//! The conversation with whoever asks how the machine is: it says `look` or `send`, and hears.

use std::fmt::Write as _;
use std::io::{self, BufRead, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use log::{debug, info};

use super::{Examinee, Pass};
use crate::machine::door::Door;
use crate::machine::wire::{ChannelLine, LINE_LEN_MAX, Line, Progress, StateLine, read_line, say};
use crate::model::Tick;
use crate::wall_clock;

/// How long an asker may say nothing, or take no answer: it is sent away after that.
pub(in crate::machine) const PATIENCE: Duration = Duration::from_secs(10);

/// Answers an asker until it goes away.
pub(in crate::machine) fn answer(
    reader: impl BufRead,
    stream: &TcpStream,
    pass: &Pass<'_>,
    door: &Door,
) {
    match converse(reader, stream, pass, door) {
        Ok(None) => {}
        Ok(Some(why)) => {
            info!("an asker is sent away: {why}");
            let _ = say(stream, &Line::Refused(why));
        }
        Err(error) => debug!("an asker is gone: {error}"),
    }
}

/// Answers line by line; gives why no more is answered, unless the asker has left.
fn converse(
    mut reader: impl BufRead,
    stream: &TcpStream,
    pass: &Pass<'_>,
    door: &Door,
) -> io::Result<Option<String>> {
    let mut buffer = Vec::new();
    loop {
        let line = match read_line(&mut reader, LINE_LEN_MAX, &mut buffer) {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Ok(Some(error.to_string()));
            }
            Err(error) => return Err(error),
        };
        match line {
            Line::Look => (&*stream).write_all(describe(pass, door).as_bytes())?,
            Line::Send { number } => {
                if let Err(why) = pass.send(number, door.start()) {
                    return Ok(Some(why));
                }
            }
            _ => return Ok(Some("expected look, or send NUMBER".to_owned())),
        }
    }
}

/// All that a machine says of itself.
fn describe(pass: &Pass<'_>, door: &Door) -> String {
    let examinee = &pass.checkups.examinee;
    let back = pass.take_back();
    let echoes = u32::try_from(back.len()).unwrap_or(u32::MAX);
    let mut lines = vec![Line::State(state(examinee, door, echoes))];
    for channel in &examinee.channels {
        let peer = channel.peer;
        let (sent, settled, out) = channel.lock().shown();
        let (accepted, recorded, standing) = door.shown(peer);
        let probes = pass.heard_of(peer);
        let back = standing;
        lines.push(Line::Channel(ChannelLine {
            peer,
            out,
            sent,
            settled,
            back,
            accepted,
            recorded,
            probes,
        }));
    }
    lines.extend(back.into_iter().map(Line::Back));
    lines.iter().fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").expect("writing into a string cannot fail");
        text
    })
}

fn state(examinee: &Examinee, door: &Door, echoes: u32) -> StateLine {
    let Examinee { speed, gauges, .. } = examinee;
    let start = door.start();
    let next = gauges.next();
    let progress = start.map(|start| {
        let elapsed_us = wall_clock::nanos_until(start).saturating_neg() / 1000;
        Progress { elapsed_us, speed: *speed }
    });
    StateLine {
        run: door.identity.run.clone(),
        incarnation: door.identity.incarnation,
        pid: std::process::id(),
        progress,
        next,
        done: gauges.done(),
        clock: gauges.clock(),
        queue_len: door.inbox.waiting(),
        lateness_us: start.map_or(0, |start| lateness_us(examinee, start, next)),
        echoes,
    }
}

/// The largest lateness of late; a tick that is overdue counts as late as it is now.
fn lateness_us(examinee: &Examinee, start: Instant, next: Tick) -> u64 {
    let Examinee { own, trial, speed, gauges, .. } = examinee;
    let elapsed = wall_clock::now().saturating_duration_since(start);
    let schedule = trial.schedule(*own);
    let overdue = if next.0 <= schedule.ticks() {
        elapsed.saturating_sub(speed.wall_time(schedule.due(next)))
    } else {
        Duration::ZERO
    };
    let overdue_us = u64::try_from(overdue.as_micros()).unwrap_or(u64::MAX);
    gauges.lateness_us(elapsed).max(overdue_us)
}
