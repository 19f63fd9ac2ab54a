//! One broker's health.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use super::{
    BrokerState,
    latencies::{Latencies, avoided_for},
    standing::{Change, Word},
};
use crate::{
    counting,
    mutants::{Mutant::UnhealthyForEver, is_on},
    time::Instant,
};

/// A degraded broker takes one in so many of its turns.
const DEGRADED_SHARE: u32 = 4;
/// The first pause of an unhealthy broker; each failed try doubles it.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// What a failure counts for in the table of latencies, as in Apache RocketMQ.
const FAILURE_LATENCY: Duration = Duration::from_secs(10);

/// How one broker serves this producer: written by every send's end, read by every choice, without
/// a lock.
#[derive(Debug, Default)]
pub struct BrokerHealth {
    standing: Word,
    /// How often the state has changed.
    changes: AtomicU32,
    turns: AtomicU32,
    /// When an unhealthy broker may be tried, in nanoseconds of the producer's clock.
    try_at: AtomicU64,
    /// Until when somebody is trying it, in nanoseconds.
    tried_until: AtomicU64,
    /// The pause before its next try, ms.
    pause_ms: AtomicU64,
    /// Until when its latency keeps sends away, in nanoseconds.
    slow_until: AtomicU64,
    latencies: Latencies,
    successes: AtomicU64,
    failures: AtomicU64,
    last_success: AtomicU64,
    last_failure: AtomicU64,
}

/// What is known of a broker's health at one moment. Times are serialised as milliseconds, with their
/// fractions.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct BrokerHealthStats {
    /// How it is thought of.
    pub status: BrokerState,
    /// Sends that it has answered well.
    pub success_count: u64,
    /// Attempts with it that failed through its fault.
    pub failure_count: u64,
    /// Successes since the last failure.
    pub consecutive_successes: u32,
    /// Failures since the last success.
    pub consecutive_failures: u32,
    /// Of all successes.
    #[serde(serialize_with = "counting::millis")]
    pub avg_latency: Duration,
    /// Of all successes.
    #[serde(serialize_with = "counting::millis")]
    pub max_latency: Duration,
    /// The latencies of up to the last 100 successes, in no particular order.
    #[serde(serialize_with = "counting::all_millis")]
    pub recent_latencies: Vec<Duration>,
    /// Time since the last success, if there was one.
    #[serde(serialize_with = "counting::some_millis")]
    pub since_last_success: Option<Duration>,
    /// Time since the last failure, if there was one.
    #[serde(serialize_with = "counting::some_millis")]
    pub since_last_failure: Option<Duration>,
}

impl BrokerHealth {
    /// How the broker is thought of.
    pub fn state(&self) -> BrokerState {
        self.standing.get().state
    }

    /// The broker has stored a message, `latency` after it was asked to. `avoid_slow` keeps
    /// further sends away for a while when that was long. True when this has changed its state:
    /// the client is to be told, by [`Ask::Notice`](crate::delivery::Ask::Notice).
    pub fn report_success(&self, now: Instant, latency: Duration, avoid_slow: bool) -> bool {
        self.latencies.record(latency);
        self.successes.fetch_add(1, Ordering::Relaxed);
        self.last_success.store(stamp(now), Ordering::Relaxed);
        let change = self.standing.succeeded();
        if change.after == BrokerState::Unhealthy {
            // It does serve: the next try need not wait.
            self.pause_ms.store(0, Ordering::Relaxed);
            self.try_at.store(now.as_nanos(), Ordering::Relaxed);
            self.tried_until.store(0, Ordering::Relaxed);
        }
        if avoid_slow {
            self.avoid_for(now, avoided_for(latency));
        }
        self.count(change)
    }

