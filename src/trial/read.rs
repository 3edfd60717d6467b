//! TOML to draft: every mistake of a file is found in one pass, and told with its line.
//!
//! The values are taken from the parsed document by hand, because a deserialiser stops at the
//! first mistake.

mod faults;
mod topology;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::draft::{Draft, DraftMachine};
use super::problem::{Problem, Problems};
use super::{DRAW_RANGE, DURATION_S, Durability, MACHINES, NAME_LEN_MAX, is_name};
use crate::model::{ClockRate, DrawRange, Phase, Seed};

const TRIAL_KEYS: [&str; 9] = [
    "name",
    "duration_s",
    "draw_range",
    "seed",
    "durability",
    "topology",
    "degree",
    "machine",
    "fault",
];
const MACHINE_KEYS: [&str; 5] = ["host", "port", "clock_rate", "phase", "peers"];

/// Reads the text of a trial file.
pub(super) fn parse(file: &str, text: &str) -> Result<Draft, Problems> {
    let (document, syntax) = DeTable::parse_recoverable(text);
    let mut reader = Reader { text, problems: Vec::new() };
    for error in syntax {
        reader.complain(error.span().unwrap_or(0..0), error.message().replace('\n', ", "));
    }
    let draft = if reader.problems.is_empty() { reader.trial(document.get_ref()) } else { None };
    match draft {
        Some(draft) if reader.problems.is_empty() => Ok(draft),
        _ => {
            reader.problems.sort();
            Err(Problems { file: file.to_owned(), problems: reader.problems })
        }
    }
}

/// A table of the file, and what to call it when one of its keys is missing.
struct Section<'a> {
    table: &'a DeTable<'a>,
    name: String,
    span: Range<usize>,
}

