//! The entries of a log: one line each.
//!
//! A tick is a line of columns. Entries that are no ticks begin with `#`, so that readers of
//! columns pass over them.

use std::fmt;

use super::fields::{Fields, number};
use super::system_time::{SystemTime, push_digits};
use crate::model::{Event, MachineId, Tick, Timestamp};
use crate::quote::shown;
use crate::trial::Trial;

/// One tick, as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickRecord {
    /// When the tick began; at the virtual pace the model time, counted from 1970.
    pub system_time: SystemTime,
    /// The number of the tick.
    pub tick: Tick,
    /// When the tick was due, in microseconds of model time, truncated.
    pub model_time_us: u64,
    /// How long after its due time the tick began, in microseconds of the wall clock. Never
    /// negative in the log of a right machine.
    pub lateness_us: i64,
    /// What the tick did.
    pub event: LoggedEvent,
    /// The timestamp of the event.
    pub logical_clock: Timestamp,
    /// The length of the message queue after the tick.
    pub queue_len: u64,
    /// The number drawn; none on a receive.
    pub draw: Option<u32>,
}

/// What a tick did, with peers named by their ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggedEvent {
    /// An internal event.
    Internal,
    /// A send to each of these ports.
    Send(Box<[u16]>),
    /// A receive.
    Receive {
        /// The port of the sender.
        from: u16,
        /// The timestamp that the message carried.
        timestamp: Timestamp,
    },
}

impl LoggedEvent {
    /// An event as the log tells it: peers by their ports.
    #[must_use]
    pub fn of(event: &Event<'_>, trial: &Trial) -> Self {
        let port = |machine: MachineId| trial.spec(machine).port;
        match *event {
            Event::Internal => Self::Internal,
            Event::Send(to) => Self::Send(to.iter().map(|peer| port(*peer)).collect()),
            Event::Receive(message) => {
                Self::Receive { from: port(message.from), timestamp: message.timestamp }
            }
        }
    }

    /// The event's name in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Send(_) => "send",
            Self::Receive { .. } => "receive",
        }
    }
}

impl fmt::Display for TickRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::new();
        self.append_to(&mut line);
        formatter.write_str(&line)
    }
}

impl TickRecord {
    /// Appends the line of columns, without a line feed: as [`fmt::Display`] does, but several times
    /// as fast, since most of what a run writes are ticks.
    pub fn append_to(&self, line: &mut String) {
        let mut row = Row { line };
        self.system_time.append_to(row.line);
        row.number(6, self.tick.0);
        row.millionths(13, self.model_time_us);
        row.number(11, self.lateness_us);
        row.left(8, self.event.name());
        row.peers(11, &self.event);
        row.number(13, self.logical_clock.0);
        row.number(9, self.queue_len);
        match self.event {
            LoggedEvent::Receive { timestamp, .. } => row.number(18, timestamp.0),
            _ => row.right(18, "-"),
        }
        match self.draw {
            Some(draw) => row.number(4, draw),
            None => row.right(4, "-"),
        }
    }

    /// Reads a line of columns.
    ///
    /// # Errors
    /// Names the column that is wrong.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut cells = line.split_ascii_whitespace();
        let mut cell =
            |name: &str| cells.next().ok_or_else(|| format!("the line ends before {name}"));
        let system_time = SystemTime::parse(cell("system_time")?)
            .ok_or_else(|| "system_time is not YYYY-MM-DDThh:mm:ss.ffffffZ".to_owned())?;
        let tick = parse_tick(cell("tick")?)?;
        let model_time_us = parse_model_time(cell("model_time_s")?)?;
        let lateness_us = parse_lateness(cell("lateness_us")?)?;
        let (event, peers) = (cell("event")?, cell("peers")?);
        let logical_clock = Timestamp(column("logical_clock", cell("logical_clock")?)?);
        let queue_len = column("queue_len", cell("queue_len")?)?;
        let received = optional("received_timestamp", cell("received_timestamp")?)?.map(Timestamp);
        let draw = optional("draw", cell("draw")?)?;
        if let Some(more) = cells.next() {
            return Err(format!("found {} after the last column", shown(more)));
        }
        let event = parse_event(event, peers, received)?;
        Ok(Self {
            system_time,
            tick,
            model_time_us,
            lateness_us,
            event,
            logical_clock,
            queue_len,
            draw,
        })
    }
}

