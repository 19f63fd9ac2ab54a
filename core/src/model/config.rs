//! What a producer can be told.

use std::{sync::Arc, time::Duration};

use super::{Address, AddressTranslation, RoutingStrategy, SharedTranslation, validate_group};
use crate::codec::SerializeType;

/// Brokers close a connection on frames above 16 MiB; what else a frame carries fits 64 KiB.
const MESSAGE_SIZE_MAX: usize = 16 * 1024 * 1024 - 64 * 1024;
/// Clocks tick in nanoseconds, the wire in milliseconds.
const DURATION_MIN: Duration = Duration::from_millis(1);
/// Longer than anybody waits, and far from where a clock's arithmetic ends.
const DURATION_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Brokers drop a producer that has been silent this long, and end an idle connection.
const HEARTBEAT_INTERVAL_MAX: Duration = Duration::from_secs(120);

/// A producer's configuration; every field has an effect.
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
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProducerConfig {
    /// The group that brokers know this producer by. `DEFAULT_PRODUCER`.
    pub producer_group: String,
    /// Unique per producer; none makes `<host>@<pid>#<unique>`.
    pub client_id: Option<String>,
    /// Name servers, `host:port`, separated by `;` or `,`. `localhost:9876`.
    pub namesrv_addr: String,
    /// Bounds a whole send, retries included. 3 s.
    pub send_msg_timeout: Duration,
    /// Further attempts after the first. 2.
    pub retry_times: u32,
    /// Whether a send whose outcome is unknown is tried again (at least once; the message may be
    /// stored twice under one UNIQ_KEY) or given up (at most once). True.
    pub retry_unknown: bool,
    /// What an attempt gets at least before the next broker is tried, where the budget allows.
    /// 1 s.
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
    /// Sends in flight; further ones wait their turn. 10,000.
    pub async_send_semaphore: usize,
    /// Bytes of sends in flight; further ones wait their turn. 64 MiB.
    pub in_flight_bytes_max: usize,
    /// Longest body. 4 MiB.
    pub max_message_size: usize,
    /// Whether a topic without a route is sent to as brokers create topics. True.
    pub auto_create_topic: bool,
    /// Queues of a topic created so. 4.
    pub default_topic_queue_nums: u32,
    /// The form of request headers; replies are read in either. Binary.
    pub serialize_type: SerializeType,
    /// How often the routes of topics in use are fetched anew, give or take a tenth; a topic that no
    /// send has used for ten times as long is forgotten. 30 s.
    pub update_topic_route_info_interval: Duration,
    /// How often the host names of connected name servers are resolved anew, to follow those that
    /// have come to lead elsewhere. 30 s.
    pub poll_name_server_interval: Duration,
    /// How soon a failed refresh is tried again. 10 s.
    pub poll_name_server_interval_short: Duration,
    /// What one round of questions to all name servers may take; each gets its share. 2 s.
    pub name_server_timeout: Duration,
    /// How often brokers hear from the producer; below 120 s. 30 s.
    pub heartbeat_broker_interval: Duration,
    /// A broker's connection on which nothing has been heard for this long is asked for a sign of
    /// life; below 120 s. 10 s.
    pub probe_idle: Duration,
    /// An unanswered heartbeat means a dead connection after this long. 3 s.
    pub heartbeat_timeout: Duration,
    /// Resolving and connecting, together. 3 s.
    pub connect_timeout: Duration,
    /// The longest pause between two attempts to connect to one address. 10 s.
    pub reconnect_backoff_max: Duration,
    /// Where brokers really are, when the addresses they advertise are of no use here. None: where
    /// they say.
    pub address_translation: Option<SharedTranslation>,
    /// How long `shutdown` waits for what is in flight. 3 s.
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
            async_send_semaphore: 10_000,
            in_flight_bytes_max: 64 * 1024 * 1024,
            max_message_size: 4 * 1024 * 1024,
            auto_create_topic: true,
            default_topic_queue_nums: 4,
            serialize_type: SerializeType::Binary,
            update_topic_route_info_interval: Duration::from_secs(30),
            poll_name_server_interval: Duration::from_secs(30),
            poll_name_server_interval_short: Duration::from_secs(10),
            name_server_timeout: Duration::from_secs(2),
            heartbeat_broker_interval: Duration::from_secs(30),
            probe_idle: Duration::from_secs(10),
            heartbeat_timeout: Duration::from_secs(3),
            connect_timeout: Duration::from_secs(3),
            reconnect_backoff_max: Duration::from_secs(10),
            address_translation: None,
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

    /// Sets [`producer_group`](Self::producer_group).
    #[must_use]
    pub fn with_producer_group(mut self, group: impl Into<String>) -> Self {
        self.producer_group = group.into();
        self
    }

    /// Sets [`client_id`](Self::client_id).
    #[must_use]
    pub fn with_client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// Sets [`namesrv_addr`](Self::namesrv_addr).
    #[must_use]
    pub fn with_namesrv_addr(mut self, list: impl Into<String>) -> Self {
        self.namesrv_addr = list.into();
        self
    }

    /// Sets [`send_msg_timeout`](Self::send_msg_timeout).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.send_msg_timeout = timeout;
        self
    }

    /// Sets [`retry_times`](Self::retry_times).
    #[must_use]
    pub fn with_retry(mut self, times: u32) -> Self {
        self.retry_times = times;
        self
    }

    /// Sets [`retry_unknown`](Self::retry_unknown).
    #[must_use]
    pub fn with_retry_unknown(mut self, retry: bool) -> Self {
        self.retry_unknown = retry;
        self
    }

    /// Sets [`attempt_timeout_min`](Self::attempt_timeout_min).
    #[must_use]
    pub fn with_attempt_timeout_min(mut self, timeout: Duration) -> Self {
        self.attempt_timeout_min = timeout;
        self
    }

    /// Sets [`retry_another_broker_when_not_store_ok`](Self::retry_another_broker_when_not_store_ok).
    #[must_use]
    pub fn with_retry_another_broker_when_not_store_ok(mut self, retry: bool) -> Self {
        self.retry_another_broker_when_not_store_ok = retry;
        self
    }

    /// Sets [`routing_strategy`](Self::routing_strategy).
    #[must_use]
    pub fn with_routing_strategy(mut self, strategy: RoutingStrategy) -> Self {
        self.routing_strategy = strategy;
        self
    }

    /// Sets [`strict_order`](Self::strict_order).
    #[must_use]
    pub fn with_strict_order(mut self, strict: bool) -> Self {
        self.strict_order = strict;
        self
    }

    /// Sets [`send_latency_enable`](Self::send_latency_enable).
    #[must_use]
    pub fn with_send_latency_enable(mut self, enable: bool) -> Self {
        self.send_latency_enable = enable;
        self
    }

    /// Sets [`async_send_semaphore`](Self::async_send_semaphore).
    #[must_use]
    pub fn with_async_send_semaphore(mut self, sends: usize) -> Self {
        self.async_send_semaphore = sends;
        self
    }

    /// Sets [`in_flight_bytes_max`](Self::in_flight_bytes_max).
    #[must_use]
    pub fn with_in_flight_bytes_max(mut self, bytes: usize) -> Self {
        self.in_flight_bytes_max = bytes;
        self
    }

    /// Sets [`max_message_size`](Self::max_message_size).
    #[must_use]
    pub fn with_max_message_size(mut self, bytes: usize) -> Self {
        self.max_message_size = bytes;
        self
    }

    /// Sets [`auto_create_topic`](Self::auto_create_topic).
    #[must_use]
    pub fn with_auto_create_topic(mut self, create: bool) -> Self {
        self.auto_create_topic = create;
        self
    }

    /// Sets [`default_topic_queue_nums`](Self::default_topic_queue_nums).
    #[must_use]
    pub fn with_default_topic_queue_nums(mut self, queues: u32) -> Self {
        self.default_topic_queue_nums = queues;
        self
    }

    /// Sets [`serialize_type`](Self::serialize_type).
    #[must_use]
    pub fn with_serialize_type(mut self, form: SerializeType) -> Self {
        self.serialize_type = form;
        self
    }

    /// Sets [`update_topic_route_info_interval`](Self::update_topic_route_info_interval).
    #[must_use]
    pub fn with_update_topic_route_info_interval(mut self, interval: Duration) -> Self {
        self.update_topic_route_info_interval = interval;
        self
    }

    /// Sets [`poll_name_server_interval`](Self::poll_name_server_interval).
    #[must_use]
    pub fn with_poll_name_server_interval(mut self, interval: Duration) -> Self {
        self.poll_name_server_interval = interval;
        self
    }

    /// Sets [`poll_name_server_interval_short`](Self::poll_name_server_interval_short).
    #[must_use]
    pub fn with_poll_name_server_interval_short(mut self, interval: Duration) -> Self {
        self.poll_name_server_interval_short = interval;
        self
    }

    /// Sets [`name_server_timeout`](Self::name_server_timeout).
    #[must_use]
    pub fn with_name_server_timeout(mut self, timeout: Duration) -> Self {
        self.name_server_timeout = timeout;
        self
    }

    /// Sets [`heartbeat_broker_interval`](Self::heartbeat_broker_interval).
    #[must_use]
    pub fn with_heartbeat_broker_interval(mut self, interval: Duration) -> Self {
        self.heartbeat_broker_interval = interval;
        self
    }

    /// Sets [`probe_idle`](Self::probe_idle).
    #[must_use]
    pub fn with_probe_idle(mut self, idle: Duration) -> Self {
        self.probe_idle = idle;
        self
    }

    /// Sets [`heartbeat_timeout`](Self::heartbeat_timeout).
    #[must_use]
    pub fn with_heartbeat_timeout(mut self, timeout: Duration) -> Self {
        self.heartbeat_timeout = timeout;
        self
    }

    /// Sets [`connect_timeout`](Self::connect_timeout).
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets [`reconnect_backoff_max`](Self::reconnect_backoff_max).
    #[must_use]
    pub fn with_reconnect_backoff_max(mut self, pause: Duration) -> Self {
        self.reconnect_backoff_max = pause;
        self
    }

    /// Sets [`address_translation`](Self::address_translation).
    #[must_use]
    pub fn with_address_translation(mut self, translation: Arc<dyn AddressTranslation>) -> Self {
        self.address_translation = Some(SharedTranslation(translation));
        self
    }

    /// Sets [`shutdown_timeout`](Self::shutdown_timeout).
    #[must_use]
    pub fn with_shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Sets [`connection_in_flight_max`](Self::connection_in_flight_max).
    #[must_use]
    pub fn with_connection_in_flight_max(mut self, sends: usize) -> Self {
        self.connection_in_flight_max = sends;
        self
    }

    /// Sets [`connection_queue_bytes_max`](Self::connection_queue_bytes_max).
    #[must_use]
    pub fn with_connection_queue_bytes_max(mut self, bytes: usize) -> Self {
        self.connection_queue_bytes_max = bytes;
        self
    }

    /// Checks every field and parses the name servers' addresses.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the first field that breaks its rule, its value and the rule.
    pub fn validate(&self) -> Result<Vec<Address>, ConfigError> {
        validate_group(&self.producer_group).map_err(|rule| {
            ConfigError::new("producer_group", &self.producer_group, rule.to_string())
        })?;
        if let Some(client_id) = &self.client_id {
            let good = !client_id.is_empty() && !client_id.chars().any(char::is_control);
            rule(good, "client_id", client_id, "it must be printable and not empty")?;
        }
        self.validate_sizes()?;
        self.validate_durations()?;
        Address::parse_list(&self.namesrv_addr).map_err(|error| {
            ConfigError::new("namesrv_addr", &self.namesrv_addr, error.to_string())
        })
    }

    fn validate_sizes(&self) -> Result<(), ConfigError> {
        let size = self.max_message_size;
        let limit = format!("it must be from 1 to {MESSAGE_SIZE_MAX} bytes");
        rule((1..=MESSAGE_SIZE_MAX).contains(&size), "max_message_size", &size, &limit)?;
        let queues = self.default_topic_queue_nums;
        let good = (1..=65_535).contains(&queues);
        rule(good, "default_topic_queue_nums", &queues, "it must be from 1 to 65535")?;
        let sends = self.async_send_semaphore;
        let good = (1..=10_000_000).contains(&sends);
        rule(good, "async_send_semaphore", &sends, "it must be from 1 to 10000000")?;
        let bytes = self.in_flight_bytes_max;
        rule(bytes >= 1, "in_flight_bytes_max", &bytes, "it must be at least 1")?;
        let sends = self.connection_in_flight_max;
        let good = (1..=1_000_000).contains(&sends);
        rule(good, "connection_in_flight_max", &sends, "it must be from 1 to 1000000")?;
        let bytes = self.connection_queue_bytes_max;
        rule(bytes >= 1, "connection_queue_bytes_max", &bytes, "it must be at least 1")
    }

    fn validate_durations(&self) -> Result<(), ConfigError> {
        for (field, duration) in [
            ("send_msg_timeout", self.send_msg_timeout),
            ("attempt_timeout_min", self.attempt_timeout_min),
            ("update_topic_route_info_interval", self.update_topic_route_info_interval),
            ("poll_name_server_interval", self.poll_name_server_interval),
            ("poll_name_server_interval_short", self.poll_name_server_interval_short),
            ("name_server_timeout", self.name_server_timeout),
            ("heartbeat_broker_interval", self.heartbeat_broker_interval),
            ("probe_idle", self.probe_idle),
            ("heartbeat_timeout", self.heartbeat_timeout),
            ("connect_timeout", self.connect_timeout),
            ("reconnect_backoff_max", self.reconnect_backoff_max),
        ] {
            let shown = format!("{duration:?}");
            let good = (DURATION_MIN..=DURATION_MAX).contains(&duration);
            rule(good, field, &shown, "it must be from 1 ms to 365 days")?;
        }
        let shown = format!("{:?}", self.shutdown_timeout);
        let good = self.shutdown_timeout <= DURATION_MAX;
        rule(good, "shutdown_timeout", &shown, "it must be at most 365 days")?;
        let interval = self.heartbeat_broker_interval;
        let shown = format!("{interval:?}");
        let good = interval < HEARTBEAT_INTERVAL_MAX;
        rule(good, "heartbeat_broker_interval", &shown, "brokers drop producers silent for 120 s")?;
        let shown = format!("{:?}", self.probe_idle);
        let good = self.probe_idle < HEARTBEAT_INTERVAL_MAX;
        rule(good, "probe_idle", &shown, "brokers end connections idle for 120 s")
    }
}

