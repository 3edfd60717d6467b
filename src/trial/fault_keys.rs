//! The keys of a fault: one table for the trial file and for the header of a log, which say the
//! same in two notations.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::model::{
    ChannelFault, Channels, ClockRate, Fault, FaultKind, MachineFault, MachineId, Span,
};

/// The longest trial, in milliseconds.
const TRIAL_MS_MAX: u64 = 1000 * *super::DURATION_S.end();

/// A message is delayed or held back by at most this: some eleven days.
const HOLD_MS_MAX: u64 = 1_000_000_000;

/// What stands under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A whole number.
    Number(u64),
    /// One machine or several.
    Machines(Vec<MachineId>),
    /// That something is so; what is not so is left out.
    Yes,
}

/// What may stand under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// A whole number.
    Number(RangeInclusive<u64>),
    /// One machine or several, each of the trial and none twice.
    Machines,
    /// True or false; false if it is left out.
    Flag,
}

/// A key of a fault.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) allowed: Allowed,
    pub(crate) is_required: bool,
}

/// The kinds of faults, by name.
pub(crate) const KINDS: [&str; 13] = [
    "kill",
    "pause",
    "freeze",
    "step",
    "ramp",
    "jitter",
    "delay",
    "loss",
    "duplication",
    "corruption",
    "reordering",
    "partition",
    "bandwidth",
];

/// The keys of a kind of faults, in their fixed order; `kind` itself stands before them.
pub(crate) fn keys(kind: &str) -> Vec<Key> {
    let required = |name, allowed| Key { name, allowed, is_required: true };
    let optional = |name, allowed| Key { name, allowed, is_required: false };
    let number = |name, range| required(name, Allowed::Number(range));
    let mut keys = vec![number("at_ms", 0..=TRIAL_MS_MAX - 1), number("for_ms", 1..=TRIAL_MS_MAX)];
    if matches!(kind, "kill" | "pause" | "freeze" | "step" | "ramp" | "jitter") {
        keys.push(required("machine", Allowed::Machines));
    } else {
        keys.push(required("from", Allowed::Machines));
        keys.push(required("to", Allowed::Machines));
        keys.push(optional("both_ways", Allowed::Flag));
    }
    match kind {
        "step" | "ramp" => keys.push(number("clock_rate", ClockRate::ALLOWED)),
        "jitter" => keys.push(number("spread", ClockRate::ALLOWED)),
        "delay" => {
            keys.push(number("delay_ms", 1..=HOLD_MS_MAX));
            keys.push(optional("jitter_ms", Allowed::Number(1..=HOLD_MS_MAX)));
        }
        "loss" | "duplication" | "corruption" => keys.push(number("percent", 1..=100)),
        "reordering" => {
            keys.push(number("percent", 1..=100));
            keys.push(number("delay_ms", 1..=HOLD_MS_MAX));
        }
        "bandwidth" => keys.push(number("bytes_per_s", 1..=1_000_000_000)),
        _ => {}
    }
    keys
}

/// The values of a fault by their keys.
pub(crate) type Values = BTreeMap<&'static str, Value>;

/// Makes a fault of its kind and values; nothing if a value is missing or of another sort.
pub(crate) fn fault(kind: &str, values: &Values) -> Option<Fault> {
    let long = |key| match values.get(key) {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    };
    let number = |key| u32::try_from(long(key)?).ok();
    let machines = |key| match values.get(key) {
        Some(Value::Machines(machines)) => Some(machines.clone()),
        _ => None,
    };
    let on_machines = |fault| Some(FaultKind::OnMachines(machines("machine")?, fault));
    let on_channels = |fault| {
        let (from, to) = (machines("from")?, machines("to")?);
        let both_ways = values.contains_key("both_ways");
        Some(FaultKind::OnChannels(Channels { from, to, both_ways }, fault))
    };
    let kind = match kind {
        "kill" => on_machines(MachineFault::Kill),
        "pause" => on_machines(MachineFault::Pause),
        "freeze" => on_machines(MachineFault::Freeze),
        "step" => on_machines(MachineFault::Step(ClockRate(number("clock_rate")?))),
        "ramp" => on_machines(MachineFault::Ramp(ClockRate(number("clock_rate")?))),
        "jitter" => on_machines(MachineFault::Jitter { spread: number("spread")? }),
        "delay" => on_channels(ChannelFault::Delay {
            delay_ms: number("delay_ms")?,
            jitter_ms: number("jitter_ms").unwrap_or(0),
        }),
        "loss" => on_channels(ChannelFault::Loss { percent: number("percent")? }),
        "duplication" => on_channels(ChannelFault::Duplication { percent: number("percent")? }),
        "corruption" => on_channels(ChannelFault::Corruption { percent: number("percent")? }),
        "reordering" => on_channels(ChannelFault::Reordering {
            percent: number("percent")?,
            delay_ms: number("delay_ms")?,
        }),
        "partition" => on_channels(ChannelFault::Partition),
        "bandwidth" => on_channels(ChannelFault::Bandwidth { bytes_per_s: number("bytes_per_s")? }),
        _ => None,
    };
    Some(Fault { span: Span { at_ms: long("at_ms")?, for_ms: long("for_ms")? }, kind: kind? })
}

