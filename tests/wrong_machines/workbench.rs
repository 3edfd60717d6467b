//! The workbench: runs a trial in one loop and writes its logs, with a seam at every step at which
//! a machine can go wrong.
//!
//! It shares nothing with the engine of the program but the log's writer, the dice, and what faults
//! do, which is common knowledge. It gives the same logs byte for byte where nothing is wrong, which
//! a test holds it to.

mod comeback;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use scalemodel::analysis::check::{Findings, check};
use scalemodel::analysis::history::History;
use scalemodel::logbook::{
    ChannelCounts, EndRecord, Ending, FaultRecord, Header, LogWriter, LoggedEvent, RestartRecord,
    SkipRecord, SystemTime, TickRecord, log_path,
};
use scalemodel::model::{
    Dice, Ledger, Links, MachineId, ModelTime, Over, Schedule, Timestamp, absences,
};
use scalemodel::pace::{Pace, Speed};
use scalemodel::trial::Trial;
use tempfile::TempDir;

use crate::seams::{Parcel, Seams, Turn};
use crate::turns;
use comeback::Away;

/// How a run is driven, and what befalls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Setting {
    /// The virtual pace.
    Virtual,
    /// The real pace, with lateness and delays as any network may have them.
    Real,
    /// The real pace; one machine stands still for some time and skips what it missed.
    Standstill,
    /// The real pace; one machine is killed in the middle of a send, and the others end early.
    Kill,
    /// The virtual pace, with faults in the trial.
    Faults,
    /// The real pace; one machine is killed after an entry, and comes back.
    Restart,
}

impl Setting {
    pub(crate) const ALL: [Self; 6] =
        [Self::Virtual, Self::Real, Self::Standstill, Self::Kill, Self::Faults, Self::Restart];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Virtual => "virtual pace",
            Self::Real => "real pace",
            Self::Standstill => "standstill",
            Self::Kill => "kill",
            Self::Faults => "faults",
            Self::Restart => "restart",
        }
    }

    fn pace(self) -> Pace {
        match self {
            Self::Virtual | Self::Faults => Pace::Virtual,
            Self::Real | Self::Standstill | Self::Kill | Self::Restart => Pace::Real(Speed::ONE),
        }
    }
}

/// How long the others go on after a machine was killed, in microseconds.
const SURVIVED_US: u64 = 2_000_000;

/// No message travels longer, in microseconds.
const DELAY_MAX_US: u32 = 300_000;

/// A folder for the logs of one run after the other.
#[derive(Debug)]
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// Runs a trial with these seams; its logs replace those of the run before.
    pub(crate) fn run(&self, trial: &Trial, setting: Setting, seams: &mut dyn Seams) {
        for entry in fs::read_dir(self.0.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        Workbench::new(trial, setting, seams, self.0.path()).run();
    }

    /// The logs, in the trial's order.
    pub(crate) fn logs(&self, trial: &Trial) -> Vec<String> {
        let path = |port| log_path(self.0.path(), port);
        trial.machines.iter().map(|spec| fs::read_to_string(path(spec.port)).unwrap()).collect()
    }

    /// What the oracle says of the logs.
    pub(crate) fn findings(&self) -> Findings {
        check(&History::load(self.0.path()).unwrap())
    }
}

/// A run that is under way.
struct Workbench<'a> {
    trial: &'a Trial,
    setting: Setting,
    seams: &'a mut dyn Seams,
    stations: Vec<Station>,
    /// When the latest message of each channel arrives: none overtakes another.
    latest: BTreeMap<(MachineId, MachineId), u64>,
    links: Links,
    delays: Dice,
    /// When the victim was killed.
    killed_at: Option<u64>,
    /// The absence of the victim, if it comes back.
    away: Option<Away>,
}

/// One machine.
struct Station {
    id: MachineId,
    peers: Vec<MachineId>,
    clock: Timestamp,
    dice: Dice,
    /// What has arrived or is on its way, in the order of arrival.
    coming: Vec<Parcel>,
    /// How many of those that are coming are known to have arrived.
    noticed: usize,
    log: LogWriter,
    schedule: Schedule,
    ledger: Ledger,
    last_received: Option<Parcel>,
    /// Messages by position of the other machine in the trial.
    sent: Vec<u64>,
    received: Vec<u64>,
    ticks_done: u64,
    ticks_skipped: u64,
}

