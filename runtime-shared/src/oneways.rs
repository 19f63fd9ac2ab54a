//! What becomes of one-way sends.

use std::sync::atomic::{AtomicU64, Ordering};

/// One-way sends since the last start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OnewayStats {
    /// Messages that the transport has taken, those of batches each for itself.
    pub handed_over: u64,
    /// Requests, one for each single message and one for each request of a batch, that were on
    /// connections when these ended, and that no later answer of the broker has proven to have been
    /// read: they may be lost.
    pub requests_in_doubt: u64,
}

/// Counted by many.
#[derive(Debug, Default)]
pub(crate) struct OnewayCounters {
    handed_over: AtomicU64,
    in_doubt: AtomicU64,
}

impl OnewayCounters {
    pub(crate) fn handed_over(&self, messages: u64) {
        self.handed_over.fetch_add(messages, Ordering::Relaxed);
    }

    pub(crate) fn in_doubt(&self, requests: u64) {
        self.in_doubt.fetch_add(requests, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> OnewayStats {
        OnewayStats {
            handed_over: self.handed_over.load(Ordering::Relaxed),
            requests_in_doubt: self.in_doubt.load(Ordering::Relaxed),
        }
    }
}
