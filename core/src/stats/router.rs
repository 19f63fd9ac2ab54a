//! What the choices of queues have come to.

use std::{collections::BTreeMap, time::Duration};

use super::{LatencyStats, rate};
use crate::{counting::millis, route::BrokerState};

/// Where messages went, and how brokers have served, since the producer was made or its statistics
/// were last reset.
///
/// A *routing* is the choice of a queue for one attempt of one request. It is counted when the send
/// is over.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct RouterStats {
    /// All of them.
    pub total_routing: u64,
    /// Those that led to a broker with a known address.
    pub successful_routing: u64,
    /// Those that did not: there was no route, no writable queue, no master, or a selector chose none.
    pub failed_routing: u64,
    /// Successful ones by [what has decided](crate::route::Decider::name): `round_robin`, `random`,
    /// `message_hash`, `sharding_key`, `selector` or `queue`, which is also what a batch says of
    /// messages that it has brought together by their keys.
    pub strategy_usage: BTreeMap<&'static str, u64>,
    /// Successful ones by broker.
    pub broker_usage: BTreeMap<String, u64>,
    /// How each broker has served.
    pub broker_health: BTreeMap<String, BrokerStats>,
}

/// How one broker has served. Requests are counted: a batch is as many as it was split into.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct BrokerStats {
    /// How it is thought of; none while no route names it.
    pub status: Option<BrokerState>,
    /// Whether sends may go there as they like: it is healthy or degraded.
    pub is_available: bool,
    /// Attempts that it has stored or that a socket has taken, among those that have ended by
    /// themselves; 1 where there are none.
    pub success_rate: f64,
    /// Attempts.
    pub total_requests: u64,
    /// Those that it has stored.
    pub stored: u64,
    /// One-way ones that a socket has taken.
    pub handed_over: u64,
    /// Those that have failed, for whatever reason.
    pub failed: u64,
    /// Those that were still under way when their send ended: its caller has dropped it, or an
    /// earlier attempt was answered after all.
    pub abandoned: u64,
    /// Of those that it has stored, from the choice of the queue to the answer.
    #[serde(serialize_with = "millis")]
    pub avg_latency: Duration,
    /// The same in more detail.
    pub latency: LatencyStats,
}

impl BrokerStats {
    /// Brings in what follows from the rest, and what is thought of the broker.
    #[must_use]
    pub fn with_status(mut self, status: Option<BrokerState>) -> Self {
        let well = self.stored + self.handed_over;
        self.success_rate = rate(well, well + self.failed);
        self.total_requests = well + self.failed + self.abandoned;
        self.avg_latency = self.latency.avg;
        self.is_available = status
            .is_some_and(|state| matches!(state, BrokerState::Healthy | BrokerState::Degraded));
        self.status = status;
        self
    }
}
