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

use super::shim::{self, Extra, Shim};
use super::wire::{Line, MessageLine, Standing, is_not_yet};
use crate::model::{Fate, MachineId, Tick, Timestamp};
use crate::wall_clock;

/// About so many bytes are put together for one write.
const WRITE_LEN: usize = 32 << 10;

/// So many probes may wait for their turn; what is more is lost.
const PROBES_MAX: usize = 1024;

/// A message that was sent, and is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) timestamp: Timestamp,
    pub(super) tick: Tick,
    pub(super) fate: Fate,
}

/// A probe, or an echo, that waits for its turn. It is kept for no other connection.
#[derive(Clone, Debug)]
struct Probe {
    line: Line,
    /// The last message that was sent before it.
    after: u64,
    /// When the trial's faults let it out.
    due: Option<Instant>,
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
    /// How many messages the log told of when this incarnation began; none once a connection stood.
    told: Option<u64>,
    /// What the trial's faults do to the lines, at the real pace.
    shim: Option<Shim>,
    /// Probes and echoes that are to go out, in their order.
    probes: VecDeque<Probe>,
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
    /// The peer is known to be there, and is to be tried at once.
    pub(super) is_called: bool,
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
        let told = Some(sent.len() as u64);
        let state = ChannelState { kept: sent.into(), told, ..ChannelState::default() };
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
        for message in messages {
            self.kept.push_back(message);
            let sequence = self.sent();
            if let Some(shim) = &mut self.shim {
                shim.plan(sequence, message.tick, &message.fate);
            }
        }
    }

    /// Lets faults strike the lines, those of an earlier incarnation included.
    pub(super) fn distort(&mut self, mut shim: Shim) {
        for (sent, sequence) in self.kept.iter().zip(self.settled + 1..) {
            shim.plan(sequence, sent.tick, &sent.fate);
        }
        self.shim = Some(shim);
    }

    /// Takes a promise; it is written after all messages that were posted.
    pub(super) fn promise(&mut self, tick: Tick) {
        self.promise = Some(tick);
    }

    /// Has the peer tried at once if it was never reached; whether that is so. A connection that was lost
    /// has its own times: who comes and goes is not to be followed in step.
    pub(super) fn call_back(&mut self) -> bool {
        self.is_called = self.told.is_some();
        self.is_called
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
        if left_for.is_some() {
            // The run is over before its time, and its faults with it.
            self.shim = None;
        }
        self.probes.clear();
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
        // Before the first connection nothing was said, whatever was sent meanwhile.
        let sent = self.told.unwrap_or_else(|| self.sent());
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
        (self.trouble, self.is_tried, self.told, self.is_called) = (None, true, None, false);
        self.probes.clear();
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

    /// Takes a probe or an echo, to be written behind all messages that were sent, and not before
    /// `due`. It is lost if no connection stands, goodbye was said, or too many wait.
    pub(super) fn post_probe(&mut self, line: Line, due: Option<Instant>) {
        let is_open = self.connection.is_some() && !self.is_leaving();
        if is_open && self.probes.len() < PROBES_MAX {
            self.probes.push_back(Probe { line, after: self.sent(), due });
        }
    }

    /// How many messages were sent, how many are settled, and whether the connection stands.
    pub(super) fn shown(&self) -> (u64, u64, Standing) {
        let standing = match &self.connection {
            _ if self.is_leaving() => Standing::Over,
            Some(_) => Standing::Stands,
            None => Standing::Broken,
        };
        (self.sent(), self.settled, standing)
    }

    /// Gives the present connection up.
    pub(super) fn disconnect(&mut self, why: String) {
        self.connection = None;
        self.probes.clear();
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
        while self.settled < recorded {
            self.kept.pop_front();
            self.settled += 1;
        }
        if let Some(shim) = &mut self.shim {
            shim.settle(self.settled);
        }
        if let Some(connection) = &mut self.connection {
            // It may have gone back further than it needed to: these were still on their way.
            connection.written = connection.written.max(accepted);
        }
        Ok(())
    }

    /// Goes back to the message that the peer names.
    pub(super) fn go_back(&mut self, next: u64) -> Result<(), String> {
        if next <= self.settled || self.sent() + 1 < next {
            return Err(format!("it asked for message {next} of {}", self.sent()));
        }
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

    /// When a fault lets the next line out; none if there is nothing to wait for.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let connection = self.connection.as_ref().filter(|_| !self.is_stuck())?;
        let shim = self.shim.as_ref();
        let line = shim.and_then(|shim| shim.next_due(connection.written + 1));
        let probe = self.probes.front().filter(|probe| probe.after <= connection.written);
        line.into_iter().chain(probe.and_then(|probe| probe.due)).min()
    }

    /// Writes what is to be said, as far as the connection takes it. A connection that fails is shut
    /// down, which the courier sees.
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
    fn put_together(&mut self, connection: &mut Connection) {
        let say = |text: &mut String, line: &Line| {
            writeln!(text, "{line}").expect("writing into a string cannot fail");
        };
        if self.is_ready && !std::mem::replace(&mut connection.has_said_ready, true) {
            say(&mut connection.text, &Line::Ready);
        }
        if let Some(start) = self.start
            && !std::mem::replace(&mut connection.has_said_start, true)
        {
            say(&mut connection.text, &Line::Start { in_ns: wall_clock::nanos_until(start) });
        }
        let now = self.shim.as_ref().map(|_| wall_clock::now());
        if let Some(now) = now {
            self.put_distorted(&mut connection.text, now);
        }
        while connection.written < self.sent() && connection.text.len() < WRITE_LEN {
            let next = connection.written + 1;
            let shim = self.shim.as_ref().zip(now);
            let copies = shim.map_or(1, |(shim, now)| shim.copies(next, now));
            if copies == 0 {
                break;
            }
            for _ in 0..copies {
                self.put_message(&mut connection.text, next);
            }
            connection.written = next;
        }
        self.put_probes(connection);
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

    /// Puts down the probes whose turn it is.
    fn put_probes(&mut self, connection: &mut Connection) {
        while let Some(probe) = self.probes.front() {
            let is_held = probe.due.is_some_and(|due| wall_clock::now() < due);
            if is_held || connection.written < probe.after {
                return;
            }
            writeln!(connection.text, "{}", probe.line).expect("writing into a string cannot fail");
            self.probes.pop_front();
        }
    }

    fn put_message(&self, text: &mut String, sequence: u64) {
        let line = self.message(sequence).expect("what is to be written is kept");
        line.append_to(text);
        text.push('\n');
    }

    /// The line of a message that is kept.
    fn message(&self, sequence: u64) -> Option<MessageLine> {
        let place = sequence.checked_sub(self.settled + 1)?;
        let Sent { timestamp, tick, fate } = *self.kept.get(usize::try_from(place).ok()?)?;
        Some(MessageLine { timestamp, tick, sequence, arrival: fate.arrival })
    }

    /// Puts lines down that faults let out spoiled, or before their turn.
    fn put_distorted(&mut self, text: &mut String, now: Instant) {
        while let Some((sequence, extra)) = self.shim.as_mut().and_then(|shim| shim.take_extra(now))
        {
            let Some(line) = self.message(sequence) else { continue };
            let line = match extra {
                Extra::Early => line.to_string(),
                Extra::Spoiled => shim::spoil(&line.to_string()),
            };
            writeln!(text, "{line}").expect("writing into a string cannot fail");
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::model::ModelTime;

    /// A channel over a new connection to a host of its own, on which so many messages are written.
    fn channel(host: &str, messages: u64) -> (ChannelState, TcpStream) {
        let listener = TcpListener::bind((host, 20001)).unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut channel = ChannelState::default();
        channel.connect(Arc::new(ours), 1, true).unwrap();
        channel.post((1..=messages).map(|tick| Sent {
            timestamp: Timestamp(tick),
            tick: Tick(tick),
            fate: Fate::at_once(Tick(tick), ModelTime::of_ms(tick)),
        }));
        channel.pump();
        (channel, listener.accept().unwrap().0)
    }

    #[test]
    fn only_a_peer_that_was_never_reached_is_called_back() {
        let new = Channel::new(MachineId::new(2), Vec::new());
        assert!(new.lock().call_back() && new.lock().is_called);
        let (mut reached, _peer) = channel("127.30.0.23", 0);
        assert!(!reached.call_back());
        reached.disconnect("it is gone".to_owned());
        assert!(!reached.call_back() && !reached.is_called);
    }

    #[test]
    fn a_call_is_over_when_a_connection_stands() {
        let listener = TcpListener::bind(("127.30.0.24", 20001)).unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let channel = Channel::new(MachineId::new(2), Vec::new());
        let mut state = channel.lock();
        assert!(state.call_back());
        state.connect(Arc::new(ours), 1, false).unwrap();
        assert!(!state.is_called);
    }

    fn written(mut channel: ChannelState, peer: &mut TcpStream) -> String {
        channel.pump();
        drop(channel);
        let mut text = String::new();
        io::Read::read_to_string(peer, &mut text).unwrap();
        text
    }

    #[test]
    fn a_channel_goes_back_to_what_was_spoiled() {
        let (mut channel, mut peer) = channel("127.90.4.1", 3);
        channel.go_back(2).unwrap();
        assert_eq!(written(channel, &mut peer).lines().count(), 3 + 2);
    }

    #[test]
    fn what_was_still_on_its_way_is_not_written_again() {
        let (mut channel, mut peer) = channel("127.90.4.2", 3);
        channel.go_back(1).unwrap();
        channel.acknowledge(2, 2).unwrap();
        assert_eq!(written(channel, &mut peer).lines().count(), 3 + 1);
    }
}
