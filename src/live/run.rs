//! What was seen of a run: its machines, how far it is, and what is not as it should be.

use std::time::Duration;

use super::machine::MachineView;
use super::trend::{Direction, Trend};
use crate::logbook::{Ending, News, SystemTime};
use crate::model::fault::numbered;
use crate::model::{Fault, FaultId, MachineFault, MachineId, ModelTime};
use crate::pace::{Pace, Speed};
use crate::trial::Trial;

/// A machine that writes nothing for so long, although a tick is due, is silent.
const SILENT_AFTER: Duration = Duration::from_secs(2);

/// A machine that is silent for so long is taken for dead: longer than it waits for goodbyes.
const DEAD_AFTER: Duration = Duration::from_secs(15);

/// A machine that has not started for so long is taken for dead.
const NEVER_STARTED_AFTER: Duration = Duration::from_secs(60);

/// What was seen of a run.
#[derive(Clone, Debug)]
pub struct RunView {
    /// What is run.
    pub trial: Trial,
    pub(super) pace: Option<Pace>,
    pub(super) machines: Vec<MachineView>,
    /// How many ticks each machine has.
    pub(super) ticks: Vec<u64>,
    /// How each machine is.
    pub(super) conditions: Vec<Condition>,
    drift_trend: Trend,
    start: Option<SystemTime>,
    now: SystemTime,
    /// When the run was first seen to tick, and how far it was.
    first: Option<(SystemTime, u64)>,
}

/// How a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It has no log.
    Missing,
    /// It waits for the common start.
    Connecting,
    /// All is as it should be.
    Ticking,
    /// A fault of the trial strikes it.
    Struck(FaultId, MachineFault),
    /// It should have written something, and has not for so long.
    Silent(Duration),
    /// All of its ticks are over, and it waits for its peers.
    Done,
    /// Its log has ended.
    Ended(Ending),
}

impl RunView {
    /// A run of which nothing was seen yet.
    #[must_use]
    pub fn new(trial: Trial) -> Self {
        let ticks = trial.machine_ids().map(|machine| trial.schedule(machine).ticks()).collect();
        Self {
            pace: None,
            machines: vec![MachineView::default(); trial.machines.len()],
            ticks,
            conditions: vec![Condition::Missing; trial.machines.len()],
            drift_trend: Trend::default(),
            start: None,
            now: SystemTime::default(),
            first: None,
            trial,
        }
    }

    /// Takes what a look at the log of a machine has shown.
    ///
    /// # Errors
    /// When the log is of another run.
    pub fn take(&mut self, machine: MachineId, news: News) -> Result<(), String> {
        if let News::Started(header, start) = &news {
            if *header.trial != self.trial || header.machine != machine {
                return Err(format!(
                    "it is the log of machine {} of another trial, '{}'; if a new run has begun, \
                     watch it anew",
                    header.machine, header.trial.name
                ));
            }
            self.pace = Some(header.pace);
            self.start = Some(*start);
        }
        self.machines[machine.index()].take(news);
        Ok(())
    }

    /// Notes when something was last written into the log of a machine.
    pub fn note_written(&mut self, machine: MachineId, written: Option<SystemTime>) {
        self.machines[machine.index()].written = written;
    }

    /// Notes what is to be seen now that all logs were looked at.
    pub fn note(&mut self, now: SystemTime) {
        self.now = now;
        for machine in &mut self.machines {
            machine.note(now);
        }
        if let Some(drift) = self.drift() {
            self.drift_trend.note(now, drift);
            self.first = self.first.or(Some((now, self.model_time_us())));
        }
        let faults = self.faults_now();
        let conditions = self.trial.machine_ids().map(|machine| self.condition(machine, &faults));
        self.conditions = conditions.collect();
    }

    /// How far the run is: the model time of the latest tick.
    #[must_use]
    pub fn model_time_us(&self) -> u64 {
        if self.machines.iter().all(|machine| machine.ending == Some(Ending::Finished)) {
            return self.duration_us();
        }
        let ticks = self.machines.iter().filter_map(|machine| machine.last.as_ref());
        ticks.map(|record| record.model_time_us).max().unwrap_or(0)
    }

    pub(super) fn duration_us(&self) -> u64 {
        self.trial.duration_s.saturating_mul(1_000_000)
    }

    /// The logical clocks and the lengths of the queues, in the order of the machines.
    #[must_use]
    pub fn clocks_and_queues(&self) -> Vec<(u64, u64)> {
        self.machines.iter().map(|view| (view.logical_clock(), view.queue_len())).collect()
    }

    /// The spread between the logical clocks; none before two machines have ticked.
    pub(super) fn drift(&self) -> Option<u64> {
        let clocks = self.machines.iter().filter(|machine| machine.last.is_some());
        let clocks: Vec<u64> = clocks.map(MachineView::logical_clock).collect();
        let spread = clocks.iter().max()? - clocks.iter().min()?;
        (1 < clocks.len()).then_some(spread)
    }

