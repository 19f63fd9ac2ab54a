//! What a producer has done.

use std::collections::BTreeMap;

use super::{FailureClass, LatencyStats, rate};
use crate::{route::HeartbeatStats, transaction::TransactionStats};

/// What a producer has done since it was made or its statistics were last reset, whichever is later.
/// Shutting it down and starting it again resets nothing.
///
/// Messages are counted, each once, those of batches too. A message that has entered is in flight
/// until it is *sent*, *failed* or *dropped*; one that was refused at once is *failed*.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct ProducerStats {
    /// Between a start and the next shutdown.
    pub running: bool,
    /// Its group.
    pub producer_group: String,
    /// The id that brokers know it by; none before the first start, unless it was configured.
    pub client_id: Option<String>,
    /// Messages that brokers have stored, half messages among them, and one-way messages that a
    /// socket has taken.
    pub total_sent: u64,
    /// Messages that their callers have got back with an error.
    pub total_failed: u64,
    /// Messages whose callers have dropped the send before its end. Brokers may have stored them.
    pub total_dropped: u64,
    /// Sent messages among those that were sent or failed, from 0 to 1; 1 where there are none.
    pub success_rate: f64,
    /// `total_failed` by what has failed; each class is there.
    pub failures: BTreeMap<FailureClass, u64>,
    /// What is in flight at this moment. Not reset.
    pub in_flight: InFlightStats,
    /// Attempts beyond the first one of a request; a batch is as many requests as it was split into.
    pub retries: u64,
    /// Messages that were sent again after an attempt that may have stored them: by
    /// `retry_another_broker_when_not_store_ok` or by `retry_unknown`. Consumers may see them twice,
    /// under one UNIQ_KEY.
    pub possible_duplicates: u64,
    /// Among `total_sent`, those that travelled in a request with others, gathered ones included.
    pub batch_sent: u64,
    /// Among `total_sent`, the half messages of transactions.
    pub half_sent: u64,
    /// One-way messages.
    pub oneway: OnewayStats,
    /// From the call to its end, for each message that was stored; waiting for room, route,
    /// connection and other attempts included. One-way messages are not in it.
    pub latency: LatencyStats,
    /// Topics whose route is known. Not reset.
    pub cached_topics: usize,
    /// Heartbeats to all brokers.
    pub heartbeats: HeartbeatStats,
    /// What transactions have come to; all zero for a producer of none.
    pub transactions: TransactionStats,
}

impl ProducerStats {
    /// Brings in what follows from the rest.
    #[must_use]
    pub fn with_success_rate(mut self) -> Self {
        self.success_rate = rate(self.total_sent, self.total_sent + self.total_failed);
        self
    }
}

/// What is in flight at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct InFlightStats {
    /// Messages that are neither sent, failed nor dropped, those that wait for their turn included.
    pub messages: u64,
    /// Requests that hold a permit: what `async_send_semaphore` limits. One whose caller has dropped
    /// it does so until its call has come back.
    pub requests: usize,
    /// Their bytes: what `in_flight_bytes_max` limits.
    pub bytes: usize,
}

/// One-way sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct OnewayStats {
    /// Messages that the transport has taken, those of batches each for itself.
    pub handed_over: u64,
    /// Requests, one for each single message and one for each request of a batch, that were on
    /// connections when these ended, and that no later answer of the broker has proven to have been
    /// read: they may be lost.
    pub requests_in_doubt: u64,
}
