//! The two clocks, as the machines want them.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use rocketmq_producer_core::time::{Instant, Now};

use crate::lock;

/// Tells both times: the operating system's, or what a simulation says.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    /// The origin is the moment the clock was made.
    System(std::time::Instant),
    Manual(ManualClock),
}

impl Clock {
    /// The operating system's clock, from now on.
    #[must_use]
    pub fn start() -> Self {
        Self(Source::System(std::time::Instant::now()))
    }

    /// Both clocks.
    #[must_use]
    pub fn now(&self) -> Now {
        let origin = match &self.0 {
            Source::System(origin) => origin,
            Source::Manual(clock) => return clock.now(),
        };
        let nanos = u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Now { instant: Instant::from_nanos(nanos), wall: SystemTime::now().into() }
    }

    /// A machine's point in time as the operating system's; none when it is too far off to be
    /// told, which is as good as never, or when the clock is not the operating system's.
    #[must_use]
    pub fn to_std(&self, instant: Instant) -> Option<std::time::Instant> {
        match &self.0 {
            Source::System(origin) => origin.checked_add(Duration::from_nanos(instant.as_nanos())),
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
