//! The faults of a trial file.

use toml::Spanned;
use toml::de::DeValue;

use super::{Reader, Section, nearest};
use crate::model::{Fault, MachineId};
use crate::trial::fault_keys::{Allowed, KINDS, Value, Values, fault, keys};
use crate::trial::faults::{FAULTS_MAX, misfits};

impl Reader<'_> {
    /// Reads all faults of a trial that lists so many machines.
    pub(super) fn faults(
        &mut self,
        trial: &Section<'_>,
        machines: usize,
        duration_s: Option<u64>,
    ) -> Vec<Fault> {
        let allowed = format!("at most {FAULTS_MAX} [[fault]] tables");
        let Some(value) = trial.table.get("fault") else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.refuse(value, "fault", &allowed);
            return Vec::new();
        };
        if FAULTS_MAX < array.len() {
            let what = format!("fault: found {}, allowed: {allowed}", array.len());
            self.complain(value.span(), what);
            return Vec::new();
        }
        let mut faults = Vec::new();
        for (entry, number) in array.iter().zip(1..) {
            let Some(table) = entry.get_ref().as_table() else {
                self.refuse(entry, "fault", "[[fault]] tables");
                continue;
            };
            let section = Section { table, name: format!("fault {number}"), span: entry.span() };
            faults.extend(self.fault(&section, machines));
        }
        if let Some(duration_s) = duration_s.filter(|_| faults.len() == array.len()) {
            for (number, what) in misfits(&faults, machines, duration_s) {
                self.complain(array[number.index()].span(), format!("fault {number}: {what}"));
            }
        }
        faults
    }

    fn fault(&mut self, section: &Section<'_>, machines: usize) -> Option<Fault> {
        let all = KINDS.join(", ");
        let value = self.required(section, "kind", &all)?;
        let Some(kind) = value.get_ref().as_str().filter(|kind| KINDS.contains(kind)) else {
            let meant = value.get_ref().as_str().and_then(|kind| nearest(kind, &KINDS));
            let hint = meant.map(|kind| format!(" (did you mean \"{kind}\"?)"));
            self.refuse(value, "kind", &(all + &hint.unwrap_or_default()));
            return None;
        };
        let keys = keys(kind);
        let names = ["kind"].into_iter().chain(keys.iter().map(|key| key.name));
        self.refuse_unknown_keys(section, &names.collect::<Vec<_>>());
        let mut values = Values::new();
        for key in &keys {
            let allowed = match &key.allowed {
                Allowed::Number(range) => super::whole_number(range),
                Allowed::Machines => of_machines(machines),
                Allowed::Flag => "true or false".to_owned(),
            };
            let found = match (section.table.get(key.name), key.is_required) {
                (Some(found), _) => found,
                (None, true) => {
                    self.required(section, key.name, &allowed);
                    continue;
                }
                (None, false) => continue,
            };
            match (&key.allowed, found.get_ref()) {
                (Allowed::Number(range), _) => {
                    let number = self.integer(section, key.name, range.clone());
                    values.extend(number.map(|number| (key.name, Value::Number(number))));
                }
                (Allowed::Machines, value) => match machine_list(value, machines) {
                    Some(list) => {
                        values.insert(key.name, Value::Machines(list));
                    }
                    None => self.refuse(found, key.name, &allowed),
                },
                (Allowed::Flag, DeValue::Boolean(true)) => {
                    values.insert(key.name, Value::Yes);
                }
                (Allowed::Flag, DeValue::Boolean(false)) => {}
                (Allowed::Flag, _) => self.refuse(found, key.name, &allowed),
            }
        }
        fault(kind, &values)
    }
}

fn of_machines(machines: usize) -> String {
    format!("the number of a machine, 1..={machines}, or a list of different ones")
}

/// Reads the number of a machine or a list of them.
pub(super) fn machine_list(value: &DeValue<'_>, machines: usize) -> Option<Vec<MachineId>> {
    let machine = |value: &DeValue<'_>| {
        let integer = value.as_integer()?;
        let number = u16::from_str_radix(integer.as_str(), integer.radix()).ok()?;
        (1..=machines).contains(&usize::from(number)).then(|| MachineId::new(number))
    };
    let Some(array) = value.as_array() else {
        return Some(vec![machine(value)?]);
    };
    let mut list: Vec<MachineId> = Vec::new();
    for entry in array.iter().map(Spanned::get_ref) {
        list.push(machine(entry).filter(|machine| !list.contains(machine))?);
    }
    (!list.is_empty()).then_some(list)
}
