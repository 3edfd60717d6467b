//! Wrong under faults: who ticks though it is away, holds nothing back, or tells of faults what is
//! not so.

use scalemodel::analysis::check::Rule;
use scalemodel::logbook::{FaultRecord, RestartRecord, SkipRecord};
use scalemodel::model::{Absence, Dice, MachineId, Schedule, Tick};
use scalemodel::trial::Trial;

use super::{FAULTS, Sight, WrongMachine, make};
use crate::seams::{Occasions, Parcel, Seams};

pub(super) const MACHINES: &[WrongMachine] = &[
    WrongMachine {
        name: "ticks-while-it-is-away",
        wrong: "A machine that is killed or paused ticks on.",
        revealed_by: FAULTS,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<TicksWhileAway>,
    },
    WrongMachine {
        name: "sleeps-for-a-tick-too-long",
        wrong: "A machine that was away skips one tick more than its absence has.",
        revealed_by: FAULTS,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<SleepsTooLong>,
    },
    WrongMachine {
        name: "draws-in-its-sleep",
        wrong: "Ticks that are skipped draw.",
        revealed_by: FAULTS,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<DrawsInItsSleep>,
    },
    WrongMachine {
        name: "keeps-its-rate",
        wrong: "A machine ticks at its own rate, whatever faults do to it.",
        revealed_by: FAULTS,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<KeepsItsRate>,
    },
    WrongMachine {
        name: "holds-nothing-back",
        wrong: "Messages arrive when they are sent, whatever faults do to their channel.",
        revealed_by: FAULTS,
        rule: Rule::Queue,
        sight: Sight::Always,
        make: make::<HoldsNothingBack>,
    },
    WrongMachine {
        name: "holds-a-message-too-long",
        wrong: "A message that is held back arrives a second later than it should.",
        revealed_by: FAULTS,
        rule: Rule::Queue,
        sight: Sight::Always,
        make: make::<HoldsTooLong>,
    },
    WrongMachine {
        name: "loses-what-is-held-back",
        wrong: "Messages that do not come through at once are lost: they are not tried again.",
        revealed_by: FAULTS,
        rule: Rule::Conservation,
        sight: Sight::Always,
        make: make::<LosesWhatIsHeld>,
    },
    WrongMachine {
        name: "miscounts-its-hits",
        wrong: "The entry of a fault counts one hit too many.",
        revealed_by: FAULTS,
        rule: Rule::Faults,
        sight: Sight::Always,
        make: make::<MiscountsHits>,
    },
    WrongMachine {
        name: "names-another-kind",
        wrong: "The entry of a fault names another kind.",
        revealed_by: FAULTS,
        rule: Rule::Faults,
        sight: Sight::Always,
        make: make::<NamesAnotherKind>,
    },
    WrongMachine {
        name: "names-another-fault",
        wrong: "The entry of a fault has the number of the next one.",
        revealed_by: FAULTS,
        rule: Rule::Faults,
        sight: Sight::Always,
        make: make::<NamesAnotherFault>,
    },
    WrongMachine {
        name: "tells-of-a-fault-twice",
        wrong: "The entry of a fault stands twice.",
        revealed_by: FAULTS,
        rule: Rule::Faults,
        sight: Sight::Always,
        make: make::<TellsTwice>,
    },
    WrongMachine {
        name: "tells-of-a-fault-at-another-time",
        wrong: "The entry of a fault says that it was over a millisecond later.",
        revealed_by: FAULTS,
        rule: Rule::Faults,
        sight: Sight::Always,
        make: make::<TellsAnotherTime>,
    },
    WrongMachine {
        name: "tells-of-faults-at-its-end",
        wrong: "The entries of faults all stand at the end of the log.",
        revealed_by: FAULTS,
        rule: Rule::Faults,
        sight: Sight::Always,
        make: make::<TellsAtTheEnd>,
    },
    WrongMachine {
        name: "keeps-a-fault-to-itself",
        wrong: "Now and then the entry of a fault is left out.",
        revealed_by: FAULTS,
        rule: Rule::Faults,
        sight: Sight::Never(
            "the oracle says that the fault did not take effect, and cannot say more",
        ),
        make: make::<KeepsToItself>,
    },
    WrongMachine {
        name: "hides-that-it-was-killed",
        wrong: "A machine that was killed does not say that it is back.",
        revealed_by: FAULTS,
        rule: Rule::Faults,
        sight: Sight::Always,
        make: make::<HidesThatItWasKilled>,
    },
];

