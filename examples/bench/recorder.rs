//! Notes latencies and failures of many senders.

use std::{
    fmt::Display,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hdrhistogram::Histogram;

/// Senders share these by their number, so that they hardly ever meet; few, because their memory is
/// counted as the client's.
const SHARDS: usize = 4;
const LATENCY_MIN: Duration = Duration::from_micros(1);
const LATENCY_MAX: Duration = Duration::from_secs(3600);
const SIGNIFICANT_DIGITS: u8 = 3;

/// What has become of the messages so far.
#[derive(Debug)]
pub(crate) struct Recorder([Mutex<Tally>; SHARDS]);

/// Nanoseconds from call to reply of what was acknowledged, and how many were not.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) latencies: Histogram<u64>,
    pub(crate) failed: u64,
    pub(crate) first_failure: Option<String>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Default for Tally {
    fn default() -> Self {
        let [min, max] = [LATENCY_MIN, LATENCY_MAX].map(nanos);
        let latencies = Histogram::new_with_bounds(min, max, SIGNIFICANT_DIGITS);
        Self {
            latencies: latencies.expect("constants that fit together"),
            failed: 0,
            first_failure: None,
        }
    }
}

impl Recorder {
    /// Notes what has become of the messages of one request, which took the same time.
    pub(crate) fn record<T, E: Display>(
        &self,
        sender: usize,
        latency: Duration,
        results: &[Result<T, E>],
    ) {
        let mut tally = self.shard(sender);
        let failures = results.iter().filter_map(|result| result.as_ref().err());
        let mut failed = 0;
        for error in failures {
            failed += 1;
            tally.first_failure.get_or_insert_with(|| error.to_string());
        }
        tally.failed += failed;
        tally.latencies.saturating_record_n(nanos(latency), results.len() as u64 - failed);
    }

    /// Notes so many answers that took the same time.
    pub(crate) fn record_many(&self, sender: usize, latency: Duration, count: u64) {
        self.shard(sender).latencies.saturating_record_n(nanos(latency), count);
    }

    /// Everything so far.
    pub(crate) fn total(&self) -> Tally {
        let mut total = Tally::default();
        for shard in 0..SHARDS {
            let tally = self.shard(shard);
            // Both have the same bounds.
            total.latencies += &tally.latencies;
            total.failed += tally.failed;
            total.first_failure = total.first_failure.or_else(|| tally.first_failure.clone());
        }
        total
    }

    fn shard(&self, sender: usize) -> MutexGuard<'_, Tally> {
        // A count is as good after a panic elsewhere as before.
        self.0[sender % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
