//! The logs of a run side by side, in an order that respects causality.
//!
//! Next comes, of all ticks that may come, the one with the smallest due time, at one instant that
//! of the first machine. A receive may come once its send has. At the virtual pace that is the
//! order of due times; at the real pace a late send may stand before a receive that was due earlier,
//! and no clock of any computer has a say in it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;

use anyhow::{Error, Result, anyhow};

use super::in_flight::{InFlight, Sent};
use super::lane::{Head, Lane};
use super::moment::{Aside, Moment, Row};
use super::run::Run;
use super::stuck::stuck;
use super::survey::{Misfit, Survey};
use crate::logbook::{Entry, LoggedEvent, TickRecord};
use crate::model::{MachineId, ModelTime, Timestamp};

/// The logs of a run side by side.
#[derive(Debug)]
pub struct Merge<'a> {
    run: &'a Run,
    /// What is known of receives without a send and of logs that are cut.
    known: Survey,
    /// Whether the logs are read for the first time: then `known` is found out.
    is_survey: bool,
    lanes: Vec<Lane>,
    /// The lanes whose next tick may come, or that have something left after the last one.
    ready: BinaryHeap<Reverse<(ModelTime, MachineId)>>,
    in_flight: InFlight,
    /// The bytes that were read since somebody asked.
    read_bytes: u64,
    /// The lane whose turn it is.
    turn: Option<Turn>,
    last: Last,
}

/// What a lane still has to pass on before it is another one's turn.
#[derive(Debug)]
struct Turn {
    machine: MachineId,
    asides: VecDeque<Entry>,
    head: Option<Head>,
}

/// What was passed on last; the moment borrows from it.
#[derive(Debug, Default)]
struct Last {
    record: Option<TickRecord>,
    entry: Option<Entry>,
    peers: Vec<MachineId>,
    messages: Vec<u64>,
    moved_us: u64,
    lasted_us: u64,
}