impl<'a> Workbench<'a> {
    fn new(trial: &'a Trial, setting: Setting, seams: &'a mut dyn Seams, folder: &Path) -> Self {
        let stations = trial.machine_ids().map(|id| {
            let mut header = Header::new(trial.clone(), id, setting.pace());
            seams.header(&mut header);
            let path = log_path(folder, trial.spec(id).port);
            let mut log = LogWriter::create(&path, &header).unwrap();
            let is_virtual = setting.pace() == Pace::Virtual;
            log.start(if is_virtual { SystemTime(0) } else { turns::START }).unwrap();
            Station {
                id,
                peers: seams.peers(id, trial.peers(id)),
                clock: Timestamp(0),
                dice: Dice::new(trial.seed, seams.stream(id)),
                coming: Vec::new(),
                noticed: 0,
                log,
                schedule: seams.schedule(trial, id),
                ledger: Ledger::new(&trial.faults, &trial.schedule(id), id),
                last_received: None,
                sent: vec![0; trial.machines.len()],
                received: vec![0; trial.machines.len()],
                ticks_done: 0,
                ticks_skipped: 0,
            }
        });
        let stations = stations.collect();
        let delays = turns::chance(trial, MachineId::new(u16::MAX));
        let (latest, links, killed_at, away) = (BTreeMap::new(), trial.links(), None, None);
        Self { trial, setting, seams, stations, latest, links, delays, killed_at, away }
    }

    /// The turns of every machine, as they should be.
    fn turns(&mut self) -> Vec<Vec<Turn>> {
        if self.setting != Setting::Faults {
            return turns::turns(self.trial, self.setting);
        }
        let Self { trial, stations, seams, .. } = self;
        let turns = stations.iter().map(|Station { id, schedule, .. }| {
            let absences = seams.absences(absences(&trial.faults, schedule, *id));
            turns::turns_under_faults(schedule, &absences)
        });
        turns.collect()
    }

    fn run(mut self) {
        let mut order: Vec<(u64, MachineId, Turn)> = Vec::new();
        let turns = self.turns();
        for (machine, mut turns) in self.trial.machine_ids().zip(turns) {
            self.seams.pace(machine, &mut turns);
            order.extend(turns.into_iter().map(|turn| (turn.now, machine, turn)));
        }
        order.sort_by_key(|(now, machine, _)| (*now, *machine));
        for (now, machine, turn) in order {
            if self.is_away(machine, turn) {
                continue;
            }
            match self.killed_at {
                Some(_) if machine == turns::victim(self.trial) => {}
                Some(at) if at + SURVIVED_US < now => {}
                _ if turn.skipped_to.is_some() => self.skip(machine, turn),
                _ => {
                    if !self.seams.tells_at_the_end() {
                        let due = self.stations[machine.index()].schedule.due(turn.tick);
                        self.tell(machine, Some(due));
                    }
                    self.tick(machine, turn);
                }
            }
        }
        self.come_back();
        for machine in self.trial.machine_ids() {
            self.tell(machine, None);
        }
        self.end();
    }

    /// Tells of the faults that are over.
    fn tell(&mut self, machine: MachineId, now: Option<ModelTime>) {
        let Self { trial, stations, links, seams, .. } = self;
        let Station { log, ledger, dice, ticks_skipped, .. } = &mut stations[machine.index()];
        while let Some(over) = ledger.next_over(now, |fault| links.hits(fault, machine)) {
            let Over { fault: number, hits, incarnation, skipped, .. } = over;
            let system_time = SystemTime::since_1970(1000 * over.ends_ms);
            let restart = incarnation.map(|incarnation| RestartRecord {
                incarnation,
                cut_bytes: 0,
                system_time,
            });
            if let Some(record) = restart.and_then(|record| seams.restarted(record)) {
                log.restart(&record).unwrap();
            }
            let kind = trial.faults[number.index()].name();
            for record in seams.told(FaultRecord { number, kind, hits, system_time }) {
                log.fault(&record).unwrap();
            }
            let skip = skipped.map(|[first, last]| SkipRecord {
                system_time,
                first,
                last,
                lateness_us: 0,
            });
            if let Some(record) = skip.and_then(|record| seams.skipped(record, dice)) {
                *ticks_skipped += record.count();
                log.skip(&record).unwrap();
            }
        }
    }

