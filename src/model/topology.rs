//! Who may send to whom: a graph of the machines, in which every link is used both ways.

use super::chance::Dice;
use super::machine::{MachineId, peers_in_mesh};

/// The machines to which each machine of a trial may send; its peers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Topology {
    /// Every machine is linked with every other.
    #[default]
    FullMesh,
    /// By position of a machine in the trial: those that it is linked with, in rising order.
    Links(Vec<Vec<MachineId>>),
}

/// A topology as it is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Every machine is linked with every other.
    #[default]
    FullMesh,
    /// Each machine is linked with the next one, and the last with the first.
    Ring,
    /// Machine 1 is linked with all others, and nobody else is linked.
    Star,
    /// Rows of equal length, nearly as many as there are columns; each machine is linked with its
    /// neighbours in its row and its column. The last row may be shorter.
    Grid,
    /// Every machine is linked with as many others, drawn by chance.
    Random {
        /// How many others.
        degree: u16,
    },
}

impl Shape {
    /// The names of all shapes in trial files and on the command line.
    pub const NAMES: [&str; 5] = ["full-mesh", "ring", "star", "grid", "random"];

    /// Finds a shape by its name; the degree counts for the random one alone.
    #[must_use]
    pub fn named(name: &str, degree: u16) -> Option<Self> {
        match name {
            "full-mesh" => Some(Self::FullMesh),
            "ring" => Some(Self::Ring),
            "star" => Some(Self::Star),
            "grid" => Some(Self::Grid),
            "random" => Some(Self::Random { degree }),
            _ => None,
        }
    }

    /// Why so many machines cannot have this shape.
    #[must_use]
    pub fn misfit(self, machines: usize) -> Option<String> {
        let Self::Random { degree } = self else { return None };
        let is_odd = machines % 2 == 1;
        if (1..machines).contains(&usize::from(degree)) && !(is_odd && degree % 2 == 1) {
            return None;
        }
        let (most, even) = (machines - 1, if is_odd { ", an even number" } else { "" });
        Some(format!(
            "degree: found {degree}, allowed: 1..={most}{even}, as there are {machines} machines"
        ))
    }

    /// The number of peers of the machine that has most.
    #[must_use]
    pub fn peers_max(self, machines: usize) -> usize {
        match self {
            Self::FullMesh | Self::Star => machines - 1,
            Self::Ring => 2.min(machines - 1),
            Self::Grid => Topology::of_links(machines, &grid(machines)).peers_max(machines),
            Self::Random { degree } => usize::from(degree),
        }
    }

    /// The topology of so many machines, which it must fit; the dice draw what chance decides.
    ///
    /// # Panics
    /// When there are more machines than any trial has.
    #[must_use]
    pub fn topology(self, machines: usize, dice: &mut Dice) -> Topology {
        let links = match self {
            Self::FullMesh => return Topology::FullMesh,
            Self::Ring => (0..machines).map(|one| (one, (one + 1) % machines)).collect(),
            Self::Star => (1..machines).map(|leaf| (0, leaf)).collect(),
            Self::Grid => grid(machines),
            Self::Random { degree } => random(machines, usize::from(degree), dice),
        };
        Topology::of_links(machines, &links)
    }
}

impl Topology {
    /// Makes it from pairs of positions; a pair that stands twice counts once.
    fn of_links(machines: usize, links: &[(usize, usize)]) -> Self {
        let mut peers = vec![Vec::new(); machines];
        for &(one, other) in links {
            peers[one].push(MachineId::at(other));
            peers[other].push(MachineId::at(one));
        }
        for list in &mut peers {
            list.sort_unstable();
            list.dedup();
        }
        Self::Links(peers)
    }

