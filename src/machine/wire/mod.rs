//! The wire: lines of text, bounded in length, each ended by a line feed.
//!
//! A line that begins with a digit is a message: the logical clock, as in the notebook, then the
//! sender's tick and the message's place on its channel. All other lines begin with a word, and
//! unknown words are refused. `docs/protocol.md` describes the whole conversation.

mod checkup;
mod hello;
mod line_buffer;
mod message;

pub use checkup::{
    Asking, BackLine, ChannelLine, CheckupId, EchoLine, ProbeId, Progress, Standing, StateLine,
};
pub use hello::{Boot, Hello, RunId, TrialDigest};
pub use message::MessageLine;

pub(crate) use line_buffer::{LineBuffer, is_not_yet};

use std::fmt::{self, Write as _};
use std::io::{self, BufRead, Read as _};
use std::str::FromStr;

use super::secret::{Nonce, Proof};
use crate::decimal;
use crate::model::{MachineId, Tick};
use crate::quote::shown;

/// The version of the protocol; machines of different versions refuse each other.
pub const PROTOCOL: u32 = 3;

/// The longest line, in bytes without its line feed: no more than this is parsed of what a stranger
/// says.
pub const LINE_LEN_MAX: usize = 256;

/// One line of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Sender to receiver, first of all.
    Hello(Hello),
    /// Receiver to sender: prove that you know the secret, as I do.
    Challenge {
        /// What the proof must be of, besides the hello.
        nonce: Nonce,
        /// The receiver's own proof.
        proof: Proof,
    },
    /// Sender to receiver: the proof that was asked for.
    Proof(Proof),
    /// Receiver to sender: come in.
    Welcome {
        /// The sequence of the message that is due next on this channel.
        next: u64,
        /// The common start, in so many nanoseconds from now; none if it is not named yet.
        start_in_ns: Option<i64>,
    },
    /// Receiver to sender: stay out, and why; a stranger is not told why.
    Refused(String),
    /// To machine 1: all my connections stand.
    Ready,
    /// From machine 1: the common start is in this many nanoseconds.
    Start {
        /// Nanoseconds from the moment at which the line is read; negative if it is past.
        in_ns: i64,
    },
    /// A message.
    Message(MessageLine),
    /// At the virtual pace: no message follows on this channel before this tick of the sender.
    Promise(Tick),
    /// The sender's last line.
    Goodbye {
        /// How many messages it sent on this channel.
        sent: u64,
        /// The machine because of which it leaves before its last tick; none if it is finished.
        left_for: Option<MachineId>,
    },
    /// Receiver to sender: what has come so far.
    Ack {
        /// All messages up to this sequence are in the queue, or were.
        accepted: u64,
        /// The receives of all messages up to this sequence are in the receiver's log.
        recorded: u64,
    },
    /// Receiver to sender: messages came that I could not use; send again from this sequence on.
    Again {
        /// The sequence of the message that is due next on this channel.
        next: u64,
    },
    /// Receiver to sender, last of all: your goodbye is heard, and my log is whole.
    Heard,
    /// Asker to machine, first of all: how are you?
    Health(Asking),
    /// Asker to machine: say how you are.
    Look,
    /// Asker to machine: send the probe of this number to every peer.
    Send {
        /// Its number in the checkup.
        number: u32,
    },
    /// Machine to asker, in answer to a look: how it is itself.
    State(StateLine),
    /// Machine to asker: how its channels with one peer are.
    Channel(ChannelLine),
    /// Machine to asker: a probe is back.
    Back(BackLine),
    /// Sender to receiver: answer this, on your own channel to me.
    Probe(ProbeId),
    /// Sender to receiver: the answer.
    Echo(EchoLine),
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hello(hello) => hello.fmt(formatter),
            Self::Challenge { nonce, proof } => write!(formatter, "challenge {nonce} {proof}"),
            Self::Proof(proof) => write!(formatter, "proof {proof}"),
            Self::Welcome { next, start_in_ns: None } => write!(formatter, "welcome {next} -"),
            Self::Welcome { next, start_in_ns: Some(ns) } => {
                write!(formatter, "welcome {next} {ns}")
            }
            Self::Refused(why) if why.is_empty() => formatter.write_str("refused"),
            Self::Refused(why) => write!(formatter, "refused {why}"),
            Self::Ready => formatter.write_str("ready"),
            Self::Start { in_ns } => write!(formatter, "start {in_ns}"),
            Self::Message(message) => message.fmt(formatter),
            Self::Promise(tick) => write!(formatter, "promise {tick}"),
            Self::Goodbye { sent, left_for: None } => write!(formatter, "goodbye {sent} finished"),
            Self::Goodbye { sent, left_for: Some(machine) } => {
                write!(formatter, "goodbye {sent} left {machine}")
            }
            Self::Ack { accepted, recorded } => write!(formatter, "ack {accepted} {recorded}"),
            Self::Again { next } => write!(formatter, "again {next}"),
            Self::Heard => formatter.write_str("heard"),
            Self::Health(asking) => asking.fmt(formatter),
            Self::Look => formatter.write_str("look"),
            Self::Send { number } => write!(formatter, "send {number}"),
            Self::State(state) => state.fmt(formatter),
            Self::Channel(channel) => channel.fmt(formatter),
            Self::Back(back) => back.fmt(formatter),
            Self::Probe(probe) => write!(formatter, "probe {probe}"),
            Self::Echo(echo) => echo.fmt(formatter),
        }
    }
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        if word.starts_with(|first: char| first.is_ascii_digit()) {
            return text.parse().map(Self::Message);
        }
        match word {
            "hello" => rest.parse().map(Self::Hello),
            "challenge" => parse_challenge(rest),
            "proof" => Ok(Self::Proof(rest.parse()?)),
            "welcome" => parse_welcome(rest),
            "refused" => Ok(Self::Refused(rest.to_owned())),
            "ready" if text == word => Ok(Self::Ready),
            "start" => Ok(Self::Start { in_ns: signed(rest)? }),
            "promise" => parse_promise(rest),
            "goodbye" => parse_goodbye(rest),
            "ack" => parse_ack(rest),
            "again" => Ok(Self::Again { next: number(rest)? }),
            "heard" if text == word => Ok(Self::Heard),
            "health" => rest.parse().map(Self::Health),
            "look" if text == word => Ok(Self::Look),
            "send" => Ok(Self::Send { number: number(rest)? }),
            "state" => rest.parse().map(Self::State),
            "channel" => rest.parse().map(Self::Channel),
            "back" => rest.parse().map(Self::Back),
            "probe" => rest.parse().map(Self::Probe),
            "echo" => rest.parse().map(Self::Echo),
            _ => Err(format!("unknown line {}", shown(text))),
        }
    }
}

