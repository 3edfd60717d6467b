//! The header of a log: what it says of its run before the first tick.
//!
//! Every line begins with `# ` and is a key, a colon and a value. The header carries the whole
//! resolved trial, so that a log explains itself and a missing log is noticed.

mod trial;

use std::fmt;
use std::sync::Arc;

use super::FORMAT;
use super::fields::number;
use crate::model::{MachineId, Topology};
use crate::pace::{Pace, Speed};
use crate::quote::shown;
use crate::trial::fault_keys;
use crate::trial::{Durability, MachineSpec, Trial};
use trial::TrialBuilder;

/// The first line of every log, up to the number of its format.
pub(super) const TITLE: &str = "# scalemodel log, format ";

/// The line of column names, without `#`: gnuplot and data libraries find columns by it.
pub const COLUMNS: [&str; 10] = [
    "system_time",
    "tick",
    "model_time_s",
    "lateness_us",
    "event",
    "peers",
    "logical_clock",
    "queue_len",
    "received_timestamp",
    "draw",
];

/// What a log says of its run before the first tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The version of the program that wrote the log.
    pub version: String,
    /// The machine whose log it is.
    pub machine: MachineId,
    /// The pace of the run.
    pub pace: Pace,
    /// The resolved trial. Logs of one run that are read together share it.
    pub trial: Arc<Trial>,
}

impl Header {
    /// The header of a log that this program writes.
    #[must_use]
    pub fn new(trial: impl Into<Arc<Trial>>, machine: MachineId, pace: Pace) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { version, machine, pace, trial: trial.into() }
    }
}

impl fmt::Display for Header {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{TITLE}{FORMAT}")?;
        writeln!(formatter, "# version: {}", self.version)?;
        writeln!(formatter, "# trial: {}", self.trial.name)?;
        writeln!(formatter, "# machine: {}", self.machine)?;
        writeln!(formatter, "# pace: {}", self.pace.name())?;
        match self.pace {
            Pace::Real(speed) => writeln!(formatter, "# speed: {speed}")?,
            Pace::Virtual => writeln!(formatter, "# speed: -")?,
        }
        writeln!(formatter, "# seed: {}", self.trial.seed)?;
        writeln!(formatter, "# draw_range: {}", self.trial.draw_range.0)?;
        writeln!(formatter, "# duration_s: {}", self.trial.duration_s)?;
        if self.trial.durability == Durability::Host {
            writeln!(formatter, "# durability: host")?;
        }
        writeln!(formatter, "# machines: {}", self.trial.machines.len())?;
        for (spec, id) in self.trial.machines.iter().zip(self.trial.machine_ids()) {
            let MachineSpec { host, port, clock_rate, phase } = spec;
            write!(
                formatter,
                "# machine {id}: host={host} port={port} clock_rate={clock_rate} phase={phase}"
            )?;
            if self.trial.topology != Topology::FullMesh {
                write!(formatter, " peers={}", fault_keys::listed(&self.trial.peers(id), ","))?;
            }
            writeln!(formatter)?;
        }
        for (fault, number) in self.trial.faults.iter().zip(1..) {
            writeln!(formatter, "# fault {number}: {}", fault_keys::line(fault))?;
        }
        Ok(())
    }
}

/// The trial of a header, with the lines that say it. Every log of a run repeats them, and a trial
/// may have a thousand machines: what is known already is compared and not read again.
#[derive(Debug)]
pub struct KnownTrial {
    lines: String,
    trial: Arc<Trial>,
}

/// A header that is being read, line by line.
#[derive(Debug, Default)]
pub(super) struct HeaderBuilder<'a> {
    version: Option<String>,
    machine: Option<MachineId>,
    pace_name: Option<String>,
    /// None within if there is no speed: `-`.
    speed: Option<Option<Speed>>,
    /// The lines so far that are about the trial.
    lines: String,
    /// A trial whose lines begin with these; they are not read while there is one.
    known: Option<&'a KnownTrial>,
    trial: TrialBuilder,
}

impl<'a> HeaderBuilder<'a> {
    /// No line was read yet, and a trial is known, or none.
    pub(super) fn knowing(known: Option<&'a KnownTrial>) -> Self {
        Self { known, ..Self::default() }
    }

