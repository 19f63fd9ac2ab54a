//! What a configuration may say.

use std::time::Duration;

use super::ProducerConfig;
use crate::model::{Address, validate_group};

/// Brokers close a connection on frames above 16 MiB; what else a frame carries fits 64 KiB.
const MESSAGE_SIZE_MAX: usize = 16 * 1024 * 1024 - 64 * 1024;
/// Clocks tick in nanoseconds, the wire in milliseconds.
const DURATION_MIN: Duration = Duration::from_millis(1);
/// Longer than anybody waits, and far from where a clock's arithmetic ends.
const DURATION_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// The group of those that have not chosen one.
const DEFAULT_GROUP: &str = "DEFAULT_PRODUCER";
/// Brokers drop a producer that has been silent this long, and end an idle connection.
const HEARTBEAT_INTERVAL_MAX: Duration = Duration::from_secs(120);

impl ProducerConfig {
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

    /// Checks what a producer of half messages needs besides: a group that is its own.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the group is the default one.
    pub fn validate_for_transactions(&self) -> Result<(), ConfigError> {
        let group = &self.producer_group;
        let good = group != DEFAULT_GROUP;
        let text = "brokers ask the group about half messages: give it one of its own";
        rule(good, "producer_group", group, text)
    }

    fn validate_sizes(&self) -> Result<(), ConfigError> {
        let size = self.max_message_size;
        let limit = format!("it must be from 1 to {MESSAGE_SIZE_MAX} bytes");
        rule((1..=MESSAGE_SIZE_MAX).contains(&size), "max_message_size", &size, &limit)?;
        self.validate_compression()?;
        let good = (1..=65_535).contains(&self.batch_size);
        rule(good, "batch_size", &self.batch_size, "it must be from 1 to 65535")?;
        let bytes = self.batch_bytes_max;
        rule(bytes >= 1, "batch_bytes_max", &bytes, "it must be at least 1")?;
        for (field, count) in [
            ("check_concurrency", self.check_concurrency),
            ("listener_threads", self.listener_threads),
            ("check_queue_max", self.check_queue_max),
            ("final_states_max", self.final_states_max),
            ("trace_queue_max", self.trace_queue_max),
            ("trace_batch_size", self.trace_batch_size),
        ] {
            let good = (1..=10_000_000).contains(&count);
            rule(good, field, &count, "it must be from 1 to 10000000")?;
        }
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

    fn validate_compression(&self) -> Result<(), ConfigError> {
        let format = self.compress_type;
        let shown = format!("{format:?}").to_lowercase();
        let missing = format!("the feature compression-{shown} is not compiled in");
        rule(format.is_available(), "compress_type", &shown, &missing)?;
        let (level, levels) = (self.compress_level, format.levels());
        let limit = format!("it must be from {} to {}", levels.start(), levels.end());
        rule(levels.contains(&level), "compress_level", &level, &limit)
    }

    fn validate_durations(&self) -> Result<(), ConfigError> {
        for (field, duration) in [
            ("send_msg_timeout", self.send_msg_timeout),
            ("attempt_timeout_min", self.attempt_timeout_min),
            ("update_topic_route_info_interval", self.update_topic_route_info_interval),
            ("route_timeout", self.route_timeout),
            ("poll_name_server_interval", self.poll_name_server_interval),
            ("poll_name_server_interval_short", self.poll_name_server_interval_short),
            ("name_server_timeout", self.name_server_timeout),
            ("heartbeat_broker_interval", self.heartbeat_broker_interval),
            ("probe_idle", self.probe_idle),
            ("heartbeat_timeout", self.heartbeat_timeout),
            ("connect_timeout", self.connect_timeout),
            ("reconnect_backoff_max", self.reconnect_backoff_max),
            ("transaction_timeout", self.transaction_timeout),
            ("final_states_kept", self.final_states_kept),
            ("batch_linger", self.batch_linger),
            ("trace_linger", self.trace_linger),
        ] {
            let shown = format!("{duration:?}");
            let good = (DURATION_MIN..=DURATION_MAX).contains(&duration);
            rule(good, field, &shown, "it must be from 1 ms to 365 days")?;
        }
        let shown = format!("{:?}", self.batch_linger);
        let good = !self.auto_batch || self.batch_linger < self.send_msg_timeout;
        rule(good, "batch_linger", &shown, "it must be shorter than send_msg_timeout")?;
        let shown = format!("{:?}", self.stats_reset_interval);
        let interval = self.stats_reset_interval;
        let good = interval.is_zero() || (DURATION_MIN..=DURATION_MAX).contains(&interval);
        let limit = "it must be 0, for never, or from 1 ms to 365 days";
        rule(good, "stats_reset_interval", &shown, limit)?;
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

    /// As it is unless told otherwise.
    const SEND_TIMEOUT: Duration = Duration::from_secs(3);

    #[test]
    fn what_lingers_has_time_left_to_be_sent() {
        let config = ProducerConfig::default().with_auto_batch(true);
        assert!(config.validate().is_ok());
        let just = SEND_TIMEOUT - Duration::from_nanos(1);
        assert!(config.with_batch_linger(just).validate().is_ok());
        let unused = ProducerConfig::default().with_batch_linger(SEND_TIMEOUT);
        assert!(unused.validate().is_ok(), "nothing lingers");
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
            (good().with_route_timeout(none), "route_timeout"),
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
            (good().with_stats_reset_interval(Duration::from_nanos(1)), "stats_reset_interval"),
            (good().with_stats_reset_interval(Duration::MAX), "stats_reset_interval"),
            (good().with_compress_level(0), "compress_level"),
            (good().with_compress_level(23), "compress_level"),
            (good().with_batch_size(0), "batch_size"),
            (good().with_batch_bytes_max(0), "batch_bytes_max"),
            (good().with_batch_linger(none), "batch_linger"),
            (good().with_batch_linger(Duration::MAX), "batch_linger"),
            (good().with_auto_batch(true).with_batch_linger(SEND_TIMEOUT), "batch_linger"),
            (good().with_transaction_timeout(none), "transaction_timeout"),
            (good().with_check_concurrency(0), "check_concurrency"),
            (good().with_listener_threads(0), "listener_threads"),
            (good().with_check_queue_max(0), "check_queue_max"),
            (good().with_trace_queue_max(0), "trace_queue_max"),
            (good().with_trace_batch_size(0), "trace_batch_size"),
            (good().with_trace_linger(none), "trace_linger"),
            (good().with_final_states_max(0), "final_states_max"),
            (good().with_final_states_kept(none), "final_states_kept"),
            (good().with_async_send_semaphore(0), "async_send_semaphore"),
            (good().with_in_flight_bytes_max(0), "in_flight_bytes_max"),
            (good().with_connection_in_flight_max(0), "connection_in_flight_max"),
            (good().with_connection_queue_bytes_max(0), "connection_queue_bytes_max"),
        ] {
            let error = config.validate().expect_err(field);
            assert_eq!(error.field, field, "{error}");
        }
    }

    #[test]
    fn row_44_a_format_can_be_chosen_where_its_feature_is_compiled_in() {
        use crate::model::CompressionType::{Lz4, None, Zlib, Zstd};
        for (format, compiled_in, name) in [
            (None, true, "none"),
            (Zlib, cfg!(feature = "compression-zlib"), "zlib"),
            (Lz4, cfg!(feature = "compression-lz4"), "lz4"),
            (Zstd, cfg!(feature = "compression-zstd"), "zstd"),
        ] {
            let validated = ProducerConfig::default().with_compress_type(format).validate();
            assert_eq!(validated.is_ok(), compiled_in, "{name}: {validated:?}");
            if let Err(error) = validated {
                assert_eq!((error.field, &*error.value), ("compress_type", name));
                assert!(error.rule.contains(&format!("compression-{name}")), "{error}");
            }
        }
    }

    #[test]
    fn levels_are_those_of_the_format() {
        use crate::model::CompressionType::{Lz4, None, Zlib, Zstd};
        for (format, max) in [(None, 22), (Zlib, 9), (Lz4, 22), (Zstd, 22)] {
            if !format.is_available() {
                continue;
            }
            let config = |level| {
                ProducerConfig::default().with_compress_type(format).with_compress_level(level)
            };
            for level in 1..=max {
                assert!(config(level).validate().is_ok(), "{format:?}, {level}");
            }
            for level in [i32::MIN, -1, 0, max + 1, i32::MAX] {
                let error = config(level).validate().expect_err("there is no such level");
                assert_eq!(error.field, "compress_level", "{format:?}, {level}");
            }
        }
    }
}
