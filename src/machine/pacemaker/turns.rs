//! The virtual pace: no wall clock; a machine ticks when its turn comes.
//!
//! All schedules are common knowledge, so every machine knows the order of all ticks
//! ([`Round`]). One turn goes from the owner of a tick to the owner of the next, over the very
//! connections that carry the messages. Whoever has the turn is the only one who may send.
//!
//! The invariant: when a machine has the turn for a tick, every tick before it in the order is
//! done, and the counts that came with the turn say how many messages were ever sent to each
//! machine. Connections do not keep order among each other, so the machine waits until as many have
//! arrived as were sent to it; then it knows every message that can be in its queue, and no other
//! can come before it has ticked. `docs/virtual-pace.md` gives the argument and its sources.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::{Moment, Pacemaker, Turn};
use crate::logbook::{LogWriter, SystemTime};
use crate::machine::inbox::{Arrival, Halt, Inbox};
use crate::machine::producer::Producers;
use crate::machine::wire::Line;
use crate::model::{Event, MachineId, Message, Round, Step, Tick};
use crate::trial::Trial;

/// Paces a machine by turns.
#[derive(Debug)]
pub(in crate::machine) struct TurnPacemaker {
    own: MachineId,
    round: Round,
    /// By own tick of the first second, from 1: the index of its slot in the round.
    own_slots: Vec<usize>,
    duration_s: u64,
    /// How many messages were ever sent to each machine; only with the turn.
    turn: Option<Vec<u64>>,
    /// Messages that have arrived and are not in the queue yet: at the instant of a tick, those
    /// that were sent at that very instant.
    pending: Vec<(Tick, Message)>,
    /// How many messages have ever arrived.
    arrived: u64,
    /// The tick that runs next or now.
    now: Tick,
}

impl TurnPacemaker {
    /// Prepares the first turn; the owner of the first tick has it from the beginning.
    pub(in crate::machine) fn new(trial: &Trial, own: MachineId) -> Self {
        let round = trial.round();
        let slots = round.slots().iter().enumerate();
        let own_slots = slots.filter(|(_, slot)| slot.machine == own).map(|(index, _)| index);
        let is_first = round.slots()[0].machine == own;
        Self {
            own,
            own_slots: own_slots.collect(),
            duration_s: trial.duration_s,
            turn: is_first.then(|| vec![0; trial.machines.len()]),
            pending: Vec::new(),
            arrived: 0,
            now: Tick(1),
            round,
        }
    }

    fn take(&mut self, arrival: Arrival) -> Result<(), Halt> {
        match arrival {
            Arrival::Message { message, sent_at } => {
                self.arrived += 1;
                self.pending.push((sent_at, message));
                let sent = self.turn.as_ref().map(|sent| sent[self.own.index()]);
                if sent.is_some_and(|sent| sent < self.arrived) {
                    let from = message.from;
                    return Err(Halt::Failed(anyhow!("machine {from} sent out of its turn")));
                }
                Ok(())
            }
            Arrival::Turn(counts) => {
                let is_possible = self.turn.is_none()
                    && counts.len() == self.turn_width()
                    && self.arrived <= counts[self.own.index()];
                if !is_possible {
                    return Err(Halt::Failed(anyhow!("a turn came that cannot be: {counts:?}")));
                }
                self.turn = Some(counts);
                Ok(())
            }
        }
    }

    /// How many machines there are.
    fn turn_width(&self) -> usize {
        self.round.machines()
    }

    /// Whether the turn is here, and with it every message that was sent to this machine.
    fn is_ready(&self) -> bool {
        self.turn.as_ref().is_some_and(|sent| self.arrived == sent[self.own.index()])
    }

    /// Who ticks after a tick of this machine; nobody after the last of the trial.
    fn next_owner(&self, tick: Tick) -> Option<MachineId> {
        let rate = self.own_slots.len() as u64;
        let (second, place) = ((tick.0 - 1) / rate, (tick.0 - 1) % rate);
        let place = usize::try_from(place).expect("a second has few ticks");
        let slots = self.round.slots();
        match slots.get(self.own_slots[place] + 1) {
            Some(slot) => Some(slot.machine),
            None if second + 1 < self.duration_s => Some(slots[0].machine),
            None => None,
        }
    }
}

impl Pacemaker for TurnPacemaker {
    fn wait_for(&mut self, tick: Tick, inbox: &mut Inbox) -> Result<Turn, Halt> {
        self.now = tick;
        while !self.is_ready() {
            let arrival = inbox.next_arrival()?;
            self.take(arrival)?;
        }
        let micros = self.round.due(self.own, tick).micros();
        Ok(Turn::Run(Moment { system_time: SystemTime::since_1970(micros), lateness_us: 0 }))
    }

    fn admit(&mut self, _inbox: &Inbox, queue: &mut VecDeque<Message>) {
        let now = self.round.due(self.own, self.now);
        let due = |(tick, message): &(Tick, Message)| self.round.due(message.from, *tick);
        self.pending.sort_by(|a, b| due(a).cmp(&due(b)).then(a.1.from.cmp(&b.1.from)));
        let visible = self.pending.iter().take_while(|sent| due(sent) < now).count();
        queue.extend(self.pending.drain(..visible).map(|(_, message)| message));
    }

    fn complete(
        &mut self,
        tick: Tick,
        step: &Step<'_>,
        log: &mut LogWriter,
        producers: &mut Producers,
    ) -> Result<(), Halt> {
        let counts = self.turn.as_mut().expect("who ticks has the turn");
        if let Event::Send(to) = step.event {
            for peer in to {
                counts[peer.index()] += 1;
            }
        }
        let next = self.next_owner(tick);
        if next == Some(self.own) {
            return Ok(());
        }
        if let (Some(next), Some(counts)) = (next, self.turn.take()) {
            producers.post(next, &Line::Turn(counts));
        }
        // Recorded before sent; a turn alone carries nothing that a log would have to know first.
        if producers.have_messages() {
            log.flush()?;
        }
        producers.flush()
    }

    fn admit_rest(&mut self, inbox: &Inbox, queue: &mut VecDeque<Message>) {
        let rest = std::iter::from_fn(|| inbox.take_arrival());
        for arrival in rest {
            if let Arrival::Message { message, sent_at } = arrival {
                self.pending.push((sent_at, message));
            }
        }
        queue.extend(self.pending.drain(..).map(|(_, message)| message));
    }

    /// There is no wall clock at this pace: a peer that is slow, or stopped, is waited for. One that
    /// dies is noticed by its connection.
    fn goodbyes_due(&self, _limit: Duration) -> Option<Instant> {
        None
    }

    fn ended_at(&self) -> SystemTime {
        SystemTime::since_1970(self.duration_s.saturating_mul(1_000_000))
    }
}
