//! Wrong queues: which message is received, and what length is recorded.

use scalemodel::analysis::check::Rule;

use super::{ANY_PACE, Sight, VIRTUAL, WrongMachine, make};
use crate::seams::{Occasions, Parcel, Seams};

pub(super) const MACHINES: &[WrongMachine] = &[
    WrongMachine {
        name: "takes-the-newest",
        wrong: "A tick takes the message that arrived last: a stack instead of a queue.",
        revealed_by: VIRTUAL,
        rule: Rule::Fifo,
        sight: Sight::Always,
        make: make::<TakesTheNewest>,
    },
    WrongMachine {
        name: "takes-the-newest-of-a-sender",
        wrong: "Of the oldest message's sender, a tick takes the message that arrived last.",
        revealed_by: ANY_PACE,
        rule: Rule::Fifo,
        sight: Sight::Sometimes(
            "what overtook may have been the last of its channel to be received",
        ),
        make: make::<TakesTheNewestOfASender>,
    },
    WrongMachine {
        name: "takes-the-lowest-timestamp",
        wrong: "A tick takes the message with the lowest timestamp, not the oldest.",
        revealed_by: VIRTUAL,
        rule: Rule::Queue,
        sight: Sight::Always,
        make: make::<TakesTheLowestTimestamp>,
    },
    WrongMachine {
        name: "serves-the-first-machine-first",
        wrong: "A tick takes a message of the machine with the lowest number, not the oldest.",
        revealed_by: VIRTUAL,
        rule: Rule::Queue,
        sight: Sight::Always,
        make: make::<ServesTheFirstMachineFirst>,
    },
    WrongMachine {
        name: "receives-without-taking",
        wrong: "Now and then a receive leaves its message in the queue, to be received again.",
        revealed_by: ANY_PACE,
        rule: Rule::Matching,
        sight: Sight::Always,
        make: make::<ReceivesWithoutTaking>,
    },
    WrongMachine {
        name: "drains-its-queue-in-one-tick",
        wrong: "A tick receives all messages that wait.",
        revealed_by: ANY_PACE,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<DrainsItsQueue>,
    },
    WrongMachine {
        name: "throws-away-what-waits-too-long",
        wrong: "A queue of three messages drops the oldest beyond them, and says nothing.",
        revealed_by: ANY_PACE,
        rule: Rule::Conservation,
        sight: Sight::Always,
        make: make::<ThrowsAway>,
    },
    WrongMachine {
        name: "draws-with-messages-waiting",
        wrong: "Now and then a tick draws although its queue is not empty.",
        revealed_by: ANY_PACE,
        rule: Rule::Queue,
        sight: Sight::Always,
        make: make::<DrawsWithMessagesWaiting>,
    },
    WrongMachine {
        name: "receives-on-every-second-tick",
        wrong: "A tick after a receive draws, whatever waits.",
        revealed_by: ANY_PACE,
        rule: Rule::Queue,
        sight: Sight::Always,
        make: make::<ReceivesOnEverySecondTick>,
    },
    WrongMachine {
        name: "records-the-queue-before-its-tick",
        wrong: "The queue length is that of before the tick.",
        revealed_by: VIRTUAL,
        rule: Rule::Queue,
        sight: Sight::Always,
        make: make::<RecordsTheQueueBefore>,
    },
    WrongMachine {
        name: "records-one-message-too-many",
        wrong: "The queue length is one too large.",
        revealed_by: ANY_PACE,
        rule: Rule::Queue,
        sight: Sight::Always,
        make: make::<RecordsOneTooMany>,
    },
    WrongMachine {
        name: "records-one-message-too-few",
        wrong: "The queue length is one too small, unless it is 0.",
        revealed_by: VIRTUAL,
        rule: Rule::Queue,
        sight: Sight::Always,
        make: make::<RecordsOneTooFew>,
    },
    WrongMachine {
        name: "counts-to-three",
        wrong: "The queue length that is recorded is 3 at most.",
        revealed_by: VIRTUAL,
        rule: Rule::Queue,
        sight: Sight::Always,
        make: make::<CountsToThree>,
    },
    WrongMachine {
        name: "sees-messages-of-the-same-instant",
        wrong: "A tick finds messages in its queue that are sent at the instant of the tick.",
        revealed_by: VIRTUAL,
        rule: Rule::Queue,
        sight: Sight::Always,
        make: make::<SeesTheSameInstant>,
    },
    WrongMachine {
        name: "sees-messages-an-instant-too-late",
        wrong: "A tick misses the messages that were sent at the instant before.",
        revealed_by: VIRTUAL,
        rule: Rule::Queue,
        sight: Sight::Always,
        make: make::<SeesTooLate>,
    },
];

