//! The rows as a table of the docs, between two markers of the page.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::row::{Extent, Finding, Group, Row, Verdict};
use crate::rows;

const PAGE: &str = "docs/reliability.md";
const BEGIN: &str = "<!-- battery: begin -->\n";
const END: &str = "<!-- battery: end -->\n";

/// Writes what was found into a page.
pub(crate) fn write(file: &Path, rows: &[&Row], findings: &[Finding]) -> Result<()> {
    if rows.len() != rows::all().count() {
        bail!("the page shows all rows; run all of them (--all, and no filter)");
    }
    let page =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let (before, after) = around_table(&page)?;
    let table = table(rows, findings);
    fs::write(file, format!("{before}{BEGIN}{table}{END}{after}"))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Says what the stored page misses: a row, or what one does now.
pub(crate) fn outdated() -> Option<String> {
    let page = fs::read_to_string(PAGE).unwrap_or_default();
    let is_missing = |row: &&Row| !page.contains(&beginning(row));
    let missing: Vec<&str> = rows::all().filter(is_missing).map(|row| row.id).collect();
    let stored = page.lines().filter(|line| is_row(line)).count();
    if missing.is_empty() && stored == rows::all().count() {
        return None;
    }
    let missing =
        if missing.is_empty() { "rows that are gone".to_owned() } else { missing.join(" ") };
    Some(format!("{PAGE} is out of date ({missing}); renew it with scripts/battery.sh"))
}

fn is_row(line: &str) -> bool {
    let id = line.strip_prefix("| ").and_then(|line| line.split(' ').next()).unwrap_or_default();
    rows::all().any(|row| row.id == id)
        || (id.len() > 1 && id[1..].bytes().all(|byte| byte.is_ascii_digit()))
}

fn around_table(page: &str) -> Result<(&str, &str)> {
    let (before, rest) = page.split_once(BEGIN).context("the page has no mark for the table")?;
    let (_, after) = rest.split_once(END).context("the table of the page has no end mark")?;
    Ok((before, after))
}

fn table(rows: &[&Row], findings: &[Finding]) -> String {
    let mut table = String::new();
    for group in Group::ALL {
        write!(
            table,
            "\n### {}\n\n| row | fault | how it is injected | what must happen | outcome | verdict |\n\
             | --- | --- | --- | --- | --- | --- |\n",
            title(group)
        )
        .expect("writing into a string cannot fail");
        let is_its = |(row, _): &(&&Row, &Finding)| Group::of(row) == group;
        for (row, finding) in rows.iter().zip(findings).filter(is_its) {
            let (outcome, verdict) = match &finding.verdict {
                Verdict::Passed(outcome) => (outcome.as_str(), "passed"),
                Verdict::Failed(what) => (what.as_str(), "**failed**"),
                Verdict::Skipped(why) => (why.as_str(), "skipped"),
            };
            let outcome = cell(outcome);
            writeln!(table, "{}{outcome} | {verdict} |", beginning(row))
                .expect("writing into a string cannot fail");
        }
    }
    table.push('\n');
    table
}

/// The part of a row that does not depend on what is found.
fn beginning(row: &Row) -> String {
    let Row { id, fault, injected, must, extent, .. } = row;
    let mark = if *extent == Extent::Quick { " (quick)" } else { "" };
    format!("| {id}{mark} | {} | {} | {} | ", cell(fault), cell(injected), cell(must))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn title(group: Group) -> String {
    let name = group.name();
    name[..1].to_uppercase() + &name[1..]
}
