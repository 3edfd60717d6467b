//! The entry of a fault that is over.

use std::fmt;

use super::fields::{Fields, number};
use super::system_time::SystemTime;
use crate::model::FaultId;
use crate::quote::shown;
use crate::trial::fault_keys::KINDS;

/// A fault of the trial is over, and this is how often it struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRecord {
    /// The number of the fault in the trial.
    pub number: FaultId,
    /// What kind of fault it was.
    pub kind: &'static str,
    /// How often it struck: messages or tries; ticks with another clock rate; otherwise 1.
    pub hits: u64,
    /// When it was over; at the virtual pace a model time, counted from 1970.
    pub system_time: SystemTime,
}

impl FaultRecord {
    /// Whether it is a kill that took effect.
    #[must_use]
    pub fn is_kill_that_struck(&self) -> bool {
        self.kind == "kill" && 0 < self.hits
    }

    pub(super) fn parse(value: &str) -> Result<Self, String> {
        let mut fields = Fields::new(value);
        let fault = FaultId::new(number(fields.take("number")?)?);
        let kind = fields.take("kind")?;
        let record = Self {
            number: fault.ok_or("faults are numbered from 1")?,
            kind: KINDS
                .into_iter()
                .find(|known| *known == kind)
                .ok_or_else(|| format!("unknown kind of fault {}", shown(kind)))?,
            hits: number(fields.take("hits")?)?,
            system_time: fields.system_time()?,
        };
        fields.finish()?;
        Ok(record)
    }
}

impl fmt::Display for FaultRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, kind, hits, system_time } = self;
        write!(
            formatter,
            "# fault: number={number} kind={kind} hits={hits} system_time={system_time}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_back_as_it_was_written() {
        for kind in KINDS {
            let number = FaultId::at(6);
            let record = FaultRecord { number, kind, hits: 12, system_time: SystemTime(7) };
            let line = record.to_string();
            assert_eq!(FaultRecord::parse(line.strip_prefix("# fault: ").unwrap()), Ok(record));
        }
        let unknown = "number=1 kind=theft hits=1 system_time=1970-01-01T00:00:00.000007Z";
        assert!(FaultRecord::parse(unknown).is_err());
        assert!(FaultRecord::parse(&unknown.replace("=1 kind=theft", "=0 kind=loss")).is_err());
    }
}
