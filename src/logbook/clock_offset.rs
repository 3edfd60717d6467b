//! The header line that tells how far the clock of a machine's host is from that of machine 1's.

use std::fmt;

use super::fields::{Fields, number};

/// How much more the clock of machine 1's host shows, in microseconds of system time.
///
/// It was so at the common start; clocks that nobody disciplines part by some 10 to 100
/// microseconds a second from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    /// What is to be added to this machine's system times to have them by machine 1's clock.
    pub offset_us: i64,
    /// By so much the offset may be wrong.
    pub error_us: u64,
}

impl ClockOffset {
    pub(super) fn parse(value: &str) -> Result<Self, String> {
        let mut fields = Fields::new(value);
        let offset = fields.take("offset_us")?;
        let (digits, sign) = match offset.strip_prefix('-') {
            Some("0") => return Err("offset_us is -0".to_owned()),
            Some(digits) => (digits, -1),
            None => (offset, 1),
        };
        let offset_us = sign * number::<i64>(digits)?;
        let error_us = number(fields.take("error_us")?)?;
        fields.finish()?;
        Ok(Self { offset_us, error_us })
    }
}

impl fmt::Display for ClockOffset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset_us, error_us } = self;
        write!(formatter, "# clock_offset: offset_us={offset_us} error_us={error_us}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_read_back_as_it_was_written() {
        for offset_us in [0, 17, -17, i64::MAX, -i64::MAX] {
            let offset = ClockOffset { offset_us, error_us: 40 };
            let line = offset.to_string();
            let value = line.strip_prefix("# clock_offset: ").unwrap();
            assert_eq!(ClockOffset::parse(value), Ok(offset));
        }
        for bad in [
            "offset_us=-0 error_us=1",
            "offset_us=+1 error_us=1",
            "offset_us=1 error_us=-1",
            "offset_us=1",
            "offset_us=1 error_us=1 more=1",
        ] {
            assert!(ClockOffset::parse(bad).is_err(), "{bad}");
        }
    }
}