    /// Takes one line, split at its colon. A key that is not known is passed over: later releases
    /// may add keys, and raise the number of the format when that would lead a reader astray.
    pub(super) fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        let taken = match key {
            "version" => allowed(value, is_word).and_then(|v| once(&mut self.version, v)),
            "machine" => machine_id(value).and_then(|id| once(&mut self.machine, id)),
            "pace" => allowed(value, is_pace).and_then(|name| once(&mut self.pace_name, name)),
            "speed" if value == "-" => once(&mut self.speed, None),
            "speed" => value.parse().and_then(|speed| once(&mut self.speed, Some(speed))),
            _ => return self.take_of_trial(key, value),
        };
        taken.map_err(|what| format!("{key}: {what}"))
    }

    fn take_of_trial(&mut self, key: &str, value: &str) -> Result<(), String> {
        let before = self.lines.len();
        for part in [key, ": ", value, "\n"] {
            self.lines.push_str(part);
        }
        if let Some(known) = self.known {
            if known.lines[before..].starts_with(&self.lines[before..]) {
                return Ok(());
            }
            self.part_from_known(before)?;
        }
        self.trial.take(key, value)
    }

    /// Reads the lines up to a byte after all, as the trial turns out to be another.
    fn part_from_known(&mut self, until: usize) -> Result<(), String> {
        self.known = None;
        for line in self.lines[..until].lines() {
            let (key, value) = line.split_once(": ").unwrap_or((line, ""));
            self.trial.take(key, value)?;
        }
        Ok(())
    }

    /// Gives the header, and its trial with its lines; or names what it lacks.
    pub(super) fn finish(mut self) -> Result<(Header, KnownTrial), String> {
        let pace_name = present("pace", self.pace_name.take())?;
        let pace = match (pace_name.as_str(), present("speed", self.speed)?) {
            ("real", Some(speed)) => Pace::Real(speed),
            ("virtual", None) => Pace::Virtual,
            _ => return Err(format!("the speed does not fit the pace '{pace_name}'")),
        };
        let machine = present("machine", self.machine)?;
        let trial = match self.known.filter(|known| known.lines.len() == self.lines.len()) {
            Some(known) => Arc::clone(&known.trial),
            None => {
                if self.known.is_some() {
                    self.part_from_known(self.lines.len())?;
                }
                Arc::new(self.trial.finish()?)
            }
        };
        let listed = trial.machines.len();
        if listed <= machine.index() {
            return Err(format!("machine: {machine}, but the header lists {listed}"));
        }
        let version = present("version", self.version)?;
        let known = KnownTrial { lines: self.lines, trial: Arc::clone(&trial) };
        Ok((Header { version, machine, pace, trial }, known))
    }
}

fn present<T>(name: &str, value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| format!("the header has no line '# {name}: ...'"))
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err("stands twice in the header".to_owned()),
    }
}

/// Takes a text that is printed elsewhere: what could play tricks on a terminal is refused.
fn allowed(value: &str, is_allowed: fn(&str) -> bool) -> Result<String, String> {
    let refusal = || format!("{} is not allowed here", shown(value));
    is_allowed(value).then(|| value.to_owned()).ok_or_else(refusal)
}

fn is_pace(text: &str) -> bool {
    matches!(text, "real" | "virtual")
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn machine_id(text: &str) -> Result<MachineId, String> {
    match number(text)? {
        0 => Err("machines are numbered from 1".to_owned()),
        number => Ok(MachineId::new(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIAL: &str = "\
name = \"ring\"
duration_s = 60
draw_range = 10
seed = 7
[[machine]]
host = \"127.0.0.1\"
port = 20001
clock_rate = 2
phase = 10
peers = [2]
[[machine]]
host = \"127.0.0.1\"
port = 20002
clock_rate = 3
phase = 700
peers = [1]
[[fault]]
kind = \"pause\"
at_ms = 1000
for_ms = 2000
machine = 2
";

    fn read(lines: &[&str], known: Option<&KnownTrial>) -> Result<(Header, KnownTrial), String> {
        let mut builder = HeaderBuilder::knowing(known);
        for line in lines {
            let (key, value) = line.split_once(": ").unwrap();
            builder.take(key, value)?;
        }
        builder.finish()
    }

    /// The same lines with one of them left out, doubled, told of another or cut off.
    fn changed<'a>(lines: &[&'a str], altered: &'a [String]) -> Vec<Vec<&'a str>> {
        let mut all = vec![lines.to_vec()];
        for place in 0..lines.len() {
            let mut variants = [lines.to_vec(), lines.to_vec(), lines.to_vec()];
            variants[0].remove(place);
            variants[1].insert(place, lines[place]);
            variants[2][place] = &altered[place];
            all.extend(variants);
            all.push(lines[..place].to_vec());
            all.push([lines, &lines[place..]].concat());
        }
        all
    }

    #[test]
    fn a_header_reads_the_same_whether_its_trial_is_known_or_not() {
        let trial = Trial::parse_resolved(std::path::Path::new("ring.toml"), TRIAL).unwrap();
        let [first, second] = [1, 2].map(MachineId::new);
        let text = |machine| Header::new(trial.clone(), machine, Pace::Virtual).to_string();
        let (one, two) = (text(first), text(second));
        let [one, two] = [&one, &two].map(|text| -> Vec<&str> {
            text.lines().skip(1).map(|line| line.trim_start_matches("# ")).collect()
        });
        let known = read(&one, None).unwrap().1;
        let altered: Vec<_> =
            two.iter().map(|line| line.replacen(['0', '1', '2'], "3", 1)).collect();
        let mut read_well = 0;
        for lines in changed(&two, &altered) {
            let [alone, knowing] =
                [None, Some(&known)].map(|known| read(&lines, known).map(|(header, _)| header));
            assert_eq!(knowing, alone, "{lines:#?}");
            read_well += usize::from(alone.is_ok());
        }
        assert!(2 < read_well);
        let again = read(&two, Some(&known)).unwrap().0;
        assert_eq!(again.machine, second);
        assert!(Arc::ptr_eq(&again.trial, &known.trial));
    }

    #[test]
    fn names_and_versions_with_control_characters_are_refused() {
        for (key, good) in [("version", "0.1.0"), ("trial", "trial5")] {
            assert_eq!(HeaderBuilder::default().take(key, good), Ok(()));
            for bad in [format!("{good}\r"), format!("{good}\u{1b}[2J"), String::new()] {
                assert!(HeaderBuilder::default().take(key, &bad).is_err(), "{key}: {bad:?}");
            }
        }
    }
}
