//! A message: the logical clock, as in the notebook, then what else it must carry, and a checksum.
//!
//! TCP's own checksum is weak and ends at each host. A line that was changed on its way must not
//! pass for another clock, so it is told from a right one here, and sent again.

use std::fmt;
use std::str::FromStr;

use super::{fields, number};
use crate::model::{Arrival, Tick, Timestamp};

/// One message of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLine {
    /// The timestamp of the send event.
    pub timestamp: Timestamp,
    /// The sender's tick; it gives the model time of the send.
    pub tick: Tick,
    /// The message's place on its channel, from 1 without a gap.
    pub sequence: u64,
    /// When it arrives, in model time; the virtual pace goes by it.
    pub arrival: Arrival,
}

impl MessageLine {
    /// Appends the line, without a line feed: as [`fmt::Display`] does, but several times as fast,
    /// since most of what a run says are messages.
    pub(in crate::machine) fn append_to(&self, text: &mut String) {
        let Self { timestamp, tick, sequence, arrival } = *self;
        let start = text.len();
        let mut digits = itoa::Buffer::new();
        for number in [timestamp.0, tick.0, sequence, arrival.tick.0, arrival.extra_ms] {
            text.push_str(digits.format(number));
            text.push(' ');
        }
        let body = &text.as_bytes()[start..text.len() - 1];
        let checksum = Checksum::of(body);
        text.push_str(checksum.as_str());
    }
}

impl fmt::Display for MessageLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::new();
        self.append_to(&mut line);
        formatter.write_str(&line)
    }
}

/// A CRC-32 in eight hexadecimal digits.
struct Checksum([u8; 8]);

impl Checksum {
    fn of(body: &[u8]) -> Self {
        let sum = crc32fast::hash(body);
        let mut place = 32;
        Self([(); 8].map(|()| {
            place -= 4;
            b"0123456789abcdef"[(sum >> place & 0xf) as usize]
        }))
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }
}

impl FromStr for MessageLine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let [timestamp, tick, sequence, arrival_tick, extra_ms, checksum] =
            fields(text, "a message: CLOCK TICK SEQUENCE ARRIVAL_TICK EXTRA_MS CHECKSUM")?;
        let body = &text[..text.len() - checksum.len() - 1];
        let found = Checksum::of(body.as_bytes());
        if found.as_str() != checksum {
            return Err(format!("the checksum of the message '{body}' is {}", found.as_str()));
        }
        let message = Self {
            timestamp: Timestamp(number(timestamp)?),
            tick: Tick(number(tick)?),
            sequence: number(sequence)?,
            arrival: Arrival { tick: Tick(number(arrival_tick)?), extra_ms: number(extra_ms)? },
        };
        let is_tick = |tick: Tick| (1..=Tick::MAX.0).contains(&tick.0);
        let is_in_range = (1..=Timestamp::MAX.0).contains(&message.timestamp.0)
            && is_tick(message.tick)
            && is_tick(message.arrival.tick)
            && message.arrival.extra_ms <= Arrival::EXTRA_MS_MAX
            && message.sequence != 0;
        if is_in_range { Ok(message) } else { Err(format!("out of range in the message '{text}'")) }
    }
}
