//! The courier: one thread that keeps all channels of a machine going.
//!
//! It connects to every peer, and connects again when a connection is lost; hears what the peers
//! answer; and writes what a connection would not take when the tick loop had it to say. Nothing
//! that it does blocks, and nothing blocks the tick loop.
//!
//! Connecting is tried at once, and then after a random time of at most a bound that doubles with
//! every failure, and with every connection that does not last: capped exponential backoff with full
//! jitter, so that machines which lost each other at one time do not come back in step.

use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::event::epoll::EventFlags;
use rustix::event::{EventfdFlags, eventfd};

use super::attempt::{Attempt, Stage};
use super::channel::Channel;
use super::door::Door;
use super::faults::kill_count;
use super::inbox::Notice;
use super::keep_alive::KeepAlive;
use super::watch::{Handle, Watch};
use super::wire::{Line, LineBuffer};
use crate::model::{Dice, Stream};
use crate::trial::Trial;
use crate::wall_clock;

/// The bound of the first wait between two attempts to connect; it doubles up to [`BACKOFF_MAX`].
const BACKOFF_MIN: Duration = Duration::from_millis(1);
const BACKOFF_MAX: Duration = Duration::from_millis(500);

/// The bound for a peer that was never reached: it calls when it is there, and is then tried at once.
const BACKOFF_UNREACHED: Duration = Duration::from_secs(2);

/// So many attempts may be under way at one time. A hundred machines that all try all others at once
/// keep each other from answering in time.
const ATTEMPTS_MAX: usize = 8;

/// The stack of the courier.
const STACK_SIZE: usize = 128 << 10;

/// Wakes the courier.
#[derive(Clone, Debug)]
pub(super) struct Bell {
    event: Arc<OwnedFd>,
}

impl Bell {
    /// A bell that nobody hears yet.
    ///
    /// # Errors
    /// When the operating system gives no file descriptor.
    pub(super) fn new() -> Result<Self> {
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
            .context("cannot make an event; raise the limit on open files (ulimit -n)")?;
        Ok(Self { event: Arc::new(event) })
    }

    /// Wakes the courier.
    pub(super) fn ring(&self) {
        // It fails only when it has rung 2^64 - 1 times already.
        let _ = rustix::io::write(&*self.event, &1_u64.to_ne_bytes());
    }

    fn silence(&self) {
        let _ = rustix::io::read(&*self.event, &mut [0; 8]);
    }
}

/// Starts the courier of a machine.
///
/// # Errors
/// When no thread can be started.
pub(super) fn start(
    trial: &Trial,
    channels: &[Arc<Channel>],
    door: Arc<Door>,
    bell: Bell,
    patience: Patience,
) -> Result<()> {
    let own = door.identity.machine;
    let dice = Dice::new(trial.seed, Stream::Backoff(own));
    let keep_alive = KeepAlive::of(own, channels.len());
    let links = channels.iter().map(|channel| {
        let address = trial.spec(channel.peer).address();
        let attempt = Attempt::new(address, channel.peer, keep_alive);
        let is_killed = 0 < kill_count(trial, channel.peer);
        Link::new(Arc::clone(channel), attempt, Patience { is_killed, ..patience })
    });
    let mut links: Vec<_> = links.collect();
    // Each machine begins with the next one, so that not all of them stand before the first.
    links.rotate_left(channels.iter().filter(|channel| channel.peer < own).count());
    // The bell has the place behind all links.
    let mut watch = Watch::new(links.len() + 1)?;
    watch.set(links.len(), Some((Arc::clone(&bell.event) as Handle, EventFlags::IN)))?;
    let mut courier = Courier { door, links, bell, dice, watch };
    thread::Builder::new()
        .name("courier".to_owned())
        .stack_size(STACK_SIZE)
        .spawn(move || courier.serve())
        .context("cannot start the courier thread; raise the limit on threads (ulimit -u)")?;
    Ok(())
}

struct Courier {
    door: Arc<Door>,
    links: Vec<Link>,
    bell: Bell,
    dice: Dice,
    watch: Watch,
}

/// For whom to wait at the virtual pace, and how long. There is no clock by which to wait for a peer
/// that nobody promised to bring back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// This machine comes back itself, and does not know who is there.
    pub(super) is_resumed: bool,
    /// The trial kills the peer, and brings it back.
    pub(super) is_killed: bool,
    /// How long it may take.
    pub(super) limit: Duration,
}

/// One channel, and how far its connection has come.
struct Link {
    channel: Arc<Channel>,
    attempt: Attempt,
    state: LinkState,
    backoff: Duration,
    /// Whether a connection of this channel stood before.
    was_open: bool,
    patience: Patience,
    /// When the connection was lost, if it is.
    lost_at: Option<Instant>,
    /// When it is due next, as of when it was last seen to: to look at it takes no lock.
    deadline: Option<Instant>,
}

