//! Wrong headers and end entries.

use std::sync::Arc;

use scalemodel::analysis::check::Rule;
use scalemodel::logbook::{ChannelCounts, EndRecord, Ending, Header};
use scalemodel::model::{MachineId, Seed};
use scalemodel::pace::{Pace, Speed};

use super::{ANY_PACE, KILL, Sight, VIRTUAL, WrongMachine, make};
use crate::seams::Seams;
use crate::turns;

pub(super) const MACHINES: &[WrongMachine] = &[
    WrongMachine {
        name: "has-the-header-of-another-seed",
        wrong: "The last machine's log tells another seed than the other logs.",
        revealed_by: ANY_PACE,
        rule: Rule::Headers,
        sight: Sight::Always,
        make: make::<AnotherSeed>,
    },
    WrongMachine {
        name: "has-the-header-of-another-version",
        wrong: "The last machine's log was written by another version of the program.",
        revealed_by: ANY_PACE,
        rule: Rule::Headers,
        sight: Sight::Always,
        make: make::<AnotherVersion>,
    },
    WrongMachine {
        name: "has-the-header-of-another-pace",
        wrong: "The last machine's log tells another pace than the other logs.",
        revealed_by: ANY_PACE,
        rule: Rule::Headers,
        sight: Sight::Always,
        make: make::<AnotherPace>,
    },
    WrongMachine {
        name: "has-the-header-of-another-machine",
        wrong: "The last machine's log says that it is machine 1's.",
        revealed_by: ANY_PACE,
        rule: Rule::Headers,
        sight: Sight::Always,
        make: make::<AnotherMachine>,
    },
    WrongMachine {
        name: "miscounts-what-it-sent",
        wrong: "The end entry has one message less on a channel than the machine sent there.",
        revealed_by: ANY_PACE,
        rule: Rule::Ends,
        sight: Sight::Always,
        make: make::<MiscountsSent>,
    },
    WrongMachine {
        name: "miscounts-what-it-received",
        wrong: "The end entry has one message more of a channel than the machine received.",
        revealed_by: ANY_PACE,
        rule: Rule::Ends,
        sight: Sight::Always,
        make: make::<MiscountsReceived>,
    },
    WrongMachine {
        name: "miscounts-what-is-left",
        wrong: "The end entry has one message more in the queue than there is.",
        revealed_by: ANY_PACE,
        rule: Rule::Conservation,
        sight: Sight::Always,
        make: make::<MiscountsLeft>,
    },
    WrongMachine {
        name: "forgets-what-is-left",
        wrong: "The end entry says that the queue is empty, whatever waits in it.",
        revealed_by: ANY_PACE,
        rule: Rule::Conservation,
        sight: Sight::Always,
        make: make::<ForgetsLeft>,
    },
    WrongMachine {
        name: "says-goodbye-without-counts",
        wrong: "The end entry lists no peer.",
        revealed_by: ANY_PACE,
        rule: Rule::Ends,
        sight: Sight::Always,
        make: make::<SaysGoodbyeWithoutCounts>,
    },
    WrongMachine {
        name: "miscounts-its-ticks",
        wrong: "The end entry has one tick less than the log.",
        revealed_by: ANY_PACE,
        rule: Rule::Ends,
        sight: Sight::Always,
        make: make::<MiscountsTicks>,
    },
    WrongMachine {
        name: "ends-with-another-clock",
        wrong: "The end entry has the clock of the next event.",
        revealed_by: ANY_PACE,
        rule: Rule::Ends,
        sight: Sight::Always,
        make: make::<EndsWithAnotherClock>,
    },
    WrongMachine {
        name: "says-finished-when-a-peer-died",
        wrong: "A machine that ended early because a peer was killed says that it has finished.",
        revealed_by: KILL,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<SaysFinished>,
    },
    WrongMachine {
        name: "blames-a-stranger",
        wrong: "A machine that ended early names a port as the lost peer's that is no peer's.",
        revealed_by: KILL,
        rule: Rule::Ends,
        sight: Sight::Always,
        make: make::<BlamesAStranger>,
    },
    WrongMachine {
        name: "ends-by-the-wall-clock",
        wrong: "At the virtual pace the end entry has the system time of the computer.",
        revealed_by: VIRTUAL,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<EndsByTheWallClock>,
    },
];

