//! The outgoing connections of a machine, one to each peer; messages flow on them one way.

use std::fmt::Write as _;
use std::io::{self, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::inbox::Halt;
use super::wire::{Hello, LINE_LEN_MAX, Line, read_line};
use crate::model::{MachineId, Tick, Timestamp};

/// How long one attempt to connect may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// How long one look for the answer to a hello may take; the next look follows after a while.
const ANSWER_LIMIT: Duration = Duration::from_millis(50);

/// How long a peer may refuse to take a line: it is lost after that.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// The outgoing connection to one peer.
#[derive(Debug)]
pub(super) struct Producer {
    peer: MachineId,
    stream: TcpStream,
    sent: u64,
    /// Lines that wait for the next flush.
    posted: String,
}

/// A connection to a peer that has not let this machine in yet.
#[derive(Debug)]
pub(super) struct Attempt {
    address: SocketAddr,
    hello: Hello,
    /// The connection on which the hello has been said.
    asked: Option<TcpStream>,
}

/// Why a peer has not let this machine in.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It may do so later.
    NotYet(String),
    /// It never will.
    Final(String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::NotYet(error.to_string())
    }
}

impl Attempt {
    /// Prepares to reach the machine that `hello` is meant for.
    pub(super) fn new(address: SocketAddr, hello: Hello) -> Self {
        Self { address, hello, asked: None }
    }

    /// The peer to be reached.
    pub(super) fn peer(&self) -> MachineId {
        self.hello.to
    }

    /// Goes on where the last try ended: connects, says hello, hears the answer.
    pub(super) fn go_on(&mut self) -> Result<Producer, Refusal> {
        let stream = match self.asked.take() {
            Some(stream) => stream,
            None => self.ask()?,
        };
        match hear_answer(&stream) {
            Ok(true) => {}
            Ok(false) => {
                self.asked = Some(stream);
                return Err(Refusal::NotYet("it has not answered the hello".to_owned()));
            }
            Err(refusal) => return Err(refusal),
        }
        stream.set_write_timeout(Some(WRITE_LIMIT))?;
        Ok(Producer { peer: self.hello.to, stream, sent: 0, posted: String::new() })
    }

    fn ask(&self) -> Result<TcpStream, Refusal> {
        let mut stream = TcpStream::connect_timeout(&self.address, CONNECT_LIMIT)?;
        if stream.local_addr()? == stream.peer_addr()? {
            // TCP's simultaneous open: a retried connect to a free local port may reach itself.
            return Err(Refusal::NotYet("nobody listens there".to_owned()));
        }
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(format!("{}\n", Line::Hello(self.hello.clone())).as_bytes())?;
        Ok(stream)
    }
}

/// Whether the peer has said welcome; not yet, if it has said nothing.
fn hear_answer(stream: &TcpStream) -> Result<bool, Refusal> {
    let is_silence = |kind| matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
    match stream.peek(&mut [0]) {
        Err(error) if is_silence(error.kind()) => return Ok(false),
        _ => {}
    }
    match read_line(&mut BufReader::new(stream), LINE_LEN_MAX, &mut Vec::new()) {
        Ok(Some(Line::Welcome)) => Ok(true),
        Ok(Some(Line::Refused(why))) => {
            Err(Refusal::Final(format!("it refused: {}", why.escape_debug())))
        }
        Ok(Some(line)) => Err(Refusal::Final(format!("it answered the hello with '{line}'"))),
        Ok(None) => Err(Refusal::NotYet("it closed the connection".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(Refusal::Final(format!("another program holds its port: {error}")))
        }
        Err(error) => Err(error.into()),
    }
}

impl Producer {
    fn post(&mut self, line: &Line) {
        writeln!(self.posted, "{line}").expect("writing into a string cannot fail");
    }

    fn flush(&mut self) -> Result<(), Halt> {
        let written = self.stream.write_all(self.posted.as_bytes());
        self.posted.clear();
        written.map_err(|error| Halt::PeerLost { peer: self.peer, why: error.to_string() })
    }
}

/// All outgoing connections of a machine, in the order of its peers.
#[derive(Debug)]
pub(super) struct Producers {
    producers: Vec<Producer>,
    /// By number of a machine: its place among the producers, if it is a peer.
    places: Vec<Option<usize>>,
    have_messages: bool,
}

impl Producers {
    pub(super) fn new(mut producers: Vec<Producer>, peers: &[MachineId]) -> Self {
        producers.sort_by_key(|producer| peers.iter().position(|peer| *peer == producer.peer));
        let last = peers.iter().map(|peer| peer.index()).max().unwrap_or(0);
        let mut places = vec![None; last + 1];
        for (place, producer) in producers.iter().enumerate() {
            places[producer.peer.index()] = Some(place);
        }
        Self { producers, places, have_messages: false }
    }

    /// Says a line to one peer at once.
    pub(super) fn say(&mut self, to: MachineId, line: &Line) -> Result<(), Halt> {
        let producer = self.producer(to);
        producer.post(line);
        producer.flush()
    }

    /// Puts a line down for the next flush.
    pub(super) fn post(&mut self, to: MachineId, line: &Line) {
        self.producer(to).post(line);
    }

    /// Puts the timestamp of a send event down for each of its peers.
    ///
    /// The event is recorded already, so a message counts as sent even if its connection breaks.
    pub(super) fn post_messages(&mut self, to: &[MachineId], timestamp: Timestamp, tick: Tick) {
        for &peer in to {
            let producer = self.producer(peer);
            producer.sent += 1;
            let sequence = producer.sent;
            producer.post(&Line::Message { timestamp, tick, sequence });
        }
        self.have_messages |= !to.is_empty();
    }

    /// Whether a message waits for the next flush; its record has to reach the log first.
    pub(super) fn have_messages(&self) -> bool {
        self.have_messages
    }

    /// Sends what was put down, to every peer that can still be reached.
    pub(super) fn flush(&mut self) -> Result<(), Halt> {
        self.have_messages = false;
        let posted = self.producers.iter_mut().filter(|producer| !producer.posted.is_empty());
        first_halt(posted.map(Producer::flush))
    }

    /// Says goodbye to every peer, and because of whom if this is not the end of the trial.
    ///
    /// What still waits for a flush never travels: its record did not reach the log.
    pub(super) fn say_goodbye(&mut self, left_for: Option<MachineId>) -> Result<(), Halt> {
        first_halt(self.producers.iter_mut().map(|producer| {
            producer.posted.clear();
            producer.post(&Line::Goodbye { sent: producer.sent, left_for });
            producer.flush()
        }))
    }

    /// How many messages were sent to each peer.
    pub(super) fn sent(&self) -> impl Iterator<Item = (MachineId, u64)> {
        self.producers.iter().map(|producer| (producer.peer, producer.sent))
    }

    fn producer(&mut self, peer: MachineId) -> &mut Producer {
        let place = self.places.get(peer.index()).copied().flatten();
        &mut self.producers[place.expect("a machine has a producer to each of its peers")]
    }
}

/// Does everything, and then tells what went wrong first.
fn first_halt(results: impl Iterator<Item = Result<(), Halt>>) -> Result<(), Halt> {
    results.fold(Ok(()), Result::and)
}