/// Collects mistakes while the document is walked.
struct Reader<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn complain(&mut self, span: Range<usize>, what: String) {
        let line = 1 + self.text.as_bytes()[..span.start].iter().filter(|&&b| b == b'\n').count();
        self.problems.push(Problem { line, what });
    }

    fn trial(&mut self, table: &DeTable<'_>) -> Option<Draft> {
        let section = Section { table, name: "the trial".to_owned(), span: 0..0 };
        self.refuse_unknown_keys(&section, &TRIAL_KEYS);
        let name = self.name(&section);
        let duration_s = self.required_integer(&section, "duration_s", DURATION_S);
        let draw_range = self.required_integer(&section, "draw_range", DRAW_RANGE);
        let seed = self.integer(&section, "seed", 0..=Seed::MAX);
        let durability = self.durability(&section);
        let machines = self.machines(&section);
        // A machine with a mistake counts as well: all mistakes are told at once.
        let listed = table.get("machine").and_then(|value| value.get_ref().as_array());
        let count = listed.map_or(0, |array| array.len());
        let topology = self.topology(&section, count);
        let faults = self.faults(&section, count, duration_s);
        self.refuse_small_draw_range(&section, draw_range, topology.peers_max(count.max(1)));
        Some(Draft {
            name: name?,
            duration_s: duration_s?,
            draw_range: DrawRange(u32::try_from(draw_range?).ok()?),
            seed: seed.and_then(Seed::new),
            machines,
            faults,
            durability,
            topology,
        })
    }

    fn refuse_unknown_keys(&mut self, section: &Section<'_>, known: &[&str]) {
        for key in section.table.keys() {
            if known.contains(&key.get_ref().as_ref()) {
                continue;
            }
            let meant = nearest(key.get_ref(), known)
                .map(|name| format!("did you mean '{name}'? "))
                .unwrap_or_default();
            let allowed = known.join(", ");
            let what = format!("unknown key '{}'; {meant}allowed: {allowed}", key.get_ref());
            self.complain(key.span(), what);
        }
    }

    fn name(&mut self, section: &Section<'_>) -> Option<String> {
        let value = self.required(section, "name", "letters a-z, digits and '-'")?;
        let name = value.get_ref().as_str().filter(|name| is_name(name));
        if name.is_none() {
            let allowed =
                format!("1 to {NAME_LEN_MAX} letters a-z, digits and '-', not starting with '-'");
            self.refuse(value, "name", &allowed);
        }
        name.map(str::to_owned)
    }

    fn durability(&mut self, section: &Section<'_>) -> Durability {
        let Some(value) = section.table.get("durability") else { return Durability::default() };
        value.get_ref().as_str().and_then(Durability::named).unwrap_or_else(|| {
            self.refuse(value, "durability", "\"process\" or \"host\"");
            Durability::default()
        })
    }

    fn machines(&mut self, trial: &Section<'_>) -> Vec<DraftMachine> {
        let allowed = format!("{} to {} [[machine]] tables", MACHINES.start(), MACHINES.end());
        let Some(value) = self.required(trial, "machine", &allowed) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.refuse(value, "machine", &allowed);
            return Vec::new();
        };
        if !MACHINES.contains(&array.len()) {
            let what = format!("machine: found {}, allowed: {allowed}", array.len());
            self.complain(value.span(), what);
        }
        let mut ports = BTreeMap::new();
        let mut machines = Vec::new();
        for (entry, number) in array.iter().zip(1..) {
            let Some(table) = entry.get_ref().as_table() else {
                self.refuse(entry, "machine", "[[machine]] tables");
                continue;
            };
            let name = format!("machine {number}");
            machines.extend(self.machine(&Section { table, name, span: entry.span() }, &mut ports));
        }
        machines
    }

    fn machine(
        &mut self,
        section: &Section<'_>,
        ports: &mut BTreeMap<u64, String>,
    ) -> Option<DraftMachine> {
        self.refuse_unknown_keys(section, &MACHINE_KEYS);
        let host = self.host(section);
        let port = self.required_integer(section, "port", 1..=u64::from(u16::MAX));
        if let Some(port) = port
            && let Some(other) = ports.insert(port, section.name.clone())
        {
            let span = section.table.get("port").map_or(section.span.clone(), Spanned::span);
            let what = format!("port: found {port}, which is {other}'s; every port of a trial is");
            self.complain(span, what + " different, as it names the log");
        }
        let clock_rate = self.integer(section, "clock_rate", ClockRate::ALLOWED);
        let phase = self.integer(section, "phase", Phase::ALLOWED);
        Some(DraftMachine {
            host: host?,
            port: u16::try_from(port?).ok()?,
            clock_rate: clock_rate.and_then(|rate| u32::try_from(rate).ok()).map(ClockRate),
            phase: phase.and_then(|phase| u32::try_from(phase).ok()).map(Phase),
        })
    }

    fn host(&mut self, section: &Section<'_>) -> Option<IpAddr> {
        const ALLOWED: &str = "an IP address of this computer, such as \"127.0.0.1\"";
        let value = self.required(section, "host", ALLOWED)?;
        let host = value.get_ref().as_str().and_then(|text| text.parse().ok());
        let host = host.filter(|host: &IpAddr| !host.is_unspecified() && !host.is_multicast());
        if host.is_none() {
            self.refuse(value, "host", ALLOWED);
        }
        host
    }

    fn refuse_small_draw_range(
        &mut self,
        section: &Section<'_>,
        draw_range: Option<u64>,
        peers_max: usize,
    ) {
        let Some(found) = draw_range.filter(|range| *range <= peers_max as u64) else {
            return;
        };
        let span = section.table.get("draw_range").map_or(0..0, Spanned::span);
        let what = format!(
            "draw_range: found {found}, allowed: {} or more, as a machine with {peers_max} peers \
             needs a number for each of them and one for a send to all",
            peers_max + 1
        );
        self.complain(span, what);
    }

    fn required<'t>(
        &mut self,
        section: &Section<'t>,
        key: &str,
        allowed: &str,
    ) -> Option<&'t Spanned<DeValue<'t>>> {
        let value = section.table.get(key);
        if value.is_none() {
            let what = format!("{key}: missing in {}; allowed: {allowed}", section.name);
            self.complain(section.span.clone(), what);
        }
        value
    }

    fn required_integer(
        &mut self,
        section: &Section<'_>,
        key: &str,
        allowed: RangeInclusive<u64>,
    ) -> Option<u64> {
        self.required(section, key, &whole_number(&allowed))?;
        self.integer(section, key, allowed)
    }

    fn integer(
        &mut self,
        section: &Section<'_>,
        key: &str,
        allowed: RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = section.table.get(key)?;
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|integer| u64::from_str_radix(integer.as_str(), integer.radix()).ok())
            .filter(|number| allowed.contains(number));
        if number.is_none() {
            self.refuse(value, key, &whole_number(&allowed));
        }
        number
    }

    fn refuse(&mut self, value: &Spanned<DeValue<'_>>, key: &str, allowed: &str) {
        const SHOWN_MAX: usize = 40;
        let found = self.text.get(value.span()).unwrap_or_default();
        let first_line = found.lines().next().unwrap_or_default();
        let shown: String = first_line.chars().take(SHOWN_MAX).collect();
        let more = if shown.len() < found.len() { "..." } else { "" };
        self.complain(value.span(), format!("{key}: found {shown}{more}, allowed: {allowed}"));
    }
}

/// The known name that somebody may have meant.
fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(name, found), *name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3)
        .map(|(_, name)| name)
}