/// Whether the header is that of the last machine.
fn is_last(header: &Header) -> bool {
    header.machine.index() + 1 == header.trial.machines.len()
}

#[derive(Debug, Default)]
struct AnotherSeed;

impl Seams for AnotherSeed {
    fn header(&mut self, header: &mut Header) {
        if is_last(header) {
            let trial = Arc::make_mut(&mut header.trial);
            trial.seed = Seed::new(trial.seed.get() + 1).unwrap();
        }
    }
}

#[derive(Debug, Default)]
struct AnotherVersion;

impl Seams for AnotherVersion {
    fn header(&mut self, header: &mut Header) {
        if is_last(header) {
            header.version = "0.0.1".to_owned();
        }
    }
}

#[derive(Debug, Default)]
struct AnotherPace;

impl Seams for AnotherPace {
    fn header(&mut self, header: &mut Header) {
        if is_last(header) {
            header.pace = match header.pace {
                Pace::Virtual => Pace::Real(Speed::ONE),
                Pace::Real(_) => Pace::Virtual,
            };
        }
    }
}

#[derive(Debug, Default)]
struct AnotherMachine;

impl Seams for AnotherMachine {
    fn header(&mut self, header: &mut Header) {
        if is_last(header) {
            header.machine = MachineId::new(1);
        }
    }
}

/// Adds to the first count that is not 0, or takes away from it.
fn change(counts: &mut ChannelCounts, by: i64) {
    if let Some((_, count)) = counts.0.iter_mut().find(|(_, count)| 0 < *count) {
        *count = count.saturating_add_signed(by);
    }
}

#[derive(Debug, Default)]
struct MiscountsSent;

impl Seams for MiscountsSent {
    fn end(&mut self, end: &mut EndRecord) {
        change(&mut end.sent, -1);
    }
}

#[derive(Debug, Default)]
struct MiscountsReceived;

impl Seams for MiscountsReceived {
    fn end(&mut self, end: &mut EndRecord) {
        change(&mut end.received, 1);
    }
}

#[derive(Debug, Default)]
struct MiscountsLeft;

impl Seams for MiscountsLeft {
    fn end(&mut self, end: &mut EndRecord) {
        change(&mut end.left, 1);
    }
}

#[derive(Debug, Default)]
struct ForgetsLeft;

impl Seams for ForgetsLeft {
    fn end(&mut self, end: &mut EndRecord) {
        end.left.0.iter_mut().for_each(|(_, count)| *count = 0);
    }
}

#[derive(Debug, Default)]
struct SaysGoodbyeWithoutCounts;

impl Seams for SaysGoodbyeWithoutCounts {
    fn end(&mut self, end: &mut EndRecord) {
        end.sent = ChannelCounts::default();
    }
}

#[derive(Debug, Default)]
struct MiscountsTicks;

impl Seams for MiscountsTicks {
    fn end(&mut self, end: &mut EndRecord) {
        end.ticks_done -= 1;
    }
}

#[derive(Debug, Default)]
struct EndsWithAnotherClock;

impl Seams for EndsWithAnotherClock {
    fn end(&mut self, end: &mut EndRecord) {
        end.logical_clock = end.logical_clock.next();
    }
}

#[derive(Debug, Default)]
struct SaysFinished;

impl Seams for SaysFinished {
    fn end(&mut self, end: &mut EndRecord) {
        end.why = Ending::Finished;
    }
}

#[derive(Debug, Default)]
struct BlamesAStranger;

impl Seams for BlamesAStranger {
    fn end(&mut self, end: &mut EndRecord) {
        if let Ending::PeerLost(port) = &mut end.why {
            *port -= 1000;
        }
    }
}

#[derive(Debug, Default)]
struct EndsByTheWallClock;

impl Seams for EndsByTheWallClock {
    fn end(&mut self, end: &mut EndRecord) {
        end.system_time = turns::START;
    }
}
