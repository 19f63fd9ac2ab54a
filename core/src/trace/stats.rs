//! What has become of records.

use serde::Serialize;

/// Records of the message trace since the producer was started. All of them are told:
/// `recorded = sent + failed + dropped + waiting + in_flight`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TraceStats {
    /// Records made: one for each send that was to be traced, and for each end of a transaction that
    /// was told.
    pub recorded: u64,
    /// Stored in the trace's topic.
    pub sent: u64,
    /// Lost on their way there: the message that they were in failed, for good.
    pub failed: u64,
    /// Given up before they were sent: the queue was full, or the producer was ending and could not
    /// get rid of them in time.
    pub dropped: u64,
    /// Waiting to be sent.
    pub waiting: u64,
    /// On their way.
    pub in_flight: u64,
}
