//! The one listening socket of a machine. It lets nobody in but the peers of the run.
//!
//! One thread accepts, and serves all who have not proved yet that they know the secret. So a flood
//! of strangers costs no threads, and what they may hold is bounded: their number, their bytes, and
//! their time. A stranger reads a challenge at most, and then "refused", never why.

use std::collections::VecDeque;
use std::io::{self, BufReader, Cursor, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use log::{debug, info, warn};
use rustix::event::{PollFd, PollFlags};
use rustix::net::sockopt;

use super::checkup::{self, PATIENCE};
use super::consumer;
use super::door::Door;
use super::identity::Opening;
use super::keep_alive::KeepAlive;
use super::poll;
use super::secret::{Nonce, Role};
use super::wire::{Asking, Hello, Line, LineBuffer, is_not_yet, say};
use crate::model::MachineId;
use crate::trial::MachineSpec;
use crate::wall_clock;

/// How many connections may wait in the kernel to be accepted; std's 128 is too few for a large
/// mesh.
const BACKLOG: i32 = 4096;

/// How long a connection may take until it has proved itself.
const PROOF_LIMIT: Duration = Duration::from_secs(2);

/// How many connections may be unproved at one time, beyond one for every peer. When there are more,
/// the oldest has to go: a machine proves itself at once, and strangers only hold places.
pub(super) const STRANGERS_MAX: usize = 16;

/// How long nothing is accepted after accepting has failed, for want of file descriptors say.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// The stack of a thread that serves one connection: it reads lines and does nothing deep.
const STACK_SIZE: usize = 128 << 10;

/// About a hundred messages are read at one time.
const READ_LEN: usize = 2 << 10;

/// Binds the listening socket of a machine.
///
/// # Errors
/// When the address is in use, or is none of this computer's.
pub(super) fn bind(spec: &MachineSpec, keep_alive: KeepAlive) -> Result<TcpListener> {
    let address = spec.address();
    let listener = TcpListener::bind(address).map_err(|error| {
        let fix = match error.kind() {
            io::ErrorKind::AddrNotAvailable => "give a host in the trial that this computer has",
            _ => "end what uses the port, or give another in the trial",
        };
        anyhow!("cannot listen on {address}: {error}; {fix}")
    })?;
    rustix::net::listen(&listener, BACKLOG)
        .with_context(|| format!("cannot listen on {address}"))?;
    prepare(&listener, keep_alive).with_context(|| format!("cannot listen on {address}"))?;
    Ok(listener)
}

/// Whoever comes in has the settings of the listening socket, but does block (socket(7), accept(2)).
fn prepare(listener: &TcpListener, keep_alive: KeepAlive) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    sockopt::set_tcp_nodelay(listener, true)?;
    keep_alive.watch_over(listener)
}

/// Accepts connections for as long as the process lives.
///
/// # Errors
/// When no thread can be started.
pub(super) fn open(listener: TcpListener, door: Arc<Door>) -> Result<()> {
    thread::Builder::new()
        .name("listener".to_owned())
        .stack_size(STACK_SIZE)
        .spawn(move || Porter::new(listener, door).serve())
        .context("cannot start the listener thread; raise the limit on threads (ulimit -u)")?;
    Ok(())
}

/// Serves everyone who stands before the door.
struct Porter {
    listener: TcpListener,
    door: Arc<Door>,
    /// The oldest first.
    strangers: VecDeque<Stranger>,
    /// Nothing is accepted before this instant.
    accepts_from: Instant,
    /// The kind of the last failure to accept, so that it is told once.
    last_failure: Option<io::ErrorKind>,
}

/// A connection that has not proved itself.
struct Stranger {
    stream: TcpStream,
    address: SocketAddr,
    buffer: LineBuffer,
    /// The first line, once it is said.
    greeted: Option<Greeted>,
    deadline: Instant,
}

/// The first line of a stranger, and the nonce that its proof must be of.
struct Greeted {
    greeting: Greeting,
    opening: Opening,
    nonce: Nonce,
}

/// As what a stranger wants to come in.
enum Greeting {
    Peer(Hello),
    Asker(Asking),
}

impl From<&Greeting> for Opening {
    fn from(greeting: &Greeting) -> Self {
        match greeting {
            Greeting::Peer(hello) => hello.into(),
            Greeting::Asker(asking) => asking.into(),
        }
    }
}

/// How far a stranger has come.
enum Progress {
    Waiting,
    Proved,
    /// Why it may not come in, and what it is told.
    Refused(String, Line),
}

impl Porter {
    fn new(listener: TcpListener, door: Arc<Door>) -> Self {
        let accepts_from = wall_clock::now();
        Self { listener, door, strangers: VecDeque::new(), accepts_from, last_failure: None }
    }

