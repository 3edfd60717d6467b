//! `ShiViz`: a space-time diagram, drawn from vector clocks.

use super::format::Format;
use super::vector_lines::{TimeLine, VectorLines};

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "shiviz",
    summary: "vector clocks, as a space-time diagram: ShiViz",
    has_time_line: false,
    exporter: || Box::new(VectorLines::new(TimeLine::Without)),
};
