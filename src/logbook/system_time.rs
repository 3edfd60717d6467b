//! System time: what the computer's own clock says. For pictures, never for ordering.

use std::fmt;

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SystemTime(pub i64);

impl SystemTime {
    /// Model time as system time: counted from 1970, as at the virtual pace.
    #[must_use]
    pub fn since_1970(model_time_us: u64) -> Self {
        Self(i64::try_from(model_time_us).unwrap_or(i64::MAX))
    }

    /// Reads `YYYY-MM-DDThh:mm:ss.ffffffZ`; nothing if the text is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.')];
        let is_framed = bytes.len() == 27 && bytes[26] == b'Z';
        if !is_framed || separators.iter().any(|&(at, separator)| bytes[at] != separator) {
            return None;
        }
        let number = |from: usize, to: usize| {
            bytes[from..to].iter().try_fold(0_u32, |number, byte| {
                byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
            })
        };
        let year = i32::try_from(number(0, 4)?).ok()?;
        let date = NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?;
        let time = date.and_hms_micro_opt(
            number(11, 13)?,
            number(14, 16)?,
            number(17, 19)?,
            number(20, 26)?,
        )?;
        Some(Self(time.and_utc().timestamp_micros()))
    }

    /// The time as a part of a file name, to the second: `2026-11-22T13-04-59Z`.
    #[must_use]
    pub fn file_name(self) -> String {
        self.date_time().format("%Y-%m-%dT%H-%M-%SZ").to_string()
    }

    /// Appends the time as [`fmt::Display`] writes it.
    pub(super) fn append_to(self, text: &mut String) {
        let time = self.date_time();
        push_digits(text, 4, u64::try_from(time.year()).unwrap_or(0));
        let seconds = u64::from(time.num_seconds_from_midnight());
        for (separator, number) in [
            ('-', u64::from(time.month())),
            ('-', u64::from(time.day())),
            ('T', seconds / 3600),
            (':', seconds / 60 % 60),
            (':', seconds % 60),
        ] {
            text.push(separator);
            push_digits(text, 2, number);
        }
        text.push('.');
        push_digits(text, 6, u64::from(time.timestamp_subsec_micros()));
        text.push('Z');
    }

    fn date_time(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }
}

/// Appends a number with leading zeros, in so many digits or more.
pub(super) fn push_digits(text: &mut String, width: usize, number: u64) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(number);
    text.extend(std::iter::repeat_n('0', width.saturating_sub(digits.len())));
    text.push_str(digits);
}

impl fmt::Display for SystemTime {
    /// RFC 3339, UTC, microseconds.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.append_to(&mut text);
        formatter.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(micros in 0_i64..=253_402_300_799_999_999) {
            let time = SystemTime(micros);
            prop_assert_eq!(SystemTime::parse(&time.to_string()), Some(time));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,30}|[0-9TZ:.-]{27}") {
            let _ = SystemTime::parse(&text);
        }
    }

    #[test]
    fn the_epoch_is_printed_in_full() {
        assert_eq!(SystemTime(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(SystemTime(0).file_name(), "1970-01-01T00-00-00Z");
    }
}
