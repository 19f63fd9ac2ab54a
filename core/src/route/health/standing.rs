//! A broker's state, in one word.

use std::sync::atomic::{AtomicU64, Ordering};

/// Failures in a row after which a broker is degraded.
const DEGRADED_AFTER: u32 = 3;
/// Failures in a row after which it is unhealthy.
const UNHEALTHY_AFTER: u32 = 5;
/// Successes in a row after which it is healthy again.
const HEALTHY_AFTER: u32 = 5;

/// How a broker is thought of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BrokerState {
    /// Used.
    #[default]
    Healthy,
    /// Keeps a share of its turns.
    Degraded,
    /// Avoided, but for one send at a time, now and then.
    Unhealthy,
    /// Avoided until it is recovered by hand.
    Suspended,
}

/// The state, and the failures and successes in a row that led to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) state: BrokerState,
    pub(super) failures: u32,
    pub(super) successes: u32,
}

/// Counts are told apart up to this; beyond, more is no different.
const COUNT_MAX: u32 = (1 << 30) - 1;

impl Standing {
    fn succeeded(self) -> Self {
        let successes = (self.successes + 1).min(COUNT_MAX);
        let state = match self.state {
            BrokerState::Degraded | BrokerState::Unhealthy if successes >= HEALTHY_AFTER => {
                BrokerState::Healthy
            }
            state => state,
        };
        Self { state, failures: 0, successes }
    }

    fn failed(self) -> Self {
        let failures = (self.failures + 1).min(COUNT_MAX);
        let state = match self.state {
            BrokerState::Suspended => BrokerState::Suspended,
            _ if failures >= UNHEALTHY_AFTER => BrokerState::Unhealthy,
            state if failures >= DEGRADED_AFTER => state.max(BrokerState::Degraded),
            state => state,
        };
        Self { state, failures, successes: 0 }
    }

    fn pack(self) -> u64 {
        let state = match self.state {
            BrokerState::Healthy => 0,
            BrokerState::Degraded => 1,
            BrokerState::Unhealthy => 2,
            BrokerState::Suspended => 3,
        };
        state << 60 | u64::from(self.failures) << 30 | u64::from(self.successes)
    }

    fn unpack(word: u64) -> Self {
        let state = match word >> 60 {
            0 => BrokerState::Healthy,
            1 => BrokerState::Degraded,
            2 => BrokerState::Unhealthy,
            _ => BrokerState::Suspended,
        };
        let count = |shift: u32| (word >> shift) as u32 & COUNT_MAX;
        Self { state, failures: count(30), successes: count(0) }
    }
}

/// What one report has made of a state: of all that come together, each sees its own.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(super) struct Change {
    before: BrokerState,
    pub(super) after: BrokerState,
}

impl Change {
    pub(super) fn is_one(self) -> bool {
        self.before != self.after
    }
}

/// A standing that many threads change, without a lock.
#[derive(Debug, Default)]
pub(super) struct Word(AtomicU64);

impl Word {
    pub(super) fn get(&self) -> Standing {
        Standing::unpack(self.0.load(Ordering::Relaxed))
    }

    pub(super) fn succeeded(&self) -> Change {
        self.change(Standing::succeeded)
    }

    pub(super) fn failed(&self) -> Change {
        self.change(Standing::failed)
    }

    pub(super) fn set(&self, state: BrokerState) -> Change {
        self.change(|_| Standing { state, ..Standing::default() })
    }

    fn change(&self, change: impl Fn(Standing) -> Standing) -> Change {
        let next = |word| Some(change(Standing::unpack(word)).pack());
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let before = Standing::unpack(before.unwrap_or_default());
        Change { before: before.state, after: change(before).state }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_survives_its_packing() {
        let states = [
            BrokerState::Healthy,
            BrokerState::Degraded,
            BrokerState::Unhealthy,
            BrokerState::Suspended,
        ];
        for state in states {
            for (failures, successes) in [(0, 0), (1, 2), (COUNT_MAX, 0), (0, COUNT_MAX)] {
                let standing = Standing { state, failures, successes };
                assert_eq!(Standing::unpack(standing.pack()), standing);
                assert_eq!(standing.succeeded().failures, 0);
                assert!(standing.failed().failures <= COUNT_MAX);
            }
        }
    }
}