    fn serve(mut self) {
        loop {
            let ready = self.wait();
            let now = wall_clock::now();
            for place in (0..self.strangers.len()).rev() {
                let is_due = self.strangers[place].deadline <= now;
                if ready[place + 1] || is_due {
                    self.go_on(place);
                }
            }
            if ready[0] {
                self.accept();
            }
        }
    }

    /// Waits until something can be done; says of the listener, and then of each stranger, whether
    /// it is ready.
    fn wait(&self) -> Vec<bool> {
        let now = wall_clock::now();
        let is_pausing = now < self.accepts_from;
        let interest = if is_pausing { PollFlags::empty() } else { PollFlags::IN };
        let mut fds = vec![PollFd::new(&self.listener, interest)];
        fds.extend(self.strangers.iter().map(|s| PollFd::new(&s.stream, PollFlags::IN)));
        let deadlines = self.strangers.iter().map(|stranger| stranger.deadline);
        let next = deadlines.chain(is_pausing.then_some(self.accepts_from)).min();
        poll::wait(&mut fds, next);
        fds.iter().map(|fd| !fd.revents().is_empty()).collect()
    }

    fn accept(&mut self) {
        match self.listener.accept() {
            Ok((stream, address)) => {
                self.last_failure = None;
                if self.door.peer_count() + STRANGERS_MAX <= self.strangers.len()
                    && let Some(oldest) = self.strangers.pop_front()
                {
                    oldest
                        .refuse("too many connections are unproved", &Line::Refused(String::new()));
                }
                if let Err(error) = stream.set_nonblocking(true) {
                    debug!("a connection could not be served: {error}");
                    return;
                }
                let deadline = wall_clock::now() + PROOF_LIMIT;
                let buffer = LineBuffer::default();
                self.strangers.push_back(Stranger {
                    stream,
                    address,
                    buffer,
                    greeted: None,
                    deadline,
                });
                // Who connects on one computer has said hello by now.
                self.go_on(self.strangers.len() - 1);
            }
            Err(error) if is_not_yet(&error) => {}
            Err(error) => {
                self.accepts_from = wall_clock::now() + PAUSE_AFTER_FAILURE;
                if self.last_failure.replace(error.kind()) != Some(error.kind()) {
                    warn!(
                        "connections cannot be accepted: {error}; raise the limit on open files \
                         (ulimit -n) if that is what is missing"
                    );
                }
            }
        }
    }

    fn go_on(&mut self, place: usize) {
        match self.strangers[place].go_on(&self.door) {
            Progress::Waiting => {}
            Progress::Proved => {
                if let Some(stranger) = self.strangers.remove(place) {
                    stranger.come_in(&self.door);
                }
            }
            Progress::Refused(why, answer) => {
                if let Some(stranger) = self.strangers.remove(place) {
                    stranger.refuse(&why, &answer);
                }
            }
        }
    }
}

impl Stranger {
    fn go_on(&mut self, door: &Door) -> Progress {
        let refused = |why: String| Progress::Refused(why, Line::Refused(String::new()));
        if self.deadline <= wall_clock::now() {
            return refused(format!("no proof within {} s", PROOF_LIMIT.as_secs()));
        }
        let is_open = match self.buffer.fill(&self.stream) {
            Ok(is_open) => is_open,
            Err(error) => return refused(error.to_string()),
        };
        match self.buffer.take() {
            Ok(Some(line)) => match (line, self.greeted.take()) {
                (Line::Hello(hello), None) => match Door::refusal_of_version(hello.protocol) {
                    Some(why) => Progress::Refused(why.clone(), Line::Refused(why)),
                    None if hello.run != door.identity.run => refused("another run".to_owned()),
                    None => self.challenge(door, hello.to, Greeting::Peer(hello)),
                },
                (Line::Health(asking), None) => match Door::refusal_of_version(asking.protocol) {
                    Some(why) => Progress::Refused(why.clone(), Line::Refused(why)),
                    None => self.challenge(door, asking.to, Greeting::Asker(asking)),
                },
                (Line::Proof(proof), Some(greeted)) => {
                    let Greeted { opening, nonce, .. } = &greeted;
                    if !door.identity.believes(Role::Connector, opening, *nonce, &proof) {
                        return refused("its proof is wrong: it has another secret".to_owned());
                    }
                    if self.has_gone() {
                        // It lost patience, and may have come in by another connection already.
                        return refused("it went away before it was let in".to_owned());
                    }
                    self.greeted = Some(greeted);
                    Progress::Proved
                }
                _ => refused("expected a hello, and then a proof".to_owned()),
            },
            Ok(None) if is_open => Progress::Waiting,
            Ok(None) => refused("it went away before it had proved itself".to_owned()),
            Err(why) => refused(why),
        }
    }

