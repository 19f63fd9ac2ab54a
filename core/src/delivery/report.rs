//! Attempts as they go, for those who watch a send.

use std::time::Duration;

use super::{AttemptFailure, Delivery};
use crate::model::{Address, MessageQueue, SendStatus};

/// Something about one attempt: that it has begun, or how it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptReport {
    /// Its queue was chosen; it may still wait for a connection.
    Begun {
        /// Counts from zero.
        number: u32,
        /// The queue.
        queue: MessageQueue,
        /// Where that queue's master listens.
        address: Address,
    },
    /// It is over. One that was given up is over a second time when it has succeeded after all.
    Ended {
        /// Counts from zero.
        number: u32,
        /// The queue.
        queue: MessageQueue,
        /// Where that queue's master listens, where known.
        address: Option<Address>,
        /// How long it took.
        elapsed: Duration,
        /// How it has ended.
        end: AttemptEnd,
    },
}

/// How one attempt has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptEnd {
    /// The message is stored.
    Stored(SendStatus),
    /// The same, after the attempt had been given up.
    StoredLate(SendStatus),
    /// One-way: the transport has taken all bytes.
    HandedOver,
    /// It has failed.
    Failed(AttemptFailure),
}

impl Delivery {
    /// From now on attempts are reported: see [`take_reports`](Self::take_reports). Nothing is kept
    /// of them otherwise.
    pub fn watch(&mut self) {
        self.unusual().reports.get_or_insert_default();
    }

    /// What there is to report since the last look, in order; nothing unless it is
    /// [watched](Self::watch). An attempt that is under way when the send ends is not reported to
    /// have ended.
    pub fn take_reports(&mut self) -> Vec<AttemptReport> {
        let reports = self.unusual.as_mut().and_then(|unusual| unusual.reports.as_mut());
        reports.map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn report(&mut self, report: impl FnOnce() -> AttemptReport) {
        if let Some(unusual) = &mut self.unusual
            && let Some(reports) = &mut unusual.reports
        {
            reports.push(report());
        }
    }
}
