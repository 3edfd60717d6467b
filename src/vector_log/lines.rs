//! A text by its lines. Lines are counted from 0 here, and from 1 where people read of them.

use std::ops::Range;

/// How many lines an event may span.
pub(super) const EVENT_LINES_MAX: usize = 16;

/// A text, and where its lines begin.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    /// Where every line begins, and where one after the last would.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Splits a text. What ends without an end of line has it added in thought.
    pub(super) fn of(text: &'a str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(end, _)| end + 1));
        if !text.is_empty() && !text.ends_with('\n') {
            starts.push(text.len() + 1);
        }
        Self { text, starts }
    }

    /// The number of lines.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// A line without its end.
    pub(super) fn line(&self, line: usize) -> &'a str {
        self.range(line..line + 1)
    }

    /// Whether nothing but white space stands on a line.
    pub(super) fn is_blank(&self, line: usize) -> bool {
        self.line(line).trim().is_empty()
    }

    /// What an expression may look at from a line on: some lines of a section.
    pub(super) fn window(&self, first: usize, section_end: usize) -> &'a str {
        self.range(first..section_end.min(first + EVENT_LINES_MAX))
    }

    /// The line on which something stands, which is so many bytes after the start of a line.
    pub(super) fn line_at(&self, line: usize, bytes: usize) -> usize {
        let place = self.starts[line] + bytes;
        self.starts.partition_point(|start| *start <= place) - 1
    }

    /// The first line that begins not before such a place, and after that line.
    pub(super) fn next_after(&self, line: usize, bytes: usize) -> usize {
        let place = self.starts[line] + bytes;
        self.starts.partition_point(|start| *start < place).max(line + 1)
    }

    fn range(&self, lines: Range<usize>) -> &'a str {
        if self.len() <= lines.start {
            return "";
        }
        let end = self.starts[lines.end.min(self.len())] - 1;
        &self.text[self.starts[lines.start]..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_with_or_without_its_last_end_of_line() {
        for text in ["ab\n\ncd", "ab\n\ncd\n"] {
            let lines = Lines::of(text);
            assert_eq!(lines.len(), 3);
            assert_eq!((lines.line(0), lines.line(1), lines.line(2)), ("ab", "", "cd"));
            assert_eq!(lines.line(7), "");
            assert_eq!(lines.window(1, 3), "\ncd");
            assert_eq!(lines.window(0, 2), "ab\n");
        }
        assert_eq!(Lines::of("").len(), 0);
        assert_eq!(Lines::of("").line(0), "");
    }

    #[test]
    fn places_find_their_lines() {
        let lines = Lines::of("ab\n\ncd\nef");
        assert_eq!(lines.line_at(0, 0), 0);
        assert_eq!(lines.line_at(0, 4), 2);
        assert_eq!(lines.next_after(0, 0), 1, "always forward");
        assert_eq!(lines.next_after(0, 2), 1);
        assert_eq!(lines.next_after(0, 4), 2);
        assert_eq!(lines.next_after(0, 6), 3);
        assert_eq!(lines.next_after(3, 2), 4);
    }
}