/// The keys and values of a fault, in their fixed order; what is as if left out is left out.
pub(crate) fn values(fault: &Fault) -> Vec<(&'static str, Value)> {
    let number = |key, number: u32| (key, Value::Number(u64::from(number)));
    let Span { at_ms, for_ms } = fault.span;
    let mut values = vec![("at_ms", Value::Number(at_ms)), ("for_ms", Value::Number(for_ms))];
    match &fault.kind {
        FaultKind::OnMachines(machines, fault) => {
            values.push(("machine", Value::Machines(machines.clone())));
            match *fault {
                MachineFault::Kill | MachineFault::Pause | MachineFault::Freeze => {}
                MachineFault::Step(rate) | MachineFault::Ramp(rate) => {
                    values.push(number("clock_rate", rate.0));
                }
                MachineFault::Jitter { spread } => values.push(number("spread", spread)),
            }
        }
        FaultKind::OnChannels(Channels { from, to, both_ways }, fault) => {
            values.push(("from", Value::Machines(from.clone())));
            values.push(("to", Value::Machines(to.clone())));
            values.extend(both_ways.then_some(("both_ways", Value::Yes)));
            match *fault {
                ChannelFault::Delay { delay_ms, jitter_ms } => {
                    values.push(number("delay_ms", delay_ms));
                    values.extend((0 < jitter_ms).then(|| number("jitter_ms", jitter_ms)));
                }
                ChannelFault::Loss { percent }
                | ChannelFault::Duplication { percent }
                | ChannelFault::Corruption { percent } => values.push(number("percent", percent)),
                ChannelFault::Reordering { percent, delay_ms } => {
                    values.push(number("percent", percent));
                    values.push(number("delay_ms", delay_ms));
                }
                ChannelFault::Partition => {}
                ChannelFault::Bandwidth { bytes_per_s } => {
                    values.push(number("bytes_per_s", bytes_per_s));
                }
            }
        }
    }
    values
}

/// A fault in one line: its kind and its keys, as the header of a log has it.
pub(crate) fn line(fault: &Fault) -> String {
    let mut line = format!("kind={}", fault.name());
    for (key, value) in values(fault) {
        let value = match value {
            Value::Number(number) => number.to_string(),
            Value::Machines(machines) => listed(&machines, ","),
            Value::Yes => "true".to_owned(),
        };
        line += &format!(" {key}={value}");
    }
    line
}

/// Machines with this text between them.
pub(crate) fn listed(machines: &[MachineId], separator: &str) -> String {
    machines.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_every_kind_is_made_of_its_own_values() {
        for kind in KINDS {
            let example = |key: &Key| match &key.allowed {
                Allowed::Number(range) => Value::Number(*range.start()),
                Allowed::Machines => Value::Machines(vec![MachineId::new(1)]),
                Allowed::Flag => Value::Yes,
            };
            let keys = keys(kind);
            let all: Values = keys.iter().map(|key| (key.name, example(key))).collect();
            let made = fault(kind, &all).unwrap();
            assert_eq!(made.name(), kind);
            let names: Vec<_> = keys.iter().map(|key| key.name).collect();
            let printed: Vec<_> = values(&made).into_iter().map(|(key, _)| key).collect();
            assert_eq!(printed, names, "{kind}");
            assert_eq!(fault(kind, &values(&made).into_iter().collect()), Some(made));
            for key in keys.iter().filter(|key| key.is_required) {
                let mut some = all.clone();
                some.remove(key.name);
                assert_eq!(fault(kind, &some), None, "{kind} without {}", key.name);
            }
        }
    }
}
