//! An attempt to be let in by a peer, step by step and without blocking: connect, say hello, hear
//! the challenge, prove oneself, hear the welcome.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};

use super::identity::{Identity, Opening};
use super::keep_alive::KeepAlive;
use super::secret::{Nonce, Role};
use super::wire::{Line, LineBuffer, say};
use crate::model::MachineId;
use crate::wall_clock;

/// How long one attempt may take, from connecting to the welcome.
const LIMIT: Duration = Duration::from_secs(2);

/// An attempt, as far as it has come.
#[derive(Debug)]
pub(super) struct Attempt {
    address: SocketAddr,
    peer: MachineId,
    keep_alive: KeepAlive,
    stream: Option<Arc<TcpStream>>,
    answers: LineBuffer,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Connecting,
    /// The hello is said.
    Greeted(Opening),
    /// The proof is given.
    Proved,
}

/// Where an attempt stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// There is nothing to do until the connection is ready.
    Waiting,
    /// The peer has let this machine in.
    Welcomed { stream: Arc<TcpStream>, answers: LineBuffer, next: u64, start: Option<Instant> },
    /// It did not work, and may work later.
    Failed(String),
    /// Whoever holds the port is no machine of this run.
    Strange(String),
    /// The peer, which has proved itself, will never let this machine in.
    Refused(String),
}

impl Attempt {
    /// An attempt that has not begun.
    pub(super) fn new(address: SocketAddr, peer: MachineId, keep_alive: KeepAlive) -> Self {
        let answers = LineBuffer::default();
        Self { address, peer, keep_alive, stream: None, answers, step: Step::Connecting }
    }

    /// Begins; the attempt may take until the instant that is given back.
    pub(super) fn begin(&mut self) -> Instant {
        self.give_up();
        wall_clock::now() + LIMIT
    }

    /// Drops whatever was under way.
    pub(super) fn give_up(&mut self) {
        self.stream = None;
        self.answers = LineBuffer::default();
        self.step = Step::Connecting;
    }

    /// The connection to wait for, and for what.
    pub(super) fn interest(&self) -> Option<(&Arc<TcpStream>, EventFlags)> {
        let flags = match self.step {
            Step::Connecting => EventFlags::OUT,
            Step::Greeted(_) | Step::Proved => EventFlags::IN,
        };
        self.stream.as_ref().map(|stream| (stream, flags))
    }

    /// Goes on as far as possible without waiting.
    pub(super) fn go_on(&mut self, identity: &Identity) -> Stage {
        let stage = self.advance(identity).unwrap_or_else(|error| Stage::Failed(error.to_string()));
        if !matches!(stage, Stage::Waiting) {
            self.give_up();
        }
        stage
    }

    fn advance(&mut self, identity: &Identity) -> io::Result<Stage> {
        let stream = match &self.stream {
            Some(stream) => stream,
            None => self.stream.insert(Arc::new(open(self.address)?)),
        };
        if matches!(self.step, Step::Connecting) {
            if let Err(errno) = sockopt::socket_error(stream)? {
                return Err(errno.into());
            }
            // On one computer it is settled by now; between hosts it takes the way there and back.
            let Some(there) = peer_address(stream)? else { return Ok(Stage::Waiting) };
            if stream.local_addr()? == there {
                // TCP's simultaneous open: a connect to a free local port may reach itself.
                return Ok(Stage::Failed("nobody listens there".to_owned()));
            }
            stream.set_nodelay(true)?;
            self.keep_alive.watch_over(&**stream)?;
            let hello = identity.hello(self.peer).map_err(io::Error::other)?;
            self.step = Step::Greeted(Opening::from(&hello));
            say(&**stream, &Line::Hello(hello))?;
            return Ok(Stage::Waiting);
        }
        let is_open = self.answers.fill(&**stream)?;
        match self.answers.take() {
            Ok(Some(line)) => self.take(line, identity),
            Ok(None) if is_open => Ok(Stage::Waiting),
            Ok(None) => Ok(Stage::Failed("it closed the connection".to_owned())),
            Err(why) => Ok(Stage::Strange(format!("another program holds its port: {why}"))),
        }
    }

    fn take(&mut self, line: Line, identity: &Identity) -> io::Result<Stage> {
        match (line, &self.step) {
            (Line::Challenge { nonce, proof }, Step::Greeted(opening)) => {
                if !identity.believes(Role::Listener, opening, nonce, &proof) {
                    let why = "a machine with another secret holds its port: end the other run";
                    return Ok(Stage::Strange(why.to_owned()));
                }
                self.prove(nonce, identity)
            }
            (Line::Welcome { next, start_in_ns }, Step::Proved) => {
                let stream = self.stream.take().ok_or(io::ErrorKind::UnexpectedEof)?;
                let answers = std::mem::take(&mut self.answers);
                let start = start_in_ns.map(wall_clock::instant_in);
                Ok(Stage::Welcomed { stream, answers, next, start })
            }
            // Before the proofs a refusal may be anyone's: of one who has no room, or another run.
            (Line::Refused(why), Step::Greeted(_)) if why.is_empty() => Ok(Stage::Failed(
                "it refused: it has no room, or is another machine or of another run".to_owned(),
            )),
            (Line::Refused(why), Step::Greeted(_)) => {
                Ok(Stage::Strange(format!("it refused: {}", why.escape_debug())))
            }
            (Line::Refused(why), _) if why.is_empty() => {
                Ok(Stage::Failed("it refused the proof".to_owned()))
            }
            (Line::Refused(why), _) => {
                Ok(Stage::Refused(format!("it refused: {}", why.escape_debug())))
            }
            (line, _) => Ok(Stage::Strange(format!("it answered the hello with '{line}'"))),
        }
    }

    fn prove(&mut self, nonce: Nonce, identity: &Identity) -> io::Result<Stage> {
        let (Some(stream), Step::Greeted(opening)) = (&self.stream, &self.step) else {
            return Ok(Stage::Waiting);
        };
        say(&**stream, &identity.answer(opening, nonce))?;
        self.step = Step::Proved;
        Ok(Stage::Waiting)
    }
}

/// Begins to open a connection.
fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket: OwnedFd = socket_with(family, SocketType::STREAM, flags, None)?;
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(TcpStream::from(socket)),
        Err(errno) => Err(errno.into()),
    }
}

/// Where a connection leads, once it stands.
fn peer_address(stream: &TcpStream) -> io::Result<Option<SocketAddr>> {
    match stream.peer_addr() {
        Ok(address) => Ok(Some(address)),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(None),
        Err(error) => Err(error),
    }
}
