//! Chance that means the same for ever: ChaCha8, one stream a quantity, one helper for integers.
//!
//! The 256-bit key is the seed as eight little-endian bytes followed by zeros. Every drawn quantity
//! has a stream of its own (ChaCha's 64-bit stream number), so that fixing one changes no other:
//! the kind of quantity in the upper 32 bits, the machine's number in the lower 32. What faults draw
//! has the number of the fault above the kind, and the two ends of a channel in the lower 32 bits.

use std::fmt;

use rand::Rng as _;
use rand::SeedableRng as _;
use rand::rngs::{ChaCha8Rng, SysRng};

use super::fault::FaultId;
use super::machine::MachineId;

/// The seed of a trial: 0..=2^63 - 1, the range of TOML's integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seed(u64);

impl Seed {
    /// The largest seed.
    pub const MAX: u64 = i64::MAX as u64;

    /// Makes a seed of a number; nothing if it is above [`Seed::MAX`].
    #[must_use]
    pub fn new(value: u64) -> Option<Self> {
        (value <= Self::MAX).then_some(Self(value))
    }

    /// Draws a seed from the operating system's entropy.
    ///
    /// # Errors
    /// When the operating system gives no entropy.
    pub fn from_entropy() -> Result<Self, rand::rngs::SysError> {
        let mut generator = ChaCha8Rng::try_from_rng(&mut SysRng)?;
        Ok(Self(generator.next_u64() & Self::MAX))
    }

    /// Gives the number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A drawn quantity: each has a random stream of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Kind 0: what a machine draws on a tick with an empty queue.
    Draws(MachineId),
    /// Kind 1: the clock rate of a machine, when its trial does not fix it.
    ClockRate(MachineId),
    /// Kind 2: the phase of a machine, when its trial does not fix it.
    Phase(MachineId),
    /// Kind 5: how long a machine waits before it tries again to connect to a peer.
    Backoff(MachineId),
    /// Kind 6: a random trial with random faults.
    Swarm,
    /// Kind 7: who is linked with whom, when a trial leaves it to chance.
    Topology,
    /// Kind 3: what a fault does to the messages of a channel.
    FaultLine {
        /// The fault.
        fault: FaultId,
        /// The sender.
        from: MachineId,
        /// The receiver.
        to: MachineId,
    },
    /// Kind 4: the clock rates that a fault gives a machine.
    FaultRate {
        /// The fault.
        fault: FaultId,
        /// The machine.
        machine: MachineId,
    },
}

impl Stream {
    fn number(self) -> u64 {
        let of_fault = |kind: u64, fault: FaultId, from: MachineId, to: u64| {
            u64::from(fault.get()) << 40 | kind << 32 | u64::from(from.get()) << 16 | to
        };
        match self {
            Self::Draws(machine) => u64::from(machine.get()),
            Self::ClockRate(machine) => 1 << 32 | u64::from(machine.get()),
            Self::Phase(machine) => 2 << 32 | u64::from(machine.get()),
            Self::FaultLine { fault, from, to } => of_fault(3, fault, from, u64::from(to.get())),
            Self::FaultRate { fault, machine } => of_fault(4, fault, machine, 0),
            Self::Backoff(machine) => 5 << 32 | u64::from(machine.get()),
            Self::Swarm => 6 << 32,
            Self::Topology => 7 << 32,
        }
    }
}

/// One random stream, from which whole numbers are drawn.
#[derive(Debug)]
pub struct Dice {
    generator: ChaCha8Rng,
}

impl Clone for Dice {
    /// Gives a second reader of the stream, at the same place.
    #[expect(clippy::disallowed_methods, reason = "this is the module that makes generators")]
    fn clone(&self) -> Self {
        let mut generator = ChaCha8Rng::from_seed(self.generator.get_seed());
        generator.set_stream(self.generator.get_stream());
        generator.set_word_pos(self.generator.get_word_pos());
        Self { generator }
    }
}

