//! The two clocks, as the machines want them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rocketmq_producer_core::time::{Instant, Now, UnixMillis};

use crate::lock;

/// How long the wall clock is told from the monotonic one before it is read again: this much later a
/// step of it is followed.
const WALL_AGE_MAX: u64 = 10_000_000;
/// A reading of the wall clock that takes longer was interrupted, and says when it was of none too well.
const READING_MAX: u64 = 50_000;

/// Tells both times: the operating system's, or what a simulation says.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System(Arc<SystemClock>),
    Manual(ManualClock),
}

/// Nanoseconds of both clocks. Reading one costs as much as a good part of a send, so mostly one of
/// them is read, and the other told by it.
#[derive(Debug)]
struct SystemClock {
    /// The moment the clock was made.
    origin: std::time::Instant,
    /// What the wall clock is ahead of the monotonic one.
    ahead: AtomicI64,
    /// Until when that may be gone by; whoever has read it sees what `ahead` was set to before.
    until: AtomicU64,
}

impl SystemClock {
    fn start() -> Self {
        let origin = std::time::Instant::now();
        Self { origin, ahead: AtomicI64::new(0), until: AtomicU64::new(0) }
    }

    fn now(&self) -> Now {
        let nanos = self.nanos();
        let wall = match nanos < self.until.load(Ordering::Acquire) {
            true => self.ahead.load(Ordering::Relaxed).saturating_add(signed(nanos)),
            false => self.read_wall(nanos),
        };
        Now { instant: Instant::from_nanos(nanos), wall: UnixMillis(wall / 1_000_000) }
    }

    /// The wall clock's time, which is remembered unless it is uncertain when that was.
    fn read_wall(&self, before: u64) -> i64 {
        let wall = wall_nanos();
        let after = self.nanos();
        if after.saturating_sub(before) <= READING_MAX {
            self.ahead.store(wall.saturating_sub(signed(after)), Ordering::Relaxed);
            self.until.store(after.saturating_add(WALL_AGE_MAX), Ordering::Release);
        }
        wall
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A time before the epoch or too far from it is the nearest that can be told.
fn wall_nanos() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn signed(nanos: u64) -> i64 {
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

impl Clock {
    /// The operating system's clock, from now on.
    #[must_use]
    pub fn start() -> Self {
        Self(Source::System(Arc::new(SystemClock::start())))
    }

    /// Both clocks; the wall clock as it was at most 10 ms ago, and what has gone by since.
    #[must_use]
    pub fn now(&self) -> Now {
        match &self.0 {
            Source::System(clock) => clock.now(),
            Source::Manual(clock) => clock.now(),
        }
    }

    /// A machine's point in time as the operating system's; none when it is too far off to be
    /// told, which is as good as never, or when the clock is not the operating system's.
    #[must_use]
    pub fn to_std(&self, instant: Instant) -> Option<std::time::Instant> {
        match &self.0 {
            Source::System(clock) => {
                clock.origin.checked_add(Duration::from_nanos(instant.as_nanos()))
            }
            Source::Manual(_) => None,
        }
    }
}

/// A clock that stands still until it is set: for simulations. All its clones are one clock.
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<Mutex<Now>>);

impl ManualClock {
    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Now {
        *lock(&self.0)
    }

    /// Sets both clocks. The monotonic one must not go back.
    pub fn set(&self, now: Now) {
        *lock(&self.0) = now;
    }
}

impl From<ManualClock> for Clock {
    fn from(clock: ManualClock) -> Self {
        Self(Source::Manual(clock))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// How far off the wall clock is told.
    fn error(clock: &Clock) -> i64 {
        let before = UnixMillis::from(SystemTime::now()).0;
        let told = clock.now().wall.0;
        let after = UnixMillis::from(SystemTime::now()).0;
        (before - told).max(told - after).max(0)
    }

    #[test]
    fn the_wall_clock_is_told_from_the_monotonic_one() {
        let clock = Clock::start();
        for _ in 0..20 {
            assert!(error(&clock) <= 10, "whoever is interrupted while reading is a little off");
            thread::sleep(Duration::from_millis(3));
        }
    }

    #[test]
    fn an_interrupted_reading_is_not_remembered() {
        let clock = SystemClock::start();
        thread::sleep(Duration::from_nanos(READING_MAX + 1));
        clock.read_wall(0);
        assert_eq!(clock.until.load(Ordering::Relaxed), 0, "the next one reads it again");
    }

    #[test]
    fn a_step_of_the_wall_clock_is_followed_soon() {
        let clock = Clock::start();
        let Source::System(system) = &clock.0 else { panic!("it is the operating system's") };
        assert!(error(&clock) <= 10);
        system.ahead.store(0, Ordering::Relaxed);
        thread::sleep(Duration::from_nanos(WALL_AGE_MAX + 1));
        assert!(error(&clock) <= 10);
    }
}
