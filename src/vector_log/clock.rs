//! A vector clock: for every host, how many of its events are known. And how its text is read: an
//! object of JSON, host to number.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// A host of one execution, by the order in which the hosts were met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct HostId(pub(super) usize);

impl HostId {
    /// The position among the hosts.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// The hosts of an execution, numbered as they are met.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    names: Vec<String>,
    ids: BTreeMap<String, HostId>,
}

impl Hosts {
    /// The host of a name, which is a new one if it was not met.
    pub(super) fn id(&mut self, name: &str) -> HostId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = HostId(self.names.len());
        self.names.push(name.to_owned());
        self.ids.insert(name.to_owned(), id);
        id
    }

    /// Their names, by number.
    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }

    fn name(&self, id: HostId) -> &str {
        &self.names[id.index()]
    }
}

/// A vector clock. An entry that is absent is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// Sorted by host, none 0.
    entries: Vec<(HostId, u64)>,
}

impl Clock {
    /// Makes a clock of entries, each host at most once.
    pub(super) fn new(mut entries: Vec<(HostId, u64)>) -> Self {
        entries.retain(|(_, value)| *value != 0);
        entries.sort_unstable();
        Self { entries }
    }

    /// The entry of a host.
    #[must_use]
    pub fn entry(&self, host: HostId) -> u64 {
        self.entries
            .binary_search_by_key(&host, |(of, _)| *of)
            .map_or(0, |position| self.entries[position].1)
    }

    /// Every entry but those that are 0, by host.
    #[must_use]
    pub fn entries(&self) -> &[(HostId, u64)] {
        &self.entries
    }

    /// How many events it knows. If one clock is below another in every entry, so is its sum.
    #[must_use]
    pub fn sum(&self) -> u128 {
        self.entries.iter().map(|(_, value)| u128::from(*value)).sum()
    }

    /// The first entry in which this clock is below another: the host, and both values.
    ///
    /// Takes as many steps as the smaller of the two clocks has entries, each a search.
    #[must_use]
    pub fn first_below(&self, other: &Self) -> Option<(HostId, u64, u64)> {
        other
            .entries
            .iter()
            .map(|(host, value)| (*host, self.entry(*host), *value))
            .find(|(_, mine, others)| mine < others)
    }

    /// The entries that are above those of another clock.
    pub(super) fn above(&self, other: &Self) -> impl Iterator<Item = (HostId, u64)> {
        let mut others = other.entries.iter().peekable();
        self.entries.iter().copied().filter(move |(host, value)| {
            while others.next_if(|(of, _)| of < host).is_some() {}
            let before = others.peek().filter(|(of, _)| of == host).map_or(0, |(_, known)| *known);
            before < *value
        })
    }
}

/// Reads the text of a clock.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn parse(text: &str, hosts: &mut Hosts) -> Result<Clock, String> {
    let entries = match read(text, hosts) {
        // Some programs write the quotes as they stand in a string.
        Err(_) if has_escaped_quotes(text) => read(&text.replace("\\\"", "\""), hosts),
        read => read,
    };
    let mut entries = entries.map_err(|error| error.to_string())?;
    entries.sort_unstable();
    match entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(format!("host {} stands in it twice", quoted(hosts.name(pair[0].0)))),
        None => Ok(Clock::new(entries)),
    }
}

fn read(text: &str, hosts: &mut Hosts) -> serde_json::Result<Vec<(HostId, u64)>> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let entries = deserializer.deserialize_map(Entries(hosts))?;
    deserializer.end().map(|()| entries)
}

fn has_escaped_quotes(text: &str) -> bool {
    let inner = text.trim_start().strip_prefix('{');
    inner.is_some_and(|inner| inner.trim_start().starts_with("\\\""))
}

/// A name as messages show it: in quotes, on one line and not endless.
pub(super) fn quoted(name: &str) -> String {
    const SIGNS_MAX: usize = 60;
    let mut shown: String = name.chars().take(SIGNS_MAX).flat_map(char::escape_debug).collect();
    if name.chars().nth(SIGNS_MAX).is_some() {
        shown.push_str("...");
    }
    format!("'{shown}'")
}

