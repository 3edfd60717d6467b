//! The sending end of one channel: what was sent, what the peer has, and the present connection.
//!
//! A message is kept until its receiver says that the receive is in its log. So whatever dies, a
//! connection or the peer itself, the channel goes on where the peer's welcome says. Whoever holds
//! the lock may write: the tick loop, with what it has just recorded, and the courier, with whatever
//! is left. Nobody waits for a connection to take something.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::door::nanos_until;
use super::wire::{Line, MessageLine, is_not_yet};
use crate::model::{Arrival, MachineId, Tick, Timestamp};

/// About so many bytes are put together for one write.
const WRITE_LEN: usize = 32 << 10;

/// A message that was sent, and is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) timestamp: Timestamp,
    pub(super) tick: Tick,
    pub(super) arrival: Arrival,
}

/// The sending end of a channel, for the tick loop and the courier.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) peer: MachineId,
    state: Mutex<ChannelState>,
}

#[derive(Debug, Default)]
pub(super) struct ChannelState {
    connection: Option<Connection>,
    /// Messages whose receives are not in the peer's log, as far as is known.
    kept: VecDeque<Sent>,
    /// How many messages went before those that are kept.
    settled: u64,
    /// The sequence of the last message that the peer has accepted, as far as is known.
    accepted: u64,
    promise: Option<Tick>,
    is_ready: bool,
    start: Option<Instant>,
    goodbye: Option<Line>,
    /// The peer has heard the goodbye: nothing is left to say.
    pub(super) is_heard: bool,
    /// Why the peer cannot be reached.
    pub(super) trouble: Option<String>,
    /// Whether the peer was tried since this machine started.
    pub(super) is_tried: bool,
}

/// The present connection of a channel, and what was said on it.
#[derive(Debug)]
struct Connection {
    stream: Arc<TcpStream>,
    /// What the kernel has not taken yet, from `done` on.
    text: String,
    done: usize,
    /// The sequence of the last message in the text, or before it.
    written: u64,
    promised: Option<Tick>,
    has_said_ready: bool,
    has_said_start: bool,
    has_said_goodbye: bool,
}

