//! The wire: lines of text, bounded in length, each ended by a line feed.
//!
//! A line that begins with a digit is a message: the logical clock, as in the notebook, then the
//! sender's tick and the message's place on its channel. All other lines begin with a word, and
//! unknown words are refused. `docs/protocol.md` describes the whole conversation.

use std::fmt;
use std::io::{self, BufRead, Read as _};
use std::str::FromStr;

use crate::decimal;
use crate::model::{MachineId, Tick, Timestamp};
use crate::quote::shown;

/// The version of the protocol; machines of different versions refuse each other.
pub const PROTOCOL: u32 = 1;

/// The longest line, in bytes without its line feed: no more than this is parsed of what a stranger
/// says.
pub const LINE_LEN_MAX: usize = 256;

/// The random identity of a run, which the orchestrator makes; it stands in no log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunId(String);

impl FromStr for RunId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_word = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_word {
            Ok(Self(text.to_owned()))
        } else {
            Err("allowed: 1 to 64 letters, digits and '-'".to_owned())
        }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The first line on every connection: who speaks, to whom, in which run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The sender's version of the protocol.
    pub protocol: u32,
    /// The run.
    pub run: RunId,
    /// The machine that speaks.
    pub from: MachineId,
    /// The machine that it means to reach.
    pub to: MachineId,
    /// The how-manieth start of the sender in its run, from 1.
    pub incarnation: u32,
    /// Whether the sender runs at the virtual pace.
    pub is_virtual: bool,
}

/// One line of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Sender to receiver, first of all.
    Hello(Hello),
    /// Receiver to sender: come in.
    Welcome,
    /// Receiver to sender: stay out, and why.
    Refused(String),
    /// To machine 1: all my connections stand.
    Ready,
    /// From machine 1: the common start is in this many nanoseconds.
    Start {
        /// Nanoseconds from the moment at which the line is read.
        in_ns: u64,
    },
    /// A message.
    Message {
        /// The timestamp of the send event.
        timestamp: Timestamp,
        /// The sender's tick; it gives the model time of the send.
        tick: Tick,
        /// The message's place on its channel, from 1 without a gap.
        sequence: u64,
    },
    /// At the virtual pace: no message follows on this channel before this tick of the sender.
    Promise(Tick),
    /// The sender's last line.
    Goodbye {
        /// How many messages it sent on this channel.
        sent: u64,
        /// The machine because of which it leaves before its last tick; none if it is finished.
        left_for: Option<MachineId>,
    },
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hello(hello) => {
                let Hello { protocol, run, from, to, incarnation, is_virtual } = hello;
                let pace = if *is_virtual { "virtual" } else { "real" };
                write!(formatter, "hello {protocol} {run} {from} {to} {incarnation} {pace}")
            }
            Self::Welcome => formatter.write_str("welcome"),
            Self::Refused(why) => write!(formatter, "refused {why}"),
            Self::Ready => formatter.write_str("ready"),
            Self::Start { in_ns } => write!(formatter, "start {in_ns}"),
            Self::Message { timestamp, tick, sequence } => {
                write!(formatter, "{timestamp} {tick} {sequence}")
            }
            Self::Promise(tick) => write!(formatter, "promise {tick}"),
            Self::Goodbye { sent, left_for: None } => write!(formatter, "goodbye {sent} finished"),
            Self::Goodbye { sent, left_for: Some(machine) } => {
                write!(formatter, "goodbye {sent} left {machine}")
            }
        }
    }
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        if word.starts_with(|first: char| first.is_ascii_digit()) {
            return parse_message(text);
        }
        match word {
            "hello" => parse_hello(rest).map(Self::Hello),
            "welcome" if text == word => Ok(Self::Welcome),
            "refused" => Ok(Self::Refused(rest.to_owned())),
            "ready" if text == word => Ok(Self::Ready),
            "start" => Ok(Self::Start { in_ns: number(rest)? }),
            "promise" => parse_promise(rest),
            "goodbye" => parse_goodbye(rest),
            _ => Err(format!("unknown line {}", shown(text))),
        }
    }
}

