//! `ShiViz`: a space-time diagram, drawn from vector clocks.

use super::format::{Concern, Format};
use super::vector_lines::{TimeLine, VectorLines};

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "shiviz",
    summary: "vector clocks, as a space-time diagram: ShiViz",
    concerns: &[Concern::ArrowsFromClocks],
    exporter: || Box::new(VectorLines::new(TimeLine::Without)),
};
