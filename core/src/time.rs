//! Time as the machines see it: a monotonic point, a wall-clock reading, and the two together.
//!
//! Core never reads a clock. Whoever drives it passes a [`Now`] by value: both times of one moment,
//! as well as the driver can tell them. Timers use the monotonic part only, so a stepped wall clock
//! fires nothing early or late.

use std::{
    fmt,
    ops::Add,
    time::{Duration, UNIX_EPOCH},
};

/// A point on the driver's monotonic clock: nanoseconds from an origin of the driver's choice.
///
/// `std::time::Instant` cannot be made without reading a clock and does not exist on bare wasm,
/// so the machines have their own. It must never decrease between two calls on one machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// A point later than every deadline in practice (584 years after the origin).
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to `self`, zero when `earlier` is the later one.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

/// Wall-clock time: milliseconds since the Unix epoch, as RocketMQ writes it on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A time before the epoch or too far from it is the nearest that can be told.
#[expect(
    clippy::disallowed_types,
    reason = "what a caller has is turned into ours; no clock is read"
)]
impl From<std::time::SystemTime> for UnixMillis {
    fn from(time: std::time::SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Both times of one moment, which the driver tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For timers.
    pub instant: Instant,
    /// For timestamps that go on the wire.
    pub wall: UnixMillis,
}

/// When a machine wants to be woken, and why: the reason shows up in traces and simulations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The machine's `handle_timeout` (or tick) is due at this point.
    pub at: Instant,
    /// What is due.
    pub why: &'static str,
}

impl Deadline {
    /// The sooner of two optional deadlines.
    pub fn sooner(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b.at < a.at { b } else { a }),
            (one, other) => one.or(other),
        }
    }

    /// Whether somebody who waits for one deadline has to know of another that there is now.
    pub fn is_sooner(now: Option<Self>, before: Option<Self>) -> bool {
        now.is_some_and(|now| before.is_none_or(|before| now.at < before.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_beyond_the_end_of_time_saturates() {
        assert_eq!(Instant::from_nanos(5) + Duration::MAX, Instant::FAR_FUTURE);
    }

    #[test]
    fn the_sooner_deadline_wins_and_none_loses() {
        let early = Deadline { at: Instant::from_nanos(1), why: "early" };
        let late = Deadline { at: Instant::from_nanos(2), why: "late" };
        assert_eq!(Deadline::sooner(Some(late), Some(early)), Some(early));
        assert_eq!(Deadline::sooner(None, Some(late)), Some(late));
        assert_eq!(Deadline::sooner(None, None), None);
    }
}