    pub(super) fn drift_direction(&self) -> Direction {
        self.drift_trend.direction()
    }

    /// How long it will go on, in seconds: by its speed, or else as it has gone on so far.
    pub(super) fn seconds_left(&self) -> Option<u64> {
        let left_us = self.duration_us().saturating_sub(self.model_time_us());
        match self.pace? {
            Pace::Real(speed) => {
                self.start?;
                Some(speed.wall_time(ModelTime::of_ms(left_us.div_ceil(1000))))
                    .map(|left| left.as_secs() + u64::from(0 < left.subsec_nanos()))
            }
            Pace::Virtual => {
                let (then, done_us) = self.first?;
                let watched_us = u128::try_from(self.now.0 - then.0).ok()?;
                let done_us = self.model_time_us().checked_sub(done_us).filter(|us| 0 < *us)?;
                let left_us = u128::from(left_us) * watched_us / u128::from(done_us);
                u64::try_from(left_us.div_ceil(1_000_000)).ok()
            }
        }
    }

    /// The faults of the trial that are under way.
    pub(super) fn faults_now(&self) -> Vec<(FaultId, &Fault)> {
        if self.start.is_none() || self.machines.iter().all(|view| view.ending.is_some()) {
            return Vec::new();
        }
        let now = ModelTime::of_ms(self.model_now_ms());
        numbered(&self.trial.faults).filter(|(_, fault)| fault.span.covers(now)).collect()
    }

    /// The model time by the wall clock: while all machines stand still, none has a tick to tell it.
    fn model_now_ms(&self) -> u64 {
        let latest_ms = self.model_time_us() / 1000;
        let (Some(Pace::Real(speed)), Some(start)) = (self.pace, self.start) else {
            return latest_ms;
        };
        speed.model_ms(since(start, self.now)).max(latest_ms)
    }

    /// How a machine is while these faults are under way.
    fn condition(&self, machine: MachineId, faults: &[(FaultId, &Fault)]) -> Condition {
        let view = &self.machines[machine.index()];
        if let Some(ending) = view.ending {
            return Condition::Ended(ending);
        }
        let Some(written) = view.written else {
            return Condition::Missing;
        };
        if !view.is_started {
            return Condition::Connecting;
        }
        if view.tick == self.ticks[machine.index()] {
            return Condition::Done;
        }
        let strikes = |(number, fault): &(FaultId, &Fault)| Some((*number, fault.on(machine)?));
        if let Some((number, fault)) = faults.iter().find_map(strikes) {
            return Condition::Struck(number, fault);
        }
        let silence = since(written, self.now);
        if self.silent_after() < silence {
            return Condition::Silent(silence);
        }
        Condition::Ticking
    }

    /// No machine ticks less than once a model second.
    fn silent_after(&self) -> Duration {
        let speed = match self.pace {
            Some(Pace::Real(speed)) => speed,
            _ => Speed::ONE,
        };
        SILENT_AFTER + speed.wall_time(ModelTime::of_ms(2000))
    }

    /// Whether there will be nothing more to see: every machine has ended or is dead.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let has_a_log = self.machines.iter().any(|view| view.written.is_some());
        let is_gone = |(view, condition): (&MachineView, &Condition)| {
            let bound = match condition {
                Condition::Ended(_) => return true,
                Condition::Ticking | Condition::Struck(..) => return false,
                Condition::Connecting => NEVER_STARTED_AFTER,
                Condition::Missing | Condition::Silent(_) | Condition::Done => {
                    DEAD_AFTER + self.silent_after()
                }
            };
            view.written.is_none_or(|written| bound < since(written, self.now))
        };
        has_a_log && self.machines.iter().zip(&self.conditions).all(is_gone)
    }

    /// Whether it ended as it should.
    pub(super) fn is_finished(&self) -> bool {
        self.machines.iter().all(|view| view.ending == Some(Ending::Finished))
    }
}

