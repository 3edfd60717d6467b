//! Who may come in, and what has come from each peer.
//!
//! What is known of a peer lasts from connection to connection: which incarnation of it was seen,
//! and how many of its messages are accepted. A message is accepted only if it is the next in its
//! order, whatever connection it comes on; so none is taken twice, and none is passed over.

use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use log::{debug, info};

use super::channel::Channel;
use super::checkup::{Checkups, Gauges, Pass};
use super::courier::Bell;
use super::identity::Identity;
use super::inbox::{InboxSender, Notice};
use super::roll_call::RollCall;
use super::wire::{
    Boot, CheckupId, Hello, Line, MessageLine, PROTOCOL, Standing, TrialDigest, say,
};
use crate::model::{MachineId, Tick};
use crate::wall_clock;

/// How long a peer may refuse to take an answer: its connection is given up after that.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// So many messages are accepted before their sender is told without having asked.
const ACK_EVERY: u64 = 64;

/// The door of a machine.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) identity: Arc<Identity>,
    pub(super) inbox: InboxSender,
    pub(super) roll_call: RollCall,
    guests: Vec<Guest>,
    /// Has the courier try a peer that is there now.
    bell: Bell,
    start: OnceLock<Instant>,
    has_ended: AtomicBool,
    /// What is answered to those who ask how the machine is; nothing at the virtual pace.
    pub(super) checkups: Option<Checkups>,
}

/// A peer that may come in.
#[derive(Debug)]
pub(super) struct Expected {
    /// The channel to it.
    pub(super) channel: Arc<Channel>,
    /// How many of its messages an earlier incarnation of this machine received and recorded.
    pub(super) recorded: u64,
}

/// A peer, as one who sends to this machine.
#[derive(Debug)]
struct Guest {
    /// The channel to the peer.
    channel: Arc<Channel>,
    /// How many of its messages are received and recorded in this machine's log.
    recorded: AtomicU64,
    state: Mutex<GuestState>,
}

#[derive(Debug)]
struct GuestState {
    incarnation: u32,
    boot: Option<Boot>,
    /// The how-manieth connection of this peer is the present one.
    visit: u64,
    /// The present connection, to answer on.
    stream: Option<TcpStream>,
    accepted: u64,
    /// A message is missing, and was asked for; what comes before it cannot be used.
    is_behind: bool,
    promised: Tick,
    has_said_goodbye: bool,
    /// It has said goodbye on the present connection, and waits to hear that it is heard.
    is_waiting: bool,
    /// It was told that its goodbye is heard.
    is_answered: bool,
}

/// One connection of one peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub(super) peer: MachineId,
    place: usize,
    number: u64,
}

/// What became of a line that a peer said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reception {
    /// It is taken, or need not be: it was taken before, or comes before its turn.
    Taken,
    /// The connection is not the present one of its peer any more.
    Superseded,
    /// It must not be said.
    Wrong(String),
}

impl Door {
    /// A door through which nobody has come yet.
    pub(super) fn new(
        identity: Arc<Identity>,
        guests: impl IntoIterator<Item = Expected>,
        inbox: InboxSender,
        bell: Bell,
        checkups: Option<Checkups>,
    ) -> Self {
        let guests = guests.into_iter().map(|Expected { channel, recorded }| Guest {
            channel,
            recorded: AtomicU64::new(recorded),
            state: Mutex::new(GuestState {
                incarnation: 0,
                boot: None,
                visit: 0,
                stream: None,
                accepted: recorded,
                is_behind: false,
                promised: Tick(1),
                has_said_goodbye: false,
                is_waiting: false,
                is_answered: false,
            }),
        });
        let guests: Vec<_> = guests.collect();
        let peers = guests.iter().map(|guest| guest.channel.peer);
        let roll_call = RollCall::new(peers, inbox.clone());
        let (start, has_ended) = (OnceLock::new(), AtomicBool::new(false));
        Self { identity, inbox, roll_call, guests, bell, start, has_ended, checkups }
    }

    /// How many peers may come in.
    pub(super) fn peer_count(&self) -> usize {
        self.guests.len()
    }

    /// Makes the common start known; whoever is welcomed from now on hears of it.
    pub(super) fn tell_start(&self, start: Instant) {
        let _ = self.start.set(start);
    }

    /// The common start, if it is known.
    pub(super) fn start(&self) -> Option<Instant> {
        self.start.get().copied()
    }

    /// How many messages of a peer are accepted, how many are recorded, and whether its connection
    /// stands.
    pub(super) fn shown(&self, peer: MachineId) -> (u64, u64, Standing) {
        let Some(guest) = self.guests.iter().find(|guest| guest.channel.peer == peer) else {
            return (0, 0, Standing::Broken);
        };
        let state = guest.lock();
        let standing = match &state.stream {
            _ if state.has_said_goodbye => Standing::Over,
            Some(_) => Standing::Stands,
            None => Standing::Broken,
        };
        (state.accepted, guest.recorded.load(Ordering::Relaxed), standing)
    }

