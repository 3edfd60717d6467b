//! An expression that finds an event, or a delimiter, at the start of a line.
//!
//! It is tried at one line after the other and looks at a bounded number of lines each time. So
//! reading takes time in proportion to the text, whatever the expression.

use regex_lite::{Captures, Regex, RegexBuilder};

use super::dialect::translate;

/// How long an expression may be.
const EXPRESSION_BYTES_MAX: usize = 4096;

/// How much memory a compiled expression may take.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// How deep the groups of an expression may be nested.
const NESTING_MAX: u32 = 100;

/// How much of the lines an expression must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Whole lines, as `ShiViz` demands of an uploaded file.
    WholeLines,
    /// Any part, as `ShiViz` demands of what is pasted.
    AnyPart,
}

/// An expression, ready to be used.
#[derive(Debug)]
pub(super) struct Expression {
    text: String,
    regex: Regex,
    groups: Vec<String>,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn compile(text: &str, extent: Extent) -> Result<Self, String> {
        if EXPRESSION_BYTES_MAX < text.len() {
            return Err(format!(
                "the expression has {} bytes; allowed: {EXPRESSION_BYTES_MAX}",
                text.len()
            ));
        }
        let explain = |what: String| format!("cannot read the expression '{text}': {what}");
        let translation = translate(text).map_err(explain)?;
        let inner = &translation.pattern;
        let pattern = match extent {
            Extent::WholeLines => format!(r"\A(?:{inner})$"),
            Extent::AnyPart => format!(r"\A.*?(?:{inner})"),
        };
        let regex = RegexBuilder::new(&pattern)
            .multi_line(true)
            .size_limit(COMPILED_BYTES_MAX)
            .nest_limit(NESTING_MAX)
            .build()
            .map_err(|error| explain(error.to_string()))?;
        Ok(Self { text: text.to_owned(), regex, groups: translation.groups })
    }

    /// The expression as it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it has a group of this name.
    pub(super) fn has_group(&self, name: &str) -> bool {
        self.groups.iter().any(|group| group == name)
    }

    /// Where the expression ends if it matches from the first line of a text on.
    pub(super) fn match_end(&self, text: &str) -> Option<usize> {
        self.regex.find(text).map(|found| found.end())
    }

    /// The groups of a match from the first line of a text on.
    pub(super) fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex.captures(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_are_matched_whole() {
        let expression = Expression::compile("b(?<x>.)", Extent::WholeLines).unwrap();
        assert!(expression.has_group("x") && !expression.has_group("y"));
        assert_eq!(expression.match_end("bc\nbd"), Some(2));
        assert_eq!(expression.match_end("abc"), None);
        assert_eq!(expression.match_end("bcd"), None);
        assert_eq!(expression.match_end("a\nbc"), None, "only the first line is a start");
    }

    #[test]
    fn a_part_of_a_line_is_enough_where_it_may_be() {
        let expression = Expression::compile("b(?<x>.)", Extent::AnyPart).unwrap();
        assert_eq!(expression.match_end("abcd"), Some(3));
        assert_eq!(expression.match_end("a\nbc"), None);
    }

    #[test]
    fn mistakes_and_excesses_are_told_in_one_line() {
        let repeated = "(?:a{1000}){1000}";
        let nested = "(".repeat(200) + &")".repeat(200);
        let long = "a".repeat(5000);
        for (expression, expected) in [
            ("(a", "open group without closing"),
            ("*", "repetition operator must be applied"),
            ("(?<a>.)(?<a>.)", "duplicate capture group name"),
            (repeated, "exceeded size limit"),
            (&nested, "too much nesting"),
            (&long, "has 5000 bytes; allowed: 4096"),
        ] {
            let error = Expression::compile(expression, Extent::WholeLines).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
