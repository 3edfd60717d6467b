//! How long a report takes, and how much memory, against the number of events; beside `wc`, which
//! counts the lines, words and bytes of the same logs.

use std::path::Path;

use crate::Plan;
use crate::check::against_wc;
use crate::program::scalemodel;
use crate::table::Row;

const EVENTS: [u64; 3] = [10_000, 100_000, 1_000_000];

pub(crate) fn measure(plan: &Plan) -> Vec<Row> {
    let report = |logs: &Path| {
        let mut report = scalemodel(&["report", "--quiet"]);
        report.arg(logs).arg("-o").arg(logs.with_file_name("report.html"));
        report
    };
    EVENTS.into_iter().flat_map(|events| against_wc(plan, "report", events, report)).collect()
}
