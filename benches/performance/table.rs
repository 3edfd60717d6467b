//! The one table: what was measured, on what, and what it is held against.

/// The head of the table, in Markdown.
pub(crate) const HEAD: &str = "\
| topic | what | on what | measured | held against | its figure | ratio |
| --- | --- | --- | ---: | --- | ---: | ---: |
";

/// One figure, beside another of the same unit.
pub(crate) struct Row {
    what: String,
    on: String,
    unit: &'static str,
    measured: f64,
    against: String,
    figure: f64,
}

impl Row {
    /// What is measured, and on what.
    pub(crate) fn new(what: impl Into<String>, on: impl Into<String>) -> Self {
        let (what, on, against) = (what.into(), on.into(), String::new());
        Self { what, on, unit: "", measured: f64::NAN, against, figure: f64::NAN }
    }

    /// What came of it.
    pub(crate) fn measured(self, measured: f64, unit: &'static str) -> Self {
        Self { measured, unit, ..self }
    }

    /// What it is held against, in the same unit.
    pub(crate) fn against(self, other: impl Into<String>, figure: f64) -> Self {
        Self { against: other.into(), figure, ..self }
    }

    /// The row in Markdown, with its end of line.
    pub(crate) fn line(&self, topic: &str) -> String {
        let Self { what, on, unit, measured, against, figure } = self;
        assert!(measured.is_finite() && figure.is_finite(), "{what}, {on}: it has both figures");
        let ratio = if *figure == 0.0 { "-".to_owned() } else { figure_text(measured / figure) };
        let with_unit =
            |figure: &f64| format!("{} {unit}", figure_text(*figure)).trim_end().to_owned();
        let [measured, figure] = [measured, figure].map(with_unit);
        format!("| `{topic}` | {what} | {on} | {measured} | {against} | {figure} | {ratio} |\n")
    }
}

/// A figure for the eye: whole, or with three digits that count.
fn figure_text(figure: f64) -> String {
    match figure.abs() {
        size if figure.fract() == 0.0 || 100.0 <= size => grouped(figure.round()),
        size if 10.0 <= size => format!("{figure:.1}"),
        size if 1.0 <= size => format!("{figure:.2}"),
        size if 0.01 <= size => format!("{figure:.3}"),
        _ => format!("{figure:.5}"),
    }
}

/// A whole number with a comma between the thousands.
fn grouped(whole: f64) -> String {
    let digits = format!("{:.0}", whole.abs());
    let mut text = if whole < 0.0 { "-".to_owned() } else { String::new() };
    for (place, digit) in digits.char_indices() {
        if 0 < place && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
