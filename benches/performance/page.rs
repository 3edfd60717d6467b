//! Putting rows into a page that people have written.
//!
//! Between two comments of the page lies what was measured: the table, and where and when each topic of
//! it was. Everything outside is left as it is, and so are the rows of other topics.

/// Behind this line the page is measured.
const BEGIN: &str = "<!-- measured: begin -->\n";

/// From this line on it is written again.
const END: &str = "<!-- measured: end -->\n";

/// What the table looks like.
pub(crate) struct Layout<'a> {
    /// Its head, in Markdown.
    pub(crate) head: &'a str,
    /// All topics, in their order.
    pub(crate) topics: &'a [&'a str],
}

/// The rows of a topic.
pub(crate) struct Measured<'a> {
    /// The topic.
    pub(crate) topic: &'a str,
    /// Its rows: lines of Markdown that begin with the topic.
    pub(crate) rows: &'a [String],
    /// When, and on what kind of computer.
    pub(crate) at: &'a str,
}

/// The page with the rows of a topic replaced. Rows of what is no topic any more go away.
///
/// # Errors
/// When the page has no place for rows.
pub(crate) fn replace(
    page: &str,
    layout: &Layout<'_>,
    measured: &Measured<'_>,
) -> Result<String, String> {
    let missing = |comment: &str| format!("the line '{}' is missing", comment.trim_end());
    let (before, rest) = page.split_once(BEGIN).ok_or_else(|| missing(BEGIN))?;
    let (old, after) = rest.split_once(END).ok_or_else(|| missing(END))?;
    let mut table = layout.head.to_owned();
    for topic in layout.topics {
        if *topic == measured.topic {
            table.extend(measured.rows.iter().map(String::as_str));
        } else {
            let kept = old.lines().filter(|line| line.starts_with(&format!("| `{topic}` |")));
            kept.for_each(|row| table += &format!("{row}\n"));
        }
    }
    let places = places(old, layout.topics, measured);
    Ok(format!("{before}{BEGIN}\n{places}\n{table}\n{END}{after}"))
}

/// Where and when the topics were measured, a line for each place and time, the latest first.
fn places(old: &str, topics: &[&str], measured: &Measured<'_>) -> String {
    let mut places = vec![(measured.at, vec![measured.topic])];
    for (at, others) in old.lines().filter_map(|line| line.strip_prefix("- ")?.split_once(": ")) {
        let others = others.split(", ").map(|topic| topic.trim_matches('`'));
        let others = others.filter(|topic| *topic != measured.topic && topics.contains(topic));
        match places.iter_mut().find(|(place, _)| *place == at) {
            Some((_, together)) => together.extend(others),
            None => places.push((at, others.collect())),
        }
    }
    let mut text = String::new();
    for (at, together) in places.iter().filter(|(_, together)| !together.is_empty()) {
        let ordered = topics.iter().filter(|topic| together.contains(topic));
        let ordered: Vec<String> = ordered.map(|topic| format!("`{topic}`")).collect();
        text += &format!("- {at}: {}\n", ordered.join(", "));
    }
    text
}
