//! The entry that ends a log: why, and how many messages there were.

use std::fmt;

use super::fields::{Fields, number};
use super::system_time::SystemTime;
use crate::model::{Tick, Timestamp};
use crate::quote::shown;

/// No channel counts more messages; it keeps sums of counts in range.
const COUNT_MAX: u64 = Tick::MAX.0;

/// Why a log ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All ticks of the trial are done or skipped, and every peer has said goodbye.
    Finished,
    /// The machine was signalled.
    Interrupted,
    /// The peer with this port left before its last tick.
    PeerLeft(u16),
    /// The connection to the peer with this port broke without a goodbye.
    PeerLost(u16),
    /// The peer with this port did not say goodbye in time.
    PeerSilent(u16),
    /// A bound was reached or the machine met an error; its message is on standard error.
    Failed,
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => formatter.write_str("finished"),
            Self::Interrupted => formatter.write_str("interrupted"),
            Self::PeerLeft(port) => write!(formatter, "peer-left:{port}"),
            Self::PeerLost(port) => write!(formatter, "peer-lost:{port}"),
            Self::PeerSilent(port) => write!(formatter, "peer-silent:{port}"),
            Self::Failed => formatter.write_str("failed"),
        }
    }
}

impl Ending {
    /// Whether every connection lasted until its goodbye, so that no message is under way.
    #[must_use]
    pub fn is_orderly(self) -> bool {
        matches!(self, Self::Finished | Self::Interrupted | Self::PeerLeft(_))
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "finished" => Ok(Self::Finished),
            None if text == "interrupted" => Ok(Self::Interrupted),
            None if text == "failed" => Ok(Self::Failed),
            Some(("peer-left", port)) => number(port).map(Self::PeerLeft),
            Some(("peer-lost", port)) => number(port).map(Self::PeerLost),
            Some(("peer-silent", port)) => number(port).map(Self::PeerSilent),
            _ => Err(format!("unknown ending {}", shown(text))),
        }
    }
}

/// Counts by the port of the other end of a channel, in the order of the machine's peers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelCounts(pub Vec<(u16, u64)>);

impl ChannelCounts {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self::default());
        }
        let counts = text.split(',').map(|pair| {
            let (port, count) = pair.split_once(':').ok_or("expected PORT:COUNT")?;
            let count = Some(number(count)?).filter(|count| *count <= COUNT_MAX);
            Ok::<_, String>((number(port)?, count.ok_or("a count out of range")?))
        });
        counts.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for ChannelCounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("-");
        }
        let pairs = self.0.iter().map(|(port, count)| format!("{port}:{count}"));
        formatter.write_str(&pairs.collect::<Vec<_>>().join(","))
    }
}

/// The last entry of a whole log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndRecord {
    /// Why the log ended.
    pub why: Ending,
    /// When it ended; at the virtual pace the trial's end, counted from 1970.
    pub system_time: SystemTime,
    /// How many ticks were done.
    pub ticks_done: u64,
    /// How many ticks were skipped.
    pub ticks_skipped: u64,
    /// The logical clock at the end.
    pub logical_clock: Timestamp,
    /// Messages sent to each peer.
    pub sent: ChannelCounts,
    /// Messages received from each peer.
    pub received: ChannelCounts,
    /// Messages of each peer that arrived and were left in the queue.
    pub left: ChannelCounts,
}

impl EndRecord {
    pub(super) fn parse(value: &str) -> Result<Self, String> {
        let mut fields = Fields::new(value);
        let record = Self {
            why: Ending::parse(fields.take("why")?)?,
            ticks_done: number(fields.take("done")?)?,
            ticks_skipped: number(fields.take("skipped")?)?,
            logical_clock: Timestamp(number(fields.take("logical_clock")?)?),
            sent: ChannelCounts::parse(fields.take("sent")?)?,
            received: ChannelCounts::parse(fields.take("received")?)?,
            left: ChannelCounts::parse(fields.take("left")?)?,
            system_time: fields.system_time()?,
        };
        fields.finish()?;
        Ok(record)
    }
}

impl fmt::Display for EndRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "# end: why={} done={} skipped={} logical_clock={} sent={} received={} left={} \
             system_time={}",
            self.why,
            self.ticks_done,
            self.ticks_skipped,
            self.logical_clock,
            self.sent,
            self.received,
            self.left,
            self.system_time,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_end_is_read_back_as_it_was_written(
            why in prop_oneof![
                Just(Ending::Finished), Just(Ending::Interrupted), Just(Ending::Failed),
                (1_u16..).prop_map(Ending::PeerLeft), (1_u16..).prop_map(Ending::PeerLost),
                (1_u16..).prop_map(Ending::PeerSilent),
            ],
            numbers in (any::<u64>(), any::<u64>(), any::<u64>()),
            sent in proptest::collection::vec((any::<u16>(), 0..=COUNT_MAX), 0..9),
            left in proptest::collection::vec((any::<u16>(), 0..=COUNT_MAX), 0..9),
        ) {
            let record = EndRecord {
                why,
                system_time: SystemTime(1),
                ticks_done: numbers.0,
                ticks_skipped: numbers.1,
                logical_clock: Timestamp(numbers.2),
                sent: ChannelCounts(sent.clone()),
                received: ChannelCounts(sent),
                left: ChannelCounts(left),
            };
            let line = record.to_string();
            let value = line.strip_prefix("# end: ").unwrap();
            prop_assert_eq!(EndRecord::parse(value), Ok(record));
        }

        #[test]
        fn any_line_is_read_or_refused(line in "\\PC{0,120}") {
            let _ = EndRecord::parse(&line);
        }
    }
}
