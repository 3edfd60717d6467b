//! Wrong restarts: a machine that comes back is not what its log says it was.

use scalemodel::analysis::check::Rule;
use scalemodel::logbook::{RestartRecord, SystemTime};
use scalemodel::model::{Tick, Timestamp};

use super::{RESTART, Sight, VIRTUAL, WrongMachine, make};
use crate::seams::{Memory, Occasions, Seams};

pub(super) const MACHINES: &[WrongMachine] = &[
    WrongMachine {
        name: "comes-back-as-its-first-incarnation",
        wrong: "It does not count its restart: it comes back as incarnation 1.",
        revealed_by: RESTART,
        rule: Rule::Restarts,
        sight: Sight::Always,
        make: make::<FirstIncarnation>,
    },
    WrongMachine {
        name: "counts-its-restart-twice",
        wrong: "It comes back as incarnation 3, and never was incarnation 2.",
        revealed_by: RESTART,
        rule: Rule::Restarts,
        sight: Sight::Always,
        make: make::<CountsTwice>,
    },
    WrongMachine {
        name: "invents-a-restart",
        wrong: "It says that it came back, and never was away.",
        revealed_by: VIRTUAL,
        rule: Rule::Restarts,
        sight: Sight::Always,
        make: make::<InventsARestart>,
    },
    WrongMachine {
        name: "comes-back-in-silence",
        wrong: "It does not say that it came back.",
        revealed_by: RESTART,
        rule: Rule::Queue,
        sight: Sight::Sometimes(
            "a machine that stood still for so long has the same log, unless its queue has fallen",
        ),
        make: make::<InSilence>,
    },
    WrongMachine {
        name: "comes-back-with-a-clock-of-zero",
        wrong: "It forgets its clock.",
        revealed_by: RESTART,
        rule: Rule::ClockRule,
        sight: Sight::Always,
        make: make::<ForgetsItsClock>,
    },
    WrongMachine {
        name: "comes-back-with-the-first-draw",
        wrong: "It draws from the beginning of its random stream again.",
        revealed_by: RESTART,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<DrawsAnew>,
    },
    WrongMachine {
        name: "comes-back-to-a-tick-that-is-done",
        wrong: "It takes its last tick for one that it missed.",
        revealed_by: RESTART,
        rule: Rule::Schedule,
        sight: Sight::Always,
        make: make::<MissesADoneTick>,
    },
    WrongMachine {
        name: "forgets-what-it-received",
        wrong: "It asks again for the last message that it received.",
        revealed_by: RESTART,
        rule: Rule::Matching,
        sight: Sight::Always,
        make: make::<ForgetsAReceive>,
    },
    WrongMachine {
        name: "acknowledges-what-is-in-its-queue",
        wrong: "What waited in its queue counts as delivered, and is lost with it.",
        revealed_by: RESTART,
        rule: Rule::Conservation,
        sight: Sight::Always,
        make: make::<LosesItsQueue>,
    },
    WrongMachine {
        name: "forgets-what-it-had-to-send",
        wrong: "The messages of its last entry before the restart are never sent.",
        revealed_by: RESTART,
        rule: Rule::Conservation,
        sight: Sight::Always,
        make: make::<ForgetsToSend>,
    },
];

/// Defines a wrong machine by what it makes of its memory when it comes back.
macro_rules! comes_back {
    ($name:ident, |$memory:ident| $wrong:expr) => {
        #[derive(Default)]
        struct $name;

        impl Seams for $name {
            fn come_back(&mut self, $memory: &mut Memory) {
                $wrong;
            }
        }
    };
}

comes_back!(FirstIncarnation, |memory| memory.entry.as_mut().unwrap().incarnation = 1);
comes_back!(CountsTwice, |memory| memory.entry.as_mut().unwrap().incarnation = 3);
comes_back!(InSilence, |memory| memory.entry = None);
comes_back!(ForgetsItsClock, |memory| memory.clock = Timestamp(0));
comes_back!(DrawsAnew, |memory| memory.dice = memory.first_dice.clone());
comes_back!(MissesADoneTick, |memory| {
    memory.missed = memory.missed.map(|(first, last)| (Tick(first.0 - 1), last));
});
comes_back!(ForgetsAReceive, |memory| memory.resent.splice(0..0, memory.last_received));
comes_back!(LosesItsQueue, |memory| memory.resent.clear());
comes_back!(ForgetsToSend, |memory| memory.unsent.clear());

#[derive(Default)]
struct InventsARestart(Occasions);

impl Seams for InventsARestart {
    fn invent_restart(&mut self) -> Option<RestartRecord> {
        let is_now = self.0.only(5);
        is_now.then_some(RestartRecord { incarnation: 2, cut_bytes: 0, system_time: SystemTime(0) })
    }
}
