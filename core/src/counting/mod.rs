//! Counting by many, without a lock; and how what was counted is told.

mod histogram;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

pub use histogram::{Histogram, LatencyStats};

/// What is done with counters that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// They stay.
    Look,
    /// They count from zero again. What is counted in that very moment is read now or the next time,
    /// and never lost.
    Take,
}

impl Reading {
    /// What a counter comes to.
    pub fn of(self, counter: &AtomicU64) -> u64 {
        match self {
            Self::Look => counter.load(Ordering::Relaxed),
            Self::Take => counter.swap(0, Ordering::Relaxed),
        }
    }
}

/// A time as milliseconds, with fractions.
pub(crate) fn millis<S: serde::Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(time.as_secs_f64() * 1_000.0)
}

/// Times as milliseconds, with fractions.
pub(crate) fn all_millis<S: serde::Serializer>(
    times: &[Duration],
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_seq(times.iter().map(|time| time.as_secs_f64() * 1_000.0))
}

/// A time as milliseconds, with fractions, if there is one.
pub(crate) fn some_millis<S: serde::Serializer>(
    time: &Option<Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => millis(time, to),
        None => to.serialize_none(),
    }
}
