//! What is asked, and what counts as healthy.

use std::time::Duration;

/// The measure of a checkup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// How many probes every machine sends to each of its peers.
    pub probes: u32,
    /// Within this a probe must have come to a peer and back.
    pub window: Duration,
    /// How long the queues are watched; the probes are spread over it.
    pub span: Duration,
    /// How long connecting, and each answer, may take.
    pub limit: Duration,
    /// No tick may be later than this.
    pub lateness: Duration,
    /// No two machines may differ by more than this in their system times.
    pub skew: Duration,
}
