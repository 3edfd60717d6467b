//! The outgoing connections of a machine, one to each peer; messages flow on them one way.

use std::io::{self, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::inbox::Halt;
use super::wire::{HELLO_LEN_MAX, Hello, Line, read_line};
use crate::model::{MachineId, Tick, Timestamp};

/// How long one attempt to connect, and the answer to a hello, may take.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(2);

/// The outgoing connection to one peer.
#[derive(Debug)]
pub(super) struct Producer {
    peer: MachineId,
    stream: TcpStream,
    sent: u64,
}

/// Why an attempt to reach a peer did not succeed.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It may succeed later.
    NotYet(String),
    /// The peer will never let this machine in.
    Final(String),
}

impl Producer {
    /// Makes one attempt to connect and to be let in.
    pub(super) fn connect(address: SocketAddr, hello: &Hello) -> Result<Self, Refusal> {
        let not_yet = |error: io::Error| Refusal::NotYet(error.to_string());
        let stream = TcpStream::connect_timeout(&address, ATTEMPT_LIMIT).map_err(not_yet)?;
        let ends = (
            stream.local_addr().map_err(not_yet)?,
            stream.peer_addr().map_err(not_yet)?,
        );
        if ends.0 == ends.1 {
            // TCP's simultaneous open: a retried connect to a free local port may reach itself.
            return Err(Refusal::NotYet("nobody listens there".to_owned()));
        }
        stream.set_nodelay(true).map_err(not_yet)?;
        stream
            .set_read_timeout(Some(ATTEMPT_LIMIT))
            .map_err(not_yet)?;
        let mut producer = Self {
            peer: hello.to,
            stream,
            sent: 0,
        };
        producer
            .write(&Line::Hello(hello.clone()))
            .map_err(not_yet)?;
        producer.hear_answer()?;
        Ok(producer)
    }

    fn hear_answer(&self) -> Result<(), Refusal> {
        let mut reader = BufReader::new(&self.stream);
        match read_line(&mut reader, HELLO_LEN_MAX, &mut Vec::new()) {
            Ok(Some(Line::Welcome)) => Ok(()),
            Ok(Some(Line::Refused(why))) => Err(Refusal::Final(format!("it refused: {why}"))),
            Ok(Some(line)) => Err(Refusal::Final(format!(
                "it answered the hello with '{line}'"
            ))),
            Ok(None) => Err(Refusal::NotYet("it closed the connection".to_owned())),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(Refusal::Final(
                format!("another program holds its port: {error}"),
            )),
            Err(error) => Err(Refusal::NotYet(format!(
                "it did not answer the hello: {error}"
            ))),
        }
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        self.stream.write_all(format!("{line}\n").as_bytes())
    }
}

/// All outgoing connections of a machine, in the order of its peers.
#[derive(Debug)]
pub(super) struct Producers {
    producers: Vec<Producer>,
}

impl Producers {
    pub(super) fn new(mut producers: Vec<Producer>, peers: &[MachineId]) -> Self {
        producers.sort_by_key(|producer| peers.iter().position(|peer| *peer == producer.peer));
        Self { producers }
    }

    /// Says a line to one peer.
    pub(super) fn say(&mut self, to: MachineId, line: &Line) -> Result<(), Halt> {
        let producer = self.producer(to);
        producer.write(line).map_err(|error| lost(to, &error))
    }

    /// Sends the timestamp of a send event to each of its peers.
    pub(super) fn send(
        &mut self,
        to: &[MachineId],
        timestamp: Timestamp,
        tick: Tick,
    ) -> Result<(), Halt> {
        for &peer in to {
            let producer = self.producer(peer);
            producer.sent += 1;
            let sequence = producer.sent;
            let line = Line::Message {
                timestamp,
                tick,
                sequence,
            };
            producer.write(&line).map_err(|error| lost(peer, &error))?;
        }
        Ok(())
    }

    /// Says goodbye to every peer, and because of whom if this is not the end of the trial; gives
    /// those that could not be told.
    pub(super) fn say_goodbye(&mut self, left_for: Option<MachineId>) -> Vec<MachineId> {
        let mut deaf = Vec::new();
        for producer in &mut self.producers {
            let goodbye = Line::Goodbye {
                sent: producer.sent,
                left_for,
            };
            if producer.write(&goodbye).is_err() {
                deaf.push(producer.peer);
            }
        }
        deaf
    }

    /// How many messages were sent to each peer.
    pub(super) fn sent(&self) -> impl Iterator<Item = (MachineId, u64)> {
        self.producers
            .iter()
            .map(|producer| (producer.peer, producer.sent))
    }

    fn producer(&mut self, peer: MachineId) -> &mut Producer {
        let found = self
            .producers
            .iter_mut()
            .find(|producer| producer.peer == peer);
        found.expect("a machine has a producer to each of its peers")
    }
}

fn lost(peer: MachineId, error: &io::Error) -> Halt {
    Halt::PeerLost {
        peer,
        why: error.to_string(),
    }
}
