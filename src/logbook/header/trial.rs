//! The trial of a header: the lines that say it, read one by one.

use std::collections::BTreeSet;

use super::{allowed, machine_id, once, present};
use crate::logbook::fields::{Fields, number};
use crate::model::{ClockRate, DrawRange, Fault, MachineId, Phase, Seed, Topology};
use crate::quote::shown;
use crate::trial::fault_keys::{self, Allowed, Value, Values};
use crate::trial::faults::{FAULTS_MAX, misfits, unlinked};
use crate::trial::{DRAW_RANGE, DURATION_S, Durability, MACHINES, MachineSpec, Trial, is_name};

/// The trial of a header that is being read, line by line.
#[derive(Debug, Default)]
pub(super) struct TrialBuilder {
    name: Option<String>,
    seed: Option<Seed>,
    draw_range: Option<DrawRange>,
    duration_s: Option<u64>,
    durability: Option<Durability>,
    machine_count: Option<usize>,
    machines: Vec<MachineSpec>,
    /// Of each machine, if its line names them.
    peers: Vec<Option<Vec<MachineId>>>,
    faults: Vec<Fault>,
}

impl TrialBuilder {
    pub(super) fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        self.take_value(key, value).map_err(|what| format!("{key}: {what}"))
    }

    fn take_value(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "trial" => once(&mut self.name, allowed(value, is_name)?),
            "seed" => once(&mut self.seed, Seed::new(number(value)?).ok_or("beyond 2^63 - 1")?),
            "draw_range" => {
                let range = Some(number(value)?).filter(|r| DRAW_RANGE.contains(&u64::from(*r)));
                once(&mut self.draw_range, DrawRange(range.ok_or("out of range")?))
            }
            "duration_s" => {
                let duration_s = Some(number(value)?).filter(|s| DURATION_S.contains(s));
                once(&mut self.duration_s, duration_s.ok_or("out of range")?)
            }
            "durability" => {
                let known = Durability::named(value).ok_or("neither 'process' nor 'host'")?;
                once(&mut self.durability, known)
            }
            "machines" => once(&mut self.machine_count, number(value)?),
            _ => match key.split_once(' ') {
                Some(("machine", position)) => self.take_machine(position, value),
                Some(("fault", position)) => self.take_fault(position, value),
                _ => Ok(()),
            },
        }
    }

    fn take_machine(&mut self, position: &str, value: &str) -> Result<(), String> {
        if number::<usize>(position)? != self.machines.len() + 1 {
            return Err(format!("expected machine {}", self.machines.len() + 1));
        }
        let mut fields = Fields::new(value);
        let host = fields.take("host")?.parse().map_err(|_| "host is no IP address".to_owned())?;
        let port = number(fields.take("port")?)?;
        let clock_rate = number(fields.take("clock_rate")?)?;
        let phase = number(fields.take("phase")?)?;
        if !ClockRate::ALLOWED.contains(&u64::from(clock_rate))
            || !Phase::ALLOWED.contains(&u64::from(phase))
        {
            return Err("clock_rate or phase out of range".to_owned());
        }
        let (clock_rate, phase) = (ClockRate(clock_rate), Phase(phase));
        let peers = fields.next("peers");
        self.peers.push(peers.map(machine_list).transpose()?);
        self.machines.push(MachineSpec { host, port, clock_rate, phase });
        Ok(())
    }

    fn take_fault(&mut self, position: &str, value: &str) -> Result<(), String> {
        if number::<usize>(position)? != self.faults.len() + 1 || FAULTS_MAX <= self.faults.len() {
            return Err(format!("expected fault {}, at most {FAULTS_MAX}", self.faults.len() + 1));
        }
        self.faults.push(fault(value)?);
        Ok(())
    }

    /// Gives the trial, or names what the header lacks.
    pub(super) fn finish(self) -> Result<Trial, String> {
        let (count, listed) = (present("machines", self.machine_count)?, self.machines.len());
        if listed != count || !MACHINES.contains(&listed) {
            return Err(format!("machines: {count}, but the header lists {listed}"));
        }
        let draw_range = present("draw_range", self.draw_range)?;
        let topology = Topology::of_peers(self.peers)
            .map_err(|misfit| format!("peers of machine {}: {}", misfit.machine, misfit.what))?;
        let least = topology.peers_max(listed) + 1;
        if (draw_range.0 as usize) < least {
            return Err(format!("draw_range: {}, allowed: {least} or more", draw_range.0));
        }
        let ports: BTreeSet<u16> = self.machines.iter().map(|machine| machine.port).collect();
        if ports.len() < listed {
            return Err("two machines of the header have one port".to_owned());
        }
        let duration_s = present("duration_s", self.duration_s)?;
        if let Some((number, what)) = misfits(&self.faults, listed, duration_s).into_iter().next() {
            return Err(format!("fault {number}: {what}"));
        }
        if let Some((number, what)) = unlinked(&self.faults, &topology).into_iter().next() {
            return Err(format!("fault {number}: {what}"));
        }
        Ok(Trial {
            name: present("trial", self.name)?,
            duration_s,
            draw_range,
            seed: present("seed", self.seed)?,
            machines: self.machines,
            faults: self.faults,
            durability: self.durability.unwrap_or_default(),
            topology,
        })
    }
}

