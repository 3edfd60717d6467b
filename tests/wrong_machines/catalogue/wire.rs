//! Wrong wires: what becomes of a message between its send and its arrival.

use std::collections::BTreeMap;

use scalemodel::analysis::check::Rule;
use scalemodel::model::{MachineId, Timestamp};

use super::{ANY_PACE, Sight, VIRTUAL, WrongMachine, make};
use crate::seams::{Occasions, Parcel, Seams};

const NEVER_RECEIVED: Sight = Sight::Sometimes("the message that is wrong may wait until the end");

pub(super) const MACHINES: &[WrongMachine] = &[
    WrongMachine {
        name: "drops-a-message",
        wrong: "One message of seven is lost on its way.",
        revealed_by: ANY_PACE,
        rule: Rule::Conservation,
        sight: Sight::Always,
        make: make::<DropsAMessage>,
    },
    WrongMachine {
        name: "delivers-nothing-in-the-end",
        wrong: "After so many messages a connection swallows all that is written to it.",
        revealed_by: ANY_PACE,
        rule: Rule::Conservation,
        sight: Sight::Always,
        make: make::<DeliversNothingInTheEnd>,
    },
    WrongMachine {
        name: "doubles-a-message",
        wrong: "One message of seven arrives twice.",
        revealed_by: ANY_PACE,
        rule: Rule::Matching,
        sight: Sight::Always,
        make: make::<DoublesAMessage>,
    },
    WrongMachine {
        name: "sends-again-what-has-arrived",
        wrong: "Now and then the first message of a channel is sent again, as after a reconnection.",
        revealed_by: ANY_PACE,
        rule: Rule::Matching,
        sight: Sight::Always,
        make: make::<SendsAgain>,
    },
    WrongMachine {
        name: "swaps-two-messages-of-a-channel",
        wrong: "Two messages of one channel arrive in the wrong order.",
        revealed_by: ANY_PACE,
        rule: Rule::Fifo,
        sight: Sight::Sometimes("the message that was overtaken may wait until the end"),
        make: make::<SwapsTwoOfAChannel>,
    },
    WrongMachine {
        name: "swaps-messages-of-two-channels",
        wrong: "A message to a machine arrives after the next message to it from another machine.",
        revealed_by: VIRTUAL,
        rule: Rule::Queue,
        sight: Sight::Always,
        make: make::<SwapsTwoChannels>,
    },
    WrongMachine {
        name: "delays-a-message",
        wrong: "One message of seven takes model time to arrive.",
        revealed_by: VIRTUAL,
        rule: Rule::Queue,
        sight: Sight::Always,
        make: make::<DelaysAMessage>,
    },
    WrongMachine {
        name: "delivers-to-another-machine",
        wrong: "One message of seven arrives at the machine after the one it was sent to.",
        revealed_by: ANY_PACE,
        rule: Rule::Matching,
        sight: Sight::Always,
        make: make::<DeliversElsewhere>,
    },
    WrongMachine {
        name: "returns-a-message-to-its-sender",
        wrong: "One message of seven arrives at its own sender.",
        revealed_by: ANY_PACE,
        rule: Rule::Matching,
        sight: Sight::Always,
        make: make::<ReturnsToSender>,
    },
    WrongMachine {
        name: "fuses-two-messages",
        wrong: "Two sends without a frame reach one read: 1 and 7 are read as 17.",
        revealed_by: ANY_PACE,
        rule: Rule::Matching,
        sight: Sight::Always,
        make: make::<FusesTwoMessages>,
    },
    WrongMachine {
        name: "loses-a-digit",
        wrong: "One timestamp of seven loses its last digit: 17 is read as 1.",
        revealed_by: ANY_PACE,
        rule: Rule::Matching,
        sight: NEVER_RECEIVED,
        make: make::<LosesADigit>,
    },
    WrongMachine {
        name: "truncates-timestamps-to-five-bits",
        wrong: "A message carries the clock modulo 32, as a field of 32 bits would modulo 2^32.",
        revealed_by: ANY_PACE,
        rule: Rule::Matching,
        sight: NEVER_RECEIVED,
        make: make::<TruncatesTimestamps>,
    },
    WrongMachine {
        name: "corrupts-a-timestamp",
        wrong: "One timestamp of seven arrives one higher than it was sent.",
        revealed_by: ANY_PACE,
        rule: Rule::Matching,
        sight: NEVER_RECEIVED,
        make: make::<CorruptsATimestamp>,
    },
    WrongMachine {
        name: "mistakes-the-sender",
        wrong: "One message of seven is taken for one of another machine.",
        revealed_by: ANY_PACE,
        rule: Rule::Matching,
        sight: Sight::Always,
        make: make::<MistakesTheSender>,
    },
    WrongMachine {
        name: "believes-a-stranger",
        wrong: "A stranger writes 500000 to a connection, and it is received.",
        revealed_by: ANY_PACE,
        rule: Rule::Matching,
        sight: Sight::Always,
        make: make::<BelievesAStranger>,
    },
];