enum LinkState {
    /// Nothing stands; the next attempt is due.
    Idle { next: Instant },
    /// An attempt is under way.
    Trying { deadline: Instant },
    /// The connection stands.
    Open { stream: Arc<TcpStream>, answers: LineBuffer, since: Instant },
    /// Nothing is left to say, or to be heard.
    Done,
}

impl Link {
    fn new(channel: Arc<Channel>, attempt: Attempt, patience: Patience) -> Self {
        let now = wall_clock::now();
        let (state, deadline) = (LinkState::Idle { next: now }, Some(now));
        let lost_at = patience.is_resumed.then_some(now);
        let (backoff, was_open) = (BACKOFF_MIN, false);
        Self { channel, attempt, state, backoff, was_open, patience, lost_at, deadline }
    }

    fn is_idle(&self) -> bool {
        matches!(self.state, LinkState::Idle { .. })
    }

    fn is_trying(&self) -> bool {
        matches!(self.state, LinkState::Trying { .. })
    }

    /// Since when an attempt is due, if one is.
    fn due(&self, now: Instant) -> Option<Instant> {
        let LinkState::Idle { next } = self.state else { return None };
        let is_called = || self.channel.lock().is_called;
        (next <= now || is_called()).then(|| next.min(now))
    }

    /// The connection to wait for, and for what.
    fn interest(&self) -> Option<(&Arc<TcpStream>, EventFlags)> {
        match &self.state {
            LinkState::Trying { .. } => self.attempt.interest(),
            LinkState::Open { stream, .. } => {
                let mut flags = EventFlags::IN;
                flags.set(EventFlags::OUT, self.channel.lock().is_stuck());
                Some((stream, flags))
            }
            LinkState::Idle { .. } | LinkState::Done => None,
        }
    }

    /// When there is something to do although nothing is ready.
    fn next_due(&self) -> Option<Instant> {
        match &self.state {
            LinkState::Idle { next } => Some(*next),
            LinkState::Trying { deadline } => Some(*deadline),
            LinkState::Open { .. } => self.channel.lock().next_due(),
            LinkState::Done => None,
        }
    }
}

impl Courier {
    fn serve(&mut self) {
        loop {
            self.try_who_is_due();
            let ready = self.watch.wait(self.next_deadline());
            let now = wall_clock::now();
            let has_rung = ready[self.links.len()];
            if has_rung {
                self.bell.silence();
            }
            for (place, is_ready) in ready.into_iter().take(self.links.len()).enumerate() {
                let is_late = self.links[place].deadline.is_some_and(|deadline| deadline <= now);
                if is_ready || has_rung || is_late {
                    self.go_on(place, is_ready, now);
                    self.watch_for(place);
                }
            }
        }
    }

    /// How many attempts may begin now.
    fn room(&self) -> usize {
        ATTEMPTS_MAX.saturating_sub(self.links.iter().filter(|link| link.is_trying()).count())
    }

    /// Begins attempts where they are due, with those that wait longest, so that all have their turn.
    fn try_who_is_due(&mut self) {
        let mut room = self.room();
        if room == 0 {
            return;
        }
        let now = wall_clock::now();
        let due = self.links.iter().enumerate();
        let due = due.filter_map(|(place, link)| Some((link.due(now)?, place)));
        let mut due: Vec<_> = due.collect();
        due.sort_unstable();
        for (_, place) in due {
            if room == 0 {
                break;
            }
            let Self { door, links, dice, .. } = self;
            let link = &mut links[place];
            link.channel.lock().is_called = false;
            link.state = LinkState::Trying { deadline: link.attempt.begin() };
            link.take_stage(door, dice);
            // One that was refused at once takes no room.
            room -= usize::from(link.is_trying());
            self.watch_for(place);
        }
    }

    /// When something is to be done at the latest. Attempts that are due begin when there is room.
    fn next_deadline(&self) -> Option<Instant> {
        let has_room = 0 < self.room();
        let links = self.links.iter().filter(|link| has_room || !link.is_idle());
        links.filter_map(|link| link.deadline).min()
    }

    /// Watches what a link waits for now.
    fn watch_for(&mut self, place: usize) {
        let Self { door, links, dice, watch, .. } = self;
        let link = &mut links[place];
        let wanted = link.interest().map(|(stream, flags)| (Arc::clone(stream) as Handle, flags));
        if let Err(error) = watch.set(place, wanted) {
            link.fail(format!("its connection cannot be watched: {error}"), door, dice);
        }
        link.deadline = link.next_due();
    }

