//! The lines of a checkup: what is asked of a machine from outside, what it answers, and the probes
//! that travel from machine to machine meanwhile.

use std::fmt;
use std::str::FromStr;

use super::hello::{RunId, TrialDigest, hex_word};
use super::{fields, machine, number, signed};
use crate::logbook::SystemTime;
use crate::machine::secret::Nonce;
use crate::model::{MachineId, Tick, Timestamp};
use crate::pace::Speed;

hex_word! {
    /// What tells one checkup from another: whoever asks draws it.
    CheckupId
}

/// The first line of whoever asks how a machine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asking {
    /// The asker's version of the protocol.
    pub protocol: u32,
    /// The checkup.
    pub checkup: CheckupId,
    /// The machine that is asked.
    pub to: MachineId,
    /// The trial of which the asker believes that it is run.
    pub trial: TrialDigest,
    /// What the machine's proof must be of, so that it cannot be an old one.
    pub nonce: Nonce,
}

impl fmt::Display for Asking {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, checkup, to, trial, nonce } = self;
        write!(formatter, "health {protocol} {checkup} {to} {trial} {nonce}")
    }
}

impl FromStr for Asking {
    type Err = String;

    /// Reads what stands after the word.
    fn from_str(rest: &str) -> Result<Self, String> {
        let [protocol, checkup, to, trial, nonce] =
            fields(rest, "health PROTOCOL CHECKUP TO TRIAL NONCE")?;
        Ok(Self {
            protocol: number(protocol)?,
            checkup: checkup.parse()?,
            to: machine(to)?,
            trial: trial.parse()?,
            nonce: nonce.parse()?,
        })
    }
}

/// The identity of a probe, for the two machines of its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProbeId {
    /// The checkup that it is part of.
    pub checkup: CheckupId,
    /// Its number in that, on its channel.
    pub number: u32,
}

impl fmt::Display for ProbeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.checkup, self.number)
    }
}

impl FromStr for ProbeId {
    type Err = String;

    fn from_str(rest: &str) -> Result<Self, String> {
        let [checkup, of_checkup] = fields(rest, "CHECKUP NUMBER")?;
        Ok(Self { checkup: checkup.parse()?, number: number(of_checkup)? })
    }
}

/// What a machine answers to a probe, on its own producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchoLine {
    /// The probe.
    pub probe: ProbeId,
    /// When it was heard, by the system time of the machine that answers.
    pub heard: SystemTime,
    /// When it was answered, by the same.
    pub answered: SystemTime,
}

impl fmt::Display for EchoLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { probe, heard, answered } = self;
        write!(formatter, "echo {probe} {} {}", heard.0, answered.0)
    }
}

impl FromStr for EchoLine {
    type Err = String;

    /// Reads what stands after the word.
    fn from_str(rest: &str) -> Result<Self, String> {
        let [checkup, of_checkup, heard, answered] =
            fields(rest, "echo CHECKUP NUMBER HEARD ANSWERED")?;
        Ok(Self {
            probe: ProbeId { checkup: checkup.parse()?, number: number(of_checkup)? },
            heard: SystemTime(signed(heard)?),
            answered: SystemTime(signed(answered)?),
        })
    }
}

/// How far a run is, by the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Microseconds since the common start, on the wall clock; negative before it.
    pub elapsed_us: i64,
    /// How many model seconds pass in a second.
    pub speed: Speed,
}

/// What a machine says of itself. A line on its channels with each machine follows with which it
/// has connections, and then its echoes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateLine {
    /// The run.
    pub run: RunId,
    /// The how-manieth start of the machine this is.
    pub incarnation: u32,
    /// Its OS process.
    pub pid: u32,
    /// How far the run is; none before the common start is named.
    pub progress: Option<Progress>,
    /// The tick that runs next; one more than there are if none is left.
    pub next: Tick,
    /// How many ticks are done, by all incarnations.
    pub done: u64,
    /// The logical clock.
    pub clock: Timestamp,
    /// How many messages have arrived, and no tick has received yet.
    pub queue_len: u64,
    /// The largest lateness of late, the one of a tick that is overdue included, in microseconds.
    pub lateness_us: u64,
    /// How many echoes are told.
    pub echoes: u32,
}

impl fmt::Display for StateLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, incarnation, pid, progress, next, done, clock, .. } = self;
        let Self { queue_len, lateness_us, echoes, .. } = self;
        write!(formatter, "state {run} {incarnation} {pid} ")?;
        match progress {
            Some(Progress { elapsed_us, speed }) => write!(formatter, "{elapsed_us} {speed}")?,
            None => formatter.write_str("- -")?,
        }
        write!(formatter, " {next} {done} {} {queue_len} {lateness_us} {echoes}", clock.0)
    }
}

impl FromStr for StateLine {
    type Err = String;

