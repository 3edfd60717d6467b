//! Joins text, style, scripts, facts and columns to one file.

use std::io::{self, Write};

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;

use super::chapter::Chapter;
use super::{events, facts::Facts};

/// How every report begins; a file that begins otherwise is none.
pub const MARK: &str = "<!DOCTYPE html>\n<!-- scalemodel report -->\n";

const FRAME: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/style.css");

/// The scripts, in the order in which they are joined: what is used stands before what uses it.
const SCRIPTS: [&str; 23] = [
    include_str!("page/decode.js"),
    include_str!("page/pyramid.js"),
    include_str!("page/run.js"),
    include_str!("page/causality.js"),
    include_str!("page/scale.js"),
    include_str!("page/colours.js"),
    include_str!("page/canvas.js"),
    include_str!("page/dom.js"),
    include_str!("page/state.js"),
    include_str!("page/lanes.js"),
    include_str!("page/messages.js"),
    include_str!("page/marks.js"),
    include_str!("page/diagram.js"),
    include_str!("page/overview.js"),
    include_str!("page/chart.js"),
    include_str!("page/histograms.js"),
    include_str!("page/details.js"),
    include_str!("page/verdict.js"),
    include_str!("page/tables.js"),
    include_str!("page/controls.js"),
    include_str!("page/keyboard.js"),
    include_str!("page/print.js"),
    include_str!("page/main.js"),
];

/// Writes the report of some runs, with at most `limit` violations of each. Gives how many numbers
/// of each run were too large for a page.
///
/// # Errors
/// When it cannot be written.
pub fn write(chapters: &[Chapter], limit: usize, out: &mut dyn Write) -> io::Result<Vec<u64>> {
    let mut beyond = Vec::new();
    out.write_all(MARK.as_bytes())?;
    let mut rest = FRAME;
    while let Some((before, (name, after))) =
        rest.split_once("{{").and_then(|(before, rest)| Some((before, rest.split_once("}}")?)))
    {
        out.write_all(before.as_bytes())?;
        match name {
            "title" => out.write_all(escaped(&title(chapters)).as_bytes())?,
            "style" => out.write_all(STYLE.as_bytes())?,
            "facts" => write_facts(chapters, limit, out)?,
            "columns" => beyond = write_columns(chapters, out)?,
            "scripts" => SCRIPTS.iter().try_for_each(|script| out.write_all(script.as_bytes()))?,
            _ => unreachable!("the frame has no other places"),
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())?;
    out.flush()?;
    Ok(beyond)
}

fn title(chapters: &[Chapter]) -> String {
    let mut names: Vec<_> = chapters.iter().map(|chapter| &*chapter.history.trial.name).collect();
    names.dedup();
    let compared = if 1 < chapters.len() { ", runs compared" } else { "" };
    format!("{}{compared} - scalemodel", names.join(", "))
}

fn write_facts(chapters: &[Chapter], limit: usize, out: &mut dyn Write) -> io::Result<()> {
    let json = serde_json::to_string(&Facts::of(chapters, limit))?;
    out.write_all(within_script(&json).as_bytes())
}

fn write_columns(chapters: &[Chapter], out: &mut dyn Write) -> io::Result<Vec<u64>> {
    let mut beyond = Vec::new();
    for (chapter, number) in chapters.iter().zip(0..) {
        writeln!(out, "<script type=\"text/plain\" id=\"columns-{number}\">")?;
        let mut encoder = EncoderWriter::new(&mut *out, &STANDARD);
        beyond.push(events::write(&chapter.history, &chapter.findings.circular, &mut encoder)?);
        encoder.finish()?;
        drop(encoder);
        writeln!(out, "</script>")?;
    }
    Ok(beyond)
}

/// Writes a text so that a page shows it, whatever it is.
fn escaped(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            _ => shown.push(character),
        }
    }
    shown
}

/// JSON as it may stand in a script element: no tag begins in it. Outside of strings JSON has none of
/// these characters, and within strings their escapes mean the same.
fn within_script(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WICKED: &str = "</script><script>alert('&')</script><!-- \u{2028}";

    #[test]
    fn no_text_ends_the_script_that_it_stands_in() {
        let json = within_script(&serde_json::to_string(WICKED).unwrap());
        assert!(!json.contains(['<', '>', '&']), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), WICKED);
    }

    #[test]
    fn no_text_becomes_a_tag() {
        let shown = escaped(WICKED);
        assert!(!shown.contains(['<', '>', '"', '\'']), "{shown}");
        assert!(shown.starts_with("&lt;/script&gt;"));
    }

    #[test]
    fn the_page_asks_for_nothing_from_elsewhere() {
        for part in SCRIPTS.iter().chain(&[FRAME, STYLE]) {
            for way in ["http:", "https:", "//cdn", "src=", "@import", "url(", "fetch("] {
                let found =
                    part.lines().find(|line| line.contains(way) && !line.contains("w3.org"));
                assert_eq!(found, None, "{way}");
            }
        }
    }

    #[test]
    fn no_script_ends_its_element() {
        assert!(SCRIPTS.iter().all(|script| !script.contains("</script")));
    }
}
