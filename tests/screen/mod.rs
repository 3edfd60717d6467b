//! A terminal that knows the few sequences that the live view may use, and no other.

/// What a terminal shows.
pub(crate) struct Screen {
    width: usize,
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
    is_cursor_shown: bool,
}

impl Screen {
    /// A terminal of 24 lines and 80 columns that was sent these bytes.
    pub(crate) fn showing(bytes: &[u8]) -> Self {
        // The last character may be on its way.
        let text = String::from_utf8_lossy(bytes);
        Self::of_lines(24, &text)
    }

    /// A terminal of so many lines and 80 columns that was sent this text.
    pub(crate) fn of_lines(height: usize, text: &str) -> Self {
        let mut screen = Self {
            width: 80,
            lines: vec![Vec::new(); height],
            row: 0,
            column: 0,
            is_cursor_shown: true,
        };
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            match character {
                '\r' => screen.column = 0,
                '\n' => screen.feed(),
                '\x1b' => {
                    if !screen.obey(&sequence(&mut rest)) {
                        break;
                    }
                }
                _ => screen.put(character),
            }
        }
        screen
    }

    pub(crate) fn is_cursor_shown(&self) -> bool {
        self.is_cursor_shown
    }

    /// The column of the cursor, from 0.
    pub(crate) fn column(&self) -> usize {
        self.column
    }

    /// The lines, blank ones at the end left out.
    pub(crate) fn text(&self) -> String {
        let lines = self.lines.iter().map(|line| line.iter().collect::<String>());
        let lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n").trim_end().to_owned()
    }

    fn put(&mut self, character: char) {
        if self.column == self.width {
            self.column = 0;
            self.feed();
        }
        let line = &mut self.lines[self.row];
        line.resize(line.len().max(self.column + 1), ' ');
        line[self.column] = character;
        self.column += 1;
    }

    fn feed(&mut self) {
        if self.row + 1 < self.lines.len() {
            self.row += 1;
        } else {
            self.lines.remove(0);
            self.lines.push(Vec::new());
        }
    }

    /// Carries out what follows an escape character; false if it is not all there yet.
    fn obey(&mut self, sequence: &str) -> bool {
        match sequence {
            "[K" => self.lines[self.row].truncate(self.column),
            "[J" => {
                self.lines[self.row].truncate(self.column);
                self.lines[self.row + 1..].iter_mut().for_each(Vec::clear);
            }
            "[?25h" => self.is_cursor_shown = true,
            "[?25l" => self.is_cursor_shown = false,
            "[?2026h" | "[?2026l" => {}
            _ if sequence.ends_with('m') => {}
            _ if sequence.ends_with('A') => {
                let up: usize = sequence[1..sequence.len() - 1].parse().unwrap();
                assert!(up <= self.row, "the cursor would leave the screen");
                self.row -= up;
            }
            _ => {
                let is_whole = sequence.ends_with(|last: char| last.is_ascii_alphabetic());
                assert!(!is_whole, "unknown sequence {sequence:?}");
                return false;
            }
        }
        true
    }
}

/// Takes the rest of a sequence: up to its letter.
fn sequence(rest: &mut impl Iterator<Item = char>) -> String {
    let mut sequence = String::new();
    for character in rest {
        sequence.push(character);
        if character.is_ascii_alphabetic() {
            break;
        }
    }
    sequence
}