/// How long ago something was; nothing if the computer's clock was set back since.
fn since(then: SystemTime, now: SystemTime) -> Duration {
    Duration::from_micros(u64::try_from(now.0.saturating_sub(then.0)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{look, run, start, tell, tick};
    use super::*;

    const REAL: Pace = Pace::Real(Speed::ONE);
    const END: &str = "# end: why=finished done=300 skipped=0 logical_clock=310 sent=- received=- \
                       left=- system_time=2026-11-22T14:47:04.000000Z";

    fn conditions(run: &RunView) -> String {
        let told: Vec<String> =
            run.conditions.iter().map(|condition| format!("{condition:?}")).collect();
        told.join(" ")
    }

    #[test]
    fn a_machine_goes_from_no_log_to_its_end() {
        let mut run = run("sample", &[5, 5], "");
        look(&mut run, 0, &[]);
        assert_eq!(conditions(&run), "Missing Missing");
        assert!(!run.is_over());
        look(&mut run, 0, &[1, 2]);
        assert_eq!(conditions(&run), "Connecting Connecting");
        start(&mut run, REAL);
        tell(&mut run, 1, &tick(1, 0, "internal -", 1, 0));
        look(&mut run, 300, &[1, 2]);
        assert_eq!(conditions(&run), "Ticking Ticking");
        assert_eq!((run.drift(), run.seconds_left()), (None, Some(60)));
        tell(&mut run, 1, &tick(300, 59, "internal -", 310, 0));
        tell(&mut run, 2, &tick(200, 39, "internal -", 210, 0));
        look(&mut run, 59_900, &[1, 2]);
        assert_eq!(conditions(&run), "Done Ticking");
        assert_eq!((run.drift(), run.seconds_left()), (Some(100), Some(1)));
        tell(&mut run, 1, END);
        tell(&mut run, 2, END);
        look(&mut run, 60_000, &[1, 2]);
        assert!(run.is_over() && run.is_finished());
        assert_eq!(run.model_time_us(), 60_000_000);
    }

    #[test]
    fn a_machine_that_writes_nothing_is_silent_and_at_last_taken_for_dead() {
        let mut run = run("sample", &[5, 5], "");
        start(&mut run, REAL);
        look(&mut run, 1000, &[1, 2]);
        look(&mut run, 5000, &[2]);
        assert_eq!(conditions(&run), "Ticking Ticking");
        look(&mut run, 5001, &[2]);
        assert_eq!(conditions(&run), "Silent(4.001s) Ticking");
        look(&mut run, 100_000, &[2]);
        assert!(!run.is_over(), "machine 2 goes on");
        tell(&mut run, 2, END);
        look(&mut run, 100_000, &[2]);
        assert!(run.is_over() && !run.is_finished());
    }

    #[test]
    fn a_run_whose_machines_died_before_the_start_is_over_in_the_end() {
        let mut run = run("sample", &[5, 5], "");
        look(&mut run, 0, &[1]);
        look(&mut run, 60_000, &[]);
        assert!(!run.is_over());
        look(&mut run, 60_001, &[]);
        assert!(run.is_over());
    }

    #[test]
    fn while_all_are_paused_the_fault_is_still_seen() {
        let pause = "[[fault]]\nkind = \"pause\"\nat_ms = 2000\nfor_ms = 30000\nmachine = [1, 2]\n";
        let mut run = run("sample", &[5, 5], pause);
        start(&mut run, Pace::Real("2".parse().unwrap()));
        tell(&mut run, 1, &tick(9, 1, "internal -", 9, 0));
        look(&mut run, 999, &[1, 2]);
        assert_eq!(run.faults_now(), []);
        look(&mut run, 15_900, &[]);
        assert_eq!(run.faults_now().len(), 1);
        let paused = "Struck(FaultId(1), Pause)";
        assert_eq!(conditions(&run), format!("{paused} {paused}"));
        assert!(!run.is_over());
        look(&mut run, 16_000, &[1, 2]);
        assert_eq!(conditions(&run), "Ticking Ticking");
    }

    #[test]
    fn a_machine_that_comes_back_has_not_ended() {
        let mut run = run("sample", &[5, 5], "");
        start(&mut run, REAL);
        tell(&mut run, 1, END);
        tell(
            &mut run,
            1,
            "# restart: incarnation=3 cut_bytes=0 system_time=2026-11-22T14:47:05.000000Z",
        );
        look(&mut run, 1000, &[1, 2]);
        assert_eq!(conditions(&run), "Ticking Ticking");
        assert_eq!(run.machines[0].restarts, 2);
    }

    #[test]
    fn the_log_of_another_run_is_refused() {
        let (mut run, mut other) = (run("sample", &[5, 5], ""), run("other", &[5, 5], ""));
        start(&mut other, REAL);
        let header = crate::logbook::Header::new(other.trial, MachineId::new(1), REAL);
        let news = News::Started(Box::new(header), SystemTime(0));
        assert!(run.take(MachineId::new(1), news).unwrap_err().contains("another trial, 'other'"));
    }

    #[test]
    fn at_the_virtual_pace_the_time_left_is_told_by_the_time_it_took() {
        let mut run = run("sample", &[5, 5], "");
        start(&mut run, Pace::Virtual);
        for (machine, seconds) in [(1, 10), (2, 10)] {
            tell(&mut run, machine, &tick(50, seconds, "internal -", 50, 0));
        }
        look(&mut run, 0, &[1, 2]);
        assert_eq!(run.seconds_left(), None);
        tell(&mut run, 1, &tick(100, 20, "internal -", 100, 0));
        look(&mut run, 3000, &[1, 2]);
        assert_eq!(run.seconds_left(), Some(12));
    }
}