#[derive(Debug, Default)]
struct TicksWhileAway;

impl Seams for TicksWhileAway {
    fn absences(&mut self, _absences: Vec<Absence>) -> Vec<Absence> {
        Vec::new()
    }

    fn skipped(&mut self, _record: SkipRecord, _dice: &mut Dice) -> Option<SkipRecord> {
        None
    }
}

#[derive(Debug, Default)]
struct SleepsTooLong;

impl Seams for SleepsTooLong {
    fn absences(&mut self, mut absences: Vec<Absence>) -> Vec<Absence> {
        for absence in &mut absences {
            absence.next.0 += u64::from(absence.skipped().is_some());
        }
        absences
    }

    fn skipped(&mut self, record: SkipRecord, _dice: &mut Dice) -> Option<SkipRecord> {
        Some(SkipRecord { last: Tick(record.last.0 + 1), ..record })
    }
}

#[derive(Debug, Default)]
struct DrawsInItsSleep;

impl Seams for DrawsInItsSleep {
    fn skipped(&mut self, record: SkipRecord, dice: &mut Dice) -> Option<SkipRecord> {
        dice.roll(6);
        Some(record)
    }
}

#[derive(Debug, Default)]
struct KeepsItsRate;

impl Seams for KeepsItsRate {
    fn schedule(&mut self, trial: &Trial, here: MachineId) -> Schedule {
        trial.base_schedule(here)
    }
}

#[derive(Debug, Default)]
struct HoldsNothingBack;

impl Seams for HoldsNothingBack {
    fn held_until(&mut self, sent_at: u64, _arrives_at: u64) -> u64 {
        sent_at
    }
}

#[derive(Debug, Default)]
struct HoldsTooLong;

impl Seams for HoldsTooLong {
    fn held_until(&mut self, sent_at: u64, arrives_at: u64) -> u64 {
        if sent_at == arrives_at { arrives_at } else { arrives_at + 1_000_000_000_000 }
    }
}

#[derive(Debug, Default)]
struct LosesWhatIsHeld {
    is_held: bool,
}

impl Seams for LosesWhatIsHeld {
    fn held_until(&mut self, sent_at: u64, arrives_at: u64) -> u64 {
        self.is_held = sent_at != arrives_at;
        arrives_at
    }

    fn carry(&mut self, parcel: Parcel) -> Vec<Parcel> {
        if self.is_held { Vec::new() } else { vec![parcel] }
    }
}

#[derive(Debug, Default)]
struct MiscountsHits;

impl Seams for MiscountsHits {
    fn told(&mut self, record: FaultRecord) -> Vec<FaultRecord> {
        vec![FaultRecord { hits: record.hits + 1, ..record }]
    }
}

#[derive(Debug, Default)]
struct NamesAnotherKind;

impl Seams for NamesAnotherKind {
    fn told(&mut self, record: FaultRecord) -> Vec<FaultRecord> {
        let kind = if record.kind == "loss" { "corruption" } else { "loss" };
        vec![FaultRecord { kind, ..record }]
    }
}

#[derive(Debug, Default)]
struct NamesAnotherFault;

impl Seams for NamesAnotherFault {
    fn told(&mut self, record: FaultRecord) -> Vec<FaultRecord> {
        let number = scalemodel::model::FaultId::at(record.number.index() + 1);
        vec![FaultRecord { number, ..record }]
    }
}

#[derive(Debug, Default)]
struct TellsTwice;

impl Seams for TellsTwice {
    fn told(&mut self, record: FaultRecord) -> Vec<FaultRecord> {
        vec![record, record]
    }
}

#[derive(Debug, Default)]
struct TellsAnotherTime;

impl Seams for TellsAnotherTime {
    fn told(&mut self, mut record: FaultRecord) -> Vec<FaultRecord> {
        record.system_time.0 += 1000;
        vec![record]
    }
}

#[derive(Debug, Default)]
struct TellsAtTheEnd;

impl Seams for TellsAtTheEnd {
    fn tells_at_the_end(&self) -> bool {
        true
    }
}

#[derive(Debug, Default)]
struct KeepsToItself(Occasions);

impl Seams for KeepsToItself {
    fn told(&mut self, record: FaultRecord) -> Vec<FaultRecord> {
        if self.0.every(2) { Vec::new() } else { vec![record] }
    }
}

#[derive(Debug, Default)]
struct HidesThatItWasKilled;

impl Seams for HidesThatItWasKilled {
    fn restarted(&mut self, _record: RestartRecord) -> Option<RestartRecord> {
        None
    }
}