/// A line of columns that grows at its end; each cell follows a blank.
struct Row<'a> {
    line: &'a mut String,
}

impl Row<'_> {
    fn blanks(&mut self, count: usize) {
        self.line.extend(std::iter::repeat_n(' ', count));
    }

    fn right(&mut self, width: usize, text: &str) {
        self.blanks(1 + width.saturating_sub(text.len()));
        self.line.push_str(text);
    }

    fn left(&mut self, width: usize, text: &str) {
        self.line.push(' ');
        self.line.push_str(text);
        self.blanks(width.saturating_sub(text.len()));
    }

    fn number(&mut self, width: usize, number: impl itoa::Integer) {
        self.right(width, itoa::Buffer::new().format(number));
    }

    /// Millionths, as a number with six decimals.
    fn millionths(&mut self, width: usize, number: u64) {
        self.number(width.saturating_sub(7), number / 1_000_000);
        self.line.push('.');
        push_digits(self.line, 6, number % 1_000_000);
    }

    /// The peers of an event, by their ports.
    fn peers(&mut self, width: usize, event: &LoggedEvent) {
        match event {
            LoggedEvent::Internal => self.left(width, "-"),
            LoggedEvent::Send(ports) => self.left(width, &joined(ports.iter())),
            LoggedEvent::Receive { from, .. } => {
                self.left(width, itoa::Buffer::new().format(*from));
            }
        }
    }
}

fn column<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    number(text).map_err(|error| format!("{name}: {error}"))
}

fn parse_tick(text: &str) -> Result<Tick, String> {
    let tick = column("tick", text)?;
    let is_a_tick = (1..=Tick::MAX.0).contains(&tick);
    if is_a_tick { Ok(Tick(tick)) } else { Err(format!("tick {tick} is out of range")) }
}

fn optional<T: std::str::FromStr>(name: &str, text: &str) -> Result<Option<T>, String> {
    if text == "-" { Ok(None) } else { column(name, text).map(Some) }
}

fn parse_model_time(text: &str) -> Result<u64, String> {
    let parts = text.split_once('.').filter(|(_, micros)| {
        micros.len() == 6 && micros.bytes().all(|byte| byte.is_ascii_digit())
    });
    let (seconds, micros) = parts.ok_or("model_time_s is not seconds with six decimals")?;
    let seconds: u64 = column("model_time_s", seconds)?;
    let micros: u64 = micros.parse().map_err(|_| "model_time_s has wrong decimals".to_owned())?;
    seconds
        .checked_mul(1_000_000)
        .and_then(|total| total.checked_add(micros))
        .ok_or_else(|| "model_time_s is too large".to_owned())
}

fn parse_lateness(text: &str) -> Result<i64, String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    column::<i64>("lateness_us", digits).map(|micros| sign * micros)
}

fn parse_event(
    event: &str,
    peers: &str,
    received: Option<Timestamp>,
) -> Result<LoggedEvent, String> {
    match (event, peers, received) {
        ("internal", "-", None) => Ok(LoggedEvent::Internal),
        ("send", ports, None) if ports != "-" => {
            let ports: Result<_, _> = ports.split(',').map(|port| column("peers", port)).collect();
            Ok(LoggedEvent::Send(ports?))
        }
        ("receive", port, Some(timestamp)) if port != "-" => {
            Ok(LoggedEvent::Receive { from: column("peers", port)?, timestamp })
        }
        ("internal" | "send" | "receive", ..) => {
            Err(format!("peers and received_timestamp do not fit the event {}", shown(event)))
        }
        _ => Err(format!("unknown event {}; known: internal, send, receive", shown(event))),
    }
}

/// Ticks that were skipped because the machine stood still for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkipRecord {
    /// When the machine noticed.
    pub system_time: SystemTime,
    /// The first tick skipped.
    pub first: Tick,
    /// The last tick skipped.
    pub last: Tick,
    /// How late the first of them was, in microseconds.
    pub lateness_us: i64,
}

