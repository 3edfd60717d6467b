//! Wrong draws, and wrong addressees.

use scalemodel::analysis::check::Rule;
use scalemodel::model::{Dice, MachineId, Stream};

use super::{ANY_PACE, Sight, WrongMachine, make};
use crate::seams::Seams;

pub(super) const MACHINES: &[WrongMachine] = &[
    WrongMachine {
        name: "draws-from-zero",
        wrong: "Draws are 0..=R-1 instead of 1..=R.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<DrawsFromZero>,
    },
    WrongMachine {
        name: "draws-one-too-high",
        wrong: "Draws are 2..=R+1 instead of 1..=R.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<DrawsOneTooHigh>,
    },
    WrongMachine {
        name: "draws-of-one-number-too-many",
        wrong: "The draw range is 1..=R+1, as where an end is taken to be open and is not.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<DrawsOfOneTooMany>,
    },
    WrongMachine {
        name: "draws-of-the-next-machine",
        wrong: "A machine draws from the stream of the machine after it.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<DrawsOfTheNextMachine>,
    },
    WrongMachine {
        name: "draws-all-from-one-stream",
        wrong: "Every machine draws the numbers of machine 1.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<DrawsAllFromOneStream>,
    },
    WrongMachine {
        name: "consumes-a-draw-on-receive",
        wrong: "A receive takes a number from the stream, and does not use it.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Sometimes("nothing may be drawn after the last receive, or an equal number"),
        make: make::<ConsumesADrawOnReceive>,
    },
    WrongMachine {
        name: "draws-on-receive",
        wrong: "A receive draws, and records its draw.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<DrawsOnReceive>,
    },
    WrongMachine {
        name: "numbers-its-peers-from-machine-1",
        wrong: "The peers are numbered from machine 1 instead of the machine after itself.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<NumbersPeersFromMachine1>,
    },
    WrongMachine {
        name: "counts-itself-among-its-peers",
        wrong: "A machine is the last of its own peers, and sends to itself.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<CountsItself>,
    },
    WrongMachine {
        name: "broadcasts-in-many-events",
        wrong: "A send to all peers is one event for each, with a clock of its own.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<BroadcastsInManyEvents>,
    },
    WrongMachine {
        name: "broadcasts-to-all-but-one",
        wrong: "A send to all peers leaves out the last.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<BroadcastsToAllButOne>,
    },
    WrongMachine {
        name: "never-broadcasts",
        wrong: "A draw of m+1 is an internal event.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<NeverBroadcasts>,
    },
    WrongMachine {
        name: "sends-to-its-first-peer-only",
        wrong: "Every draw of 1..=m is a send to peer 1.",
        revealed_by: ANY_PACE,
        rule: Rule::Draws,
        sight: Sight::Always,
        make: make::<SendsToItsFirstPeer>,
    },
];

#[derive(Debug, Default)]
struct DrawsFromZero;

impl Seams for DrawsFromZero {
    fn draw(&mut self, dice: &mut Dice, faces: u32) -> u32 {
        dice.roll(faces) - 1
    }
}

#[derive(Debug, Default)]
struct DrawsOneTooHigh;

impl Seams for DrawsOneTooHigh {
    fn draw(&mut self, dice: &mut Dice, faces: u32) -> u32 {
        dice.roll(faces) + 1
    }
}

#[derive(Debug, Default)]
struct DrawsOfOneTooMany;

impl Seams for DrawsOfOneTooMany {
    fn draw(&mut self, dice: &mut Dice, faces: u32) -> u32 {
        dice.roll(faces + 1)
    }
}

#[derive(Debug, Default)]
struct DrawsOfTheNextMachine;

impl Seams for DrawsOfTheNextMachine {
    fn stream(&self, here: MachineId) -> Stream {
        Stream::Draws(MachineId::new(here.get() + 1))
    }
}

#[derive(Debug, Default)]
struct DrawsAllFromOneStream;

impl Seams for DrawsAllFromOneStream {
    fn stream(&self, _here: MachineId) -> Stream {
        Stream::Draws(MachineId::new(1))
    }
}

#[derive(Debug, Default)]
struct ConsumesADrawOnReceive;

impl Seams for ConsumesADrawOnReceive {
    fn draw_on_receive(&mut self, dice: &mut Dice, faces: u32) -> Option<u32> {
        dice.roll(faces);
        None
    }
}

#[derive(Debug, Default)]
struct DrawsOnReceive;

impl Seams for DrawsOnReceive {
    fn draw_on_receive(&mut self, dice: &mut Dice, faces: u32) -> Option<u32> {
        Some(dice.roll(faces))
    }
}

#[derive(Debug, Default)]
struct NumbersPeersFromMachine1;

impl Seams for NumbersPeersFromMachine1 {
    fn peers(&self, _here: MachineId, mut peers: Vec<MachineId>) -> Vec<MachineId> {
        peers.sort_unstable();
        peers
    }
}

#[derive(Debug, Default)]
struct CountsItself;

impl Seams for CountsItself {
    fn peers(&self, here: MachineId, mut peers: Vec<MachineId>) -> Vec<MachineId> {
        peers.push(here);
        peers
    }
}

/// What the rule says of a draw.
fn right_sends(draw: u32, peers: &[MachineId]) -> Vec<Vec<MachineId>> {
    crate::seams::Right.sends(draw, peers)
}

/// Whether a draw addresses every peer.
fn is_broadcast(draw: u32, peers: &[MachineId]) -> bool {
    draw as usize == peers.len() + 1
}

#[derive(Debug, Default)]
struct BroadcastsInManyEvents;

impl Seams for BroadcastsInManyEvents {
    fn sends(&mut self, draw: u32, peers: &[MachineId]) -> Vec<Vec<MachineId>> {
        let sends = right_sends(draw, peers);
        sends.iter().flatten().map(|peer| vec![*peer]).collect()
    }
}

#[derive(Debug, Default)]
struct BroadcastsToAllButOne;

impl Seams for BroadcastsToAllButOne {
    fn sends(&mut self, draw: u32, peers: &[MachineId]) -> Vec<Vec<MachineId>> {
        let mut sends = right_sends(draw, peers);
        if is_broadcast(draw, peers) {
            sends[0].pop();
        }
        sends
    }
}

#[derive(Debug, Default)]
struct NeverBroadcasts;

impl Seams for NeverBroadcasts {
    fn sends(&mut self, draw: u32, peers: &[MachineId]) -> Vec<Vec<MachineId>> {
        if is_broadcast(draw, peers) { Vec::new() } else { right_sends(draw, peers) }
    }
}

#[derive(Debug, Default)]
struct SendsToItsFirstPeer;

impl Seams for SendsToItsFirstPeer {
    fn sends(&mut self, draw: u32, peers: &[MachineId]) -> Vec<Vec<MachineId>> {
        let draw = if (draw as usize) <= peers.len() { 1 } else { draw };
        right_sends(draw, peers)
    }
}