fn whole_number(allowed: &RangeInclusive<u64>) -> String {
    format!("a whole number in {}..={}", allowed.start(), allowed.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
name = "trial5"
duration_s = 60
draw_range = 10
seed = 5

[[machine]]
host = "127.0.0.1"
port = 20151
clock_rate = 5

[[machine]]
host = "127.0.0.1"
port = 20152
phase = 77
"#;

    fn problems(text: &str) -> Vec<String> {
        let problems = parse("x.toml", text).unwrap_err();
        problems.to_string().lines().map(str::to_owned).collect()
    }

    fn problem_of(good: &str, bad: &str) -> String {
        assert!(GOOD.contains(good), "{good} is in the good trial");
        let found = problems(&GOOD.replacen(good, bad, 1));
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap()
    }

    #[test]
    fn a_good_trial_is_read_and_what_it_leaves_open_stays_open() {
        let draft = parse("x.toml", GOOD).unwrap();
        assert_eq!(draft.name, "trial5");
        assert_eq!(draft.machines[0].clock_rate, Some(ClockRate(5)));
        assert_eq!(draft.machines[0].phase, None);
        assert_eq!(draft.machines[1].phase, Some(Phase(77)));
        assert_eq!(draft.open_keys(), ["phase of 1", "clock_rate of 2"]);
    }

    #[test]
    fn a_resolved_trial_is_read_back_as_it_was_printed() {
        let trial = parse("x.toml", GOOD).unwrap().resolve().unwrap();
        let again = parse("x.toml", &trial.to_string()).unwrap();
        assert_eq!(again.open_keys(), [] as [&str; 0]);
        assert_eq!(again.resolve().unwrap(), trial);
    }

    #[test]
    fn fixing_one_drawn_quantity_changes_no_other() {
        let open = parse("x.toml", GOOD).unwrap().resolve().unwrap();
        let fixed = GOOD.replace("clock_rate = 5", "clock_rate = 2\nphase = 9");
        let fixed = parse("x.toml", &fixed).unwrap().resolve().unwrap();
        assert_eq!(open.machines[1], fixed.machines[1]);
    }

    /// What stands in the good trial, what is put in its place, and the complaint.
    const MISTAKES: &[(&str, &str, &str)] = &[
        ("seed = 5", "seed = -5", "x.toml:5: seed: found -5, allowed: a whole number in 0..="),
        ("= 60", "= 0", "x.toml:3: duration_s: found 0, allowed: a whole number in 1..="),
        ("= 60", "= 1.5", "x.toml:3: duration_s: found 1.5, allowed: a whole number in 1..="),
        ("= 10", "= 1", "x.toml:4: draw_range: found 1, allowed: 2 or more"),
        ("= 20151", "= 65536", "x.toml:9: port: found 65536, allowed: a whole number in 1..=6"),
        ("= 20152", "= 20151", "x.toml:14: port: found 20151, which is machine 1's"),
        ("= 77", "= 1001", "x.toml:15: phase: found 1001, allowed: a whole number in 1..=1000"),
        ("clock_rate = 5", "clock_rate = \"6\"", "x.toml:10: clock_rate: found \"6\", allowed"),
        ("\"127.0.0.1\"", "\"localhost\"", "x.toml:8: host: found \"localhost\", allowed: an IP"),
        ("\"127.0.0.1\"", "\"0.0.0.0\"", "x.toml:8: host: found \"0.0.0.0\", allowed: an IP"),
        ("\"trial5\"", "\"../up\"", "x.toml:2: name: found \"../up\", allowed: 1 to 64 letters"),
        ("clock_rate", "clockrate", "x.toml:10: unknown key 'clockrate'; did you mean 'clock_"),
        ("seed", "colour", "x.toml:5: unknown key 'colour'; allowed: name, duration_s"),
        ("draw_range = 10", "", "x.toml:1: draw_range: missing in the trial; allowed: a whole"),
        ("port = 20152", "", "x.toml:12: port: missing in machine 2; allowed: a whole number"),
        ("seed = 5", "seed = ", "x.toml:5: "),
    ];

    /// What is put behind the good trial, and the complaint; fault 1 begins on line 17.
    const FAULTS: &[(&str, &str)] = &[
        ("at_ms = 1\nfor_ms = 1", "x.toml:17: kind: missing in fault 1; allowed: kill, pause"),
        (
            "kind = \"los\"",
            "x.toml:18: kind: found \"los\", allowed: kill, pause, freeze, step, ramp",
        ),
        ("kind = \"kill\"\nat_ms = 5\nfor_ms = 9", "x.toml:17: machine: missing in fault 1; "),
        ("kind = \"kill\"\nat_ms = 5\nfor_ms = 9\nmachine = 3", "x.toml:21: machine: found 3, a"),
        ("kind = \"kill\"\nat_ms = 5\nfor_ms = 9\nmachine = [1, 1]", "x.toml:21: machine: found ["),
        ("kind = \"kill\"\nat_ms = 5\nfor_ms = 0\nmachine = 1", "x.toml:20: for_ms: found 0, al"),
        (
            "kind = \"kill\"\nat_ms = 5\nfor_ms = 9\nmachines = 1\nmachine = 1",
            "x.toml:21: unknown key 'machines'; did you mean 'machine'? allowed: kind, at_ms, for_ms",
        ),
        (
            "kind = \"kill\"\nat_ms = 5\nfor_ms = 60_000\nmachine = 1",
            "x.toml:17: fault 1: for_ms: the kill ends at 60005 ms, allowed: 60000 or less, the end",
        ),
        (
            "kind = \"loss\"\nat_ms = 5\nfor_ms = 9\nfrom = 1\nto = 1\npercent = 7",
            "x.toml:17: fault 1: to: no machine but the sender itself, allowed: another machine",
        ),
        (
            "kind = \"loss\"\nat_ms = 5\nfor_ms = 9\nfrom = 1\nto = 2\npercent = 0",
            "x.toml:23: percent: found 0, allowed: a whole number in 1..=100",
        ),
        (
            "kind = \"partition\"\nat_ms = 5\nfor_ms = 9\nfrom = 1\nto = 2\nboth_ways = 1",
            "x.toml:23: both_ways: found 1, allowed: true or false",
        ),
        (
            "kind = \"kill\"\nat_ms = 5\nfor_ms = 9\nmachine = 1\n[[fault]]\nkind = \"pause\"\n\
             at_ms = 14\nfor_ms = 1\nmachine = [2, 1]",
            "x.toml:22: fault 2: at_ms: gets into the way of fault 1 on machine 1; of these two the \
             later one begins at 15 ms or later",
        ),
        (
            "kind = \"jitter\"\nat_ms = 0\nfor_ms = 20\nspread = 1\nmachine = 1\n[[fault]]\n\
             kind = \"freeze\"\nat_ms = 19\nfor_ms = 1\nmachine = 1",
            "x.toml:23: fault 2: at_ms: gets into the way of fault 1",
        ),
    ];

    #[test]
    fn every_mistake_in_a_fault_is_told() {
        for (fault, expected) in FAULTS {
            let found = problems(&format!("{GOOD}\n[[fault]]\n{fault}\n"));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(expected), "{}\n{expected}", found[0]);
        }
    }

    #[test]
    fn faults_are_printed_as_they_were_given() {
        let faults = "
[[fault]]
kind = \"kill\"
at_ms = 4000
for_ms = 2500
machine = [2, 1]

[[fault]]
kind = \"delay\"
at_ms = 0
for_ms = 60000
from = 1
to = 2
both_ways = true
delay_ms = 20
jitter_ms = 5
";
        let trial = parse("x.toml", &format!("{GOOD}{faults}")).unwrap().resolve().unwrap();
        assert!(trial.to_string().ends_with(faults), "{trial}");
        let again = parse("x.toml", &trial.to_string()).unwrap().resolve().unwrap();
        assert_eq!(again, trial);
    }

    #[test]
    fn a_fault_that_a_shorter_duration_leaves_behind_is_told() {
        let fault = "\n[[fault]]\nkind = \"kill\"\nat_ms = 5\nfor_ms = 9000\nmachine = 1\n";
        let mut draft = parse("x.toml", &format!("{GOOD}{fault}")).unwrap();
        draft.duration_s = 9;
        let told = draft.resolve().unwrap_err().to_string();
        assert!(told.starts_with("fault 1 of trial5: for_ms: the kill ends at 9005 ms"), "{told}");
    }

    #[test]
    fn every_mistake_names_line_key_finding_and_what_is_allowed() {
        for (good, bad, expected) in MISTAKES {
            let found = problem_of(good, bad);
            assert!(found.starts_with(expected), "{found}\n{expected}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once_in_the_order_of_lines() {
        let bad = GOOD.replace("= 60", "= -1").replace("= 77", "= 0").replace("seed", "sead");
        let lines: Vec<_> = problems(&bad).iter().map(|found| found[..10].to_owned()).collect();
        assert_eq!(lines, ["x.toml:3: ", "x.toml:5: ", "x.toml:15:"]);
    }

    #[test]
    fn a_small_draw_range_is_told_beside_a_wrong_machine() {
        let bad = GOOD.replace("= 10", "= 1").replace("= 20152", "= 70000");
        let found = problems(&bad);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("x.toml:4: draw_range: found 1, allowed: 2 or more"));
    }

    #[test]
    fn a_single_machine_is_no_trial() {
        let alone = GOOD.rsplit_once("[[machine]]").unwrap().0;
        assert!(problems(alone)[0].contains("found 1, allowed: 2 to 1000 [[machine]] tables"));
        assert!(problems("machine = 3").iter().any(|found| found.contains("machine: found 3")));
    }
}