impl SkipRecord {
    /// How many ticks were skipped.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.last.0 - self.first.0 + 1
    }

    pub(super) fn parse(value: &str) -> Result<Self, String> {
        let mut fields = Fields::new(value);
        let (first, last) =
            fields.take("ticks")?.split_once("..=").ok_or("ticks is not FIRST..=LAST")?;
        let record = Self {
            first: parse_tick(first)?,
            last: parse_tick(last)?,
            lateness_us: number(fields.take("lateness_us")?)?,
            system_time: fields.system_time()?,
        };
        if record.last < record.first {
            return Err("ticks is not a range of ticks".to_owned());
        }
        fields.finish()?;
        Ok(record)
    }
}

impl fmt::Display for SkipRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { system_time, first, last, lateness_us } = self;
        write!(
            formatter,
            "# skipped: ticks={first}..={last} lateness_us={lateness_us} system_time={system_time}"
        )
    }
}

/// A machine came back: it went on from its own log, after its OS process had died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartRecord {
    /// The how-manieth start of the machine in its run; the first restart is incarnation 2.
    pub incarnation: u32,
    /// How many bytes of a torn last line were cut off.
    pub cut_bytes: u64,
    /// When the machine came back; at the virtual pace a model time, counted from 1970.
    pub system_time: SystemTime,
}

impl RestartRecord {
    pub(super) fn parse(value: &str) -> Result<Self, String> {
        let mut fields = Fields::new(value);
        let record = Self {
            incarnation: number(fields.take("incarnation")?)?,
            cut_bytes: number(fields.take("cut_bytes")?)?,
            system_time: fields.system_time()?,
        };
        fields.finish()?;
        Ok(record)
    }
}

impl fmt::Display for RestartRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { incarnation, cut_bytes, system_time } = self;
        write!(
            formatter,
            "# restart: incarnation={incarnation} cut_bytes={cut_bytes} system_time={system_time}"
        )
    }
}

/// Joins with commas.
fn joined<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event() -> impl Strategy<Value = LoggedEvent> {
        prop_oneof![
            Just(LoggedEvent::Internal),
            proptest::collection::vec(1_u16.., 1..30).prop_map(|p| LoggedEvent::Send(p.into())),
            (1_u16.., any::<u64>()).prop_map(|(from, timestamp)| LoggedEvent::Receive {
                from,
                timestamp: Timestamp(timestamp)
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_tick_is_read_back_as_it_was_written(
            (micros, tick, model_time_us) in (0_i64..=4_102_444_800_000_000, 1..=Tick::MAX.0, any::<u64>()),
            (lateness_us, clock, queue_len) in (-(1_i64 << 60)..1 << 60, 1_u64.., any::<u64>()),
            event in event(),
            draw in proptest::option::of(1_u32..),
        ) {
            let record = TickRecord {
                system_time: SystemTime(micros),
                tick: Tick(tick),
                model_time_us,
                lateness_us,
                event,
                logical_clock: Timestamp(clock),
                queue_len,
                draw,
            };
            prop_assert_eq!(TickRecord::parse(&record.to_string()), Ok(record));
        }

        #[test]
        fn any_line_is_read_or_refused(line in "\\PC{0,120}") {
            let _ = TickRecord::parse(&line);
            let _ = SkipRecord::parse(&line);
        }
    }

    #[test]
    fn a_restart_is_read_back_as_it_was_written() {
        let record = RestartRecord { incarnation: 2, cut_bytes: 17, system_time: SystemTime(7) };
        let line = record.to_string();
        assert_eq!(RestartRecord::parse(line.strip_prefix("# restart: ").unwrap()), Ok(record));
    }

    #[test]
    fn a_skip_is_read_back_as_it_was_written() {
        let record = SkipRecord {
            system_time: SystemTime(7),
            first: Tick(5),
            last: Tick(9),
            lateness_us: 1_200_000,
        };
        let line = record.to_string();
        assert_eq!(SkipRecord::parse(line.strip_prefix("# skipped: ").unwrap()), Ok(record));
        assert_eq!(record.count(), 5);
    }
}
