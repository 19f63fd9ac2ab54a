//! How long a broker takes.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

/// Latencies that are remembered one by one.
const RECENT: usize = 100;

/// All latencies summed up, and the last ones. Many threads write, without a lock: a reader may see
/// one of two sends that end in the same moment and not the other.
#[derive(Debug)]
pub(super) struct Latencies {
    count: AtomicU64,
    sum_us: AtomicU64,
    max_us: AtomicU32,
    recent_us: [AtomicU32; RECENT],
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            sum_us: AtomicU64::new(0),
            max_us: AtomicU32::new(0),
            recent_us: [const { AtomicU32::new(0) }; RECENT],
        }
    }
}

impl Latencies {
    pub(super) fn record(&self, latency: Duration) {
        let us = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
        let index = self.count.fetch_add(1, Ordering::Relaxed) as usize % RECENT;
        if let Some(slot) = self.recent_us.get(index) {
            slot.store(us, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us.into(), Ordering::Relaxed);
        self.max_us.fetch_max(us, Ordering::Relaxed);
    }

    pub(super) fn average(&self) -> Duration {
        let count = self.count.load(Ordering::Relaxed).max(1);
        Duration::from_micros(self.sum_us.load(Ordering::Relaxed) / count)
    }

    pub(super) fn max(&self) -> Duration {
        Duration::from_micros(self.max_us.load(Ordering::Relaxed).into())
    }

    /// The last ones, in no particular order.
    pub(super) fn recent(&self) -> Vec<Duration> {
        let count = self.count.load(Ordering::Relaxed).min(RECENT as u64) as usize;
        let slots = self.recent_us.iter().take(count);
        slots.map(|us| Duration::from_micros(us.load(Ordering::Relaxed).into())).collect()
    }
}

/// For how long a broker that took `latency` is avoided: `MQFaultStrategy` of Apache RocketMQ.
pub(super) fn avoided_for(latency: Duration) -> Duration {
    const TABLE_MS: [(u64, u64); 5] =
        [(15_000, 30_000), (5_000, 10_000), (3_000, 6_000), (1_800, 5_000), (550, 2_000)];
    let row = TABLE_MS.iter().find(|(at_least, _)| latency >= Duration::from_millis(*at_least));
    Duration::from_millis(row.map_or(0, |(_, pause)| *pause))
}
