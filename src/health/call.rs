//! The conversation with one machine: connect, prove oneself, look and send, each within a limit.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::heard::{Look, Silence};
use crate::machine::secret::{Nonce, Role, Secret, Transcript};
use crate::machine::wire::{
    Asking, BackLine, CheckupId, Line, LineBuffer, PROTOCOL, TrialDigest, say,
};
use crate::model::MachineId;
use crate::wall_clock;

/// Who is called, and what is said first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Callee<'a> {
    pub(super) machine: MachineId,
    pub(super) address: SocketAddr,
    pub(super) checkup: CheckupId,
    pub(super) trial: TrialDigest,
    pub(super) secret: &'a Secret,
    /// With how many machines it has connections, and says something of them.
    pub(super) contacts: usize,
    pub(super) limit: Duration,
}

/// A machine that listens.
#[derive(Debug)]
pub(super) struct Call {
    stream: TcpStream,
    heard: LineBuffer,
    contacts: usize,
    limit: Duration,
}

impl Call {
    /// Calls a machine. It may still refuse to be asked, which its first answer tells.
    pub(super) fn open(callee: &Callee<'_>) -> Result<Self, Silence> {
        let Callee { machine, address, checkup, trial, secret, contacts, limit } = *callee;
        let deadline = wall_clock::now() + limit;
        let stream =
            TcpStream::connect_timeout(&address, limit).map_err(|error| not_reached(&error))?;
        let settled = stream.set_nodelay(true).and_then(|()| stream.set_write_timeout(Some(limit)));
        settled.map_err(|error| Silence::Dead(error.to_string()))?;
        let nonce = Nonce::draw().map_err(|error| Silence::Dead(format!("{error:#}")))?;
        let asking = Asking { protocol: PROTOCOL, checkup, to: machine, trial, nonce };
        let mut call = Self { stream, heard: LineBuffer::default(), contacts, limit };
        call.say(&Line::Health(asking.clone()))?;
        let said = asking.to_string();
        let (listener, proof) = match call.hear(deadline) {
            Ok(Line::Challenge { nonce, proof }) => (nonce, proof),
            Ok(Line::Refused(why)) if why.is_empty() => {
                let why = "it refused: it has no room, or is another machine";
                return Err(Silence::Strange(why.to_owned()));
            }
            Ok(other) => return Err(Silence::Strange(format!("it answered '{other}'"))),
            Err(Silence::Dead(why)) => return Err(gone_or_strange(&address, limit, why)),
            Err(silence) => return Err(silence),
        };
        let transcript = Transcript { hello: &said, connector: nonce, listener };
        if !secret.verifies(Role::Listener, &transcript, &proof) {
            return Err(Silence::Strange("it has another secret".to_owned()));
        }
        call.say(&Line::Proof(secret.proof(Role::Connector, &transcript)))?;
        Ok(call)
    }

    /// Looks at the machine; gives the probes that are back besides.
    pub(super) fn look(&mut self) -> Result<(Look, Vec<BackLine>), Silence> {
        let deadline = wall_clock::now() + self.limit;
        self.say(&Line::Look)?;
        let state = match self.hear(deadline)? {
            Line::State(state) => state,
            other => return Err(not_its_to_say(&other)),
        };
        let channels = (0..self.contacts).map(|_| match self.hear(deadline)? {
            Line::Channel(channel) => Ok(channel),
            other => Err(not_its_to_say(&other)),
        });
        let channels = channels.collect::<Result<_, _>>()?;
        let back = (0..state.echoes).map(|_| match self.hear(deadline)? {
            Line::Back(back) => Ok(back),
            other => Err(not_its_to_say(&other)),
        });
        let back = back.collect::<Result<_, _>>()?;
        Ok((Look { state, channels }, back))
    }

    /// Has the machine send a probe to every peer.
    pub(super) fn send(&mut self, number: u32) -> Result<(), Silence> {
        self.say(&Line::Send { number })
    }

    fn say(&mut self, line: &Line) -> Result<(), Silence> {
        say(&self.stream, line).map_err(|error| went_away(&error))
    }

    /// Waits for the next line. However slowly it comes, nothing is waited for after the deadline.
    fn hear(&mut self, deadline: Instant) -> Result<Line, Silence> {
        loop {
            if let Some(line) = self.heard.take().map_err(Silence::Strange)? {
                return match line {
                    Line::Refused(why) if !why.is_empty() => {
                        Err(Silence::Refused(why.escape_debug().to_string()))
                    }
                    line => Ok(line),
                };
            }
            let left = deadline.saturating_duration_since(wall_clock::now());
            if left.is_zero() {
                let limit = self.limit.as_secs_f64();
                return Err(Silence::Deaf(format!("nothing within {limit} s (--limit)")));
            }
            let filled = self
                .stream
                .set_read_timeout(Some(left))
                .and_then(|()| self.heard.fill(&self.stream));
            match filled {
                Ok(true) => {}
                Ok(false) => {
                    return Err(Silence::Dead("it closed the connection".to_owned()));
                }
                Err(error) => return Err(went_away(&error)),
            }
        }
    }
}

/// Who closes a connection without a word: a machine that ends closes its door, too, and with it whoever
/// waits there; another program goes on to listen.
fn gone_or_strange(address: &SocketAddr, limit: Duration, why: String) -> Silence {
    match TcpStream::connect_timeout(address, limit) {
        Ok(_) => Silence::Strange(why),
        Err(error) => not_reached(&error),
    }
}

fn not_reached(error: &io::Error) -> Silence {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            Silence::Deaf("it takes no connection in time (--limit)".to_owned())
        }
        _ => Silence::Dead(error.to_string()),
    }
}

fn went_away(error: &io::Error) -> Silence {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            Silence::Deaf("it takes nothing in time (--limit)".to_owned())
        }
        _ => Silence::Dead(error.to_string()),
    }
}

fn not_its_to_say(line: &Line) -> Silence {
    match line {
        Line::Refused(_) => Silence::Strange("it refused the proof".to_owned()),
        other => Silence::Strange(format!("it said '{other}', which is not its to say")),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::health::layer::testing::healthy;

    /// What comes of a call to somebody who closes it without a word, and goes on to listen, or not.
    fn call(host: &str, goes_on: bool) -> Silence {
        let listener = TcpListener::bind((host, 20001)).unwrap();
        let address = listener.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let secret = Secret::load_or_create(&folder.path().join("secret")).unwrap();
        let callee = Callee {
            machine: MachineId::new(1),
            address,
            checkup: CheckupId(1),
            trial: TrialDigest::of(&healthy(2).trial),
            secret: &secret,
            contacts: 1,
            limit: Duration::from_secs(10),
        };
        thread::scope(|scope| {
            let call = scope.spawn(|| Call::open(&callee).unwrap_err());
            let (stream, _) = listener.accept().unwrap();
            let _listener = Some(listener).filter(|_| goes_on);
            drop(stream);
            call.join().unwrap()
        })
    }

    #[test]
    fn who_closes_and_listens_no_more_has_gone() {
        assert!(matches!(call("127.90.8.1", false), Silence::Dead(_)));
        assert!(matches!(call("127.90.8.2", true), Silence::Strange(_)));
    }
}