/// Reads a fault: its keys stand in their fixed order, and none besides.
fn fault(text: &str) -> Result<Fault, String> {
    let mut fields = text.split(' ').peekable();
    let kind = fields.next().and_then(|field| field.strip_prefix("kind="));
    let kind = kind.filter(|kind| fault_keys::KINDS.contains(kind)).ok_or("expected kind=...")?;
    let mut values = Values::new();
    for key in fault_keys::keys(kind) {
        let is_here =
            |field: &&str| field.split_once('=').is_some_and(|(name, _)| name == key.name);
        let Some(text) = fields.next_if(is_here).map(|field| &field[key.name.len() + 1..]) else {
            if key.is_required {
                return Err(format!("expected {}=...", key.name));
            }
            continue;
        };
        let value = match &key.allowed {
            Allowed::Number(range) => Some(number(text)?)
                .filter(|number| range.contains(number))
                .map(Value::Number)
                .ok_or_else(|| format!("{} is out of range", key.name))?,
            Allowed::Machines => Value::Machines(machine_list(text)?),
            Allowed::Flag if text == "true" => Value::Yes,
            Allowed::Flag => return Err(format!("{} is not 'true'", key.name)),
        };
        values.insert(key.name, value);
    }
    match fields.next() {
        Some(more) => Err(format!("found {} after the last key", shown(more))),
        None => fault_keys::fault(kind, &values).ok_or_else(|| "a key is missing".to_owned()),
    }
}

/// Reads different machines with commas between them.
fn machine_list(text: &str) -> Result<Vec<MachineId>, String> {
    let (mut list, mut seen) = (Vec::new(), BTreeSet::new());
    for machine in text.split(',') {
        let machine = machine_id(machine)?;
        if !seen.insert(machine) {
            return Err(format!("machine {machine} stands twice"));
        }
        list.push(machine);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_strictly() {
        for good in [
            "kind=loss at_ms=5 for_ms=7 from=1 to=2,3 both_ways=true percent=20",
            "kind=delay at_ms=0 for_ms=1 from=1 to=2 delay_ms=9",
            "kind=delay at_ms=0 for_ms=1 from=1 to=2 delay_ms=9 jitter_ms=4",
            "kind=kill at_ms=5 for_ms=7 machine=3,1",
        ] {
            assert!(fault(good).is_ok(), "{good}");
        }
        for bad in [
            "kind=theft at_ms=5 for_ms=7 machine=1",
            "kind=kill at_ms=5 for_ms=7",
            "kind=kill for_ms=7 at_ms=5 machine=1",
            "kind=kill at_ms=5 for_ms=0 machine=1",
            "kind=kill at_ms=5 for_ms=07 machine=1",
            "kind=kill at_ms=5 for_ms=7 machine=1,1",
            "kind=kill at_ms=5 for_ms=7 machine=0",
            "kind=kill at_ms=5 for_ms=7 machine=1 percent=3",
            "kind=loss at_ms=5 for_ms=7 from=1 to=2 both_ways=false percent=20",
            "kind=loss at_ms=5 for_ms=7 from=1 to=2 percent=101",
            "kind=loss at_ms=5 for_ms=7 from=1 to=2 percent=1 ",
        ] {
            assert!(fault(bad).is_err(), "{bad}");
        }
    }
}