    /// What the tick loop shows to askers, if there can be any.
    pub(super) fn gauges(&self) -> Option<&Gauges> {
        self.checkups.as_ref().map(Checkups::gauges)
    }

    /// Lets somebody ask how this machine is, who has proved to know the secret.
    pub(super) fn examine(&self, id: CheckupId, trial: TrialDigest) -> Result<Pass<'_>, String> {
        let own = self.identity.trial;
        let Some(checkups) = &self.checkups else {
            return Err("at the virtual pace nothing can be asked".to_owned());
        };
        if trial != own {
            return Err(format!("another trial: its digest is {trial} there and {own} here"));
        }
        checkups.begin(id)
    }

    /// Checks a hello that was proved, and lets its sender in; its earlier connection is ended.
    pub(super) fn admit(&self, hello: &Hello, stream: &TcpStream) -> Result<Visit, String> {
        let own = &self.identity;
        let Some(place) = self.guests.iter().position(|guest| guest.channel.peer == hello.from)
        else {
            return Err(format!("machine {} is no peer of machine {}", hello.from, own.machine));
        };
        if hello.is_virtual != own.is_virtual {
            return Err("another pace".to_owned());
        }
        if hello.trial != own.trial {
            let (there, here) = (hello.trial, own.trial);
            return Err(format!("another trial: its digest is {there} there and {here} here"));
        }
        let guest = &self.guests[place];
        let mut state = guest.lock();
        state.refuse_copies(hello)?;
        if let Some(earlier) = state.stream.take() {
            // Its consumer thread wakes, and finds itself superseded.
            let _ = earlier.shutdown(Shutdown::Both);
        }
        let answers = stream.try_clone().map_err(|error| error.to_string())?;
        answers.set_write_timeout(Some(ANSWER_LIMIT)).map_err(|error| error.to_string())?;
        (state.incarnation, state.boot) = (hello.incarnation, Some(hello.boot));
        state.visit += 1;
        (state.is_behind, state.is_waiting, state.is_answered) = (false, false, false);
        state.stream = Some(answers);
        let start_in_ns = self.start.get().map(|start| wall_clock::nanos_until(*start));
        let next = state.accepted + 1;
        state.answer(&Line::Welcome { next, start_in_ns });
        let number = state.visit;
        drop(state);
        self.roll_call.note_connection(hello.from);
        if guest.channel.lock().call_back() {
            self.bell.ring();
        }
        Ok(Visit { peer: hello.from, place, number })
    }

    /// Takes a message, if it is the next of its channel.
    pub(super) fn take_message(&self, visit: Visit, message: &MessageLine) -> Reception {
        let guest = &self.guests[visit.place];
        let Some(mut state) = guest.present(visit) else { return Reception::Superseded };
        if message.sequence <= state.accepted {
            state.acknowledge(guest);
            return Reception::Taken;
        }
        if state.accepted + 1 < message.sequence {
            if !state.is_behind {
                state.ask_again();
            }
            return Reception::Taken;
        }
        if message.tick < state.promised {
            let tick = message.tick;
            return Reception::Wrong(format!(
                "it sent on its tick {tick}, and had promised not to"
            ));
        }
        state.accepted = message.sequence;
        state.is_behind = false;
        self.inbox.arrive(visit.peer, message);
        if state.accepted.is_multiple_of(ACK_EVERY) {
            state.acknowledge(guest);
        }
        Reception::Taken
    }

    /// Asks again for a message that was changed on its way, whichever it was.
    pub(super) fn lose_message(&self, visit: Visit) -> Reception {
        match self.guests[visit.place].present(visit) {
            None => Reception::Superseded,
            Some(mut state) => {
                state.ask_again();
                Reception::Taken
            }
        }
    }

    /// Takes a promise. One that says less than an earlier one says nothing new; and one that comes
    /// while a message is missing is said again after that message.
    pub(super) fn take_promise(&self, visit: Visit, before: Tick) -> Reception {
        let Some(mut state) = self.guests[visit.place].present(visit) else {
            return Reception::Superseded;
        };
        if !state.is_behind && state.promised < before {
            state.promised = before;
            self.inbox.promise(visit.peer, before);
        }
        Reception::Taken
    }

    /// Takes a goodbye, if all that was sent before it is here; otherwise asks for that again.
    pub(super) fn take_goodbye(
        &self,
        visit: Visit,
        sent: u64,
        left_for: Option<MachineId>,
    ) -> Reception {
        let Some(mut state) = self.guests[visit.place].present(visit) else {
            return Reception::Superseded;
        };
        if sent < state.accepted {
            let accepted = state.accepted;
            let why = format!("it says that it sent {sent} messages, and {accepted} arrived");
            return Reception::Wrong(why);
        }
        if state.accepted < sent {
            state.ask_again();
            return Reception::Taken;
        }
        if !std::mem::replace(&mut state.has_said_goodbye, true) {
            self.inbox.tell(Notice::Goodbye { from: visit.peer, sent, left_for });
        }
        state.is_waiting = true;
        if self.has_ended.load(Ordering::SeqCst) {
            state.part();
            self.inbox.tell(Notice::Heard);
        }
        Reception::Taken
    }

    /// Notes that a connection has broken: its peer may not have read what it was told.
    pub(super) fn break_off(&self, visit: Visit) {
        if let Some(mut state) = self.guests[visit.place].present(visit) {
            state.is_answered = false;
        }
        self.leave(visit);
    }

    /// Notes that a connection has ended.
    pub(super) fn leave(&self, visit: Visit) {
        let guest = &self.guests[visit.place];
        if let Some(mut state) = guest.present(visit) {
            (state.stream, state.is_waiting) = (None, false);
            if !state.has_said_goodbye {
                info!("the connection from machine {} has ended", visit.peer);
            }
            self.roll_call.note_disconnection(visit.peer);
        }
    }

    /// Notes that the receives of so many messages of a peer are in the log.
    pub(super) fn note_recorded(&self, peer: MachineId, recorded: u64) {
        if let Some(guest) = self.guests.iter().find(|guest| guest.channel.peer == peer) {
            guest.recorded.store(recorded, Ordering::Relaxed);
        }
    }

    /// Tells every peer that its goodbye is heard and this machine's log is whole.
    pub(super) fn end(&self) {
        // The order matters: a goodbye that is taken from now on is answered by its consumer.
        self.has_ended.store(true, Ordering::SeqCst);
        for guest in &self.guests {
            guest.lock().part();
        }
    }

    /// The peers that were not told yet that their goodbyes are heard. At the virtual pace one that is
    /// gone does not come back for it.
    pub(super) fn unanswered(&self) -> Vec<MachineId> {
        let is_unanswered = |guest: &&Guest| {
            let state = guest.lock();
            let is_gone = self.identity.is_virtual && state.stream.is_none();
            !state.is_answered && !is_gone
        };
        self.guests.iter().filter(is_unanswered).map(|guest| guest.channel.peer).collect()
    }

    /// Whether a number is that of a machine of this run.
    pub(super) fn knows(&self, machine: MachineId) -> bool {
        machine == self.identity.machine
            || self.guests.iter().any(|guest| guest.channel.peer == machine)
    }

    /// What is told to those who do not speak as a machine of this program does; it needs no proof,
    /// since it gives nothing away.
    pub(super) fn refusal_of_version(protocol: u32) -> Option<String> {
        let is_other = protocol != PROTOCOL;
        is_other.then(|| format!("protocol {protocol}; this machine speaks {PROTOCOL}"))
    }
}

