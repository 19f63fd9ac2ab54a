//! How long things take, counted by size.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{Reading, millis};

/// Each doubling is cut into so many equal steps, as a power of two.
const STEP_BITS: u32 = 5;
const STEPS: usize = 1 << STEP_BITS;
/// One for each microsecond below the first doubling that is cut, then the steps of all doublings up
/// to the largest time that fits 32 bits of microseconds.
const BUCKETS: usize = STEPS * (u32::BITS - STEP_BITS + 1) as usize;

/// Latencies by size, written by many threads without a lock.
///
/// In the manner of HdrHistogram: buckets whose width grows with what they hold. A percentile is at
/// most 1.6 % (1/64) or 1 µs off, whichever is more; count, average and maximum are exact to the
/// microsecond. What takes longer than 71 minutes counts as that. Takes 7 KiB, whatever is recorded.
#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
    max_us: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            sum_us: AtomicU64::new(0),
            max_us: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    /// So many have taken so long.
    pub fn record(&self, latency: Duration, times: u64) {
        let us = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
        if let Some(bucket) = self.buckets.get(bucket_of(us)) {
            bucket.fetch_add(times, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(u64::from(us) * times, Ordering::Relaxed);
        // Mostly it is not the longest, and nothing shared is written.
        if self.max_us.load(Ordering::Relaxed) < u64::from(us) {
            self.max_us.fetch_max(us.into(), Ordering::Relaxed);
        }
    }

    /// What was recorded.
    pub fn read(&self, reading: Reading) -> LatencyStats {
        let buckets: Vec<u64> = self.buckets.iter().map(|bucket| reading.of(bucket)).collect();
        let count: u64 = buckets.iter().sum();
        let (sum_us, max_us) = (reading.of(&self.sum_us), reading.of(&self.max_us));
        let percentile = |per_thousand: u64| {
            let rank = (count * per_thousand).div_ceil(1_000);
            let us = if count == 0 { 0 } else { middle_of(holder_of(&buckets, rank)) };
            Duration::from_micros(us.min(max_us))
        };
        LatencyStats {
            count,
            avg: Duration::from_micros(sum_us / count.max(1)),
            p50: percentile(500),
            p99: percentile(990),
            p999: percentile(999),
            max: Duration::from_micros(max_us),
        }
    }
}

/// The bucket of the value that so many, itself included, are not above.
fn holder_of(buckets: &[u64], rank: u64) -> usize {
    let mut seen = 0;
    let reaches = |count: &u64| {
        seen += count;
        seen >= rank
    };
    buckets.iter().position(reaches).unwrap_or(BUCKETS - 1)
}

fn bucket_of(us: u32) -> usize {
    if (us as usize) < STEPS {
        return us as usize;
    }
    // What is left of the value's first bit decides about the doubling, the next bits about the step.
    let shift = u32::BITS - 1 - us.leading_zeros() - STEP_BITS;
    STEPS * (shift as usize + 1) + (us >> shift) as usize % STEPS
}

/// The value that a bucket's stand for, in microseconds.
fn middle_of(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let (shift, step) = (bucket / STEPS - 1, bucket % STEPS);
    let width = 1_u64 << shift;
    (STEPS + step) as u64 * width + width / 2
}

/// Latencies, summed up. Zero where there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct LatencyStats {
    /// How many there were.
    pub count: u64,
    /// Their average.
    #[serde(serialize_with = "millis")]
    pub avg: Duration,
    /// Half of them were no longer, give or take 1.6 %, as the next two.
    #[serde(serialize_with = "millis")]
    pub p50: Duration,
    /// 99 of 100 were no longer.
    #[serde(serialize_with = "millis")]
    pub p99: Duration,
    /// 999 of 1,000 were no longer.
    #[serde(serialize_with = "millis")]
    pub p999: Duration,
    /// The longest.
    #[serde(serialize_with = "millis")]
    pub max: Duration,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const US: Duration = Duration::from_micros(1);

    #[test]
    fn the_memory_of_a_histogram_is_as_stated() {
        assert_eq!(size_of::<Histogram>(), 7 * 1024 + 16);
        assert_eq!(bucket_of(u32::MAX), BUCKETS - 1);
    }

    #[test]
    fn nothing_recorded_is_all_zero() {
        assert_eq!(Histogram::default().read(Reading::Look), LatencyStats::default());
    }

    #[test]
    fn what_is_taken_is_gone_and_what_is_looked_at_stays() {
        let histogram = Histogram::default();
        histogram.record(3 * US, 2);
        histogram.record(9 * US, 1);
        let looked = histogram.read(Reading::Look);
        assert_eq!((looked.count, looked.avg, looked.p50), (3, 5 * US, 3 * US));
        assert_eq!((looked.p99, looked.max), (9 * US, 9 * US));
        assert_eq!(histogram.read(Reading::Take), looked);
        assert_eq!(histogram.read(Reading::Look), LatencyStats::default());
    }

    #[test]
    fn what_takes_for_ever_counts_as_71_minutes() {
        let histogram = Histogram::default();
        histogram.record(Duration::MAX, 1);
        assert_eq!(histogram.read(Reading::Look).max.as_secs() / 60, 71);
    }

    proptest! {
        #[test]
        fn a_bucket_stands_for_its_values_to_1_6_percent_or_1_us(us in any::<u32>(), shift in 0..32_u32) {
            let us = us >> shift;
            let off = middle_of(bucket_of(us)).abs_diff(u64::from(us));
            prop_assert!(off <= (u64::from(us) / 64).max(1), "{us}, {off} off");
        }

        #[test]
        fn buckets_are_in_the_order_of_their_values(a in any::<u32>(), b in any::<u32>()) {
            prop_assert!(bucket_of(a.min(b)) <= bucket_of(a.max(b)));
        }

        #[test]
        fn percentiles_are_those_of_a_sorted_list(
            mut all in prop::collection::vec(1..10_000_000_u32, 1..400),
        ) {
            let histogram = Histogram::default();
            all.iter().for_each(|us| histogram.record(*us * US, 1));
            all.sort_unstable();
            let stats = histogram.read(Reading::Look);
            prop_assert_eq!(stats.count, all.len() as u64);
            prop_assert_eq!(stats.max, all[all.len() - 1] * US);
            let sum: u64 = all.iter().copied().map(u64::from).sum();
            prop_assert_eq!(stats.avg.as_micros() as u64, sum / all.len() as u64);
            for (told, per_thousand) in [(stats.p50, 500), (stats.p99, 990), (stats.p999, 999)] {
                let exact = u64::from(all[(all.len() * per_thousand).div_ceil(1_000) - 1]);
                let off = (told.as_micros() as u64).abs_diff(exact);
                prop_assert!(off <= (exact / 64).max(1), "{told:?} for {exact} us");
            }
        }
    }
}
