//! The two clocks, as the machines want them.

use std::time::{SystemTime, UNIX_EPOCH};

use rocketmq_producer_core::time::{Instant, Now, UnixMillis};

/// Reads the operating system's clocks; its origin is the moment it was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    /// A clock that begins now.
    #[must_use]
    pub fn start() -> Self {
        Self { origin: std::time::Instant::now() }
    }

    /// Both clocks.
    #[must_use]
    pub fn now(&self) -> Now {
        let nanos = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(wall.as_millis()).unwrap_or(i64::MAX);
        Now { instant: Instant::from_nanos(nanos), wall: UnixMillis(millis) }
    }

    /// A machine's point in time as the operating system's; none when it is too far off to be
    /// told, which is as good as never.
    #[must_use]
    pub fn to_std(&self, instant: Instant) -> Option<std::time::Instant> {
        self.origin.checked_add(std::time::Duration::from_nanos(instant.as_nanos()))
    }
}
