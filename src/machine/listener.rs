//! The one listening socket of a machine. It lets nobody in but the peers of the run.

use std::collections::BTreeSet;
use std::io::{self, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use log::{debug, warn};

use super::consumer;
use super::inbox::{InboxSender, Notice};
use super::wire::{Hello, LINE_LEN_MAX, Line, PROTOCOL, RunId, read_line};
use crate::model::MachineId;
use crate::trial::MachineSpec;
use crate::wall_clock;

/// How many connections may wait in the kernel to be accepted; std's 128 is too few for a large
/// mesh.
const BACKLOG: i32 = 4096;

/// How long a connection may take to say hello.
const HELLO_LIMIT: Duration = Duration::from_secs(2);

/// How many connections may be without a hello at one time, beyond one for every peer.
const STRANGERS_MAX: usize = 16;

/// The stack of a consumer thread: it reads lines and does nothing deep.
const STACK_SIZE: usize = 128 << 10;

/// Binds the listening socket of a machine.
///
/// # Errors
/// When the address is in use, or is none of this computer's.
pub(super) fn bind(spec: &MachineSpec) -> Result<TcpListener> {
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
    Ok(listener)
}

/// Whom the listener lets in.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) run: RunId,
    pub(super) machine: MachineId,
    pub(super) peers: Vec<MachineId>,
    pub(super) inbox: InboxSender,
    pub(super) is_virtual: bool,
    present: Mutex<BTreeSet<MachineId>>,
    strangers: AtomicUsize,
}

impl Door {
    /// A door of one machine of a run, through which nobody has come yet.
    pub(super) fn new(own: &Hello, peers: Vec<MachineId>, inbox: InboxSender) -> Self {
        Self {
            run: own.run.clone(),
            machine: own.from,
            peers,
            inbox,
            is_virtual: own.is_virtual,
            present: Mutex::new(BTreeSet::new()),
            strangers: AtomicUsize::new(0),
        }
    }

    /// Checks a hello against the run, and takes the name it gives.
    fn admit(&self, hello: &Hello) -> Result<(), String> {
        let Hello { protocol, run, from, to, .. } = hello;
        if *protocol != PROTOCOL {
            return Err(format!("protocol {protocol}; this machine speaks {PROTOCOL}"));
        }
        if *run != self.run {
            return Err("another run".to_owned());
        }
        if *to != self.machine {
            return Err(format!("this is machine {}, not machine {to}", self.machine));
        }
        if !self.peers.contains(from) {
            return Err(format!("machine {from} is no peer of machine {}", self.machine));
        }
        if hello.is_virtual != self.is_virtual {
            return Err("another pace".to_owned());
        }
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if !present.insert(*from) {
            return Err(format!("machine {from} is connected already"));
        }
        Ok(())
    }

    /// Gives a name back: its connection ended before anything was said on it.
    pub(super) fn release(&self, from: MachineId) {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        // Told first: who takes the name next must not be told of before this.
        self.inbox.tell(Notice::Disconnected(from));
        present.remove(&from);
    }

    /// Whether a number is that of a machine of this run.
    pub(super) fn knows(&self, machine: MachineId) -> bool {
        machine == self.machine || self.peers.contains(&machine)
    }
}

/// Accepts connections for as long as the process lives, each served by a thread of its own.
///
/// # Errors
/// When no thread can be started.
pub(super) fn open(listener: TcpListener, door: Arc<Door>) -> Result<()> {
    thread::Builder::new()
        .name("listener".to_owned())
        .stack_size(STACK_SIZE)
        .spawn(move || accept_all(&listener, &door))
        .context("cannot start the listener thread; raise the limit on threads (ulimit -u)")?;
    Ok(())
}

fn accept_all(listener: &TcpListener, door: &Arc<Door>) {
    for connection in listener.incoming() {
        match connection {
            Ok(stream) => receive(stream, door),
            Err(error) => warn!("a connection could not be accepted: {error}"),
        }
    }
}

fn receive(mut stream: TcpStream, door: &Arc<Door>) {
    let limit = door.peers.len() + STRANGERS_MAX;
    if limit <= door.strangers.fetch_add(1, Ordering::Relaxed) {
        door.strangers.fetch_sub(1, Ordering::Relaxed);
        warn!("refused a connection: {limit} others have not said hello yet");
        refuse(&mut stream, "too many connections without a hello");
        return;
    }
    let served = Arc::clone(door);
    let thread = thread::Builder::new().name("consumer".to_owned()).stack_size(STACK_SIZE);
    if let Err(error) = thread.spawn(move || serve(stream, &served)) {
        door.strangers.fetch_sub(1, Ordering::Relaxed);
        warn!("refused a connection: cannot start a consumer thread: {error}");
    }
}

/// Hears the hello of one connection, and consumes what follows if it may come in.
fn serve(stream: TcpStream, door: &Door) {
    let from = hear_hello(&stream, door);
    door.strangers.fetch_sub(1, Ordering::Relaxed);
    match from {
        Ok((from, reader)) => {
            door.inbox.tell(Notice::Connected(from));
            // If the peer is gone, reading says so at once.
            say(&mut &stream, &Line::Welcome);
            consumer::consume(reader, from, door);
        }
        Err(why) => {
            let who = stream.peer_addr().map_or("a stranger".to_owned(), |addr| addr.to_string());
            warn!("refused {who}: {why}");
            refuse(&mut &stream, &why);
        }
    }
}

/// A connection that fails once it has taken too long; without a deadline it waits for ever.
#[derive(Debug)]
pub(super) struct TimedStream {
    stream: TcpStream,
    deadline: Option<Instant>,
}

impl io::Read for TimedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(wall_clock::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
        }
        self.stream.read(buffer)
    }
}

/// Gives the peer that said hello, and the rest of its connection.
fn hear_hello(
    stream: &TcpStream,
    door: &Door,
) -> Result<(MachineId, BufReader<TimedStream>), String> {
    let text = |error: io::Error| error.to_string();
    let deadline = Some(wall_clock::now() + HELLO_LIMIT);
    let timed = TimedStream { stream: stream.try_clone().map_err(text)?, deadline };
    let mut reader = BufReader::new(timed);
    let line =
        read_line(&mut reader, LINE_LEN_MAX, &mut Vec::new()).map_err(|error| {
            match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    format!("no hello within {} s", HELLO_LIMIT.as_secs())
                }
                _ => text(error),
            }
        })?;
    let Some(Line::Hello(hello)) = line else {
        return Err("expected a hello".to_owned());
    };
    reader.get_mut().deadline = None;
    stream.set_read_timeout(None).map_err(text)?;
    stream.set_nodelay(true).map_err(text)?;
    door.admit(&hello)?;
    Ok((hello.from, reader))
}

fn refuse(stream: &mut impl io::Write, why: &str) {
    say(stream, &Line::Refused(why.to_owned()));
}

/// Answers. The other side may be gone, which is no concern of ours.
fn say(stream: &mut impl io::Write, line: &Line) {
    if let Err(error) = stream.write_all(format!("{line}\n").as_bytes()) {
        debug!("the answer '{line}' could not be sent: {error}");
    }
}