fn parse_challenge(rest: &str) -> Result<Line, String> {
    let [nonce, proof] = fields(rest, "challenge NONCE PROOF")?;
    Ok(Line::Challenge { nonce: nonce.parse()?, proof: proof.parse()? })
}

fn parse_welcome(rest: &str) -> Result<Line, String> {
    let [next, start] = fields(rest, "welcome NEXT START")?;
    let start_in_ns = if start == "-" { None } else { Some(signed(start)?) };
    Ok(Line::Welcome { next: number(next)?, start_in_ns })
}

fn parse_ack(rest: &str) -> Result<Line, String> {
    let [accepted, recorded] = fields(rest, "ack ACCEPTED RECORDED")?;
    Ok(Line::Ack { accepted: number(accepted)?, recorded: number(recorded)? })
}

/// A promise may name the tick after the last one: nothing follows at all.
fn parse_promise(rest: &str) -> Result<Line, String> {
    let tick = number(rest)?;
    let is_in_range = (1..=Tick::MAX.0 + 1).contains(&tick);
    if is_in_range {
        Ok(Line::Promise(Tick(tick)))
    } else {
        Err(format!("out of range in 'promise {tick}'"))
    }
}

fn parse_goodbye(rest: &str) -> Result<Line, String> {
    let (sent, why) = rest.split_once(' ').unwrap_or((rest, ""));
    let left_for = match why.split_once(' ') {
        None if why == "finished" => None,
        Some(("left", by)) => Some(machine(by)?),
        _ => {
            return Err("expected goodbye COUNT finished, or goodbye COUNT left MACHINE".to_owned());
        }
    };
    Ok(Line::Goodbye { sent: number(sent)?, left_for })
}

fn machine(text: &str) -> Result<MachineId, String> {
    match number(text)? {
        0 => Err("machines are numbered from 1".to_owned()),
        number => Ok(MachineId::new(number)),
    }
}

fn fields<'a, const N: usize>(text: &'a str, expected: &str) -> Result<[&'a str; N], String> {
    let mut fields = text.split(' ');
    let found = [(); N].map(|()| fields.next());
    let is_all = fields.next().is_none() && found.iter().all(Option::is_some);
    if is_all {
        Ok(found.map(Option::unwrap_or_default))
    } else {
        Err(format!("expected {expected}"))
    }
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    decimal::parse(text).ok_or_else(|| format!("expected a whole number, found {}", shown(text)))
}

fn signed(text: &str) -> Result<i64, String> {
    match text.strip_prefix('-') {
        Some(digits) => number::<i64>(digits).map(|number| -number),
        None => number(text),
    }
}

/// Says a line, all at once.
///
/// # Errors
/// When the stream fails, or has no room and does not block.
pub(crate) fn say(mut stream: impl io::Write, line: &Line) -> io::Result<()> {
    let mut text = text_of(line);
    text.push('\n');
    stream.write_all(text.as_bytes())
}

/// What a line, or a part of one, looks like. It is not made to grow: a machine with a hundred peers
/// says a thousand lines before it starts.
pub(crate) fn text_of(part: &impl fmt::Display) -> String {
    let mut text = String::with_capacity(LINE_LEN_MAX + 1);
    write!(text, "{part}").expect("writing into a string cannot fail");
    text
}

/// Reads one line of at most `len_max` bytes into `buffer`; nothing at the end of the stream.
///
/// # Errors
/// When the stream fails, ends inside a line, or the line is too long, not UTF-8 or no line of
/// the protocol.
pub fn read_line(
    stream: &mut impl BufRead,
    len_max: usize,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Line>> {
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    buffer.clear();
    stream.take(len_max as u64 + 1).read_until(b'\n', buffer)?;
    match buffer.pop() {
        None => return Ok(None),
        Some(b'\n') => {}
        Some(last) => {
            buffer.push(last);
            if len_max < buffer.len() {
                return Err(invalid(too_long(buffer)));
            }
            let what = format!("the connection ended inside the line {}", shown(&*buffer));
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
    }
    parse_line(buffer).map(Some).map_err(invalid)
}

/// Reads one line, given without its line feed.
fn parse_line(line: &[u8]) -> Result<Line, String> {
    let text = std::str::from_utf8(line);
    text.map_err(|_| format!("a line that is not UTF-8: {}", shown(line)))?.parse()
}

fn too_long(line: &[u8]) -> String {
    format!("a line of more than {LINE_LEN_MAX} bytes: {}", shown(line))
}

#[cfg(test)]
mod tests;
