//! What became of attempts, broker by broker.

use std::sync::atomic::{AtomicU64, Ordering};

use rocketmq_producer_core::{
    delivery::AttemptFate,
    stats::{BrokerStats, Histogram, Reading},
};

/// One broker's attempts. What it has stored is what has a latency.
#[derive(Debug, Default)]
pub(super) struct BrokerCounters {
    latency: Histogram,
    handed_over: AtomicU64,
    failed: AtomicU64,
    unrouted: AtomicU64,
    abandoned: AtomicU64,
}

impl BrokerCounters {
    pub(super) fn count(&self, end: AttemptFate, times: u64) {
        let counter = match end {
            AttemptFate::Stored(latency) => return self.latency.record(latency, times),
            AttemptFate::HandedOver => &self.handed_over,
            AttemptFate::Failed => &self.failed,
            AttemptFate::Unrouted => &self.unrouted,
            AttemptFate::Abandoned => &self.abandoned,
        };
        counter.fetch_add(times, Ordering::Relaxed);
    }

    /// What was counted, and among the failed ones those that had no address to go to.
    pub(super) fn read(&self, reading: Reading) -> (BrokerStats, u64) {
        let unrouted = reading.of(&self.unrouted);
        let mut stats = BrokerStats::default();
        stats.latency = self.latency.read(reading);
        stats.stored = stats.latency.count;
        stats.handed_over = reading.of(&self.handed_over);
        stats.failed = reading.of(&self.failed) + unrouted;
        stats.abandoned = reading.of(&self.abandoned);
        (stats, unrouted)
    }
}
