//! The claims of a notebook, held against a thousand runs each.
//!
//! A [`Claim`] quotes the notebook, says how it is tested, and takes from a [`Laboratory`] the
//! share of the runs in which it is true. The verdict follows from the share alone; what was
//! expected, and why, stands beside it, so that a change of the model that changes a verdict is
//! noticed. [`notebook`] is the list.

mod findings;
pub mod laboratory;
pub mod notebook;

use serde::Serialize;

use laboratory::Laboratory;

/// A claim holds if it is true in at least this share of the runs.
pub const HOLDS_FROM: f64 = 0.95;

/// A claim holds with a condition if it is true in at least this share of the runs.
pub const HOLDS_WITH_A_CONDITION_FROM: f64 = 0.5;

/// What came of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is true in nearly every run.
    Holds,
    /// It is true in most runs: something more must be said.
    HoldsWithACondition,
    /// It is true in a minority of the runs.
    DoesNotHold,
}

impl Verdict {
    /// The verdict on a claim that is true in this share of the runs.
    #[must_use]
    pub fn of_share(share: f64) -> Self {
        if HOLDS_FROM <= share {
            Self::Holds
        } else if HOLDS_WITH_A_CONDITION_FROM <= share {
            Self::HoldsWithACondition
        } else {
            Self::DoesNotHold
        }
    }

    /// The verdict in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::HoldsWithACondition => "holds with a condition",
            Self::DoesNotHold => "does not hold",
        }
    }
}

/// A share in per cent, with a decimal unless it is whole.
#[must_use]
pub fn per_cent(share: f64) -> String {
    let text = format!("{:.1}", 100.0 * share);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// What the runs say of a claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The share of the runs in which the claim is true.
    pub share: f64,
    /// A sentence with the figures.
    pub figures: String,
}

/// A claim of the notebook.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// A short name.
    pub id: &'static str,
    /// The section of the notebook.
    pub section: &'static str,
    /// The notebook's words.
    pub words: &'static str,
    /// When the claim counts as true of a run.
    pub test: &'static str,
    /// Takes the finding from the runs.
    pub find: fn(&Laboratory) -> Finding,
    /// The verdict that theory and earlier runs lead us to expect.
    pub expected: Verdict,
    /// Why.
    pub reason: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_begins_at_its_threshold() {
        let verdicts = [1.0, 0.95, 0.949, 0.5, 0.499, 0.0].map(Verdict::of_share);
        let expected = [
            Verdict::Holds,
            Verdict::Holds,
            Verdict::HoldsWithACondition,
            Verdict::HoldsWithACondition,
            Verdict::DoesNotHold,
            Verdict::DoesNotHold,
        ];
        assert_eq!(verdicts, expected);
    }

    #[test]
    fn whole_per_cents_have_no_decimals() {
        assert_eq!([1.0, 0.953].map(per_cent), ["100 %", "95.3 %"]);
    }

    #[test]
    fn quotes_are_short_and_names_are_unique() {
        let claims = notebook::claims();
        for (index, claim) in claims.iter().enumerate() {
            assert!(claim.words.split_whitespace().count() < 25, "{}", claim.id);
            assert!(claims[..index].iter().all(|other| other.id != claim.id), "{}", claim.id);
        }
    }
}