impl<'a> Merge<'a> {
    /// Begins the first reading of a run, which finds out what does not fit together.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub(super) fn survey(run: &'a Run) -> Result<Self> {
        Self::new(run, Survey::default(), true)
    }

    /// Begins to read a run of which this is known.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub fn surveyed(run: &'a Run, survey: &Survey) -> Result<Self> {
        Self::new(run, survey.clone(), false)
    }

    fn new(run: &'a Run, known: Survey, is_survey: bool) -> Result<Self> {
        let lanes = run.trial.machine_ids().map(|machine| {
            let cut = known.cuts.get(&machine).copied();
            Lane::new(run, machine, cut)
        });
        let mut merge = Self {
            run,
            lanes: lanes.collect::<Result<_>>()?,
            known,
            is_survey,
            ready: BinaryHeap::new(),
            in_flight: InFlight::default(),
            read_bytes: 0,
            turn: None,
            last: Last::default(),
        };
        for machine in run.trial.machine_ids() {
            merge.line_up(machine);
        }
        Ok(merge)
    }

    /// Gives what happened next; nothing at the end.
    ///
    /// # Errors
    /// When a log cannot be read, or has changed since it was surveyed.
    #[expect(clippy::should_implement_trait, reason = "what is given borrows from the reader")]
    pub fn next(&mut self) -> Result<Option<Moment<'_>>> {
        loop {
            let Some(turn) = &mut self.turn else {
                if !self.begin_turn()? {
                    return Ok(None);
                }
                continue;
            };
            let machine = turn.machine;
            if let Some(entry) = turn.asides.pop_front() {
                return Ok(Some(Moment::Aside(self.aside(machine, entry))));
            }
            let head = turn.head.take();
            self.turn = None;
            if let Some(head) = head {
                return self.row(machine, head).map(|row| Some(Moment::Row(row)));
            }
        }
    }

    /// How many bytes were read since this was asked before.
    pub(super) fn take_read_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.read_bytes)
    }

    /// Ends the first reading, and gives what it found.
    pub(super) fn into_survey(self) -> Survey {
        let mut survey = self.known;
        survey.messages = self.in_flight.sent();
        for (lane, machine) in self.lanes.iter().zip(self.run.trial.machine_ids()) {
            if let Some(line) = lane.torn_line() {
                survey.torn.insert(machine, line);
            }
            if !self.run.has_started(machine) {
                survey.never_started.insert(machine);
            } else if !lane.has_end {
                survey.endless.insert(machine);
            }
        }
        survey
    }

    /// Finds the lane whose turn it is; false if there is none left.
    fn begin_turn(&mut self) -> Result<bool> {
        let Some(Reverse((_, machine))) = self.ready.pop() else {
            return self.settle();
        };
        let lane = &mut self.lanes[machine.index()];
        let bytes_before = lane.bytes();
        self.turn = Some(match lane.take_head(self.run)? {
            Some(mut head) => {
                let asides = std::mem::take(&mut head.asides);
                Turn { machine, asides, head: Some(head) }
            }
            None => Turn { machine, asides: lane.take_tail(), head: None },
        });
        self.read_bytes += lane.bytes() - bytes_before;
        Ok(true)
    }

    /// Puts a lane where it belongs: among those whose next entry may come, or those that wait.
    fn line_up(&mut self, machine: MachineId) {
        let lane = &mut self.lanes[machine.index()];
        let due = match lane.head() {
            None if !lane.has_tail() => return,
            None => ModelTime::end_of(self.run.trial.duration_s),
            Some(head) => {
                let wanted = wanted(self.run, head);
                if let Some((from, timestamp)) = wanted
                    && !self.known.is_misfit(machine, head.tick.line)
                    && !self.in_flight.has(machine, from, timestamp)
                {
                    lane.waits_for = wanted;
                    return;
                }
                head.due
            }
        };
        self.ready.push(Reverse((due, machine)));
    }

    /// Goes on where every lane that is left waits for a message: one of them will not come. False
    /// if no lane is left.
    fn settle(&mut self) -> Result<bool> {
        let Some((machine, misfit)) = stuck(self.run, &self.lanes) else {
            return Ok(false);
        };
        let lane = &mut self.lanes[machine.index()];
        let (Some(head), Some((from, _))) = (lane.head(), lane.waits_for) else {
            return Ok(false);
        };
        let (line, end_byte) = (head.tick.line, head.end_byte);
        if !self.is_survey {
            return Err(self.changed(machine, line));
        }
        let is_new = !self.run.is_settled(machine, end_byte);
        if misfit == Misfit::WithoutSend && is_new && !self.lanes[from.index()].has_end {
            self.lanes[machine.index()].cut_off();
            self.known.cuts.insert(machine, line);
        } else {
            self.known.add_misfit(self.run, (machine, line), misfit)?;
            self.lanes[machine.index()].waits_for = None;
        }
        self.line_up(machine);
        Ok(true)
    }

    fn changed(&self, machine: MachineId, line: usize) -> Error {
        let path = self.run.path(machine).display();
        anyhow!("{path}:{line}: the logs have changed while they were read; try again")
    }

    fn aside(&mut self, machine: MachineId, entry: Entry) -> Aside<'_> {
        let lane = &mut self.lanes[machine.index()];
        if let Entry::Restart(restart) = &entry {
            lane.incarnation = restart.incarnation;
        }
        let time_us = lane.time_us.max(lane.aside_us(self.run, &entry));
        Aside { machine, entry: self.last.entry.insert(entry), time_us }
    }

    fn row(&mut self, machine: MachineId, head: Head) -> Result<Row<'_>> {
        let Head { tick, began_us, .. } = head;
        let (line, record) = (tick.line, tick.entry);
        self.last.peers.clear();
        self.last.messages.clear();
        if let Some(sent) = self.receive(machine, line, &record)? {
            self.learn(machine, &sent);
        }
        let lane = &mut self.lanes[machine.index()];
        lane.vector[machine.index()] += 1;
        lane.time_us = lane.time_us.max(began_us);
        self.last.moved_us = lane.time_us - began_us;
        self.last.lasted_us = {
            let next_began_us = lane.head().map_or(u64::MAX, |next| next.began_us);
            let until_us = lane.due_after_us(self.run, record.tick).min(next_began_us);
            until_us.saturating_sub(lane.time_us)
        };
        self.known.count_event(self.last.moved_us);
        self.send(machine, &record);
        self.line_up(machine);
        let lane = &self.lanes[machine.index()];
        Ok(Row {
            machine,
            incarnation: lane.incarnation,
            record: self.last.record.insert(record),
            peers: &self.last.peers,
            messages: &self.last.messages,
            vector: &lane.vector,
            time_us: lane.time_us,
            moved_us: self.last.moved_us,
            lasted_us: self.last.lasted_us,
        })
    }

    /// Takes the message of a receive out of those in flight.
    fn receive(
        &mut self,
        machine: MachineId,
        line: usize,
        record: &TickRecord,
    ) -> Result<Option<Rc<Sent>>> {
        let LoggedEvent::Receive { from, timestamp } = record.event else {
            return Ok(None);
        };
        let Some(from) = self.run.machine_at(from) else {
            return Ok(None);
        };
        self.last.peers.push(from);
        if self.known.is_misfit(machine, line) {
            return Ok(None);
        }
        let Some((number, sent)) = self.in_flight.take(machine, from, timestamp) else {
            return Err(self.changed(machine, line));
        };
        self.last.messages.push(number);
        Ok(Some(sent))
    }

    /// Lets a machine know what the sender of a message knew.
    fn learn(&mut self, machine: MachineId, sent: &Sent) {
        let lane = &mut self.lanes[machine.index()];
        let is_known = sent.vector[sent.from.index()] <= lane.vector[sent.from.index()];
        for (own, other) in lane.vector.iter_mut().zip(&sent.vector) {
            *own = (*own).max(*other);
        }
        lane.time_us = lane.time_us.max(sent.time_us);
        self.known.count_receive(is_known);
    }

    /// Puts the messages of a send among those in flight.
    fn send(&mut self, machine: MachineId, record: &TickRecord) {
        let LoggedEvent::Send(ports) = &record.event else {
            return;
        };
        let lane = &self.lanes[machine.index()];
        let vector = lane.vector.as_slice().into();
        let sent = Rc::new(Sent { from: machine, vector, time_us: lane.time_us });
        let timestamp = record.logical_clock;
        for to in ports.iter().filter_map(|port| self.run.machine_at(*port)) {
            self.last.peers.push(to);
            self.last.messages.push(self.in_flight.put(to, timestamp, Rc::clone(&sent)));
            let receiver = &mut self.lanes[to.index()];
            if receiver.waits_for == Some((machine, timestamp)) {
                receiver.waits_for = None;
                self.line_up(to);
            }
        }
    }
}

/// The message that a tick needs: from whom, and the timestamp.
fn wanted(run: &Run, head: &Head) -> Option<(MachineId, Timestamp)> {
    match head.tick.entry.event {
        LoggedEvent::Receive { from, timestamp } => Some((run.machine_at(from)?, timestamp)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
