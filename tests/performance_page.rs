//! The page of the benchmarks: rows are replaced, and nothing else is touched.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../benches/performance/page.rs"]
mod page;

use page::{Layout, Measured, replace};

const LAYOUT: Layout<'_> =
    Layout { head: "| topic | what |\n| --- | ---: |\n", topics: &["one", "two", "three"] };

const PAGE: &str = "\
# A page

Written by people.

<!-- measured: begin -->

- 2026-01-01, here: `one`, `three`

| topic | what |
| --- | ---: |
| `one` | first |
| `one` | second |
| `three` | last |

<!-- measured: end -->

Also by people: | `one` | is no row.
";

fn with(topic: &str, rows: &[&str], at: &str) -> String {
    let rows: Vec<String> = rows.iter().map(|row| format!("| `{topic}` | {row} |\n")).collect();
    replace(PAGE, &LAYOUT, &Measured { topic, rows: &rows, at }).unwrap()
}

#[test]
fn rows_of_a_topic_replace_its_own_alone() {
    let found = with("one", &["new"], "2026-01-01, here");
    let expected = PAGE.replace("| `one` | first |\n| `one` | second |\n", "| `one` | new |\n");
    assert_eq!(found, expected);
}

#[test]
fn rows_of_a_new_topic_come_into_their_place() {
    let found = with("two", &["new", "newer"], "2026-01-01, here");
    let rows = "| `one` | second |\n| `two` | new |\n| `two` | newer |\n| `three` | last |\n";
    assert!(found.contains(rows), "{found}");
    assert!(found.contains("- 2026-01-01, here: `one`, `two`, `three`\n"), "{found}");
}

#[test]
fn each_topic_keeps_when_and_where_it_was_measured() {
    let found = with("three", &["new"], "2026-02-02, there");
    let places = "begin -->\n\n- 2026-02-02, there: `three`\n- 2026-01-01, here: `one`\n\n| topic";
    assert!(found.contains(places), "{found}");
}

#[test]
fn a_topic_that_is_no_more_goes_away() {
    let rows = ["| `one` | new |\n".to_owned()];
    let measured = Measured { topic: "one", rows: &rows, at: "2026-02-02, there" };
    let layout = Layout { topics: &["one"], ..LAYOUT };
    let found = replace(PAGE, &layout, &measured).unwrap();
    assert!(!found.contains("`three`") && !found.contains(", here"), "{found}");
}

#[test]
fn a_page_without_a_place_for_rows_is_refused() {
    let measured = Measured { topic: "one", rows: &[], at: "" };
    for line in ["<!-- measured: begin -->", "<!-- measured: end -->"] {
        let why = replace(&PAGE.replace(line, ""), &LAYOUT, &measured).unwrap_err();
        assert!(why.contains(line), "{why}");
    }
}