    fn skip(&mut self, machine: MachineId, turn: Turn) {
        let Turn { tick, system_time, lateness_us, .. } = turn;
        let station = &mut self.stations[machine.index()];
        let last = turn.skipped_to.unwrap();
        let record = SkipRecord { system_time, first: tick, last, lateness_us };
        station.ticks_skipped += record.count();
        station.log.skip(&record).unwrap();
    }

    /// One tick: receives, or else draws.
    fn tick(&mut self, machine: MachineId, turn: Turn) {
        let station = &mut self.stations[machine.index()];
        let is_in_queue = |parcel: &Parcel| self.seams.is_in_queue(parcel, turn.now);
        let visible = station.coming.iter().take_while(|parcel| is_in_queue(parcel)).count();
        for parcel in station.coming.iter().take(visible).skip(station.noticed) {
            station.clock = self.seams.arrived(station.clock, parcel.timestamp);
        }
        let later = station.coming.split_off(visible);
        let taken = self.seams.take(&mut station.coming);
        let after = station.coming.len();
        station.noticed = after;
        station.coming.extend(later);
        let queue_len = self.seams.queue_len(visible, after) as u64;
        let faces = self.trial.draw_range.0;
        if taken.is_empty() {
            let draw = self.seams.draw(&mut station.dice, faces);
            let mut sends = self.seams.sends(draw, &station.peers);
            if sends.is_empty() {
                sends.push(Vec::new());
            }
            for to in sends {
                self.emit(machine, turn, Happening { to: &to, draw, queue_len });
            }
        }
        for parcel in taken {
            self.receive(machine, turn, parcel, queue_len);
        }
    }

    fn receive(&mut self, machine: MachineId, turn: Turn, parcel: Parcel, queue_len: u64) {
        let station = &mut self.stations[machine.index()];
        let draw = self.seams.draw_on_receive(&mut station.dice, self.trial.draw_range.0);
        let before = station.clock;
        station.clock = self.seams.received(before, parcel.timestamp);
        station.received[parcel.from.index()] += 1;
        station.last_received = Some(parcel);
        let from = self.trial.spec(parcel.from).port;
        let event = LoggedEvent::Receive { from, timestamp: parcel.timestamp };
        self.record(machine, turn, before, Entry { event, queue_len, draw });
        self.dies(machine, turn, Vec::new());
    }

    /// An internal event or a send: its entry, and only then its messages.
    fn emit(&mut self, machine: MachineId, turn: Turn, happening: Happening<'_>) {
        let Happening { to, draw, queue_len } = happening;
        let station = &mut self.stations[machine.index()];
        let before = station.clock;
        station.clock = self.seams.advanced(before, to.len());
        let timestamp = self.seams.stamp(before, station.clock);
        let ports = to.iter().map(|peer| self.trial.spec(*peer).port);
        let event = match to {
            [] => LoggedEvent::Internal,
            _ => LoggedEvent::Send(ports.collect()),
        };
        let entry = Entry { event, queue_len, draw: Some(draw) };
        let is_killed = self.is_killed_by(machine, turn, to);
        if self.seams.records_first() {
            self.record(machine, turn, before, entry);
            let parcel =
                |to: &MachineId| Parcel { from: machine, to: *to, timestamp, arrives_at: 0 };
            let unsent = to.iter().map(parcel).collect();
            if !is_killed && !self.dies(machine, turn, unsent) {
                self.send(machine, turn, to, timestamp);
            }
        } else {
            self.send(machine, turn, to, timestamp);
            if !is_killed {
                self.record(machine, turn, before, entry);
            }
        }
    }

