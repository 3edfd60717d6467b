//! The findings of all layers, and what they come to.

use serde::Serialize;

use super::heard::Heard;
use super::layer::{Finding, LAYERS, Verdict};

/// What a checkup came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The trial's name.
    pub trial: String,
    /// The worst of the layers': degraded beats cannot say beats healthy.
    pub verdict: Verdict,
    /// One finding a layer.
    pub layers: Vec<Finding>,
}

/// Judges what was heard, layer by layer.
#[must_use]
pub fn judge(heard: &Heard) -> Report {
    let layers: Vec<Finding> = LAYERS.iter().map(|layer| layer.find(heard)).collect();
    let verdict = layers.iter().map(|finding| finding.verdict).max();
    let verdict = verdict.unwrap_or(Verdict::CannotSay);
    Report { trial: heard.trial.name.clone(), verdict, layers }
}
