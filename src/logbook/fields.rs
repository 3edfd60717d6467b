//! What the lines of a log are made of.

use super::system_time::SystemTime;
use crate::decimal;
use crate::quote::shown;

/// `name=value` fields in a fixed order.
pub(super) struct Fields<'a>(std::str::Split<'a, char>);

impl<'a> Fields<'a> {
    pub(super) fn new(value: &'a str) -> Self {
        Self(value.split(' '))
    }

    /// The value of the next field, if it has this name.
    pub(super) fn next(&mut self, name: &str) -> Option<&'a str> {
        self.0.next().and_then(|field| field.strip_prefix(name)?.strip_prefix('='))
    }

    /// The value of the next field, which must have this name.
    pub(super) fn take(&mut self, name: &str) -> Result<&'a str, String> {
        self.next(name).ok_or_else(|| format!("expected {name}=..."))
    }

    pub(super) fn system_time(&mut self) -> Result<SystemTime, String> {
        let text = self.take("system_time")?;
        SystemTime::parse(text).ok_or_else(|| format!("{} is no system time", shown(text)))
    }

    pub(super) fn finish(mut self) -> Result<(), String> {
        match self.0.next() {
            Some(more) => Err(format!("found {} after the last field", shown(more))),
            None => Ok(()),
        }
    }
}

/// Reads a whole number.
pub(super) fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    decimal::parse(text)
        .ok_or_else(|| format!("{} is no whole number of the expected size", shown(text)))
}