fn parse_message(text: &str) -> Result<Line, String> {
    let [timestamp, tick, sequence] = fields(text, "a message: CLOCK TICK SEQUENCE")?;
    let (timestamp, tick) = (Timestamp(number(timestamp)?), Tick(number(tick)?));
    let sequence = number(sequence)?;
    let is_in_range = (1..=Timestamp::MAX.0).contains(&timestamp.0)
        && (1..=Tick::MAX.0).contains(&tick.0)
        && sequence != 0;
    if !is_in_range {
        return Err(format!("out of range in the message '{text}'"));
    }
    Ok(Line::Message { timestamp, tick, sequence })
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

fn parse_hello(rest: &str) -> Result<Hello, String> {
    let [protocol, run, from, to, incarnation, pace] =
        fields(rest, "hello PROTOCOL RUN FROM TO INCARNATION PACE")?;
    let incarnation = number(incarnation)?;
    if incarnation == 0 {
        return Err("incarnations are numbered from 1".to_owned());
    }
    Ok(Hello {
        protocol: number(protocol)?,
        run: run.parse()?,
        from: machine(from)?,
        to: machine(to)?,
        incarnation,
        is_virtual: match pace {
            "virtual" => true,
            "real" => false,
            _ => return Err("the pace is real or virtual".to_owned()),
        },
    })
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
    let fields: Vec<&str> = text.split(' ').collect();
    fields.try_into().map_err(|_| format!("expected {expected}"))
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    decimal::parse(text).ok_or_else(|| format!("expected a whole number, found {}", shown(text)))
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
            let what = if len_max < buffer.len() {
                format!("a line of more than {len_max} bytes: {}", shown(&*buffer))
            } else {
                format!("the connection ended inside the line {}", shown(&*buffer))
            };
            return Err(invalid(what));
        }
    }
    let text = std::str::from_utf8(buffer)
        .map_err(|_| invalid(format!("a line that is not UTF-8: {}", shown(&*buffer))))?;
    text.parse().map(Some).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line() -> impl Strategy<Value = Line> {
        let message =
            (1..=Timestamp::MAX.0, 1..=Tick::MAX.0, 1_u64..).prop_map(|(clock, tick, sequence)| {
                Line::Message { timestamp: Timestamp(clock), tick: Tick(tick), sequence }
            });
        let hello = (any::<u32>(), "[a-zA-Z0-9-]{1,64}", 1_u16.., 1_u16.., 1_u32.., any::<bool>())
            .prop_map(|(protocol, run, from, to, incarnation, is_virtual)| {
                Line::Hello(Hello {
                    protocol,
                    run: run.parse().unwrap(),
                    from: MachineId::new(from),
                    to: MachineId::new(to),
                    incarnation,
                    is_virtual,
                })
            });
        prop_oneof![
            message,
            hello,
            Just(Line::Welcome),
            (1..=Tick::MAX.0 + 1).prop_map(|tick| Line::Promise(Tick(tick))),
            Just(Line::Ready),
            "[ -~]{0,80}".prop_map(Line::Refused),
            any::<u64>().prop_map(|in_ns| Line::Start { in_ns }),
            (any::<u64>(), proptest::option::of(1_u16..)).prop_map(|(sent, left_for)| {
                Line::Goodbye { sent, left_for: left_for.map(MachineId::new) }
            }),
        ]
    }

    fn read_all(mut bytes: &[u8]) -> io::Result<Vec<Line>> {
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut bytes, LINE_LEN_MAX, &mut Vec::new())? {
            lines.push(line);
        }
        Ok(lines)
    }

    proptest! {
        #[test]
        fn lines_that_arrive_in_one_read_do_not_fuse(lines in proptest::collection::vec(line(), 0..9)) {
            let bytes: String = lines.iter().map(|line| format!("{line}\n")).collect();
            prop_assert_eq!(read_all(bytes.as_bytes()).unwrap(), lines);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_all(&bytes);
        }
    }

    #[test]
    fn only_canonical_numbers_are_messages() {
        for text in [
            "500000",
            "0 1 1",
            "1 0 1",
            "1 1 0",
            "01 1 1",
            "+1 1 1",
            "-1 1 1",
            "1e3 1 1",
            "1 1",
            "",
            "1  1 1",
            "1 1 1 1",
            "1 1 1 ",
            "9223372036854775808 1 1",
            "１ 1 1",
            "١ 1 1",
            "1.0 1 1",
        ] {
            assert!(text.parse::<Line>().is_err(), "{text}");
        }
        assert!("9223372036854775807 1 1".parse::<Line>().is_ok());
        assert!("promise 0".parse::<Line>().is_err());
        assert!("promise 10000000000002".parse::<Line>().is_err());
    }

    #[test]
    fn a_line_at_the_limit_is_read_and_one_byte_more_is_refused() {
        let line = |len: usize| format!("refused {}\n", "x".repeat(len - "refused ".len()));
        assert_eq!(read_all(line(LINE_LEN_MAX).as_bytes()).unwrap().len(), 1);
        let refusal = read_all(line(LINE_LEN_MAX + 1).as_bytes()).unwrap_err().to_string();
        assert!(refusal.starts_with("a line of more than 256 bytes: 'refused xxx"), "{refusal}");
    }

    #[test]
    fn a_line_that_is_cut_is_never_parsed() {
        let refusal = read_all(b"welcome\n17 3 1").unwrap_err().to_string();
        assert_eq!(refusal, "the connection ended inside the line '17 3 1'");
    }
}