    /// An attempt with the broker has failed through its fault or its connection's. True as with
    /// [`report_success`](Self::report_success).
    pub fn report_failure(&self, now: Instant, avoid_slow: bool) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.last_failure.store(stamp(now), Ordering::Relaxed);
        let change = self.standing.failed();
        if change.after == BrokerState::Unhealthy {
            self.put_off(now);
        }
        if avoid_slow {
            self.avoid_for(now, avoided_for(FAILURE_LATENCY));
        }
        self.count(change)
    }

    /// Whoever makes a change counts it, so that each is told of once.
    fn count(&self, change: Change) -> bool {
        if change.is_one() {
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
        change.is_one()
    }

    /// How often the state has changed so far.
    pub(crate) fn changes(&self) -> u32 {
        self.changes.load(Ordering::Relaxed)
    }

    /// The next try, and a pause before it that doubles unless one is being waited for already.
    fn put_off(&self, now: Instant) {
        if self.try_at.load(Ordering::Relaxed) > now.as_nanos() {
            // Sends that were under way when it fell ill say nothing new.
            return;
        }
        let doubled = |pause: u64| {
            let pause = Duration::from_millis(pause * 2).clamp(PAUSE, PAUSE_MAX);
            u64::try_from(pause.as_millis()).ok()
        };
        let before = self.pause_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, doubled);
        let pause = before.ok().and_then(doubled).unwrap_or_default();
        let at = now + Duration::from_millis(pause);
        self.try_at.store(at.as_nanos(), Ordering::Relaxed);
        self.tried_until.store(0, Ordering::Relaxed);
    }

    fn avoid_for(&self, now: Instant, time: Duration) {
        if !time.is_zero() {
            self.slow_until.fetch_max((now + time).as_nanos(), Ordering::Relaxed);
        }
    }

    /// How much a choice should avoid the broker, zero being not at all.
    pub(crate) fn badness(&self, now: Instant) -> u8 {
        let slow = self.slow_until.load(Ordering::Relaxed) > now.as_nanos();
        match self.state() {
            BrokerState::Healthy => u8::from(slow),
            BrokerState::Degraded => 2,
            BrokerState::Unhealthy => 3,
            BrokerState::Suspended => 4,
        }
    }

    /// The same for the broker whose turn it is: one that is ill may be given a try, which
    /// `patience` later is over at the latest.
    pub(crate) fn badness_in_turn(&self, now: Instant, patience: Duration) -> u8 {
        let tried = match self.state() {
            BrokerState::Healthy | BrokerState::Suspended => false,
            BrokerState::Degraded => {
                self.turns.fetch_add(1, Ordering::Relaxed).is_multiple_of(DEGRADED_SHARE)
            }
            BrokerState::Unhealthy => self.claim_try(now, patience) && !is_on(UnhealthyForEver),
        };
        if tried { 0 } else { self.badness(now) }
    }

    /// True for one send at a time, once the pause is over.
    fn claim_try(&self, now: Instant, patience: Duration) -> bool {
        if self.try_at.load(Ordering::Relaxed) > now.as_nanos() {
            return false;
        }
        let claim = |until| (until <= now.as_nanos()).then_some((now + patience).as_nanos());
        self.tried_until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim).is_ok()
    }

    /// A new connection to the broker is there: what was wrong may be over.
    pub(crate) fn connected(&self, now: Instant) {
        self.pause_ms.store(0, Ordering::Relaxed);
        self.try_at.fetch_min(now.as_nanos(), Ordering::Relaxed);
        self.tried_until.store(0, Ordering::Relaxed);
    }

    /// Sends avoid the broker until [`recover`](Self::recover). True as with
    /// [`report_success`](Self::report_success).
    pub fn suspend(&self) -> bool {
        self.count(self.standing.set(BrokerState::Suspended))
    }

    /// The broker counts as healthy, whatever was before. True as with
    /// [`report_success`](Self::report_success).
    pub fn recover(&self) -> bool {
        let change = self.standing.set(BrokerState::Healthy);
        for time in [&self.pause_ms, &self.try_at, &self.tried_until, &self.slow_until] {
            time.store(0, Ordering::Relaxed);
        }
        self.count(change)
    }

    /// What is known at this moment.
    pub fn stats(&self, now: Instant) -> BrokerHealthStats {
        let standing = self.standing.get();
        let since = |stamp: &AtomicU64| match stamp.load(Ordering::Relaxed) {
            0 => None,
            at => Some(now.saturating_since(Instant::from_nanos(at - 1))),
        };
        BrokerHealthStats {
            status: standing.state,
            success_count: self.successes.load(Ordering::Relaxed),
            failure_count: self.failures.load(Ordering::Relaxed),
            consecutive_successes: standing.successes,
            consecutive_failures: standing.failures,
            avg_latency: self.latencies.average(),
            max_latency: self.latencies.max(),
            recent_latencies: self.latencies.recent(),
            since_last_success: since(&self.last_success),
            since_last_failure: since(&self.last_failure),
        }
    }
}

/// A time that is not zero, which stands for never.
fn stamp(now: Instant) -> u64 {
    now.as_nanos().saturating_add(1)
}
