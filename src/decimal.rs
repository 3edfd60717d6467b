//! Whole numbers as they stand in logs and on the wire: digits only, no sign, no leading zero.

use std::str::FromStr;

/// Reads a canonical whole number; nothing if the text is anything else or too large.
pub(crate) fn parse<T: FromStr>(text: &str) -> Option<T> {
    let is_canonical = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    if is_canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_has_one_text() {
        assert_eq!(parse::<u64>("0"), Some(0));
        assert_eq!(parse::<u64>("18446744073709551615"), Some(u64::MAX));
        for text in ["", "-0", "+1", "00", "01", "1.0", "1e3", "0x10", " 1", "１", "١"] {
            assert_eq!(parse::<u64>(text), None, "{text}");
        }
        assert_eq!(parse::<u64>("18446744073709551616"), None);
    }
}