    /// Makes it from the peers of each machine; a full mesh if no machine's are listed.
    ///
    /// # Errors
    /// When some are listed and others not, or when the lists do not fit each other; with the machine
    /// whose list is wrong.
    pub fn of_peers(lists: Vec<Option<Vec<MachineId>>>) -> Result<Self, Misfit> {
        let machines = lists.len();
        if lists.iter().all(Option::is_none) {
            return Ok(Self::FullMesh);
        }
        let mut links = Vec::with_capacity(machines);
        for (list, machine) in lists.into_iter().zip((0..).map(MachineId::at)) {
            let misfit = |what: String| Misfit { machine, what };
            let mut peers =
                list.ok_or_else(|| misfit("missing, while other machines list theirs".to_owned()))?;
            peers.sort_unstable();
            if let Some(bad) = peers.iter().find(|peer| machines <= peer.index()) {
                return Err(misfit(format!("there is no machine {bad}, allowed: 1..={machines}")));
            }
            if peers.contains(&machine) {
                return Err(misfit("no machine is its own peer".to_owned()));
            }
            if let Some(pair) = peers.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(misfit(format!("machine {} stands twice", pair[0])));
            }
            links.push(peers);
        }
        let topology = Self::Links(links);
        topology.refuse_one_way()?;
        Ok(topology)
    }

    fn refuse_one_way(&self) -> Result<(), Misfit> {
        let Self::Links(links) = self else { return Ok(()) };
        for (peers, machine) in links.iter().zip((0..).map(MachineId::at)) {
            if let Some(peer) = peers.iter().find(|peer| !self.links(**peer, machine)) {
                let what =
                    format!("machine {peer} does not list machine {machine}; links go both ways");
                return Err(Misfit { machine, what });
            }
        }
        Ok(())
    }

    /// The peers of a machine among so many, numbered as the rule of a tick does: in the trial's
    /// order, starting after the machine itself and wrapping round.
    #[must_use]
    pub fn peers(&self, machine: MachineId, machines: usize) -> Vec<MachineId> {
        match self {
            Self::FullMesh => peers_in_mesh(machine, machines),
            Self::Links(links) => {
                let mut peers = links[machine.index()].clone();
                let before = peers.partition_point(|peer| *peer < machine);
                peers.rotate_left(before);
                peers
            }
        }
    }

    /// What is left without one machine, the later ones renumbered; none if that leaves a machine
    /// without peers.
    #[must_use]
    pub fn without(&self, gone: MachineId) -> Option<Self> {
        let Self::Links(links) = self else { return Some(Self::FullMesh) };
        let renumbered = |peer: &MachineId| match *peer < gone {
            true => *peer,
            false => MachineId::at(peer.index() - 1),
        };
        let kept = links.iter().zip((0..).map(MachineId::at)).filter(|(_, of)| *of != gone);
        let kept = kept.map(|(peers, _)| -> Vec<MachineId> {
            peers.iter().filter(|peer| **peer != gone).map(renumbered).collect()
        });
        let kept: Vec<_> = kept.collect();
        kept.iter().all(|peers| !peers.is_empty()).then_some(Self::Links(kept))
    }

    /// The number of peers of the machine that has most.
    #[must_use]
    pub fn peers_max(&self, machines: usize) -> usize {
        match self {
            Self::FullMesh => machines.saturating_sub(1),
            Self::Links(links) => links.iter().map(Vec::len).max().unwrap_or(0),
        }
    }

    /// Whether two machines are linked.
    #[must_use]
    pub fn links(&self, one: MachineId, other: MachineId) -> bool {
        match self {
            Self::FullMesh => one != other,
            Self::Links(links) => links[one.index()].binary_search(&other).is_ok(),
        }
    }
}

/// What is wrong with the peers that are listed for a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The machine.
    pub machine: MachineId,
    /// What is wrong.
    pub what: String,
}

fn grid(machines: usize) -> Vec<(usize, usize)> {
    let columns = (1..=machines).find(|columns| machines <= columns * columns).unwrap_or(1);
    let to_the_right = (1..machines).filter(|place| place % columns != 0);
    let below = columns..machines;
    to_the_right
        .map(|place| (place - 1, place))
        .chain(below.map(|place| (place - columns, place)))
        .collect()
}

/// Exchanges of ends per link: after some ten of them, nothing is left of the first order (Milo et
/// al. 2003, "On the uniform generation of random graphs with prescribed degree sequences", advise
/// a hundred to be sure).
const EXCHANGES_PER_LINK: usize = 100;

