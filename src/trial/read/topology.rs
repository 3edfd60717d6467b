//! Who may send to whom, in a trial file: a shape by its name, or the peers of each machine.

use toml::Spanned;
use toml::de::DeValue;

use super::{Reader, Section, faults};
use crate::model::{MachineId, Shape, Topology};
use crate::trial::draft::DraftTopology;

impl Reader<'_> {
    /// Reads the topology of a trial that lists so many machines.
    pub(super) fn topology(&mut self, trial: &Section<'_>, machines: usize) -> DraftTopology {
        let shape = self.shape(trial, machines);
        let listed = self.listed_peers(trial, machines);
        if listed == Topology::FullMesh {
            return DraftTopology::Shape(shape.unwrap_or_default());
        }
        if let Some(value) = trial.table.get("topology") {
            let what = "topology: stands beside peers of machines; leave out one of the two";
            self.complain(value.span(), what.to_owned());
        }
        DraftTopology::Listed(listed)
    }

    fn shape(&mut self, trial: &Section<'_>, machines: usize) -> Option<Shape> {
        let value = trial.table.get("topology");
        let name = value.and_then(|value| value.get_ref().as_str());
        let is_random = name == Some("random");
        let degrees = 1..=u64::from(u16::MAX);
        let degree = match trial.table.get("degree") {
            Some(degree) if !is_random => {
                let what = "degree: is of topology = \"random\" alone; leave it out";
                self.complain(degree.span(), what.to_owned());
                None
            }
            None if is_random => {
                self.required(trial, "degree", "the number of peers of each machine");
                None
            }
            _ => self.integer(trial, "degree", degrees),
        };
        let degree = degree.and_then(|degree| u16::try_from(degree).ok());
        let Some(shape) = Shape::named(name.unwrap_or_default(), degree.unwrap_or(1)) else {
            if let Some(value) = value {
                let names = Shape::NAMES.map(|name| format!("\"{name}\""));
                self.refuse(value, "topology", &names.join(", "));
            }
            return None;
        };
        if is_random && degree.is_none() {
            return None;
        }
        let misfit = shape.misfit(machines.max(1));
        if let (Some(misfit), Some(degree)) = (&misfit, trial.table.get("degree")) {
            self.complain(degree.span(), misfit.clone());
        }
        misfit.is_none().then_some(shape)
    }

    /// The peers of each machine; a full mesh if none are listed, or they are wrong.
    fn listed_peers(&mut self, trial: &Section<'_>, machines: usize) -> Topology {
        let tables: Vec<_> = trial
            .table
            .get("machine")
            .and_then(|value| value.get_ref().as_array())
            .into_iter()
            .flatten()
            .collect();
        let mut lists = Vec::new();
        for table in &tables {
            let value = table.get_ref().as_table().and_then(|table| table.get("peers"));
            let peers = value.map(|value| self.peers(value, machines));
            if peers.as_ref().is_some_and(Option::is_none) {
                return Topology::FullMesh;
            }
            lists.push(peers.flatten());
        }
        Topology::of_peers(lists).unwrap_or_else(|misfit| {
            let table = tables[misfit.machine.index()];
            let peers = table.get_ref().as_table().and_then(|table| table.get("peers"));
            let span = peers.map_or(table.span(), Spanned::span);
            self.complain(span, format!("peers of machine {}: {}", misfit.machine, misfit.what));
            Topology::FullMesh
        })
    }

    fn peers(&mut self, value: &Spanned<DeValue<'_>>, machines: usize) -> Option<Vec<MachineId>> {
        let peers = value
            .get_ref()
            .as_array()
            .and_then(|_| faults::machine_list(value.get_ref(), machines));
        if peers.is_none() {
            let allowed = format!("a list of different machines, each in 1..={machines}");
            self.refuse(value, "peers", &allowed);
        }
        peers
    }
}