/// One message of so many goes wrong.
const OF: u64 = 7;

#[derive(Debug, Default)]
struct DropsAMessage(Occasions);

impl Seams for DropsAMessage {
    fn carry(&mut self, parcel: Parcel) -> Vec<Parcel> {
        if self.0.every(OF) { Vec::new() } else { vec![parcel] }
    }
}

#[derive(Debug, Default)]
struct DeliversNothingInTheEnd(BTreeMap<(MachineId, MachineId), usize>);

impl Seams for DeliversNothingInTheEnd {
    fn carry(&mut self, parcel: Parcel) -> Vec<Parcel> {
        let carried = self.0.entry((parcel.from, parcel.to)).or_default();
        *carried += 1;
        if *carried <= 3 { vec![parcel] } else { Vec::new() }
    }
}

#[derive(Debug, Default)]
struct DoublesAMessage(Occasions);

impl Seams for DoublesAMessage {
    fn carry(&mut self, parcel: Parcel) -> Vec<Parcel> {
        if self.0.every(OF) { vec![parcel; 2] } else { vec![parcel] }
    }
}

#[derive(Debug, Default)]
struct SendsAgain {
    first: BTreeMap<(MachineId, MachineId), Timestamp>,
    occasions: Occasions,
}

impl Seams for SendsAgain {
    fn carry(&mut self, parcel: Parcel) -> Vec<Parcel> {
        let first = *self.first.entry((parcel.from, parcel.to)).or_insert(parcel.timestamp);
        if first < parcel.timestamp && self.occasions.every(OF) {
            return vec![Parcel { timestamp: first, ..parcel }, parcel];
        }
        vec![parcel]
    }
}

/// Holds one message of some until the next of its channel.
#[derive(Debug, Default)]
struct Held {
    parcels: BTreeMap<(MachineId, MachineId), Parcel>,
    occasions: Occasions,
}

impl Held {
    /// Gives a pair of messages of one channel, the earlier first; or what is not held.
    fn pair(&mut self, parcel: Parcel) -> Result<(Parcel, Parcel), Option<Parcel>> {
        let channel = (parcel.from, parcel.to);
        if let Some(earlier) = self.parcels.remove(&channel) {
            return Ok((earlier, parcel));
        }
        if self.occasions.every(OF) {
            self.parcels.insert(channel, parcel);
            return Err(None);
        }
        Err(Some(parcel))
    }
}

#[derive(Debug, Default)]
struct SwapsTwoOfAChannel(Held);

impl Seams for SwapsTwoOfAChannel {
    fn carry(&mut self, parcel: Parcel) -> Vec<Parcel> {
        match self.0.pair(parcel) {
            Ok((earlier, later)) => {
                vec![later, Parcel { arrives_at: later.arrives_at, ..earlier }]
            }
            Err(parcel) => Vec::from_iter(parcel),
        }
    }
}

#[derive(Debug, Default)]
struct SwapsTwoChannels {
    held: BTreeMap<MachineId, Parcel>,
    occasions: Occasions,
}

impl Seams for SwapsTwoChannels {
    fn carry(&mut self, parcel: Parcel) -> Vec<Parcel> {
        match self.held.remove(&parcel.to) {
            Some(held) if held.from == parcel.from => vec![held, parcel],
            Some(held) => vec![parcel, Parcel { arrives_at: parcel.arrives_at + 1, ..held }],
            None if self.occasions.every(OF) => {
                self.held.insert(parcel.to, parcel);
                Vec::new()
            }
            None => vec![parcel],
        }
    }
}

