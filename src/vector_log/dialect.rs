//! Puts an expression in JavaScript's dialect, which `ShiViz` uses, into that of the `regex-lite` crate.
//!
//! Where the two mean different things by the same signs, the signs are rewritten; what the crate
//! cannot do is refused by name. What an expression means never changes in silence.

/// An expression in the crate's dialect.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translation {
    /// The expression. Only named groups capture.
    pub(super) pattern: String,
    /// The names of its groups, in order.
    pub(super) groups: Vec<String>,
}

/// Translates an expression.
///
/// # Errors
/// What stands in it that cannot be translated, and what to write instead.
pub(super) fn translate(expression: &str) -> Result<Translation, String> {
    let mut translator = Translator {
        rest: expression,
        pattern: String::new(),
        groups: Vec::new(),
        place: Outside,
        is_after_class: false,
    };
    while let Some(next) = translator.take() {
        let is_after_class = std::mem::take(&mut translator.is_after_class);
        match (translator.place, next) {
            (_, '\\') => translator.escape()?,
            (Outside, '(') => translator.group()?,
            (Outside, '[') => translator.open_class(),
            (Outside, '{') => translator.brace(),
            (Outside, ']' | '}') => translator.literal(next),
            (Class, ']') => translator.close_class(),
            (Class, '[' | '&' | '~') => translator.literal(next),
            (Class, '-') if is_after_class => translator.literal('-'),
            (Class, '-') => translator.hyphen()?,
            (_, other) => translator.pattern.push(other),
        }
    }
    match translator.place {
        Outside => Ok(Translation { pattern: translator.pattern, groups: translator.groups }),
        Class => Err("a '[' is never closed".to_owned()),
    }
}

/// Where in an expression a sign stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    /// In square brackets.
    Class,
}

use Place::{Class, Outside};

struct Translator<'a> {
    rest: &'a str,
    pattern: String,
    groups: Vec<String>,
    place: Place,
    /// What stands right before is a class such as `\d`.
    is_after_class: bool,
}

