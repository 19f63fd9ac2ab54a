//! Ways to choose queues.

/// How messages get their queues when nothing else decides.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RoutingStrategy {
    /// One after the other, alternating between brokers; each topic has its own round.
    #[default]
    RoundRobin,
    /// Any.
    Random,
    /// By the first of the message's keys, the same in every process; any for one without keys.
    MessageHash,
}