#[derive(Debug, Default)]
struct DelaysAMessage(Occasions);

impl Seams for DelaysAMessage {
    fn carry(&mut self, mut parcel: Parcel) -> Vec<Parcel> {
        if self.0.every(OF) {
            parcel.arrives_at += 12;
        }
        vec![parcel]
    }
}

/// The two machines after one, of those that this wire has seen.
#[derive(Debug, Default)]
struct Seen(Vec<MachineId>);

impl Seen {
    /// A machine that is not one of the two ends of this message.
    fn third(&mut self, parcel: &Parcel) -> Option<MachineId> {
        for machine in [parcel.from, parcel.to] {
            if !self.0.contains(&machine) {
                self.0.push(machine);
            }
        }
        self.0.iter().copied().find(|machine| ![parcel.from, parcel.to].contains(machine))
    }
}

#[derive(Debug, Default)]
struct DeliversElsewhere(Seen, Occasions);

impl Seams for DeliversElsewhere {
    fn carry(&mut self, mut parcel: Parcel) -> Vec<Parcel> {
        if let Some(third) = self.0.third(&parcel)
            && self.1.every(OF)
        {
            parcel.to = third;
        }
        vec![parcel]
    }
}

#[derive(Debug, Default)]
struct ReturnsToSender(Occasions);

impl Seams for ReturnsToSender {
    fn carry(&mut self, mut parcel: Parcel) -> Vec<Parcel> {
        if self.0.every(OF) {
            parcel.to = parcel.from;
        }
        vec![parcel]
    }
}

#[derive(Debug, Default)]
struct FusesTwoMessages(Held);

impl Seams for FusesTwoMessages {
    fn carry(&mut self, parcel: Parcel) -> Vec<Parcel> {
        match self.0.pair(parcel) {
            // A clock of many digits has been fused before: no number of 64 bits holds two.
            Ok((earlier, later)) if 1_000_000 <= later.timestamp.0 => vec![earlier, later],
            Ok((earlier, later)) => {
                let fused = format!("{}{}", earlier.timestamp, later.timestamp);
                vec![Parcel { timestamp: Timestamp(fused.parse().unwrap()), ..later }]
            }
            Err(parcel) => Vec::from_iter(parcel),
        }
    }
}

#[derive(Debug, Default)]
struct LosesADigit(Occasions);

impl Seams for LosesADigit {
    fn carry(&mut self, mut parcel: Parcel) -> Vec<Parcel> {
        if 10 <= parcel.timestamp.0 && self.0.every(OF) {
            parcel.timestamp.0 /= 10;
        }
        vec![parcel]
    }
}

#[derive(Debug, Default)]
struct TruncatesTimestamps;

impl Seams for TruncatesTimestamps {
    fn carry(&mut self, mut parcel: Parcel) -> Vec<Parcel> {
        parcel.timestamp.0 %= 32;
        vec![parcel]
    }
}

#[derive(Debug, Default)]
struct CorruptsATimestamp(Occasions);

impl Seams for CorruptsATimestamp {
    fn carry(&mut self, mut parcel: Parcel) -> Vec<Parcel> {
        if self.0.every(OF) {
            parcel.timestamp.0 += 1;
        }
        vec![parcel]
    }
}

#[derive(Debug, Default)]
struct MistakesTheSender(Seen, Occasions);

impl Seams for MistakesTheSender {
    fn carry(&mut self, mut parcel: Parcel) -> Vec<Parcel> {
        if let Some(third) = self.0.third(&parcel)
            && self.1.every(OF)
        {
            parcel.from = third;
        }
        vec![parcel]
    }
}

#[derive(Debug, Default)]
struct BelievesAStranger(Occasions);

impl Seams for BelievesAStranger {
    fn carry(&mut self, parcel: Parcel) -> Vec<Parcel> {
        let stranger = Parcel { timestamp: Timestamp(500_000), ..parcel };
        if self.0.only(OF) { vec![parcel, stranger] } else { vec![parcel] }
    }
}
