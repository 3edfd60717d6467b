//! Someone who plays machine 1 to a machine 2, knows the secret or pretends to, and may say whatever
//! it likes.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use scalemodel::machine::secret::{Nonce, Role, Secret, Transcript};
use scalemodel::machine::wire::{Boot, Hello, Line, MessageLine, PROTOCOL, TrialDigest};
use scalemodel::model::{Arrival, MachineId, Tick, Timestamp};
use scalemodel::trial::Trial;
use sha2::{Digest as _, Sha256};

use crate::bench::Bench;
use crate::scene::wait_until;

/// Nobody is waited for longer than this.
const LIMIT: Duration = Duration::from_secs(20);

/// Whoever plays a machine.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) secret: Secret,
    pub(crate) hello: Hello,
}

/// A connection on which lines are said and heard.
#[derive(Debug)]
pub(crate) struct Talk {
    reader: BufReader<TcpStream>,
}

impl Guest {
    /// Machine `from` of a run, as it would say hello to machine `to`.
    pub(crate) fn new(bench: &Bench, from: u16, to: u16) -> Result<Self> {
        let secret = Secret::load_or_create(&bench.folder.join("secret"))?;
        let trial = Trial::load_resolved(&bench.trial_file())?;
        let hash = Sha256::digest(trial.to_string().as_bytes());
        let digest = hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        let hello = Hello {
            protocol: PROTOCOL,
            run: "the-run".parse().map_err(anyhow::Error::msg)?,
            from: MachineId::new(from),
            to: MachineId::new(to),
            incarnation: 1,
            boot: Boot(7),
            is_virtual: false,
            trial: TrialDigest(digest),
            nonce: Nonce::draw()?,
        };
        Ok(Self { secret, hello })
    }

    /// Says hello to a machine, and proves to know the secret; what it answers to that.
    pub(crate) fn visit(&self, address: &str) -> Result<(Talk, Line)> {
        let mut talk = Talk::connect(address)?;
        let answer = self.introduce(&mut talk)?;
        Ok((talk, answer))
    }

    /// The same on a connection that stands.
    pub(crate) fn introduce(&self, talk: &mut Talk) -> Result<Line> {
        talk.say(&self.hello.to_string())?;
        match talk.hear()? {
            Line::Challenge { nonce, proof } => {
                let hello = self.hello.to_string();
                let transcript =
                    Transcript { hello: &hello, connector: self.hello.nonce, listener: nonce };
                ensure!(
                    self.secret.verifies(Role::Listener, &transcript, &proof),
                    "the machine has not proved itself"
                );
                let proof = self.secret.proof(Role::Connector, &transcript);
                talk.say(&Line::Proof(proof).to_string())?;
                talk.hear()
            }
            other => Ok(other),
        }
    }

    /// Lets a machine in that connects, as a machine would; what it said in its hello.
    pub(crate) fn receive(&self, listener: &TcpListener) -> Result<(Talk, Hello)> {
        let mut talk = Talk::accept(listener)?;
        let Line::Hello(hello) = talk.hear()? else { bail!("no hello is said") };
        let (text, nonce) = (hello.to_string(), Nonce::draw()?);
        let transcript = Transcript { hello: &text, connector: hello.nonce, listener: nonce };
        let proof = self.secret.proof(Role::Listener, &transcript);
        talk.say(&Line::Challenge { nonce, proof }.to_string())?;
        let Line::Proof(proof) = talk.hear()? else { bail!("no proof is given") };
        ensure!(self.secret.verifies(Role::Connector, &transcript, &proof), "the proof is wrong");
        talk.say("welcome 1 -")?;
        Ok((talk, hello))
    }
}

impl Talk {
    /// Connects to a machine, as soon as it listens.
    pub(crate) fn connect(address: &str) -> Result<Self> {
        let mut stream = None;
        wait_until(std::time::Instant::now() + LIMIT, "the machine listens", || {
            stream = TcpStream::connect(address).ok();
            stream.is_some()
        })?;
        Self::over(stream.context("it is connected")?)
    }

