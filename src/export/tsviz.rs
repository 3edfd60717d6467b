//! `TSViz`: a space-time diagram like that of `ShiViz`, with time as its axis.

use super::format::Format;
use super::vector_lines::{TimeLine, VectorLines};

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "tsviz",
    summary: "vector clocks, as a space-time diagram with time as its axis: TSViz",
    has_time_line: true,
    exporter: || Box::new(VectorLines::new(TimeLine::With)),
};
