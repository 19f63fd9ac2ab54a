//! When attempts are made, and how long each may take.

use std::time::Duration;

use crate::{
    mutants::{
        Mutant::{OneDeadlineForTheFirstBroker, PausesBeyondTheDeadline},
        is_on,
    },
    time::{Instant, Now},
};

/// The shortest pause after a busy answer, and before a broker that has failed this send is tried
/// again; doubles with the attempts.
const PAUSE: Duration = Duration::from_millis(20);
/// No time for such a pause is no time for an attempt after it.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// How often it doubles.
const DOUBLINGS_MAX: u32 = 4;
/// An attempt that could get no more than this part of `attempt_timeout_min`, or of the whole time
/// where that is shorter, is not begun.
const WORTH_PART: u32 = 10;

/// Shares a send's time among its attempts.
#[derive(Debug)]
pub(super) struct Pacing {
    attempt_timeout_min: Duration,
    /// Less than this is not worth another attempt.
    worth: Duration,
    /// Attempts that count: busy answers do not.
    counted: u32,
    made: u32,
    pub(super) jitter: fastrand::Rng,
}

impl Pacing {
    pub(super) fn new(attempt_timeout_min: Duration, timeout: Duration, seed: u64) -> Self {
        Self {
            attempt_timeout_min,
            worth: attempt_timeout_min.min(timeout) / WORTH_PART,
            counted: 0,
            made: 0,
            jitter: fastrand::Rng::with_seed(seed),
        }
    }

    /// An attempt has failed.
    pub(super) fn count(&mut self, busy: bool) {
        self.made = self.made.saturating_add(1);
        self.counted += u32::from(!busy);
    }

    pub(super) fn attempts_left(&self, retry_times: u32) -> u32 {
        retry_times.saturating_add(1).saturating_sub(self.counted)
    }

    /// What the next attempt may take: its share of what is left, but no less than the minimum.
    pub(super) fn attempt(&self, deadline: Instant, now: Now, attempts_left: u32) -> Duration {
        let left = deadline.saturating_since(now.instant);
        if is_on(OneDeadlineForTheFirstBroker) {
            return left;
        }
        let share = left / attempts_left.max(1);
        share.max(self.attempt_timeout_min).min(left)
    }

    pub(super) fn is_worth_another(&self, deadline: Instant, now: Now) -> bool {
        deadline.saturating_since(now.instant) >= self.worth
    }

    /// The end of a jittered pause that doubles with every attempt, and leaves time for the attempt
    /// that it is for; none when there is no time for a pause.
    pub(super) fn pause(&mut self, deadline: Instant, now: Now) -> Option<Instant> {
        let doublings = self.made.saturating_sub(1).min(DOUBLINGS_MAX);
        let pause = PAUSE * 2u32.pow(doublings) * self.jitter.u32(50..150) / 100;
        let pause = self.bounded(pause, deadline, now);
        (pause >= PAUSE_MIN).then(|| now.instant + pause)
    }

    /// `pause`, or less where that would leave no time.
    pub(super) fn bounded(&self, pause: Duration, deadline: Instant, now: Now) -> Duration {
        if is_on(PausesBeyondTheDeadline) {
            return pause;
        }
        pause.min(deadline.saturating_since(now.instant).saturating_sub(self.worth))
    }
}