impl Dice {
    /// Opens a stream of a seed at its beginning.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the module that makes generators")]
    pub fn new(seed: Seed, stream: Stream) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.get().to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream.number());
        Self { generator }
    }

    /// Draws a whole number in `1..=faces`, each equally likely.
    ///
    /// The method is D. Lemire, "Fast Random Integer Generation in an Interval", ACM TOMACS 29(1),
    /// 2019, on 32-bit words.
    ///
    /// # Panics
    /// When `faces` is 0.
    #[expect(clippy::cast_possible_truncation, reason = "the halves of a product are meant")]
    pub fn roll(&mut self, faces: u32) -> u32 {
        assert!(faces > 0, "a die has at least one face");
        loop {
            let product = u64::from(self.generator.next_u32()) * u64::from(faces);
            let (face, rest) = ((product >> 32) as u32, product as u32);
            // The few words that would favour some faces are drawn again.
            if rest >= faces || rest >= faces.wrapping_neg() % faces {
                return face + 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dice(seed: u64, stream: Stream) -> Dice {
        Dice::new(Seed::new(seed).unwrap(), stream)
    }

    fn rolls(seed: u64, stream: Stream, faces: u32) -> Vec<u32> {
        let mut dice = dice(seed, stream);
        (0..12).map(|_| dice.roll(faces)).collect()
    }

    #[test]
    fn a_clone_goes_on_where_the_stream_is() {
        let mut dice = dice(42, Stream::Draws(MachineId::new(1)));
        for _ in 0..100 {
            let mut copy = dice.clone();
            assert_eq!(dice.roll(10), copy.roll(10));
        }
    }

    #[test]
    fn known_seeds_give_known_numbers_for_ever() {
        // Computed independently, by a ChaCha8 written from its specification in another language.
        let machine = MachineId::new(1);
        assert_eq!(rolls(0, Stream::Draws(machine), 10), [8, 8, 5, 9, 9, 3, 10, 7, 4, 7, 10, 3]);
        assert_eq!(rolls(42, Stream::Draws(machine), 10), [10, 8, 4, 3, 4, 7, 8, 2, 9, 7, 10, 5]);
        assert_eq!(
            rolls(42, Stream::Draws(MachineId::new(2)), 10),
            [5, 3, 6, 6, 10, 6, 7, 6, 3, 4, 6, 3]
        );
        assert_eq!(rolls(42, Stream::ClockRate(machine), 6), [3, 1, 4, 1, 3, 6, 5, 4, 1, 2, 2, 1]);
        assert_eq!(
            rolls(42, Stream::Phase(machine), 1000),
            [437, 638, 148, 406, 864, 319, 372, 534, 862, 926, 950, 194]
        );
        assert_eq!(
            rolls(Seed::MAX, Stream::Draws(machine), 3_000_000_000),
            [
                2868476306, 2733396165, 2948492602, 2750481214, 434517692, 2246888445, 1765551431,
                242681475, 2797361082, 599788545, 1638145374, 200787612
            ]
        );
    }

    #[test]
    fn every_quantity_has_a_stream_of_its_own() {
        let [one, two] = [1, 2].map(MachineId::new);
        let [first, second] = [0, 1].map(FaultId::at);
        let streams = [
            (Stream::Draws(two), 2),
            (Stream::ClockRate(two), (1 << 32) + 2),
            (Stream::Phase(two), (2 << 32) + 2),
            (Stream::FaultLine { fault: first, from: one, to: two }, (0x103 << 32) + 0x1_0002),
            (Stream::FaultLine { fault: second, from: two, to: one }, (0x203 << 32) + 0x2_0001),
            (Stream::FaultRate { fault: second, machine: two }, (0x204 << 32) + 0x2_0000),
        ];
        for (stream, number) in streams {
            assert_eq!(stream.number(), number, "{stream:?}");
        }
    }

    #[test]
    fn every_face_comes_up_about_equally_often() {
        let mut dice = dice(7, Stream::Draws(MachineId::new(1)));
        let mut counts = [0_u32; 10];
        for _ in 0..100_000 {
            counts[dice.roll(10) as usize - 1] += 1;
        }
        // Ten thousand each, standard deviation 95: six of them on either side.
        assert!(counts.iter().all(|count| (9_430..=10_570).contains(count)), "{counts:?}");
    }

    #[test]
    fn seeds_beyond_the_range_of_toml_are_refused() {
        assert!(Seed::new(Seed::MAX).is_some());
        assert!(Seed::new(Seed::MAX + 1).is_none());
    }
}
