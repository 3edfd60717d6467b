//! A connection of someone who is no machine of the run.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// No stranger is kept waiting for longer.
const LIMIT: Duration = Duration::from_secs(20);

/// A connection to a machine.
#[derive(Debug)]
pub(crate) struct Stranger {
    stream: TcpStream,
}

impl Stranger {
    /// Connects.
    pub(crate) fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .with_context(|| format!("a stranger cannot connect to {address}"))?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    /// Says something. The machine may have closed already, which the answer tells.
    pub(crate) fn say(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Says that nothing more comes.
    pub(crate) fn fall_silent(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// All that the machine answers until it closes the connection.
    pub(crate) fn hear_out(mut self) -> Result<String> {
        let mut answer = Vec::new();
        match self.stream.read_to_end(&mut answer) {
            Err(error) if is_timeout(&error) => anyhow::bail!("the machine does not close"),
            // Who says too much may be cut off by a reset before it reads the answer.
            _ => Ok(String::from_utf8_lossy(&answer).trim_end().to_owned()),
        }
    }

    /// Whether the machine has closed the connection by now.
    pub(crate) fn is_closed(&self) -> bool {
        if self.stream.set_nonblocking(true).is_err() {
            return true;
        }
        let mut place = [0; 512];
        loop {
            match (&self.stream).read(&mut place) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return !is_timeout(&error),
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Says something to a machine as a stranger, and nothing more; the machine must refuse and close.
pub(crate) fn must_be_refused(address: &str, bytes: &[u8]) -> Result<()> {
    let begin = Instant::now();
    let mut stranger = Stranger::connect(address)?;
    let is_all_said = stranger.say(bytes);
    stranger.fall_silent();
    let answer = stranger.hear_out()?;
    let shown = bytes[..bytes.len().min(64)].escape_ascii();
    // A machine that has read too much closes with a reset, and its answer may be lost.
    let was_cut_off = answer.is_empty() && (!is_all_said || 256 < bytes.len());
    let is_refused = answer.lines().last().is_some_and(|line| line.starts_with("refused"));
    ensure!(is_refused || was_cut_off, "'{shown}' was answered by '{answer}'");
    ensure!(begin.elapsed() < Duration::from_secs(10), "'{shown}' was refused late");
    Ok(())
}
