//! The tick loop: one for every pace.

use std::collections::{BTreeMap, VecDeque};

use anyhow::Result;

use super::channel::Sent;
use super::faults::Faults;
use super::inbox::{Halt, Inbox};
use super::outlet::Outlet;
use super::pacemaker::{Moment, Pacemaker, Turn};
use crate::logbook::{LoggedEvent, SkipRecord, TickRecord};
use crate::model::{Event, Machine, MachineId, Message, ModelTime, Over, Schedule, Tick};
use crate::trial::Trial;

/// Everything that one machine's ticks touch.
#[derive(Debug)]
pub(super) struct TickLoop<'a> {
    pub(super) trial: &'a Trial,
    pub(super) id: MachineId,
    pub(super) schedule: Schedule,
    pub(super) machine: Machine,
    pub(super) inbox: Inbox,
    pub(super) outlet: Outlet,
    pub(super) queue: VecDeque<Message>,
    /// The tick that runs next.
    pub(super) next: Tick,
    pub(super) tally: Tally,
    pub(super) faults: Faults,
}

/// What a machine has done so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) ticks_done: u64,
    pub(super) ticks_skipped: u64,
    pub(super) received: BTreeMap<MachineId, u64>,
}

impl TickLoop<'_> {
    /// Runs every tick of the schedule, each when the pacemaker lets it.
    ///
    /// Whatever ends it, what was done until then is let out.
    pub(super) fn run(&mut self, pacemaker: &mut dyn Pacemaker) -> Result<(), Halt> {
        let run = self.run_ticks(pacemaker);
        let settled = pacemaker.settle(self.queue_len(), &mut self.outlet);
        run.and(settled)
    }

    fn run_ticks(&mut self, pacemaker: &mut dyn Pacemaker) -> Result<(), Halt> {
        loop {
            self.be_away(pacemaker)?;
            if let Some(gauges) = self.outlet.door.gauges() {
                gauges.note_next(self.next);
            }
            if self.schedule.ticks() < self.next.0 {
                return Ok(());
            }
            let (next, queue_len) = (self.next, self.queue_len());
            let turn = pacemaker.wait_for(next, queue_len, &mut self.inbox, &mut self.outlet)?;
            self.tell_what_is_over(Some(self.schedule.due(next)), pacemaker)?;
            match turn {
                Turn::Run(moment) => {
                    pacemaker.admit(&self.inbox, &mut self.queue)?;
                    self.tick(next, moment, pacemaker)?;
                    self.next.0 += 1;
                }
                Turn::Skip { last, moment } => {
                    let last = self.faults.before_away(last);
                    self.skip(next, last, moment)?;
                    self.next.0 = last.0 + 1;
                }
            }
        }
    }

    /// Passes over the ticks that are due while the trial keeps the machine away.
    fn be_away(&mut self, pacemaker: &mut dyn Pacemaker) -> Result<(), Halt> {
        while let Some(away) = self.faults.next_away(self.next) {
            // Whoever comes back after a kill counts by the log how often it did before.
            self.tell_what_is_over(Some(ModelTime::of_ms(away.span.at_ms)), pacemaker)?;
            if pacemaker.stay_away(&away, &mut self.inbox, &mut self.outlet)? {
                self.faults.prove(&away);
            }
            self.next = self.next.max(away.absence.next);
        }
        Ok(())
    }

    /// Tells the log of the faults that are over before a tick that is due at `now`, or at the end of
    /// the trial.
    pub(super) fn tell_what_is_over(
        &mut self,
        now: Option<ModelTime>,
        pacemaker: &dyn Pacemaker,
    ) -> Result<(), Halt> {
        while let Some(over) = self.faults.next_over(now) {
            self.tell(&over, pacemaker).map_err(Halt::LogBroken)?;
        }
        Ok(())
    }

    fn tell(&mut self, over: &Over, pacemaker: &dyn Pacemaker) -> Result<()> {
        let first = over.skipped.map(|[first, _]| first);
        let Moment { system_time, lateness_us } = pacemaker.moment_of(over.ends_ms, first);
        let kind = self.trial.faults[over.fault.index()].name();
        let skipped = self.outlet.log.over(over, kind, system_time, lateness_us)?;
        self.tally.ticks_skipped += skipped;
        Ok(())
    }

    /// Runs one tick: the rule, then its record, and only then its messages.
    fn tick(
        &mut self,
        tick: Tick,
        moment: Moment,
        pacemaker: &mut dyn Pacemaker,
    ) -> Result<(), Halt> {
        let oldest = self.queue.pop_front();
        let queue_len = self.queue_len();
        let step = self.machine.tick(oldest);
        let record = TickRecord {
            system_time: moment.system_time,
            tick,
            model_time_us: self.schedule.due(tick).micros(),
            lateness_us: moment.lateness_us,
            event: LoggedEvent::of(&step.event, self.trial),
            logical_clock: step.timestamp,
            queue_len,
            draw: step.draw,
        };
        self.outlet.log.tick(&record).map_err(Halt::LogBroken)?;
        self.tally.ticks_done += 1;
        if let Some(gauges) = self.outlet.door.gauges() {
            gauges.note_lateness(self.schedule.due(tick), moment.lateness_us);
            gauges.note_tick(self.tally.ticks_done, step.timestamp);
        }
        match step.event {
            Event::Send(to) => {
                let (timestamp, due) = (step.timestamp, self.schedule.due(tick));
                for peer in to {
                    let fate = self.faults.send(*peer, tick, due);
                    self.outlet.producers.post_message(*peer, Sent { timestamp, tick, fate });
                }
            }
            Event::Receive(message) => {
                self.inbox.note_received();
                let received = self.tally.received.entry(message.from).or_default();
                *received += 1;
                self.outlet.note_received(message.from, *received);
            }
            Event::Internal => {}
        }
        pacemaker.complete(&step, &mut self.outlet)
    }

    fn skip(&mut self, first: Tick, last: Tick, moment: Moment) -> Result<(), Halt> {
        let Moment { system_time, lateness_us } = moment;
        if let Some(gauges) = self.outlet.door.gauges() {
            gauges.note_lateness(self.schedule.due(first), lateness_us);
        }
        let record = SkipRecord { system_time, first, last, lateness_us };
        self.outlet.log.skip(&record).map_err(Halt::LogBroken)?;
        self.tally.ticks_skipped += record.count();
        Ok(())
    }

    fn queue_len(&self) -> u64 {
        self.queue.len() as u64
    }
}