#[derive(Debug, Default)]
struct TakesTheNewest;

impl Seams for TakesTheNewest {
    fn take(&mut self, queue: &mut Vec<Parcel>) -> Vec<Parcel> {
        Vec::from_iter(queue.pop())
    }
}

#[derive(Debug, Default)]
struct TakesTheNewestOfASender;

impl Seams for TakesTheNewestOfASender {
    fn take(&mut self, queue: &mut Vec<Parcel>) -> Vec<Parcel> {
        let oldest = queue.first().map(|parcel| parcel.from);
        let newest = queue.iter().rposition(|parcel| Some(parcel.from) == oldest);
        Vec::from_iter(newest.map(|place| queue.remove(place)))
    }
}

/// Takes the first of the messages whose key is least.
fn take_least<K: Ord>(queue: &mut Vec<Parcel>, key: impl Fn(&Parcel) -> K) -> Vec<Parcel> {
    let least = (0..queue.len()).min_by_key(|place| key(&queue[*place]));
    Vec::from_iter(least.map(|place| queue.remove(place)))
}

#[derive(Debug, Default)]
struct TakesTheLowestTimestamp;

impl Seams for TakesTheLowestTimestamp {
    fn take(&mut self, queue: &mut Vec<Parcel>) -> Vec<Parcel> {
        take_least(queue, |parcel| parcel.timestamp)
    }
}

#[derive(Debug, Default)]
struct ServesTheFirstMachineFirst;

impl Seams for ServesTheFirstMachineFirst {
    fn take(&mut self, queue: &mut Vec<Parcel>) -> Vec<Parcel> {
        take_least(queue, |parcel| parcel.from)
    }
}

#[derive(Debug, Default)]
struct ReceivesWithoutTaking(Occasions);

impl Seams for ReceivesWithoutTaking {
    fn take(&mut self, queue: &mut Vec<Parcel>) -> Vec<Parcel> {
        match queue.first() {
            Some(oldest) if self.0.every(6) => vec![*oldest],
            _ => crate::seams::Right.take(queue),
        }
    }
}

#[derive(Debug, Default)]
struct DrainsItsQueue;

impl Seams for DrainsItsQueue {
    fn take(&mut self, queue: &mut Vec<Parcel>) -> Vec<Parcel> {
        std::mem::take(queue)
    }
}

#[derive(Debug, Default)]
struct ThrowsAway;

impl Seams for ThrowsAway {
    fn take(&mut self, queue: &mut Vec<Parcel>) -> Vec<Parcel> {
        let beyond = queue.len().saturating_sub(3);
        queue.drain(..beyond);
        crate::seams::Right.take(queue)
    }
}

#[derive(Debug, Default)]
struct DrawsWithMessagesWaiting(Occasions);

impl Seams for DrawsWithMessagesWaiting {
    fn take(&mut self, queue: &mut Vec<Parcel>) -> Vec<Parcel> {
        if self.0.every(9) { Vec::new() } else { crate::seams::Right.take(queue) }
    }
}

#[derive(Debug, Default)]
struct ReceivesOnEverySecondTick {
    is_second: bool,
}

impl Seams for ReceivesOnEverySecondTick {
    fn take(&mut self, queue: &mut Vec<Parcel>) -> Vec<Parcel> {
        self.is_second = !self.is_second;
        if self.is_second { crate::seams::Right.take(queue) } else { Vec::new() }
    }
}

#[derive(Debug, Default)]
struct RecordsTheQueueBefore;

impl Seams for RecordsTheQueueBefore {
    fn queue_len(&mut self, before: usize, _after: usize) -> usize {
        before
    }
}

#[derive(Debug, Default)]
struct RecordsOneTooMany;

impl Seams for RecordsOneTooMany {
    fn queue_len(&mut self, _before: usize, after: usize) -> usize {
        after + 1
    }
}

#[derive(Debug, Default)]
struct RecordsOneTooFew;

impl Seams for RecordsOneTooFew {
    fn queue_len(&mut self, _before: usize, after: usize) -> usize {
        after.saturating_sub(1)
    }
}

#[derive(Debug, Default)]
struct CountsToThree;

impl Seams for CountsToThree {
    fn queue_len(&mut self, _before: usize, after: usize) -> usize {
        after.min(3)
    }
}

#[derive(Debug, Default)]
struct SeesTheSameInstant;

impl Seams for SeesTheSameInstant {
    fn is_in_queue(&self, parcel: &Parcel, now: u64) -> bool {
        parcel.arrives_at <= now
    }
}

#[derive(Debug, Default)]
struct SeesTooLate;

impl Seams for SeesTooLate {
    fn is_in_queue(&self, parcel: &Parcel, now: u64) -> bool {
        parcel.arrives_at + 1 < now
    }
}