impl Translator<'_> {
    fn take(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.skip(next.len_utf8());
        Some(next)
    }

    fn skip(&mut self, len: usize) {
        self.rest = &self.rest[len..];
    }

    fn literal(&mut self, sign: char) {
        self.pattern.push_str(&regex_lite::escape(sign.encode_utf8(&mut [0; 4])));
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<(), String> {
        let sign = self.take().ok_or("the expression ends with a backslash")?;
        match sign {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => {
                self.push_escaped(sign);
                self.is_after_class = true;
                return Ok(());
            }
            'b' if self.place == Class => self.pattern.push_str(r"\x08"),
            'b' | 'B' if self.place == Outside => self.push_escaped(sign),
            'n' | 'r' | 't' | 'f' | 'v' => self.push_escaped(sign),
            '0' if !self.rest.starts_with(|next: char| next.is_ascii_digit()) => {
                self.pattern.push_str(r"\x00");
            }
            'x' => self.hexadecimal(sign, 2)?,
            'u' => self.hexadecimal(sign, 4)?,
            '0'..='9' | 'k' => {
                return Err(format!("'\\{sign}' refers back to a group, which cannot be read"));
            }
            letter if letter.is_ascii_alphabetic() => {
                return Err(format!("'\\{letter}' is no escape that can be read"));
            }
            other => self.literal(other),
        }
        Ok(())
    }

    fn push_escaped(&mut self, sign: char) {
        self.pattern.push('\\');
        self.pattern.push(sign);
    }

    fn hexadecimal(&mut self, sign: char, len: usize) -> Result<(), String> {
        let digits = self
            .rest
            .get(..len)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .ok_or_else(|| format!("'\\{sign}' needs {len} hexadecimal digits"))?;
        self.push_escaped(sign);
        self.pattern.push_str(digits);
        self.skip(len);
        Ok(())
    }

    /// What follows an opening parenthesis. A group without a name need not capture.
    fn group(&mut self) -> Result<(), String> {
        let Some(kind) = self.rest.strip_prefix('?') else {
            self.pattern.push_str("(?:");
            return Ok(());
        };
        if kind.starts_with(':') {
            self.pattern.push_str("(?:");
            self.skip(2);
            return Ok(());
        }
        if ["=", "!", "<=", "<!"].iter().any(|sign| kind.starts_with(sign)) {
            return Err(
                "it looks ahead or behind ('(?=', '(?!', '(?<=', '(?<!'), which cannot be \
                        read; capture the text instead"
                    .to_owned(),
            );
        }
        let name = kind.strip_prefix('<').and_then(|name| name.split_once('>'));
        let Some((name, _)) = name.filter(|(name, _)| is_name(name)) else {
            return Err("a '(?' begins no group; write (?<name>...) or (?:...)".to_owned());
        };
        self.pattern.push_str("(?<");
        self.pattern.push_str(name);
        self.pattern.push('>');
        self.groups.push(name.to_owned());
        self.skip("?<>".len() + name.len());
        Ok(())
    }

    /// A brace counts repetitions only in the form {2}, {2,} or {2,4}; else it means itself.
    fn brace(&mut self) {
        let end = self.rest.find('}').filter(|end| is_count(&self.rest[..*end]));
        let Some(end) = end else {
            return self.literal('{');
        };
        self.pattern.push('{');
        self.pattern.push_str(&self.rest[..=end]);
        self.skip(end + 1);
    }

    fn open_class(&mut self) {
        if self.rest.starts_with(']') {
            self.pattern.push_str(r"[^\s\S]");
            return self.skip(1);
        }
        if self.rest.starts_with("^]") {
            self.pattern.push_str(r"[\s\S]");
            return self.skip(2);
        }
        self.pattern.push('[');
        if self.rest.starts_with('^') {
            self.pattern.push('^');
            self.skip(1);
        }
        self.place = Class;
    }

    fn close_class(&mut self) {
        self.pattern.push(']');
        self.place = Outside;
    }

    /// A hyphen in brackets: between two signs a range, next to a class itself.
    fn hyphen(&mut self) -> Result<(), String> {
        if self.rest.starts_with('-') {
            return Err("'--' in brackets is unclear; write '\\-'".to_owned());
        }
        let class_follows = ["\\d", "\\D", "\\w", "\\W", "\\s", "\\S"];
        if class_follows.iter().any(|class| self.rest.starts_with(class)) {
            self.literal('-');
        } else {
            self.pattern.push('-');
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !text.starts_with(|first: char| first.is_ascii_digit())
}

fn is_count(text: &str) -> bool {
    let (least, most) = text.split_once(',').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && is_number(least) && is_number(most)
}

#[cfg(test)]
mod tests {
    use regex_lite::Regex;

    use super::*;

    fn pattern(expression: &str) -> String {
        translate(expression).unwrap().pattern
    }

    fn matches(expression: &str, text: &str) -> bool {
        Regex::new(&format!("^(?:{})$", pattern(expression))).unwrap().is_match(text)
    }

    #[test]
    fn the_usual_expressions_are_translated() {
        let default = translate(r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})").unwrap();
        assert_eq!(default.groups, ["event", "host", "clock"]);
        assert_eq!(default.pattern, r"(?<event>.*)\n(?<host>\S*) (?<clock>\{.*\})");
        assert!(matches(r"(?<host>\S+) vc=(?<clock>{[^}]*}) (.*)", r#"m1 vc={"m1":1} {x}"#));
    }

    #[test]
    fn braces_count_or_mean_themselves() {
        assert!(matches("a{2}b{1,}c{0,1}", "aabbb"));
        assert!(matches("a{b}", "a{b}"));
        assert!(matches("a{,2}", "a{,2}"));
        assert!(matches("a}]", "a}]"));
    }

    #[test]
    fn brackets_mean_what_they_mean_in_javascript() {
        for (expression, accepted, refused) in [
            ("[[]", "[", "]"),
            ("[^[]", "]", "["),
            ("[a&&b]", "&", "c"),
            (r"[\w-.]", "-", "/"),
            (r"[+-\d]", "-", ","),
            ("[a-c]", "b", "-"),
            ("[-a]", "-", "b"),
            ("[a-]", "-", "b"),
            ("[^]", "\n", ""),
            (r"[\]]", "]", "["),
            ("[(]", "(", ")"),
        ] {
            assert!(matches(expression, accepted), "{expression} must match '{accepted}'");
            assert!(!matches(expression, refused), "{expression} must not match '{refused}'");
        }
        assert!(!matches("[]", "a"));
    }

    #[test]
    fn escapes_mean_what_they_mean_in_javascript() {
        assert!(matches(r"\d\w\.\/\-\<\>\u0041\x42", "1a./-<>AB"));
        assert!(!matches(r"\d", "\u{663}"), "digits are ASCII");
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_name() {
        for (expression, expected) in [
            ("(?=a)", "looks ahead or behind"),
            ("(?<!a)b", "looks ahead or behind"),
            (r"(a)\1", "refers back"),
            (r"\k<a>", "refers back"),
            (r"\A", "no escape"),
            (r"\p{L}", "no escape"),
            (r"\u00", "4 hexadecimal digits"),
            ("(?i)a", "begins no group"),
            ("(?<>a)", "begins no group"),
            ("(?<a", "begins no group"),
            ("[a", "never closed"),
            ("[a--b]", "unclear"),
            ("a\\", "ends with a backslash"),
        ] {
            let error = translate(expression).unwrap_err();
            assert!(error.contains(expected), "{expression}: {error}");
        }
    }
}
