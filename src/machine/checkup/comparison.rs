//! Comparing the system time of this host with that of a peer's, by probes, before the common start.
//!
//! A probe and its echo give four times, and these an offset and a bound on its error (NTP, RFC 5905,
//! section 8). The fastest exchange has the smallest bound, and it alone counts (Cristian,
//! "Probabilistic clock synchronization", 1989).

use std::time::{Duration, Instant};

use super::{Checkups, Pass};
use crate::logbook::{ClockOffset, SystemTime};
use crate::machine::wire::{BackLine, CheckupId};
use crate::model::MachineId;
use crate::wall_clock;

/// So many probes are to come back.
const PROBES: usize = 8;

/// A probe is sent when the one before it is back, or after so long: an answer is lost if the peer's
/// own connection does not stand yet.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A comparison takes no longer.
pub(in crate::machine) const LIMIT: Duration = Duration::from_secs(2);

/// A comparison that goes on.
#[derive(Debug)]
pub(in crate::machine) struct Comparison<'a> {
    pass: Pass<'a>,
    peer: MachineId,
    sent: u32,
    /// When the next probe leaves, if none comes back before.
    next: Instant,
    back: usize,
    best: Option<ClockOffset>,
}

impl<'a> Comparison<'a> {
    /// Begins to compare the clocks.
    ///
    /// # Errors
    /// When too many ask already.
    pub(in crate::machine) fn begin(
        checkups: &'a Checkups,
        id: CheckupId,
        peer: MachineId,
    ) -> Result<Self, String> {
        let pass = checkups.begin(id)?;
        Ok(Self { pass, peer, sent: 0, next: wall_clock::now(), back: 0, best: None })
    }

    /// Takes what is back, and sends what is due; whether more is to come.
    pub(in crate::machine) fn go_on(&mut self) -> bool {
        let now = wall_clock::now();
        for back in self.pass.take_back() {
            let found = offset(&back);
            let is_better = |best: ClockOffset| found.error_us < best.error_us;
            if self.best.is_none_or(is_better) {
                self.best = Some(found);
            }
            self.back += 1;
            self.next = now;
        }
        if PROBES <= self.back {
            return false;
        }
        if self.next <= now {
            self.sent += 1;
            self.next = now + AGAIN_AFTER;
            // One that cannot be sent is lost, as others are.
            let _ = self.pass.send_to(self.peer, self.sent, None);
        }
        true
    }

    /// The offset, by the exchange that bounds it best; none if no probe is back.
    pub(in crate::machine) fn best(&self) -> Option<ClockOffset> {
        self.best
    }
}

/// The offset by one exchange. The times are truncated to microseconds, which is added to the error.
fn offset(back: &BackLine) -> ClockOffset {
    let [t1, t2, t3, t4] = [back.sent, back.heard, back.answered, back.back]
        .map(|SystemTime(micros)| i128::from(micros));
    let under_way = ((t4 - t1) - (t3 - t2)).max(0);
    let offset_us = ((t2 - t1) + (t3 - t4)).div_euclid(2);
    ClockOffset {
        offset_us: i64::try_from(offset_us).unwrap_or(if offset_us < 0 {
            -i64::MAX
        } else {
            i64::MAX
        }),
        error_us: u64::try_from((under_way + 1) / 2 + 1).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever a probe and its echo take, the truth lies within the error.
        #[test]
        fn the_true_offset_lies_within_the_error(
            (start_ns, ahead_ns) in (0..1_i64 << 60, -(1_i64 << 50)..1 << 50),
            (there_ns, rest_ns, back_ns) in (0..10_000_000_i64, 0..1_000_000_i64, 0..10_000_000_i64),
        ) {
            let own = |ns: i64| SystemTime(ns.div_euclid(1000));
            let peers = |ns: i64| SystemTime((ns + ahead_ns).div_euclid(1000));
            let heard_ns = start_ns + there_ns;
            let found = offset(&BackLine {
                peer: MachineId::new(1),
                number: 1,
                sent: own(start_ns),
                heard: peers(heard_ns),
                answered: peers(heard_ns + rest_ns),
                back: own(heard_ns + rest_ns + back_ns),
            });
            let error_ns = (i128::from(found.offset_us) * 1000 - i128::from(ahead_ns)).abs();
            prop_assert!(error_ns <= i128::from(found.error_us) * 1000, "{found:?}");
        }
    }
}
