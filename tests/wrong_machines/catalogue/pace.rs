//! Wrong paces: ticks too early, missing, doubled, or at times that drift.

use scalemodel::analysis::check::Rule;
use scalemodel::logbook::SystemTime;
use scalemodel::model::{MachineId, Tick};

use super::{ANY_PACE, REAL, STANDSTILL, Sight, VIRTUAL, WrongMachine, make};
use crate::seams::{Seams, Turn};
use crate::turns;

pub(super) const MACHINES: &[WrongMachine] = &[
    WrongMachine {
        name: "ticks-early",
        wrong: "A tick begins up to a millisecond before it is due.",
        revealed_by: REAL,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<TicksEarly>,
    },
    WrongMachine {
        name: "bursts-after-a-standstill",
        wrong: "After a standstill a machine ticks at once for what it missed, and runs ahead.",
        revealed_by: STANDSTILL,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<Bursts>,
    },
    WrongMachine {
        name: "skips-ticks-without-an-entry",
        wrong: "After a standstill the missed ticks are missing, and no entry says so.",
        revealed_by: STANDSTILL,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<SkipsWithoutAnEntry>,
    },
    WrongMachine {
        name: "says-it-skipped-what-it-did",
        wrong: "The entry of skipped ticks begins one tick too early.",
        revealed_by: STANDSTILL,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<SkipsWhatItDid>,
    },
    WrongMachine {
        name: "loses-a-tick",
        wrong: "One tick is never done.",
        revealed_by: ANY_PACE,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<LosesATick>,
    },
    WrongMachine {
        name: "does-a-tick-twice",
        wrong: "One tick is done twice.",
        revealed_by: ANY_PACE,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<DoesATickTwice>,
    },
    WrongMachine {
        name: "does-two-ticks-in-the-wrong-order",
        wrong: "Two ticks change places, as where two threads tick.",
        revealed_by: ANY_PACE,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<DoesTwoTicksInTheWrongOrder>,
    },
    WrongMachine {
        name: "stops-one-tick-short",
        wrong: "The last tick is not done, as where an end is taken to be open and is not.",
        revealed_by: ANY_PACE,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<StopsShort>,
    },
    WrongMachine {
        name: "ticks-once-too-often",
        wrong: "A tick is done after the last one.",
        revealed_by: ANY_PACE,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<TicksOnceTooOften>,
    },
    WrongMachine {
        name: "adds-up-its-periods",
        wrong: "Due times are sums of truncated periods, so that model time drifts.",
        revealed_by: ANY_PACE,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<AddsUpItsPeriods>,
    },
    WrongMachine {
        name: "forgets-its-phase",
        wrong: "Ticks are due at the ends of periods, whatever the phase.",
        revealed_by: ANY_PACE,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<ForgetsItsPhase>,
    },
    WrongMachine {
        name: "looks-at-the-wall-clock",
        wrong: "At the virtual pace the system time is that of the computer.",
        revealed_by: VIRTUAL,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<LooksAtTheWallClock>,
    },
    WrongMachine {
        name: "is-late-at-the-virtual-pace",
        wrong: "At the virtual pace ticks are late.",
        revealed_by: VIRTUAL,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<IsLate>,
    },
    WrongMachine {
        name: "skips-ticks-at-the-virtual-pace",
        wrong: "At the virtual pace, where nothing is late, a tick is skipped.",
        revealed_by: VIRTUAL,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<SkipsAtTheVirtualPace>,
    },
    WrongMachine {
        name: "skips-ticks-that-are-not-due",
        wrong: "After a standstill a machine also skips the two ticks that come next.",
        revealed_by: STANDSTILL,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<SkipsWhatIsNotDue>,
    },
    WrongMachine {
        name: "overtakes-itself",
        wrong: "After a late tick the next is recorded as on time, before the late one began.",
        revealed_by: REAL,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<OvertakesItself>,
    },
    WrongMachine {
        name: "claims-to-be-on-time",
        wrong: "Every tick is recorded as on time, however late it is.",
        revealed_by: REAL,
        rule: Rule::Schedule,
        sight: Sight::Never(
            "no log can tell, since lateness is the machine's own word and system time is no evidence",
        ),
        make: make::<ClaimsToBeOnTime>,
    },
];

#[derive(Debug, Default)]
struct TicksEarly;

impl Seams for TicksEarly {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        for turn in turns {
            turn.lateness_us -= 500;
        }
    }
}

#[derive(Debug, Default)]
struct Bursts;

impl Seams for Bursts {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        let Some(place) = turns.iter().position(|turn| turn.skipped_to.is_some()) else { return };
        let skip = turns.remove(place);
        let missed = skip.tick.0..=skip.skipped_to.unwrap().0 + 2;
        let last = turns.last().map_or(skip.tick, |turn| turn.tick);
        // The two ticks that are due next run at once as well.
        turns.retain(|turn| turn.tick.0 < skip.tick.0 || *missed.end() < turn.tick.0);
        for (tick, place) in missed.filter(|tick| *tick <= last.0).zip(place..) {
            let due = due(turns, &skip, Tick(tick));
            let late = i64::try_from(skip.now).unwrap() - i64::try_from(due).unwrap();
            let turn = Turn { tick: Tick(tick), skipped_to: None, model_time_us: due, ..skip };
            turns.insert(place, Turn { lateness_us: late, ..turn });
        }
    }
}

