//! The hello: who speaks, to whom, in which run.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::{fields, machine, number};
use crate::machine::secret::Nonce;
use crate::model::MachineId;
use crate::trial::Trial;

/// The random identity of a run, which the orchestrator makes; it stands in no log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunId(String);

impl FromStr for RunId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_word = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_word {
            Ok(Self(text.to_owned()))
        } else {
            Err("allowed: 1 to 64 letters, digits and '-'".to_owned())
        }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A number of 64 bits that is told in 16 hexadecimal digits.
macro_rules! hex_word {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{:016x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let is_hex = text.len() == 16
                    && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                is_hex
                    .then(|| u64::from_str_radix(text, 16).ok().map(Self))
                    .flatten()
                    .ok_or_else(|| "expected 16 hexadecimal digits".to_owned())
            }
        }
    };
}
pub(super) use hex_word;

hex_word! {
    /// A random number that an OS process draws when it starts: it tells a machine that connects
    /// anew from a second copy of it.
    Boot
}

hex_word! {
    /// What tells one resolved trial from another: the first half of a hash of its text.
    TrialDigest
}

impl TrialDigest {
    /// The digest of a resolved trial.
    #[must_use]
    pub fn of(trial: &Trial) -> Self {
        let hash = Sha256::digest(trial.to_string().as_bytes());
        Self(hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

/// The first line on every connection: who speaks, to whom, in which run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The sender's version of the protocol.
    pub protocol: u32,
    /// The run.
    pub run: RunId,
    /// The machine that speaks.
    pub from: MachineId,
    /// The machine that it means to reach.
    pub to: MachineId,
    /// The how-manieth start of the sender in its run, from 1.
    pub incarnation: u32,
    /// The OS process that speaks.
    pub boot: Boot,
    /// Whether the sender runs at the virtual pace.
    pub is_virtual: bool,
    /// The trial that the sender runs.
    pub trial: TrialDigest,
    /// What the receiver's proof must be of, so that it cannot be an old one.
    pub nonce: Nonce,
}

impl fmt::Display for Hello {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, run, from, to, incarnation, boot, is_virtual, trial, nonce } = self;
        let pace = if *is_virtual { "virtual" } else { "real" };
        write!(
            formatter,
            "hello {protocol} {run} {from} {to} {incarnation} {boot} {pace} {trial} {nonce}"
        )
    }
}

impl FromStr for Hello {
    type Err = String;

    /// Reads what stands after the word.
    fn from_str(rest: &str) -> Result<Self, String> {
        let [protocol, run, from, to, incarnation, boot, pace, trial, nonce] =
            fields(rest, "hello PROTOCOL RUN FROM TO INCARNATION BOOT PACE TRIAL NONCE")?;
        let incarnation = number(incarnation)?;
        if incarnation == 0 {
            return Err("incarnations are numbered from 1".to_owned());
        }
        Ok(Self {
            protocol: number(protocol)?,
            run: run.parse()?,
            from: machine(from)?,
            to: machine(to)?,
            incarnation,
            boot: boot.parse()?,
            is_virtual: match pace {
                "virtual" => true,
                "real" => false,
                _ => return Err("the pace is real or virtual".to_owned()),
            },
            trial: trial.parse()?,
            nonce: nonce.parse()?,
        })
    }
}