impl Channel {
    /// A channel on which so much was sent by an earlier incarnation.
    pub(super) fn new(peer: MachineId, sent: Vec<Sent>) -> Self {
        let state = ChannelState { kept: sent.into(), ..ChannelState::default() };
        Self { peer, state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChannelState {
    /// How many messages were sent.
    pub(super) fn sent(&self) -> u64 {
        self.settled + self.kept.len() as u64
    }

    /// How many messages are kept.
    pub(super) fn kept_len(&self) -> usize {
        self.kept.len()
    }

    /// Takes messages that are recorded, to be written next.
    pub(super) fn post(&mut self, messages: impl IntoIterator<Item = Sent>) {
        self.kept.extend(messages);
    }

    /// Takes a promise; it is written after all messages that were posted.
    pub(super) fn promise(&mut self, tick: Tick) {
        self.promise = Some(tick);
    }

    /// Says that all connections of this machine stand, unless the peer knows the start.
    pub(super) fn get_ready(&mut self) {
        self.is_ready = true;
    }

    /// Names the common start, unless the peer knows it.
    pub(super) fn name_start(&mut self, start: Instant) {
        self.start = Some(start);
    }

    /// Says goodbye once all messages are written.
    pub(super) fn say_goodbye(&mut self, left_for: Option<MachineId>) {
        self.goodbye = Some(Line::Goodbye { sent: self.sent(), left_for });
    }

    /// Whether goodbye was said, on whatever connection.
    pub(super) fn is_leaving(&self) -> bool {
        self.goodbye.is_some()
    }

    /// Goes on, on a connection that was welcomed, from the message that the peer names.
    pub(super) fn connect(
        &mut self,
        stream: Arc<TcpStream>,
        next: u64,
        knows_start: bool,
    ) -> Result<(), String> {
        let sent = self.sent();
        if next <= self.settled {
            return Err(format!(
                "it asks for message {next}, and had recorded {}; its log was cut",
                self.settled
            ));
        }
        if sent + 1 < next {
            return Err(format!(
                "it has {} messages of this machine, whose log tells of {sent}; a log was cut, or \
                 is of another run",
                next - 1
            ));
        }
        self.accepted = next - 1;
        (self.trouble, self.is_tried) = (None, true);
        self.connection = Some(Connection {
            stream,
            text: String::new(),
            done: 0,
            written: next - 1,
            promised: None,
            has_said_ready: knows_start,
            has_said_start: knows_start,
            has_said_goodbye: false,
        });
        Ok(())
    }

    /// Gives the present connection up.
    pub(super) fn disconnect(&mut self, why: String) {
        self.connection = None;
        (self.trouble, self.is_tried) = (Some(why), true);
    }

    /// Takes in what the peer has.
    pub(super) fn acknowledge(&mut self, accepted: u64, recorded: u64) -> Result<(), String> {
        if self.sent() < accepted || accepted < recorded {
            return Err(format!(
                "it acknowledged {accepted} and {recorded} of {} messages",
                self.sent()
            ));
        }
        self.accepted = self.accepted.max(accepted);
        while self.settled < recorded {
            self.kept.pop_front();
            self.settled += 1;
        }
        Ok(())
    }

    /// Goes back to the message that the peer names.
    pub(super) fn go_back(&mut self, next: u64) -> Result<(), String> {
        if next <= self.settled || self.sent() + 1 < next {
            return Err(format!("it asked for message {next} of {}", self.sent()));
        }
        self.accepted = next - 1;
        if let Some(connection) = &mut self.connection {
            // Lines that wait already are said once more at worst; the peer takes each only once.
            connection.written = next - 1;
            connection.promised = None;
            connection.has_said_goodbye = false;
        }
        Ok(())
    }

    /// Whether something waits that the connection has not taken.
    pub(super) fn is_stuck(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.done < connection.text.len())
    }

    /// Writes what is to be said, as far as the connection takes it; whether it is still good.
    ///
    /// A connection that fails is shut down, which the courier sees.
    pub(super) fn pump(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        loop {
            match connection.write_out() {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => {
                    let _ = connection.stream.shutdown(Shutdown::Both);
                    return;
                }
            }
            self.put_together(&mut connection);
            if connection.text.is_empty() {
                break;
            }
        }
        self.connection = Some(connection);
    }

    /// Fills the text with what is to be said next.
    fn put_together(&self, connection: &mut Connection) {
        let say = |text: &mut String, line: &Line| {
            writeln!(text, "{line}").expect("writing into a string cannot fail");
        };
        if self.is_ready && !std::mem::replace(&mut connection.has_said_ready, true) {
            say(&mut connection.text, &Line::Ready);
        }
        if let Some(start) = self.start
            && !std::mem::replace(&mut connection.has_said_start, true)
        {
            say(&mut connection.text, &Line::Start { in_ns: nanos_until(start) });
        }
        while connection.written < self.sent() && connection.text.len() < WRITE_LEN {
            connection.written += 1;
            let place = usize::try_from(connection.written - self.settled - 1);
            let sent = self.kept[place.expect("what is kept has a place")];
            let Sent { timestamp, tick, arrival } = sent;
            let sequence = connection.written;
            let message = MessageLine { timestamp, tick, sequence, arrival };
            message.append_to(&mut connection.text);
            connection.text.push('\n');
        }
        if connection.written < self.sent() {
            return;
        }
        if self.promise != connection.promised {
            connection.promised = self.promise;
            if let Some(promise) = self.promise {
                say(&mut connection.text, &Line::Promise(promise));
            }
        }
        if let Some(goodbye) = &self.goodbye
            && !std::mem::replace(&mut connection.has_said_goodbye, true)
        {
            say(&mut connection.text, goodbye);
        }
    }
}

impl Connection {
    /// Writes the text; whether the kernel has taken all of it.
    fn write_out(&mut self) -> io::Result<bool> {
        while self.done < self.text.len() {
            match (&*self.stream).write(&self.text.as_bytes()[self.done..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.done += written,
                Err(error) if is_not_yet(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.text.clear();
        self.done = 0;
        Ok(true)
    }
}
