//! What becomes of one-way sends.

use std::sync::atomic::{AtomicU64, Ordering};

use rocketmq_producer_core::stats::{OnewayStats, Reading};

/// Counted by senders and by drivers.
#[derive(Debug, Default)]
pub(crate) struct OnewayCounters {
    handed_over: AtomicU64,
    in_doubt: AtomicU64,
}

impl OnewayCounters {
    pub(super) fn handed_over(&self, messages: u64) {
        self.handed_over.fetch_add(messages, Ordering::Relaxed);
    }

    pub(crate) fn in_doubt(&self, requests: u64) {
        self.in_doubt.fetch_add(requests, Ordering::Relaxed);
    }

    pub(super) fn read(&self, reading: Reading) -> OnewayStats {
        let mut stats = OnewayStats::default();
        stats.handed_over = reading.of(&self.handed_over);
        stats.requests_in_doubt = reading.of(&self.in_doubt);
        stats
    }
}
