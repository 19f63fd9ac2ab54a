//! How often the same is told.

use std::time::Duration;

use crate::time::{Instant, Now};

/// Changes that are told at once.
const BURST: u32 = 4;
/// How soon one more may be told after that.
const EVERY: Duration = Duration::from_secs(10);

/// Lets so many changes through at once, and one more every ten seconds.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    spent: u32,
    /// When one of those spent is given back.
    refill_at: Instant,
}

impl Budget {
    /// True when one more may be told.
    pub(crate) fn take(&mut self, now: Now) -> bool {
        while self.spent > 0 && self.refill_at <= now.instant {
            self.spent -= 1;
            self.refill_at = self.refill_at + EVERY;
        }
        if self.spent == BURST {
            return false;
        }
        if self.spent == 0 {
            self.refill_at = now.instant + EVERY;
        }
        self.spent += 1;
        true
    }

    /// When [`take`](Self::take) will say yes, after it has said no.
    pub(crate) fn next(&self) -> Instant {
        self.refill_at
    }
}

/// Makes seldom events of what is counted often: tells at once, then sums up for a minute.
#[derive(Debug, Default)]
pub struct Tally {
    untold: u64,
    told_at: Option<Instant>,
}

/// For how long is summed up.
const TALLIED: Duration = Duration::from_secs(60);

impl Tally {
    /// So much more has been counted: how much is to be told, if anything. What is not told yet is
    /// told when this is asked later.
    pub fn note(&mut self, now: Now, more: u64) -> Option<u64> {
        let lately = |at: Instant| now.instant.saturating_since(at) < TALLIED;
        self.untold += more;
        if self.untold == 0 || self.told_at.is_some_and(lately) {
            return None;
        }
        self.told_at = Some(now.instant);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        let instant = Instant::default() + Duration::from_secs(seconds);
        Now { instant, ..Now::default() }
    }

    #[test]
    fn row_55_a_few_changes_are_told_at_once_and_then_six_a_minute() {
        let mut budget = Budget::default();
        let told = |budget: &mut Budget, now| (0..100).filter(|_| budget.take(now)).count();
        assert_eq!(told(&mut budget, at(0)), 4);
        assert_eq!(budget.next(), at(10).instant);
        assert_eq!((1..=60).map(|now| told(&mut budget, at(now))).sum::<usize>(), 6);
        assert_eq!(told(&mut budget, at(3_600)), 4, "what is not used does not gather");
    }

    #[test]
    fn row_55_what_is_counted_often_is_told_once_a_minute_and_nothing_is_left_out() {
        let mut tally = Tally::default();
        assert_eq!(tally.note(at(0), 0), None);
        assert_eq!(tally.note(at(1), 3), Some(3), "the first at once");
        let told: Vec<_> = (2..=122).filter_map(|now| tally.note(at(now), 1)).collect();
        assert_eq!(told, [60, 60]);
    }
}