/// Reads hosts and values.
struct Entries<'a>(&'a mut Hosts);

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Vec<(HostId, u64)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of hosts and numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(host) = map.next_key_seed(Name(self.0))? {
            let Value(value) = map.next_value()?;
            entries.push((host, value));
        }
        Ok(entries)
    }
}

/// Reads the name of a host.
struct Name<'a>(&'a mut Hosts);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = HostId;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<HostId, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = HostId;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a host")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<HostId, E> {
        Ok(self.0.id(name))
    }
}

/// A whole number, however it is written.
struct Value(u64);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number in 0..=18446744073709551615")
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // A whole number is printed without point or exponent.
        let whole = value.to_string().parse().map(Value);
        whole.map_err(|_| E::invalid_value(serde::de::Unexpected::Float(value), &self))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        match (value.parse(), value.parse()) {
            (Ok(whole), _) => Ok(Value(whole)),
            (_, Ok(float)) => self.visit_f64(float),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(&quoted(value)), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(values: &[u64]) -> Clock {
        Clock::new(values.iter().enumerate().map(|(host, value)| (HostId(host), *value)).collect())
    }

    #[test]
    fn numbers_are_read_in_every_form_that_shiviz_takes() {
        for text in [
            r#"{"a":2,"b":0}"#,
            r#" { "a" : 2.0 , "b" : 0 } "#,
            r#"{"a":"2","b":"0"}"#,
            r#"{"b":0.0,"a":"2.0"}"#,
            r#"{\"a\":2, \"b\":0}"#,
        ] {
            let mut hosts = Hosts::default();
            let a = hosts.id("a");
            assert_eq!(parse(text, &mut hosts).unwrap().entries(), [(a, 2)], "{text}");
        }
        assert_eq!(parse("{}", &mut Hosts::default()).unwrap(), Clock::default());
    }

    #[test]
    fn what_is_no_clock_is_refused() {
        for (text, expected) in [
            (r#"{"a":1,"a":1}"#, "host 'a' stands in it twice"),
            (r#"{"a":0,"a":1}"#, "host 'a' stands in it twice"),
            (r#"{"a":1.5}"#, "expected a whole number"),
            (r#"{"a":-1}"#, "expected a whole number"),
            (r#"{"a":"x"}"#, "expected a whole number"),
            (r#"{"a":null}"#, "expected a whole number"),
            (r#"{"a":[1]}"#, "expected a whole number"),
            (r#"{"a":1e30}"#, "expected a whole number"),
            ("[1,2]", "expected an object of hosts and numbers"),
            (r#"{"a":1"#, "EOF"),
            (r#"{"a":1} x"#, "trailing characters"),
            ("", "EOF"),
        ] {
            let error = parse(text, &mut Hosts::default()).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let nested = "{\"a\":".repeat(100_000);
        assert!(parse(&nested, &mut Hosts::default()).is_err(), "nesting is bounded");
    }

    #[test]
    fn clocks_are_compared_entry_by_entry() {
        let (low, high) = (clock(&[1, 0, 3]), clock(&[1, 2, 4]));
        assert_eq!(low.first_below(&high), Some((HostId(1), 0, 2)));
        assert_eq!(high.first_below(&low), None);
        assert_eq!(high.above(&low).collect::<Vec<_>>(), [(HostId(1), 2), (HostId(2), 4)]);
        assert_eq!(low.above(&high).count(), 0);
        assert_eq!((low.sum(), low.entry(HostId(1)), low.entry(HostId(9))), (4, 0, 0));
    }

    #[test]
    fn names_are_shown_on_one_line_and_not_endless() {
        assert_eq!(quoted("m1"), "'m1'");
        assert_eq!(quoted("a\nb"), r"'a\nb'");
        assert_eq!(quoted(&"x".repeat(61)).len(), 60 + 5);
    }
}