    /// Takes the next connection.
    pub(crate) fn accept(listener: &TcpListener) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let mut stream = None;
        wait_until(std::time::Instant::now() + LIMIT, "a machine connects", || {
            stream = listener.accept().ok();
            stream.is_some()
        })?;
        let (stream, _) = stream.context("it is connected")?;
        stream.set_nonblocking(false)?;
        Self::over(stream)
    }

    fn over(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// Says bytes as they are.
    pub(crate) fn say_bytes(&self, bytes: &[u8]) -> Result<()> {
        Ok(self.reader.get_ref().write_all(bytes)?)
    }

    /// Says a line.
    pub(crate) fn say(&self, line: &str) -> Result<()> {
        self.say_bytes(format!("{line}\n").as_bytes())
    }

    /// The next line, whatever it is; nothing at the end.
    pub(crate) fn hear_text(&mut self) -> Result<Option<String>> {
        let mut text = String::new();
        match self.reader.read_line(&mut text) {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(text.trim_end_matches('\n').to_owned())),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(None),
            Err(error) => Err(error).context("nothing is answered"),
        }
    }

    /// The next line of the protocol.
    pub(crate) fn hear(&mut self) -> Result<Line> {
        let text = self.hear_text()?.context("the connection was closed")?;
        text.parse().map_err(anyhow::Error::msg)
    }

    /// All lines until the connection ends.
    pub(crate) fn hear_out(mut self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        while let Some(line) = self.hear_text()? {
            lines.push(line);
        }
        Ok(lines)
    }
}

/// By so much the clock of whoever plays machine 1 is ahead, in microseconds: an hour.
const AHEAD_US: i64 = 3_600_000_000;

/// Answers probes, until the machine says that it is ready.
fn await_ready(back: &mut Talk, out: &Talk) -> Result<()> {
    loop {
        match back.hear()? {
            Line::Probe(probe) => {
                let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH)?;
                let now = i64::try_from(since_1970.as_micros())? + AHEAD_US;
                out.say(&format!("echo {probe} {now} {now}"))?;
            }
            Line::Ready => return Ok(()),
            other => bail!("it is not ready: '{other}'"),
        }
    }
}

/// The log tells of the hour, as well as it can be known.
fn ensure_clocks_are_compared(log: &str) -> Result<()> {
    let line = log.lines().find_map(|line| line.strip_prefix("# clock_offset: offset_us="));
    let (offset, error) =
        line.and_then(|line| line.split_once(" error_us=")).context("no clock was compared")?;
    let (offset, error) = (offset.parse::<i64>()?, error.parse::<i64>()?);
    ensure!((offset - AHEAD_US).abs() <= error, "{offset} give or take {error}");
    ensure!(error < AHEAD_US, "that tells nothing: {error}");
    Ok(())
}

/// A message of machine 1.
pub(crate) fn message(timestamp: u64, tick: u64, sequence: u64) -> String {
    let tick = Tick(tick);
    let arrival = Arrival::at_once(tick);
    MessageLine { timestamp: Timestamp(timestamp), tick, sequence, arrival }.to_string()
}

/// A run of two machines, of which machine 2 is real and machine 1 is played: it has started.
pub(crate) struct Play {
    pub(crate) bench: Bench,
    pub(crate) guest: Guest,
    pub(crate) victim: crate::running::Running,
    /// To the machine; [`Talk::hear`] gives its answers.
    pub(crate) out: Talk,
    /// From the machine: its messages.
    pub(crate) back: Talk,
    pub(crate) listener: TcpListener,
}

impl Play {
    /// Starts machine 2, and plays machine 1 until the common start.
    pub(crate) fn new(bench: Bench, options: &[&str]) -> Result<Self> {
        // A process that another row has just forked may hold the port of an earlier play until it
        // becomes another program.
        let mut listener = None;
        bench.wait_until("the port is free", || {
            listener = TcpListener::bind(bench.address(1)).ok();
            listener.is_some()
        })?;
        let listener = listener.context("the port is free")?;
        let guest = Guest::new(&bench, 1, 2)?;
        let victim = bench.launch(2).with(options).start()?;
        let (mut back, _) = guest.receive(&listener)?;
        let (out, welcome) = guest.visit(&bench.address(2))?;
        ensure!(matches!(welcome, Line::Welcome { next: 1, .. }), "it answered '{welcome}'");
        await_ready(&mut back, &out)?;
        out.say("start 1000000")?;
        bench.wait_until("machine 2 ticks", || 0 < bench.ticks(2))?;
        ensure_clocks_are_compared(&fs::read_to_string(bench.log_file(2))?)?;
        Ok(Self { bench, guest, victim, out, back, listener })
    }

    /// What machine 2 has received, by its log: the timestamps.
    pub(crate) fn received(&self) -> Vec<u64> {
        let log = fs::read_to_string(self.bench.log_file(2)).unwrap_or_default();
        let cells = log.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
        cells
            .filter(|cells| cells.get(4) == Some(&"receive"))
            .filter_map(|cells| cells.get(8)?.parse().ok())
            .collect()
    }
}
