//! Heartbeats, counted.

use std::sync::atomic::{AtomicU64, Ordering};

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

/// The same, written by the client and read by whoever likes.
#[derive(Debug, Default)]
pub(crate) struct HeartbeatCounters {
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

    pub(crate) fn stats(&self) -> HeartbeatStats {
        HeartbeatStats {
            sent: self.sent.load(Ordering::Relaxed),
            succeeded: self.succeeded.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}