    fn go_on(&mut self, place: usize, is_ready: bool, now: Instant) {
        let Self { door, links, dice, .. } = self;
        let link = &mut links[place];
        match &mut link.state {
            LinkState::Trying { deadline } => {
                if *deadline <= now {
                    link.attempt.give_up();
                    link.fail("it does not answer".to_owned(), door, dice);
                } else if is_ready {
                    link.take_stage(door, dice);
                }
            }
            LinkState::Open { .. } => {
                if is_ready {
                    link.hear(door, dice);
                }
                link.channel.lock().pump();
            }
            LinkState::Idle { .. } | LinkState::Done => {}
        }
    }
}

impl Link {
    /// Takes an attempt as far as it goes for now.
    fn take_stage(&mut self, door: &Door, dice: &mut Dice) {
        match self.attempt.go_on(&door.identity) {
            Stage::Waiting => {}
            Stage::Welcomed { stream, answers, next, start } => {
                let connected =
                    self.channel.lock().connect(Arc::clone(&stream), next, start.is_some());
                if let Err(why) = connected {
                    return self.stop(Notice::Refused { from: self.channel.peer, why }, door);
                }
                self.state = LinkState::Open { stream, answers, since: wall_clock::now() };
                (self.was_open, self.lost_at) = (true, None);
                door.roll_call.note_welcome(self.channel.peer, start);
                self.hear(door, dice);
                self.channel.lock().pump();
            }
            Stage::Failed(why) => self.fail(why, door, dice),
            // Once the run goes on, whoever holds the peer's port meanwhile is waited out.
            Stage::Strange(why) if self.was_open => self.fail(why, door, dice),
            Stage::Strange(why) | Stage::Refused(why) => {
                self.stop(Notice::Refused { from: self.channel.peer, why }, door);
            }
        }
    }

    /// Hears what the peer has answered.
    fn hear(&mut self, door: &Door, dice: &mut Dice) {
        let LinkState::Open { stream, answers, .. } = &mut self.state else { return };
        let is_open = answers.fill(&**stream).unwrap_or(false);
        loop {
            let taken = match answers.take() {
                Ok(Some(line)) => take_answer(line, &self.channel),
                Ok(None) if is_open => return,
                Ok(None) => break,
                Err(why) => Err(why),
            };
            match taken {
                Ok(Answered::GoOn) => {}
                Ok(Answered::Heard) => return self.stop(Notice::Heard, door),
                Err(why) => {
                    return self.stop(Notice::Lost { from: self.channel.peer, why }, door);
                }
            }
        }
        self.fail("its connection ended without a goodbye".to_owned(), door, dice);
    }

    /// Gives up for now, and tries again later.
    fn fail(&mut self, why: String, door: &Door, dice: &mut Dice) {
        let peer = self.channel.peer;
        let now = wall_clock::now();
        if self.is_over_for(door, now) {
            self.channel.lock().disconnect(why.clone());
            return self.stop(Notice::Lost { from: peer, why }, door);
        }
        let micros = u32::try_from(self.next_bound(now).as_micros()).unwrap_or(u32::MAX);
        let wait = Duration::from_micros(u64::from(dice.roll(micros)));
        if matches!(self.state, LinkState::Open { .. }) {
            self.lost_at = Some(now);
        }
        self.state = LinkState::Idle { next: now + wait };
        self.channel.lock().disconnect(why);
    }

    /// The bound of the wait that comes now; that of the one after it is twice as long.
    fn next_bound(&mut self, now: Instant) -> Duration {
        if !self.was_open {
            return BACKOFF_UNREACHED;
        }
        if matches!(self.state, LinkState::Open { since, .. } if BACKOFF_MAX <= now - since) {
            self.backoff = BACKOFF_MIN;
        }
        let bound = self.backoff;
        self.backoff = BACKOFF_MAX.min(bound * 2);
        bound
    }

    /// Whether a peer that cannot be reached is given up, which only the virtual pace does.
    fn is_over_for(&self, door: &Door, now: Instant) -> bool {
        let Some(lost_at) = self.lost_at.filter(|_| door.identity.is_virtual) else { return false };
        let Patience { is_resumed, is_killed, limit } = self.patience;
        // Whoever let the time of an attempt pass, and did not refuse it, is still there.
        let is_silent = matches!(self.state, LinkState::Trying { deadline } if deadline <= now);
        let may_return = is_silent || is_resumed || is_killed;
        !may_return || limit <= now - lost_at
    }

    fn stop(&mut self, notice: Notice, door: &Door) {
        self.state = LinkState::Done;
        door.inbox.tell(notice);
    }
}

enum Answered {
    GoOn,
    Heard,
}

fn take_answer(line: Line, channel: &Channel) -> Result<Answered, String> {
    let mut state = channel.lock();
    match line {
        Line::Ack { accepted, recorded } => state.acknowledge(accepted, recorded)?,
        Line::Again { next } => state.go_back(next)?,
        Line::Heard if state.is_leaving() => {
            state.is_heard = true;
            return Ok(Answered::Heard);
        }
        other => return Err(format!("it answered '{other}', which is not its to say")),
    }
    Ok(Answered::GoOn)
}
