//! Heartbeats, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::counting::Reading;

/// Heartbeats to all brokers, or to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct HeartbeatStats {
    /// All that there were.
    pub sent: u64,
    /// Those that were answered, and of those that ask for no answer, those that were queued.
    pub succeeded: u64,
    /// Those that were neither.
    pub failed: u64,
}

/// The same, written by a client and read by whoever likes.
#[derive(Debug, Default)]
pub struct HeartbeatCounters {
    sent: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
}

impl HeartbeatCounters {
    pub(crate) fn sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn over(&self, well: bool) {
        let counter = if well { &self.succeeded } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted.
    pub fn read(&self, reading: Reading) -> HeartbeatStats {
        HeartbeatStats {
            sent: reading.of(&self.sent),
            succeeded: reading.of(&self.succeeded),
            failed: reading.of(&self.failed),
        }
    }
}
