//! Wrong entries: what a log says of a tick is not what the tick did, or not in time.

use scalemodel::analysis::check::Rule;
use scalemodel::logbook::{LoggedEvent, TickRecord};
use scalemodel::model::Timestamp;

use super::{ANY_PACE, KILL, Sight, WrongMachine, make};
use crate::seams::{Occasions, Seams};

pub(super) const MACHINES: &[WrongMachine] = &[
    WrongMachine {
        name: "writes-its-entry-after-its-send",
        wrong: "A send is recorded after its message has left; a kill between the two hides it.",
        revealed_by: KILL,
        rule: Rule::Matching,
        sight: Sight::Always,
        make: make::<WritesAfterTheSend>,
    },
    WrongMachine {
        name: "omits-the-entry-of-a-send",
        wrong: "One send of five is not recorded.",
        revealed_by: ANY_PACE,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<OmitsASend>,
    },
    WrongMachine {
        name: "records-a-send-as-internal",
        wrong: "One send of five is recorded as an internal event.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<RecordsASendAsInternal>,
    },
    WrongMachine {
        name: "records-the-clock-before-the-event",
        wrong: "The entry has the clock from before its event.",
        revealed_by: ANY_PACE,
        rule: Rule::ClockRule,
        sight: Sight::Always,
        make: make::<RecordsTheClockBefore>,
    },
    WrongMachine {
        name: "records-its-own-clock-as-received",
        wrong: "A receive records its own clock as the timestamp of the message.",
        revealed_by: ANY_PACE,
        rule: Rule::Matching,
        sight: Sight::Always,
        make: make::<RecordsItsOwnClockAsReceived>,
    },
    WrongMachine {
        name: "records-the-first-sender-for-all",
        wrong: "Every receive records the sender of the first message that was received.",
        revealed_by: ANY_PACE,
        rule: Rule::Matching,
        sight: Sight::Always,
        make: make::<RecordsTheFirstSender>,
    },
    WrongMachine {
        name: "records-the-addressees-in-another-order",
        wrong: "A send to all peers lists them backwards.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<RecordsAddresseesBackwards>,
    },
    WrongMachine {
        name: "records-no-draw",
        wrong: "One internal event of five has no draw in its entry.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<RecordsNoDraw>,
    },
    WrongMachine {
        name: "numbers-its-ticks-from-two",
        wrong: "The first tick has the number 2.",
        revealed_by: ANY_PACE,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<NumbersTicksFromTwo>,
    },
];

#[derive(Debug, Default)]
struct WritesAfterTheSend;

impl Seams for WritesAfterTheSend {
    fn records_first(&self) -> bool {
        false
    }
}

/// One entry of so many is wrong.
const OF: u64 = 5;

fn is_send(record: &TickRecord) -> bool {
    matches!(record.event, LoggedEvent::Send(_))
}

#[derive(Debug, Default)]
struct OmitsASend(Occasions);

impl Seams for OmitsASend {
    fn entries(&mut self, record: TickRecord, _before: Timestamp) -> Vec<TickRecord> {
        if is_send(&record) && self.0.every(OF) { Vec::new() } else { vec![record] }
    }
}

#[derive(Debug, Default)]
struct RecordsASendAsInternal(Occasions);

impl Seams for RecordsASendAsInternal {
    fn entries(&mut self, mut record: TickRecord, _before: Timestamp) -> Vec<TickRecord> {
        if is_send(&record) && self.0.every(OF) {
            record.event = LoggedEvent::Internal;
        }
        vec![record]
    }
}

#[derive(Debug, Default)]
struct RecordsTheClockBefore;

impl Seams for RecordsTheClockBefore {
    fn entries(&mut self, mut record: TickRecord, before: Timestamp) -> Vec<TickRecord> {
        record.logical_clock = before;
        vec![record]
    }
}

#[derive(Debug, Default)]
struct RecordsItsOwnClockAsReceived;

impl Seams for RecordsItsOwnClockAsReceived {
    fn entries(&mut self, mut record: TickRecord, _before: Timestamp) -> Vec<TickRecord> {
        if let LoggedEvent::Receive { timestamp, .. } = &mut record.event {
            *timestamp = record.logical_clock;
        }
        vec![record]
    }
}

#[derive(Debug, Default)]
struct RecordsTheFirstSender(Option<u16>);

impl Seams for RecordsTheFirstSender {
    fn entries(&mut self, mut record: TickRecord, _before: Timestamp) -> Vec<TickRecord> {
        if let LoggedEvent::Receive { from, .. } = &mut record.event {
            *from = *self.0.get_or_insert(*from);
        }
        vec![record]
    }
}

#[derive(Debug, Default)]
struct RecordsAddresseesBackwards;

impl Seams for RecordsAddresseesBackwards {
    fn entries(&mut self, mut record: TickRecord, _before: Timestamp) -> Vec<TickRecord> {
        if let LoggedEvent::Send(ports) = &mut record.event {
            ports.reverse();
        }
        vec![record]
    }
}

#[derive(Debug, Default)]
struct RecordsNoDraw(Occasions);

impl Seams for RecordsNoDraw {
    fn entries(&mut self, mut record: TickRecord, _before: Timestamp) -> Vec<TickRecord> {
        if record.event == LoggedEvent::Internal && self.0.every(OF) {
            record.draw = None;
        }
        vec![record]
    }
}

#[derive(Debug, Default)]
struct NumbersTicksFromTwo;

impl Seams for NumbersTicksFromTwo {
    fn entries(&mut self, mut record: TickRecord, _before: Timestamp) -> Vec<TickRecord> {
        record.tick.0 += 1;
        vec![record]
    }
}