/// A random graph in which all machines have as many links: machines in a circle, each linked with
/// those nearest to it; then, again and again, two links that are drawn exchange their ends, unless
/// that makes a link that is there already.
fn random(machines: usize, degree: usize, dice: &mut Dice) -> Vec<(usize, usize)> {
    let mut links: Vec<(usize, usize)> = (0..machines)
        .flat_map(|one| (1..=degree / 2).map(move |step| (one, (one + step) % machines)))
        .collect();
    if degree % 2 == 1 {
        links.extend((0..machines / 2).map(|one| (one, one + machines / 2)));
    }
    let mut linked = vec![false; machines * machines];
    let set = |(one, other): (usize, usize), is_linked: bool, linked: &mut [bool]| {
        linked[one * machines + other] = is_linked;
        linked[other * machines + one] = is_linked;
    };
    links.iter().for_each(|link| set(*link, true, &mut linked));
    let faces = u32::try_from(links.len()).expect("a thousand machines have fewer than 2^32 links");
    for _ in 0..EXCHANGES_PER_LINK * links.len() {
        let [first, second] = [0; 2].map(|_| dice.roll(faces) as usize - 1);
        let ((a, b), (c, d)) = (links[first], links[second]);
        // A link has no direction: the second is taken either way round.
        let (c, d) = if dice.roll(2) == 1 { (c, d) } else { (d, c) };
        if a == d || c == b || linked[a * machines + d] || linked[c * machines + b] {
            continue;
        }
        for (place, old, new) in [(first, (a, b), (a, d)), (second, (c, d), (c, b))] {
            set(old, false, &mut linked);
            set(new, true, &mut linked);
            links[place] = new;
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Seed, Stream};

    fn topology(shape: Shape, machines: usize) -> Topology {
        let mut dice = Dice::new(Seed::new(7).unwrap(), Stream::Topology);
        shape.topology(machines, &mut dice)
    }

    fn peers(shape: Shape, machines: usize, machine: u16) -> Vec<u16> {
        let peers = topology(shape, machines).peers(MachineId::new(machine), machines);
        peers.into_iter().map(MachineId::get).collect()
    }

    #[test]
    fn a_ring_has_two_neighbours_numbered_from_the_next_one() {
        assert_eq!(peers(Shape::Ring, 5, 1), [2, 5]);
        assert_eq!(peers(Shape::Ring, 5, 3), [4, 2]);
        assert_eq!(peers(Shape::Ring, 2, 1), [2]);
    }

    #[test]
    fn a_star_has_a_hub() {
        assert_eq!(peers(Shape::Star, 4, 1), [2, 3, 4]);
        assert_eq!(peers(Shape::Star, 4, 3), [1]);
    }

    /// 1 2 3
    /// 4 5 6
    /// 7 8
    #[test]
    fn a_grid_links_rows_and_columns() {
        assert_eq!(peers(Shape::Grid, 8, 1), [2, 4]);
        assert_eq!(peers(Shape::Grid, 8, 5), [6, 8, 2, 4]);
        assert_eq!(peers(Shape::Grid, 8, 6), [3, 5]);
        assert_eq!(peers(Shape::Grid, 8, 8), [5, 7]);
    }

    #[test]
    fn a_random_topology_has_the_degree_everywhere_and_both_ways() {
        for (machines, degree) in [(10, 3), (9, 4), (2, 1), (100, 6), (7, 6)] {
            let topology = topology(Shape::Random { degree }, machines);
            for one in (0..machines).map(MachineId::at) {
                let peers = topology.peers(one, machines);
                assert_eq!(peers.len(), usize::from(degree));
                assert!(peers.iter().all(|other| *other != one && topology.links(*other, one)));
            }
        }
        let shape = Shape::Random { degree: 3 };
        assert_eq!(topology(shape, 10), topology(shape, 10), "the seed decides");
        assert_ne!(peers(shape, 100, 1), [2, 51, 100], "links are exchanged");
    }

    #[test]
    fn a_degree_that_cannot_be_is_refused() {
        assert_eq!(Shape::Random { degree: 3 }.misfit(4), None);
        for (machines, degree) in [(3, 0), (3, 3), (5, 3)] {
            let refused = Shape::Random { degree }.misfit(machines).unwrap();
            assert!(refused.starts_with(&format!("degree: found {degree}")), "{refused}");
        }
    }
}