    /// Whether it has closed the connection, and everything that it said is read.
    fn has_gone(&self) -> bool {
        match self.stream.peek(&mut [0]) {
            Ok(waiting) => waiting == 0,
            Err(error) => !is_not_yet(&error),
        }
    }

    fn challenge(&mut self, door: &Door, to: MachineId, greeting: Greeting) -> Progress {
        let refused = |why: String| Progress::Refused(why, Line::Refused(String::new()));
        if to != door.identity.machine {
            // A proof of a hello to somebody else would let whoever sits at that machine's port
            // pass for it.
            return refused(format!("it means machine {to}"));
        }
        let nonce = match Nonce::draw() {
            Ok(nonce) => nonce,
            Err(error) => return refused(format!("{error:#}")),
        };
        let opening = Opening::from(&greeting);
        let challenge = door.identity.challenge(&opening, nonce);
        self.greeted = Some(Greeted { greeting, opening, nonce });
        match say(&self.stream, &challenge) {
            // What follows the hello may be here already, in a flood of one's own making.
            Ok(()) => Progress::Waiting,
            Err(error) => refused(error.to_string()),
        }
    }

    /// Lets in who has proved itself.
    fn come_in(mut self, door: &Arc<Door>) {
        match self.greeted.take().map(|greeted| greeted.greeting) {
            Some(Greeting::Peer(hello)) => self.come_in_as_peer(&hello, door),
            Some(Greeting::Asker(asking)) => self.come_in_as_asker(&asking, door),
            None => {}
        }
    }

    /// Lets an asker in, to a thread of its own for as long as it stays.
    fn come_in_as_asker(self, asking: &Asking, door: &Arc<Door>) {
        let Self { stream, address, buffer, .. } = self;
        let settled = stream
            .set_nonblocking(false)
            .and_then(|()| stream.set_read_timeout(Some(PATIENCE)))
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        let (id, trial) = (asking.checkup, asking.trial);
        let guest = Arc::clone(door);
        let serve = move || {
            let pass =
                settled.map_err(|error| error.to_string()).and_then(|()| guest.examine(id, trial));
            match pass {
                Ok(pass) => {
                    let reader = BufReader::new(Cursor::new(buffer.into_rest()).chain(&stream));
                    checkup::answer(reader, &stream, &pass, &guest);
                }
                Err(why) => {
                    info!("refused to be asked by {address}: {why}");
                    let _ = say(&stream, &Line::Refused(why));
                }
            }
        };
        let thread = thread::Builder::new().name("asker".to_owned()).stack_size(STACK_SIZE);
        if let Err(error) = thread.spawn(serve) {
            warn!("an asker is not answered: no thread can be started: {error}");
        }
    }

    fn come_in_as_peer(self, hello: &Hello, door: &Arc<Door>) {
        let Self { stream, address, buffer, .. } = self;
        let visit = stream
            .set_nonblocking(false)
            .map_err(|error| error.to_string())
            .and_then(|()| door.admit(hello, &stream));
        let visit = match visit {
            Ok(visit) => visit,
            Err(why) => {
                warn!("refused machine {} at {address}: {why}", hello.from);
                let _ = say(&stream, &Line::Refused(why));
                return;
            }
        };
        let door = Arc::clone(door);
        let lines = Cursor::new(buffer.into_rest()).chain(stream);
        let lines = BufReader::with_capacity(READ_LEN, lines);
        let thread = thread::Builder::new().name("consumer".to_owned()).stack_size(STACK_SIZE);
        let guest = Arc::clone(&door);
        let started = thread.spawn(move || consumer::consume(lines, visit, &guest));
        if let Err(error) = started {
            door.leave(visit);
            warn!(
                "machine {} has to connect again: no consumer thread can be started: {error}; \
                 raise the limit on threads (ulimit -u)",
                hello.from
            );
        }
    }

    fn refuse(self, why: &str, answer: &Line) {
        warn!("refused {}: {why}", self.address);
        // The other side may be gone, which is no concern of ours.
        let _ = say(&self.stream, answer);
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn whoever_comes_in_has_the_settings_of_the_listening_socket() {
        let listener = TcpListener::bind("127.30.0.20:0").unwrap();
        prepare(&listener, KeepAlive::of(MachineId::new(2), 2)).unwrap();
        let _caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let limit = wall_clock::now() + Duration::from_secs(30);
        poll::wait(&mut [PollFd::new(&listener, PollFlags::IN)], Some(limit));
        let (stream, _) = listener.accept().unwrap();
        assert!(sockopt::tcp_nodelay(&stream).unwrap());
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        let settings = |socket: &dyn AsFd| {
            (
                sockopt::tcp_keepidle(socket).unwrap(),
                sockopt::tcp_keepintvl(socket).unwrap(),
                sockopt::tcp_user_timeout(socket).unwrap(),
            )
        };
        assert_eq!(settings(&stream), settings(&listener));
    }
}
