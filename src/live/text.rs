//! Lines, bars and colours.
//!
//! A colour only repeats what words or lengths say. The few that are used are told apart by all eyes,
//! and are the terminal's own, so that they fit its background.

use super::trend::Direction;

/// How a piece of a line is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    /// A name that stands out.
    Bold,
    /// What is always the same.
    Dim,
    /// A bar.
    Bar,
    /// Look here.
    Note,
    /// Something is wrong.
    Alarm,
}

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Bar => "\x1b[36m",
            Self::Note => "\x1b[33m",
            Self::Alarm => "\x1b[1;35m",
        }
    }
}

/// A line of painted pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Vec<(Paint, String)>);

impl Line {
    /// Adds a piece.
    pub(super) fn push(&mut self, paint: Paint, text: impl Into<String>) {
        self.0.push((paint, text.into()));
    }

    /// Adds a piece, and the blanks that make it so wide, before it.
    pub(super) fn push_right(&mut self, paint: Paint, width: usize, text: &str) {
        self.0.push((Paint::Plain, " ".repeat(width.saturating_sub(width_of(text)))));
        self.push(paint, text);
    }

    /// Adds the pieces of another line.
    pub(super) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// How many columns it takes.
    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width_of(text)).sum()
    }

    /// The line as it is printed, cut off where it would be wider than allowed.
    pub(super) fn print(&self, width: usize, has_colour: bool) -> String {
        let (mut line, mut left) = (String::new(), width);
        for (paint, text) in &self.0 {
            let piece: String = text.chars().take(left).collect();
            left -= width_of(&piece);
            if has_colour && *paint != Paint::Plain && !piece.trim().is_empty() {
                line += &format!("{}{piece}\x1b[0m", paint.code());
            } else {
                line += &piece;
            }
        }
        line.truncate(line.trim_end_matches(' ').len());
        line
    }
}

/// How many columns a text takes: one a character, of those that are used here.
pub(super) fn width_of(text: &str) -> usize {
    text.chars().count()
}

/// The characters that a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// Blocks, lines and arrows.
    Unicode,
    /// What every terminal knows.
    Ascii,
}

impl Charset {
    /// A bar for so much of a whole, in so many columns: what is there, to an eighth of a column.
    pub(super) fn bar(self, width: usize, part: u64, whole: u64) -> String {
        let eighths = share(8 * width, part, whole);
        let (full, rest) = (eighths / 8, eighths % 8);
        match self {
            Self::Unicode => {
                let blocks = [
                    "", "\u{258f}", "\u{258e}", "\u{258d}", "\u{258c}", "\u{258b}", "\u{258a}",
                    "\u{2589}",
                ];
                "\u{2588}".repeat(full) + blocks[rest]
            }
            Self::Ascii => "#".repeat(full + usize::from(4 <= rest || full == 0 && 0 < rest)),
        }
    }

    /// A line that tells how much of a whole has passed: what has, and what is to come.
    pub(super) fn track(self, width: usize, part: u64, whole: u64) -> [String; 2] {
        let full = share(width, part, whole);
        let [passed, to_come] = match self {
            Self::Unicode => ["\u{2501}", "\u{2500}"],
            Self::Ascii => ["=", "-"],
        };
        [passed.repeat(full), to_come.repeat(width - full)]
    }

    /// An arrow, or a blank if there is nothing to tell.
    pub(super) fn arrow(self, direction: Direction) -> &'static str {
        match (self, direction) {
            (_, Direction::Steady) => " ",
            (Self::Unicode, Direction::Up) => "\u{2191}",
            (Self::Unicode, Direction::Down) => "\u{2193}",
            (Self::Ascii, Direction::Up) => "^",
            (Self::Ascii, Direction::Down) => "v",
        }
    }
}

/// So much of a length as a part is of a whole; something, if the part is not nothing.
fn share(length: usize, part: u64, whole: u64) -> usize {
    let share = u128::from(part.min(whole)) * length as u128 / u128::from(whole.max(1));
    usize::try_from(share).unwrap_or(length).max(usize::from(0 < part && 0 < length))
}

/// The least of 10, 20, 50, 100 and so on that a number fits under.
pub(super) fn round_bound(number: u64) -> u64 {
    let decades = std::iter::successors(Some(10_u64), |decade| decade.checked_mul(10));
    let bounds = decades.flat_map(|decade| [1, 2, 5].map(|factor| decade.saturating_mul(factor)));
    bounds.into_iter().find(|bound| number <= *bound).unwrap_or(u64::MAX)
}

/// A length of time as people say it.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds.div_ceil(60)),
        7200..=172_799 => format!("{} h", seconds.div_ceil(3600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_part() {
        assert_eq!(Charset::Unicode.bar(4, 0, 8), "");
        assert_eq!(Charset::Unicode.bar(4, 8, 8), "████");
        assert_eq!(Charset::Unicode.bar(4, 3, 8), "█▌");
        assert_eq!(Charset::Unicode.bar(4, 1, 1000), "▏");
        assert_eq!(Charset::Unicode.bar(4, 90, 8), "████");
        assert_eq!(Charset::Ascii.bar(4, 3, 8), "##");
        assert_eq!(Charset::Ascii.bar(4, 1, 1000), "#");
        assert_eq!(Charset::Ascii.bar(4, 0, 0), "");
    }

    #[test]
    fn a_track_is_always_as_long() {
        assert_eq!(Charset::Ascii.track(4, 1, 2).concat(), "==--");
        assert_eq!(Charset::Ascii.track(4, 0, 2).concat(), "----");
        assert_eq!(Charset::Unicode.track(4, 2, 2).concat(), "━━━━");
        assert_eq!(Charset::Unicode.track(4, 1, 4).concat(), "━───");
    }

    #[test]
    fn a_line_is_cut_at_its_width_and_painted_only_where_colours_are_wanted() {
        let mut line = Line::default();
        line.push(Paint::Bold, "trial");
        line.push(Paint::Plain, " ↑ ");
        line.push_right(Paint::Note, 6, "late");
        assert_eq!(line.width(), 14);
        assert_eq!(line.print(79, false), "trial ↑   late");
        assert_eq!(line.print(79, true), "\x1b[1mtrial\x1b[0m ↑   \x1b[33mlate\x1b[0m");
        assert_eq!(line.print(7, true), "\x1b[1mtrial\x1b[0m ↑");
        assert_eq!(line.print(0, true), "");
    }

    #[test]
    fn bounds_are_round_and_times_are_short() {
        let bounds = [0, 10, 11, 21, 51, 101, 201, 4999, 5001].map(round_bound);
        assert_eq!(bounds, [10, 10, 20, 50, 100, 200, 500, 5000, 10_000]);
        assert_eq!(round_bound(u64::MAX), u64::MAX);
        let spans = [0, 119, 121, 7200, 1_000_000_000].map(span);
        assert_eq!(spans, ["0 s", "119 s", "3 min", "2 h", "11575 days"]);
    }
}