    /// Reads what stands after the word.
    fn from_str(rest: &str) -> Result<Self, String> {
        let [run, incarnation, pid, elapsed_us, speed, next, done, clock, queue, lateness, echoes] =
            fields(
                rest,
                "state RUN INCARNATION PID ELAPSED_US SPEED NEXT DONE CLOCK QUEUE LATENESS_US \
                 ECHOES",
            )?;
        let progress = match (elapsed_us, speed) {
            ("-", "-") => None,
            _ => Some(Progress { elapsed_us: signed(elapsed_us)?, speed: speed.parse()? }),
        };
        Ok(Self {
            run: run.parse()?,
            incarnation: number(incarnation)?,
            pid: number(pid)?,
            progress,
            next: Tick(number(next)?),
            done: number(done)?,
            clock: Timestamp(number(clock)?),
            queue_len: number(queue)?,
            lateness_us: number(lateness)?,
            echoes: number(echoes)?,
        })
    }
}

/// Whether the connection of a channel stands, as one of its ends sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It stands.
    Stands,
    /// There is none.
    Broken,
    /// The sender has said goodbye: nothing more is sent.
    Over,
}

impl Standing {
    const NAMES: [(&str, Self); 3] =
        [("stands", Self::Stands), ("broken", Self::Broken), ("over", Self::Over)];

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stands => "stands",
            Self::Broken => "broken",
            Self::Over => "over",
        }
    }
}

impl FromStr for Standing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, standing)| *standing)
            .ok_or_else(|| "a channel stands, or is broken or over".to_owned())
    }
}

/// What a machine says of its two channels with one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelLine {
    /// The peer.
    pub peer: MachineId,
    /// The channel to the peer.
    pub out: Standing,
    /// How many messages were sent there.
    pub sent: u64,
    /// How many of them are in the peer's log, as far as is known.
    pub settled: u64,
    /// The channel from the peer.
    pub back: Standing,
    /// How many messages have come from there.
    pub accepted: u64,
    /// How many of them are received, and in the log.
    pub recorded: u64,
    /// How many probes of this checkup have come from there.
    pub probes: u32,
}

impl fmt::Display for ChannelLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer, out, sent, settled, back, accepted, recorded, probes } = self;
        let [out, back] = [out, back].map(|standing| standing.name());
        write!(
            formatter,
            "channel {peer} {out} {sent} {settled} {back} {accepted} {recorded} {probes}"
        )
    }
}

impl FromStr for ChannelLine {
    type Err = String;

    /// Reads what stands after the word.
    fn from_str(rest: &str) -> Result<Self, String> {
        let [peer, out, sent, settled, back, accepted, recorded, probes] =
            fields(rest, "channel PEER OUT SENT SETTLED IN ACCEPTED RECORDED PROBES")?;
        Ok(Self {
            peer: machine(peer)?,
            out: out.parse()?,
            sent: number(sent)?,
            settled: number(settled)?,
            back: back.parse()?,
            accepted: number(accepted)?,
            recorded: number(recorded)?,
            probes: number(probes)?,
        })
    }
}

/// A probe that has come back to the machine which it entered: four times, as in NTP (RFC 5905).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackLine {
    /// Who has answered.
    pub peer: MachineId,
    /// The probe's number.
    pub number: u32,
    /// When it entered the machine, by the machine's system time.
    pub sent: SystemTime,
    /// When the peer heard it, by the peer's system time.
    pub heard: SystemTime,
    /// When the peer answered, by the peer's system time.
    pub answered: SystemTime,
    /// When it was back, by the machine's system time.
    pub back: SystemTime,
}

impl fmt::Display for BackLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer, number, sent, heard, answered, back } = self;
        write!(formatter, "back {peer} {number} {} {} {} {}", sent.0, heard.0, answered.0, back.0)
    }
}

impl FromStr for BackLine {
    type Err = String;

    /// Reads what stands after the word.
    fn from_str(rest: &str) -> Result<Self, String> {
        let [peer, of_checkup, sent, heard, answered, back] =
            fields(rest, "back PEER NUMBER SENT HEARD ANSWERED BACK")?;
        Ok(Self {
            peer: machine(peer)?,
            number: number(of_checkup)?,
            sent: SystemTime(signed(sent)?),
            heard: SystemTime(signed(heard)?),
            answered: SystemTime(signed(answered)?),
            back: SystemTime(signed(back)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::wire::{LINE_LEN_MAX, Line};

    #[test]
    fn the_longest_state_fits_a_line() {
        let state = StateLine {
            run: "x".repeat(64).parse().unwrap(),
            incarnation: u32::MAX,
            pid: u32::MAX,
            progress: Some(Progress {
                elapsed_us: -i64::MAX,
                speed: "999999.999".parse().unwrap(),
            }),
            next: Tick(u64::MAX),
            done: u64::MAX,
            clock: Timestamp(u64::MAX),
            queue_len: u64::MAX,
            lateness_us: u64::MAX,
            echoes: u32::MAX,
        };
        let line = Line::State(state);
        assert!(line.to_string().len() <= LINE_LEN_MAX);
        assert_eq!(line.to_string().parse(), Ok(line));
    }
}
