//! Quotes what others wrote, so that it can be shown: short, and harmless for a terminal.

/// So many bytes are shown.
const SHOWN_MAX: usize = 32;

/// Quotes the beginning of a text, or of bytes that may be none.
pub(crate) fn shown(text: impl AsRef<[u8]>) -> String {
    let bytes = text.as_ref();
    let more = if SHOWN_MAX < bytes.len() { "..." } else { "" };
    format!("'{}{more}'", bytes[..bytes.len().min(SHOWN_MAX)].escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_plays_tricks_on_a_terminal_is_shown_as_what_it_is() {
        assert_eq!(shown("\u{1b}[2J\n"), "'\\x1b[2J\\n'");
        assert_eq!(shown([b'x'; 33]), format!("'{}...'", "x".repeat(32)));
    }
}
