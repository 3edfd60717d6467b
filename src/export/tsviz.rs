//! `TSViz`: a space-time diagram like that of `ShiViz`, with time as its axis.

use super::format::{Concern, Format};
use super::vector_lines::{TimeLine, VectorLines};

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "tsviz",
    summary: "vector clocks, as a space-time diagram with time as its axis: TSViz",
    concerns: &[Concern::TimeLine, Concern::ArrowsFromClocks],
    exporter: || Box::new(VectorLines::new(TimeLine::With)),
};