impl Guest {
    fn lock(&self) -> MutexGuard<'_, GuestState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, if a connection is still the present one.
    fn present(&self, visit: Visit) -> Option<MutexGuard<'_, GuestState>> {
        let state = self.lock();
        (state.visit == visit.number).then_some(state)
    }
}

impl GuestState {
    /// A later incarnation takes the place of an earlier one. The same one may connect anew, if it
    /// is the same OS process.
    fn refuse_copies(&self, hello: &Hello) -> Result<(), String> {
        let Hello { from, incarnation, boot, .. } = hello;
        if *incarnation < self.incarnation {
            return Err(format!(
                "incarnation {incarnation} of machine {from} is over; {} came after it",
                self.incarnation
            ));
        }
        let is_copy = *incarnation == self.incarnation && self.boot != Some(*boot);
        if is_copy {
            return Err(format!("machine {from} is another OS process: this is a second copy"));
        }
        Ok(())
    }

    fn acknowledge(&mut self, guest: &Guest) {
        let recorded = guest.recorded.load(Ordering::Relaxed);
        self.answer(&Line::Ack { accepted: self.accepted, recorded });
    }

    fn ask_again(&mut self) {
        self.is_behind = true;
        self.answer(&Line::Again { next: self.accepted + 1 });
    }

    /// Tells a peer that waits for it that its goodbye is heard, once.
    fn part(&mut self) {
        if std::mem::take(&mut self.is_waiting) {
            self.answer(&Line::Heard);
            self.is_answered = true;
        }
    }

    /// Answers. If the peer is gone, reading says so.
    fn answer(&mut self, line: &Line) {
        let Some(stream) = self.stream.as_ref() else { return };
        if let Err(error) = say(stream, line) {
            debug!("the answer '{line}' could not be sent: {error}");
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
