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
const WORTH_PART: u64 = 10;

/// Shares a send's time among its attempts.
#[derive(Debug)]
pub(super) struct Pacing {
    /// The config's `attempt_timeout_min`, in nanoseconds.
    attempt_min: u64,
    /// Less than this is not worth another attempt, in nanoseconds.
    worth: u64,
    /// Attempts that count: busy answers do not.
    counted: u32,
    made: u32,
    pub(super) jitter: fastrand::Rng,
}

impl Pacing {
    pub(super) fn new(attempt_timeout_min: Duration, timeout: Duration, seed: u64) -> Self {
        let [attempt_min, timeout] = [attempt_timeout_min, timeout]
            .map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        Self {
            attempt_min,
            worth: attempt_min.min(timeout) / WORTH_PART,
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

    /// When the next attempt is over: it may take its share of what is left, but no less than the
    /// minimum.
    pub(super) fn until(&self, deadline: Instant, now: Now, attempts_left: u32) -> Instant {
        let (now, deadline) = (now.instant.as_nanos(), deadline.as_nanos());
        let left = deadline.saturating_sub(now);
        if is_on(OneDeadlineForTheFirstBroker) {
            return Instant::from_nanos(now.saturating_add(left));
        }
        let share = left / u64::from(attempts_left.max(1));
        Instant::from_nanos(now.saturating_add(share.max(self.attempt_min).min(left)))
    }

    pub(super) fn is_worth_another(&self, deadline: Instant, now: Now) -> bool {
        deadline.saturating_since(now.instant) >= self.worth()
    }

    fn worth(&self) -> Duration {
        Duration::from_nanos(self.worth)
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
        pause.min(deadline.saturating_since(now.instant).saturating_sub(self.worth()))
    }
}