    /// Whether the victim is killed in the middle of this event: its first send after some time.
    fn is_killed_by(&mut self, machine: MachineId, turn: Turn, to: &[MachineId]) -> bool {
        let is_due = 300_000 * self.trial.duration_s <= turn.now;
        let is_victim = machine == turns::victim(self.trial);
        if self.setting == Setting::Kill && is_victim && is_due && !to.is_empty() {
            self.killed_at = Some(turn.now);
        }
        self.killed_at.is_some() && is_victim
    }

    fn record(&mut self, machine: MachineId, turn: Turn, before: Timestamp, entry: Entry) {
        let station = &mut self.stations[machine.index()];
        station.ticks_done += 1;
        let record = TickRecord {
            system_time: turn.system_time,
            tick: turn.tick,
            model_time_us: turn.model_time_us,
            lateness_us: turn.lateness_us,
            event: entry.event,
            logical_clock: station.clock,
            queue_len: entry.queue_len,
            draw: entry.draw,
        };
        if let Some(restart) = self.seams.invent_restart() {
            station.log.restart(&restart).unwrap();
        }
        for record in self.seams.entries(record, before) {
            station.log.tick(&record).unwrap();
        }
    }

    fn send(&mut self, from: MachineId, turn: Turn, to: &[MachineId], timestamp: Timestamp) {
        for &to in to {
            self.stations[from.index()].sent[to.index()] += 1;
            let arrives_at = self.arrival((from, to), turn);
            let parcel = Parcel { from, to, timestamp, arrives_at };
            for parcel in self.seams.carry(parcel) {
                self.stations[parcel.to.index()].arrive(parcel);
            }
        }
    }

    /// When a message arrives.
    fn arrival(&mut self, channel: (MachineId, MachineId), turn: Turn) -> u64 {
        if self.setting == Setting::Faults {
            let due = self.stations[channel.0.index()].schedule.due(turn.tick);
            let arrives_at = self.links.send(channel, (turn.tick, due)).arrives_at;
            return self.seams.held_until(turn.now, turns::instant(arrives_at));
        }
        let delay = match self.setting {
            Setting::Virtual => 0,
            _ => u64::from(self.delays.roll(DELAY_MAX_US)),
        };
        let latest = self.latest.entry(channel).or_default();
        *latest = (*latest).max(turn.now + delay);
        *latest
    }

    fn end(self) {
        let Self { trial, setting, seams, stations, killed_at, .. } = self;
        let victim = turns::victim(trial);
        let why = match killed_at {
            Some(_) => Ending::PeerLost(trial.spec(victim).port),
            None => Ending::Finished,
        };
        let end_us = 1_000_000 * trial.duration_s;
        for mut station in stations {
            if killed_at.is_some() && station.id == victim {
                station.log.flush().unwrap();
                continue;
            }
            let by_port = |counts: &[u64]| {
                let peers = trial.peers(station.id);
                let pairs = peers.iter().map(|peer| (trial.spec(*peer).port, counts[peer.index()]));
                ChannelCounts(pairs.collect())
            };
            let mut left = vec![0; trial.machines.len()];
            station.coming.iter().for_each(|parcel| left[parcel.from.index()] += 1);
            let mut end = EndRecord {
                why,
                system_time: match setting {
                    Setting::Virtual | Setting::Faults => SystemTime::since_1970(end_us),
                    _ => turns::at(end_us + SURVIVED_US),
                },
                ticks_done: station.ticks_done,
                ticks_skipped: station.ticks_skipped,
                logical_clock: station.clock,
                sent: by_port(&station.sent),
                received: by_port(&station.received),
                left: by_port(&left),
            };
            seams.end(&mut end);
            station.log.end(&end).unwrap();
        }
    }
}

/// What a draw made of a tick.
struct Happening<'a> {
    to: &'a [MachineId],
    draw: u32,
    queue_len: u64,
}

/// What an entry says of its event.
struct Entry {
    event: LoggedEvent,
    queue_len: u64,
    draw: Option<u32>,
}

impl Station {
    /// Puts a message behind all that arrive no later; of one instant, the lower sender's first.
    fn arrive(&mut self, parcel: Parcel) {
        let key = |parcel: &Parcel| (parcel.arrives_at, parcel.from);
        let place = self.coming.partition_point(|other| key(other) <= key(&parcel));
        self.coming.insert(place, parcel);
    }
}
