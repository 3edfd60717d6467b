//! Goes through a section and finds its events. What is no event is skipped, as `ShiViz` does, but
//! counted: a typo would lose an event in silence.

use serde::Serialize;

use super::expression::Expression;
use super::layout::{Section, Source, usual_expression};
use super::lines::Lines;
use super::reader::ReadError;

/// The lines that belong to no event. Blank lines are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// How many there are.
    pub lines: usize,
    /// The first of them, from 1; 0 if there is none.
    pub first: usize,
}

/// Goes through the events of a section, in the order of the text.
pub(super) struct Scan<'a> {
    lines: &'a Lines<'a>,
    section: &'a Section,
    expression: &'a Expression,
    line: usize,
    unmatched: Unmatched,
}

/// An event that was found.
pub(super) struct Found<'a> {
    /// The line on which it begins, from 0.
    pub(super) line: usize,
    /// That line and what follows.
    pub(super) text: &'a str,
}

impl<'a> Scan<'a> {
    /// Begins at the start of a section.
    pub(super) fn of(
        lines: &'a Lines<'a>,
        section: &'a Section,
        expression: &'a Expression,
    ) -> Self {
        let line = section.lines.start;
        Self { lines, section, expression, line, unmatched: Unmatched::default() }
    }

    /// The lines so far that belong to no event.
    pub(super) fn unmatched(&self) -> Unmatched {
        self.unmatched
    }

    fn pass_over(&mut self) {
        if !self.lines.is_blank(self.line) {
            self.unmatched.lines += 1;
            if self.unmatched.first == 0 {
                self.unmatched.first = self.line + 1;
            }
        }
        self.line += 1;
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        while self.line < self.section.lines.end {
            let line = self.line;
            let text = self.lines.window(line, self.section.lines.end);
            if let Some(end) = self.expression.match_end(text) {
                self.line = self.lines.next_after(line, end);
                return Some(Found { line, text });
            }
            self.pass_over();
        }
        None
    }
}

/// Chooses between the two usual expressions: the one that finds more events; if both find as many,
/// the one that leaves fewer lines over; if that is equal too, that of `ShiViz`.
///
/// # Errors
/// Never, as long as both can be compiled.
pub(super) fn choose(
    lines: &Lines<'_>,
    sections: &[Section],
) -> Result<(Expression, Source), ReadError> {
    let count = |expression: &Expression| {
        let (mut found, mut left) = (0_usize, 0);
        for section in sections {
            let mut scan = Scan::of(lines, section, expression);
            found += scan.by_ref().count();
            left += scan.unmatched().lines;
        }
        (std::cmp::Reverse(found), left)
    };
    let shiviz = usual_expression(Source::Shiviz)?;
    let govector = usual_expression(Source::Govector)?;
    if count(&govector) < count(&shiviz) {
        Ok((govector, Source::Govector))
    } else {
        Ok((shiviz, Source::Shiviz))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Source {
        let lines = Lines::of(text);
        let section = Section { name: String::new(), lines: 0..lines.len() };
        choose(&lines, &[section]).unwrap().1
    }

    #[test]
    fn the_order_is_told_by_what_it_leaves_over() {
        let above = "one\nm1 {\"m1\":1}\ntwo\nm1 {\"m1\":2}\n";
        let below = "m1 {\"m1\":1}\none\nm1 {\"m1\":2}\ntwo\n";
        assert_eq!(chosen(above), Source::Shiviz);
        assert_eq!(chosen(below), Source::Govector);
        assert_eq!(chosen(&format!("a banner\nits end\n{below}")), Source::Shiviz);
        assert_eq!(chosen(&format!("{above}a footer\nits end\n")), Source::Shiviz);
        assert_eq!(chosen(""), Source::Shiviz);
    }

    #[test]
    fn lines_of_no_event_are_counted_and_blank_ones_are_not() {
        let lines = Lines::of("x\n\nm1 {}\none\n# y\n\n");
        let section = Section { name: String::new(), lines: 0..lines.len() };
        let expression = usual_expression(Source::Govector).unwrap();
        let mut scan = Scan::of(&lines, &section, &expression);
        let found: Vec<usize> = scan.by_ref().map(|found| found.line).collect();
        assert_eq!(found, [2]);
        assert_eq!(scan.unmatched(), Unmatched { lines: 2, first: 1 });
    }
}
