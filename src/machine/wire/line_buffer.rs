//! Lines from a connection that does not block: what has come is kept until its line is whole.

use std::io::{self, Read};

use super::{LINE_LEN_MAX, Line, parse_line};

/// So many bytes are read at a time.
const CHUNK: usize = 4096;

/// What has come on a connection and is not taken yet.
#[derive(Debug, Default)]
pub(crate) struct LineBuffer {
    bytes: Vec<u8>,
}

impl LineBuffer {
    /// Reads what has come; false at the end of the stream.
    ///
    /// # Errors
    /// When the stream fails.
    pub(crate) fn fill(&mut self, mut stream: impl Read) -> io::Result<bool> {
        let mut chunk = [0; CHUNK];
        match stream.read(&mut chunk) {
            Ok(0) => Ok(false),
            Ok(read) => {
                self.bytes.extend_from_slice(&chunk[..read]);
                Ok(true)
            }
            Err(error) if is_not_yet(&error) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Takes the next line, if it is whole.
    ///
    /// # Errors
    /// When it is too long, or no line of the protocol.
    pub(crate) fn take(&mut self) -> Result<Option<Line>, String> {
        let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') else {
            let is_too_long = LINE_LEN_MAX < self.bytes.len();
            return if is_too_long { Err(super::too_long(&self.bytes)) } else { Ok(None) };
        };
        let rest = self.bytes.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.bytes, rest);
        line.pop();
        if LINE_LEN_MAX < line.len() {
            return Err(super::too_long(&line));
        }
        parse_line(&line).map(Some)
    }

    /// What has come after the lines that were taken.
    pub(crate) fn into_rest(self) -> Vec<u8> {
        self.bytes
    }
}

/// Whether a stream that does not block has nothing to read, or no room to write, for now.
pub(crate) fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_same_wherever_it_is_split() {
        let text = b"ready\npromise 7\n";
        for split in 0..=text.len() {
            let mut buffer = LineBuffer::default();
            let mut lines = Vec::new();
            for part in [&text[..split], &text[split..]] {
                buffer.fill(part).unwrap();
                while let Some(line) = buffer.take().unwrap() {
                    lines.push(line.to_string());
                }
            }
            assert_eq!(lines, ["ready", "promise 7"]);
            assert!(buffer.into_rest().is_empty());
        }
    }

    #[test]
    fn a_line_without_an_end_is_refused_at_the_limit() {
        let mut buffer = LineBuffer::default();
        buffer.fill([b'x'; LINE_LEN_MAX].as_slice()).unwrap();
        assert_eq!(buffer.take(), Ok(None));
        buffer.fill(b"x".as_slice()).unwrap();
        assert!(buffer.take().unwrap_err().starts_with("a line of more than 256 bytes"));
    }
}