fn rule(
    good: bool,
    field: &'static str,
    value: &dyn ToString,
    text: &str,
) -> Result<(), ConfigError> {
    if good { Ok(()) } else { Err(ConfigError::new(field, &value.to_string(), text.to_owned())) }
}

/// A field that breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("configuration field {field} = {value:?}: {rule}")]
#[non_exhaustive]
pub struct ConfigError {
    /// The field's name.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// The rule it breaks.
    pub rule: String,
}

impl ConfigError {
    fn new(field: &'static str, value: &str, rule: String) -> Self {
        Self { field, value: value.to_owned(), rule }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(
            ProducerConfig::default().validate().unwrap(),
            ["localhost:9876".parse().unwrap()]
        );
    }

    #[test]
    fn every_field_with_a_rule_names_itself_when_it_breaks_it() {
        let good = ProducerConfig::default;
        let none = Duration::ZERO;
        for (config, field) in [
            (good().with_producer_group(""), "producer_group"),
            (good().with_producer_group("a b"), "producer_group"),
            (good().with_client_id(""), "client_id"),
            (good().with_namesrv_addr("nowhere"), "namesrv_addr"),
            (good().with_timeout(none), "send_msg_timeout"),
            (good().with_attempt_timeout_min(none), "attempt_timeout_min"),
            (good().with_max_message_size(0), "max_message_size"),
            (good().with_max_message_size(MESSAGE_SIZE_MAX + 1), "max_message_size"),
            (good().with_default_topic_queue_nums(0), "default_topic_queue_nums"),
            (
                good().with_update_topic_route_info_interval(none),
                "update_topic_route_info_interval",
            ),
            (good().with_poll_name_server_interval(none), "poll_name_server_interval"),
            (good().with_poll_name_server_interval_short(none), "poll_name_server_interval_short"),
            (good().with_name_server_timeout(none), "name_server_timeout"),
            (good().with_heartbeat_broker_interval(none), "heartbeat_broker_interval"),
            (
                good().with_heartbeat_broker_interval(HEARTBEAT_INTERVAL_MAX),
                "heartbeat_broker_interval",
            ),
            (good().with_probe_idle(none), "probe_idle"),
            (good().with_probe_idle(HEARTBEAT_INTERVAL_MAX), "probe_idle"),
            (good().with_heartbeat_timeout(none), "heartbeat_timeout"),
            (good().with_connect_timeout(none), "connect_timeout"),
            (good().with_reconnect_backoff_max(none), "reconnect_backoff_max"),
            (good().with_timeout(Duration::MAX), "send_msg_timeout"),
            (good().with_connect_timeout(Duration::MAX), "connect_timeout"),
            (good().with_shutdown_timeout(Duration::MAX), "shutdown_timeout"),
            (good().with_async_send_semaphore(0), "async_send_semaphore"),
            (good().with_in_flight_bytes_max(0), "in_flight_bytes_max"),
            (good().with_connection_in_flight_max(0), "connection_in_flight_max"),
            (good().with_connection_queue_bytes_max(0), "connection_queue_bytes_max"),
        ] {
            let error = config.validate().expect_err(field);
            assert_eq!(error.field, field, "{error}");
        }
    }
}
