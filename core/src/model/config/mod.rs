//! What a producer can be told.

mod environment;
mod millis;
mod rules;
mod setters;
mod template;
mod text;

use std::time::Duration;

pub use environment::EnvError;
pub use rules::ConfigError;
pub use template::{Template, UnknownTemplate};

use serde::{Deserialize, Serialize};

use super::{CompressionType, RoutingStrategy, SharedTranslation};
use crate::codec::SerializeType;

/// What decides where a batch is split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BatchSplitType {
    /// `max_message_size`: as few requests as can be.
    #[default]
    BySize,
    /// `batch_size`, and `max_message_size` besides.
    ByCount,
}

/// A producer's configuration; every field has an effect.
///
/// It starts from [`new`](Self::new), from a [`Template`], from the environment
/// ([`from_env`](Self::from_env)), or from a file: it is read and written by serde under the names
/// below, times in whole milliseconds, what is missing at its default. Unknown names are refused, and so
/// is writing a time that is not whole milliseconds. [`validate`](Self::validate) checks all rules;
/// every producer begins with it.
///
/// ```
/// use std::time::Duration;
/// use rocketmq_producer_core::model::ProducerConfig;
///
/// let config = ProducerConfig::new("orders", "10.0.0.1:9876;10.0.0.2:9876")
///     .with_timeout(Duration::from_secs(5))
///     .with_retry(3);
/// assert!(config.validate().is_ok());
/// ```
///
/// # Fields
///
#[doc = include_str!("fields.md")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ProducerConfig {
    /// The group that brokers know this producer by. `DEFAULT_PRODUCER`.
    pub producer_group: String,
    /// Unique per producer; none makes `<host>@<pid>#<unique>`.
    pub client_id: Option<String>,
    /// Name servers, `host:port`, separated by `;` or `,`. `localhost:9876`.
    pub namesrv_addr: String,
    /// Bounds a whole send, retries included. 3 s.
    #[serde(with = "millis")]
    pub send_msg_timeout: Duration,
    /// Further attempts after the first. 2.
    pub retry_times: u32,
    /// Whether a send whose outcome is unknown is tried again (at least once; the message may be
    /// stored twice under one UNIQ_KEY) or given up (at most once). True.
    pub retry_unknown: bool,
    /// What an attempt gets at least before the next broker is tried, where the budget allows.
    /// 1 s.
    #[serde(with = "millis")]
    pub attempt_timeout_min: Duration,
    /// Whether a message that was stored with another status than `SendOk` is sent to another broker
    /// as well: it may be stored twice, under one UNIQ_KEY. False. Never changes the queue of a
    /// message with a sharding key, and does nothing where `retry_unknown` is false.
    pub retry_another_broker_when_not_store_ok: bool,
    /// How messages without a sharding key get their queues. Round robin.
    pub routing_strategy: RoutingStrategy,
    /// Whether sharding keys keep the queues of their topic's first route, whatever becomes of its
    /// brokers: order matters more than availability. False.
    pub strict_order: bool,
    /// Whether brokers that have been slow or failed are avoided for a time that the classic table
    /// of latencies says. False.
    pub send_latency_enable: bool,
    /// Whether a record of each send goes to `RMQ_SYS_TRACE_TOPIC`: one-way sends and transactions
    /// too, and failures, which Java leaves out: see [`trace`](crate::trace). Never changes a send's
    /// result or latency. False.
    pub trace_message: bool,
    /// Records of the trace that may wait to be sent; further ones are dropped, and counted. 2,048.
    pub trace_queue_max: usize,
    /// Records of one topic that are sent together at once; fewer wait for company. 100.
    pub trace_batch_size: usize,
    /// How long a record waits for company. 5 s.
    #[serde(with = "millis")]
    pub trace_linger: Duration,
    /// Whether each attempt of a send is told at DEBUG, and not only at TRACE. False.
    pub debug_enabled: bool,
    /// Sends in flight; further ones wait their turn. 10,000.
    pub async_send_semaphore: usize,
    /// Bytes of sends in flight; further ones wait their turn. 64 MiB.
    pub in_flight_bytes_max: usize,
    /// Longest body, before it is compressed, and longest body of a batch. 4 MiB.
    pub max_message_size: usize,
    /// Bodies from this size on are compressed, where that makes them smaller. Batches never are.
    /// 4,096 bytes.
    pub compress_msg_body_over_howmuch: usize,
    /// How. Zlib.
    pub compress_type: CompressionType,
    /// How much effort it is worth: 1 to 9 for zlib, 1 to 22 for Zstandard; LZ4 has no levels. 5.
    pub compress_level: i32,
    /// What decides how many messages of a batch go in one request. By size.
    pub batch_split_type: BatchSplitType,
    /// Messages in one request, where batches are split by count or gathered by `auto_batch`. 32.
    pub batch_size: usize,
    /// Whether messages that are sent one by one gather for a moment and travel together. Those
    /// that would fare otherwise in company go alone: bodies that are to be compressed, what fills
    /// a request by itself, what is delayed, what a selector or an index key finds the queue for,
    /// what is sent with a timeout or a retry policy of its own. False.
    pub auto_batch: bool,
    /// How long a message waits for others to join it; below `send_msg_timeout`. 10 ms.
    #[serde(with = "millis")]
    pub batch_linger: Duration,
    /// Bytes that gather, properties included, before they leave; never more than
    /// `max_message_size` or `in_flight_bytes_max`. 32 KiB.
    pub batch_bytes_max: usize,
    /// How long a half message may be without a final state before it is dropped from the table of
    /// open transactions; brokers ask about it all the same. 60 s.
    #[serde(with = "millis")]
    pub transaction_timeout: Duration,
    /// After so many check-backs about one transaction its listener is not asked again, and the
    /// answer is *unknown*. 15.
    pub max_check_times: u32,
    /// How many check-backs are put to the listener at one time. 1.
    pub check_concurrency: usize,
    /// How many local transactions of a listener that blocks are executed at one time, each on a
    /// thread, where the producer itself does not block. Check-backs have threads of their own, one
    /// for each that is put to the listener at one time, and no more than this. 16.
    pub listener_threads: usize,
    /// Check-backs that may wait for the listener; further ones are answered *unknown*. 2,000.
    pub check_queue_max: usize,
    /// Transactions whose final state is remembered, so that a late check-back about them is
    /// answered alike. 100,000.
    pub final_states_max: usize,
    /// For how long. 10 minutes.
    #[serde(with = "millis")]
    pub final_states_kept: Duration,
    /// Whether a topic without a route is sent to as brokers create topics. True.
    pub auto_create_topic: bool,
    /// Queues of a topic created so. 4.
    pub default_topic_queue_nums: u32,
    /// The form of request headers; replies are read in either. Binary.
    pub serialize_type: SerializeType,
    /// How often the routes of topics in use are fetched anew, or up to a fifth sooner; a topic that
    /// no send has used for ten times as long is forgotten. 30 s.
    #[serde(with = "millis")]
    pub update_topic_route_info_interval: Duration,
    /// A route that no name server has confirmed for this long is stale: the next send that uses it
    /// has it fetched anew. 30 s.
    #[serde(with = "millis")]
    pub route_timeout: Duration,
    /// How often the host names of connected name servers are resolved anew, to follow those that
    /// have come to lead elsewhere. 30 s.
    #[serde(with = "millis")]
    pub poll_name_server_interval: Duration,
    /// How soon a failed refresh is tried again. 10 s.
    #[serde(with = "millis")]
    pub poll_name_server_interval_short: Duration,
    /// What one round of questions to all name servers may take; each gets its share. 2 s.
    #[serde(with = "millis")]
    pub name_server_timeout: Duration,
    /// How often brokers hear from the producer; below 120 s. 30 s.
    #[serde(with = "millis")]
    pub heartbeat_broker_interval: Duration,
    /// A broker's connection on which nothing has been heard for this long is asked for a sign of
    /// life; below 120 s. 10 s.
    #[serde(with = "millis")]
    pub probe_idle: Duration,
    /// An unanswered heartbeat means a dead connection after this long. 3 s.
    #[serde(with = "millis")]
    pub heartbeat_timeout: Duration,
    /// Resolving and connecting, together. 3 s.
    #[serde(with = "millis")]
    pub connect_timeout: Duration,
    /// The longest pause between two attempts to connect to one address. 10 s.
    #[serde(with = "millis")]
    pub reconnect_backoff_max: Duration,
    /// Where brokers really are, when the addresses they advertise are of no use here. None: where
    /// they say. It is code, which no file can hold: serde passes over it.
    #[serde(skip)]
    pub address_translation: Option<SharedTranslation>,
    /// How often statistics are reset by themselves, while the producer runs; zero is never. 0.
    #[serde(with = "millis")]
    pub stats_reset_interval: Duration,
    /// How long `shutdown` waits for what is in flight. 3 s.
    #[serde(with = "millis")]
    pub shutdown_timeout: Duration,
    /// Sends that may await their reply on one connection; further ones wait for room. 10,000.
    pub connection_in_flight_max: usize,
    /// Bytes that may wait to be written on one connection; further sends wait for room, and are
    /// known not to have been sent until they get it. 1 MiB.
    pub connection_queue_bytes_max: usize,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            producer_group: "DEFAULT_PRODUCER".to_owned(),
            client_id: None,
            namesrv_addr: "localhost:9876".to_owned(),
            send_msg_timeout: Duration::from_secs(3),
            retry_times: 2,
            retry_unknown: true,
            attempt_timeout_min: Duration::from_secs(1),
            retry_another_broker_when_not_store_ok: false,
            routing_strategy: RoutingStrategy::RoundRobin,
            strict_order: false,
            send_latency_enable: false,
            trace_message: false,
            trace_queue_max: 2_048,
            trace_batch_size: 100,
            trace_linger: Duration::from_secs(5),
            debug_enabled: false,
            async_send_semaphore: 10_000,
            in_flight_bytes_max: 64 * 1024 * 1024,
            max_message_size: 4 * 1024 * 1024,
            compress_msg_body_over_howmuch: 4_096,
            compress_type: CompressionType::default(),
            compress_level: 5,
            batch_split_type: BatchSplitType::default(),
            batch_size: 32,
            auto_batch: false,
            batch_linger: Duration::from_millis(10),
            batch_bytes_max: 32 * 1024,
            transaction_timeout: Duration::from_secs(60),
            max_check_times: 15,
            check_concurrency: 1,
            listener_threads: 16,
            check_queue_max: 2_000,
            final_states_max: 100_000,
            final_states_kept: Duration::from_secs(600),
            auto_create_topic: true,
            default_topic_queue_nums: 4,
            serialize_type: SerializeType::Binary,
            update_topic_route_info_interval: Duration::from_secs(30),
            route_timeout: Duration::from_secs(30),
            poll_name_server_interval: Duration::from_secs(30),
            poll_name_server_interval_short: Duration::from_secs(10),
            name_server_timeout: Duration::from_secs(2),
            heartbeat_broker_interval: Duration::from_secs(30),
            probe_idle: Duration::from_secs(10),
            heartbeat_timeout: Duration::from_secs(3),
            connect_timeout: Duration::from_secs(3),
            reconnect_backoff_max: Duration::from_secs(10),
            address_translation: None,
            stats_reset_interval: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(3),
            connection_in_flight_max: 10_000,
            connection_queue_bytes_max: 1024 * 1024,
        }
    }
}

impl ProducerConfig {
    /// The defaults, with a group and the name servers' addresses.
    pub fn new(producer_group: impl Into<String>, namesrv_addr: impl Into<String>) -> Self {
        Self {
            producer_group: producer_group.into(),
            namesrv_addr: namesrv_addr.into(),
            ..Self::default()
        }
    }
}