/// When a tick is due, extrapolated from the first tick of all and the one at hand.
fn due(turns: &[Turn], known: &Turn, tick: Tick) -> u64 {
    let first = turns.first().unwrap_or(known);
    let ticks = (known.tick.0 - first.tick.0).max(1);
    let period = (known.model_time_us - first.model_time_us) / ticks;
    known.model_time_us + (tick.0 - known.tick.0) * period
}

#[derive(Debug, Default)]
struct SkipsWithoutAnEntry;

impl Seams for SkipsWithoutAnEntry {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        turns.retain(|turn| turn.skipped_to.is_none());
    }
}

#[derive(Debug, Default)]
struct SkipsWhatItDid;

impl Seams for SkipsWhatItDid {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        for turn in turns.iter_mut().filter(|turn| turn.skipped_to.is_some()) {
            turn.tick.0 = (turn.tick.0 - 1).max(1);
        }
    }
}

#[derive(Debug, Default)]
struct LosesATick;

impl Seams for LosesATick {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        turns.remove(turns.len() / 2);
    }
}

#[derive(Debug, Default)]
struct DoesATickTwice;

impl Seams for DoesATickTwice {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        let place = turns.len() / 2;
        turns.insert(place, turns[place]);
    }
}

#[derive(Debug, Default)]
struct DoesTwoTicksInTheWrongOrder;

impl Seams for DoesTwoTicksInTheWrongOrder {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        let later = turns.len() / 2;
        let [one, other] = [turns[later - 1], turns[later]];
        turns[later - 1] = Turn { now: one.now, ..other };
        turns[later] = Turn { now: other.now, ..one };
    }
}

#[derive(Debug, Default)]
struct StopsShort;

impl Seams for StopsShort {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        turns.pop();
    }
}

#[derive(Debug, Default)]
struct TicksOnceTooOften;

impl Seams for TicksOnceTooOften {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        let last = turns[turns.len() - 1];
        turns.push(Turn { tick: Tick(last.tick.0 + 1), ..last });
    }
}

#[derive(Debug, Default)]
struct AddsUpItsPeriods;

impl Seams for AddsUpItsPeriods {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        let ticks: Vec<u64> = turns.iter().map(|turn| turn.model_time_us).collect();
        let Some(period_ms) = ticks.windows(2).map(|pair| (pair[1] - pair[0]) / 1000).min() else {
            return;
        };
        for (turn, count) in turns.iter_mut().zip(0..) {
            turn.model_time_us = ticks[0] + count * period_ms * 1000;
        }
    }
}

#[derive(Debug, Default)]
struct ForgetsItsPhase;

impl Seams for ForgetsItsPhase {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        let count = turns.len() as u64;
        let Some(last) = turns.last() else { return };
        let end = last.model_time_us.div_ceil(1_000_000) * 1_000_000;
        for (turn, number) in turns.iter_mut().zip(1..) {
            turn.model_time_us = number * end / count;
        }
    }
}

#[derive(Debug, Default)]
struct LooksAtTheWallClock;

impl Seams for LooksAtTheWallClock {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        for turn in turns {
            turn.system_time = SystemTime(turn.system_time.0 + turns::START.0);
        }
    }
}

#[derive(Debug, Default)]
struct IsLate;

impl Seams for IsLate {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        for turn in turns {
            turn.lateness_us = 7;
        }
    }
}

#[derive(Debug, Default)]
struct SkipsAtTheVirtualPace;

impl Seams for SkipsAtTheVirtualPace {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        let place = turns.len() / 2;
        turns[place].skipped_to = Some(turns[place].tick);
    }
}

#[derive(Debug, Default)]
struct SkipsWhatIsNotDue;

impl Seams for SkipsWhatIsNotDue {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        let Some(place) = turns.iter().position(|turn| turn.skipped_to.is_some()) else { return };
        let coming = turns.len().min(place + 3);
        let last = turns[coming - 1];
        if last.skipped_to.is_none() {
            turns[place].skipped_to = Some(last.tick);
            turns.drain(place + 1..coming);
        }
    }
}

#[derive(Debug, Default)]
struct OvertakesItself;

impl Seams for OvertakesItself {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        for next in 1..turns.len() {
            if turns[next].model_time_us < turns[next - 1].now {
                turns[next].lateness_us = 0;
            }
        }
    }
}

#[derive(Debug, Default)]
struct ClaimsToBeOnTime;

impl Seams for ClaimsToBeOnTime {
    fn pace(&mut self, _here: MachineId, turns: &mut Vec<Turn>) {
        for turn in turns {
            turn.lateness_us = 0;
        }
    }
}
