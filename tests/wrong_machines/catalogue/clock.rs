//! Wrong clocks, and wrong timestamps on messages.

use scalemodel::analysis::check::Rule;
use scalemodel::model::Timestamp;

use super::{ANY_PACE, Sight, WrongMachine, make};
use crate::seams::{Occasions, Seams};

pub(super) const MACHINES: &[WrongMachine] = &[
    WrongMachine {
        name: "stamps-before-the-increment",
        wrong: "A message carries the clock from before its send event.",
        revealed_by: ANY_PACE,
        rule: Rule::Matching,
        sight: Sight::Always,
        make: make::<StampsBeforeTheIncrement>,
    },
    WrongMachine {
        name: "receives-without-increment",
        wrong: "A receive takes the maximum and adds nothing, so it ties with what was before it.",
        revealed_by: ANY_PACE,
        rule: Rule::ClockCondition,
        sight: Sight::Always,
        make: make::<ReceivesWithoutIncrement>,
    },
    WrongMachine {
        name: "forgets-the-maximum",
        wrong: "A receive adds one to its own clock, whatever the message says.",
        revealed_by: ANY_PACE,
        rule: Rule::ClockRule,
        sight: Sight::Always,
        make: make::<ForgetsTheMaximum>,
    },
    WrongMachine {
        name: "takes-the-message-for-its-clock",
        wrong: "A receive goes on from the timestamp of the message, even if that is behind.",
        revealed_by: ANY_PACE,
        rule: Rule::ClockCondition,
        sight: Sight::Always,
        make: make::<TakesTheMessageForItsClock>,
    },
    WrongMachine {
        name: "increments-twice-on-receive",
        wrong: "A receive is max(own, message + 1) + 1.",
        revealed_by: ANY_PACE,
        rule: Rule::ClockRule,
        sight: Sight::Always,
        make: make::<IncrementsTwiceOnReceive>,
    },
    WrongMachine {
        name: "updates-its-clock-on-arrival",
        wrong: "The clock is set when a message arrives, and again when it is received.",
        revealed_by: ANY_PACE,
        rule: Rule::ClockRule,
        sight: Sight::Always,
        make: make::<UpdatesItsClockOnArrival>,
    },
    WrongMachine {
        name: "stands-still-on-internal-events",
        wrong: "An internal event does not advance the clock.",
        revealed_by: ANY_PACE,
        rule: Rule::ClockCondition,
        sight: Sight::Always,
        make: make::<StandsStillOnInternalEvents>,
    },
    WrongMachine {
        name: "advances-by-one-for-each-addressee",
        wrong: "A send to m peers adds m to the clock.",
        revealed_by: ANY_PACE,
        rule: Rule::ClockRule,
        sight: Sight::Always,
        make: make::<AdvancesForEachAddressee>,
    },
    WrongMachine {
        name: "forgets-its-clock-once",
        wrong: "The clock begins again at 1 in mid-run, as after a restart that nobody tells of.",
        revealed_by: ANY_PACE,
        rule: Rule::ClockCondition,
        sight: Sight::Always,
        make: make::<ForgetsItsClockOnce>,
    },
    WrongMachine {
        name: "overflows-at-five-bits",
        wrong: "The clock begins again at 0 after 31, as one of 32 bits would after 4,294,967,295.",
        revealed_by: ANY_PACE,
        rule: Rule::ClockCondition,
        sight: Sight::Always,
        make: make::<OverflowsAtFiveBits>,
    },
    WrongMachine {
        name: "stops-at-its-largest-clock",
        wrong: "The clock stays at 31 for ever, as one that saturates.",
        revealed_by: ANY_PACE,
        rule: Rule::ClockCondition,
        sight: Sight::Always,
        make: make::<StopsAtItsLargestClock>,
    },
    WrongMachine {
        name: "begins-at-two",
        wrong: "The clock is 1 before the first event, so that the first event has 2.",
        revealed_by: ANY_PACE,
        rule: Rule::ClockRule,
        sight: Sight::Always,
        make: make::<BeginsAtTwo>,
    },
];

#[derive(Debug, Default)]
struct StampsBeforeTheIncrement;

impl Seams for StampsBeforeTheIncrement {
    fn stamp(&mut self, before: Timestamp, _after: Timestamp) -> Timestamp {
        before
    }
}

#[derive(Debug, Default)]
struct ReceivesWithoutIncrement;

impl Seams for ReceivesWithoutIncrement {
    fn received(&mut self, before: Timestamp, message: Timestamp) -> Timestamp {
        before.max(message)
    }
}

#[derive(Debug, Default)]
struct ForgetsTheMaximum;

impl Seams for ForgetsTheMaximum {
    fn received(&mut self, before: Timestamp, _message: Timestamp) -> Timestamp {
        before.next()
    }
}

#[derive(Debug, Default)]
struct TakesTheMessageForItsClock;

impl Seams for TakesTheMessageForItsClock {
    fn received(&mut self, _before: Timestamp, message: Timestamp) -> Timestamp {
        message.next()
    }
}

#[derive(Debug, Default)]
struct IncrementsTwiceOnReceive;

impl Seams for IncrementsTwiceOnReceive {
    fn received(&mut self, before: Timestamp, message: Timestamp) -> Timestamp {
        before.max(message.next()).next()
    }
}

#[derive(Debug, Default)]
struct UpdatesItsClockOnArrival;

impl Seams for UpdatesItsClockOnArrival {
    fn arrived(&mut self, before: Timestamp, message: Timestamp) -> Timestamp {
        before.max(message).next()
    }
}

#[derive(Debug, Default)]
struct StandsStillOnInternalEvents;

impl Seams for StandsStillOnInternalEvents {
    fn advanced(&mut self, before: Timestamp, addressees: usize) -> Timestamp {
        if addressees == 0 { before } else { before.next() }
    }
}

#[derive(Debug, Default)]
struct AdvancesForEachAddressee;

impl Seams for AdvancesForEachAddressee {
    fn advanced(&mut self, before: Timestamp, addressees: usize) -> Timestamp {
        Timestamp(before.0 + addressees.max(1) as u64)
    }
}

#[derive(Debug, Default)]
struct ForgetsItsClockOnce(Occasions);

impl Seams for ForgetsItsClockOnce {
    fn advanced(&mut self, before: Timestamp, _addressees: usize) -> Timestamp {
        if self.0.only(12) { Timestamp(1) } else { before.next() }
    }
}

/// The largest value of five bits.
const FIVE_BITS: u64 = 31;

#[derive(Debug, Default)]
struct OverflowsAtFiveBits;

impl Seams for OverflowsAtFiveBits {
    fn advanced(&mut self, before: Timestamp, _addressees: usize) -> Timestamp {
        Timestamp(before.next().0 & FIVE_BITS)
    }
}

#[derive(Debug, Default)]
struct StopsAtItsLargestClock;

impl Seams for StopsAtItsLargestClock {
    fn advanced(&mut self, before: Timestamp, _addressees: usize) -> Timestamp {
        before.next().min(Timestamp(FIVE_BITS)).max(before)
    }
}

#[derive(Debug, Default)]
struct BeginsAtTwo;

impl Seams for BeginsAtTwo {
    fn advanced(&mut self, before: Timestamp, _addressees: usize) -> Timestamp {
        before.max(Timestamp(1)).next()
    }
}
