//! One setting after the other.

use std::{sync::Arc, time::Duration};

use super::{BatchSplitType, ProducerConfig};
use crate::{
    codec::SerializeType,
    model::{AddressTranslation, CompressionType, RoutingStrategy, SharedTranslation},
};

impl ProducerConfig {
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

    /// Sets [`trace_message`](Self::trace_message).
    #[must_use]
    pub fn with_trace_message(mut self, trace: bool) -> Self {
        self.trace_message = trace;
        self
    }

    /// Sets [`trace_queue_max`](Self::trace_queue_max).
    #[must_use]
    pub fn with_trace_queue_max(mut self, records: usize) -> Self {
        self.trace_queue_max = records;
        self
    }

    /// Sets [`trace_batch_size`](Self::trace_batch_size).
    #[must_use]
    pub fn with_trace_batch_size(mut self, records: usize) -> Self {
        self.trace_batch_size = records;
        self
    }

    /// Sets [`trace_linger`](Self::trace_linger).
    #[must_use]
    pub fn with_trace_linger(mut self, linger: Duration) -> Self {
        self.trace_linger = linger;
        self
    }

    /// Sets [`debug_enabled`](Self::debug_enabled).
    #[must_use]
    pub fn with_debug_enabled(mut self, enable: bool) -> Self {
        self.debug_enabled = enable;
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

    /// Sets [`compress_msg_body_over_howmuch`](Self::compress_msg_body_over_howmuch).
    #[must_use]
    pub fn with_compress_msg_body_over_howmuch(mut self, bytes: usize) -> Self {
        self.compress_msg_body_over_howmuch = bytes;
        self
    }

    /// Sets [`compress_type`](Self::compress_type).
    #[must_use]
    pub fn with_compress_type(mut self, format: CompressionType) -> Self {
        self.compress_type = format;
        self
    }

    /// Sets [`compress_level`](Self::compress_level).
    #[must_use]
    pub fn with_compress_level(mut self, level: i32) -> Self {
        self.compress_level = level;
        self
    }

    /// Sets [`batch_split_type`](Self::batch_split_type).
    #[must_use]
    pub fn with_batch_split_type(mut self, split: BatchSplitType) -> Self {
        self.batch_split_type = split;
        self
    }

    /// Sets [`batch_size`](Self::batch_size).
    #[must_use]
    pub fn with_batch_size(mut self, messages: usize) -> Self {
        self.batch_size = messages;
        self
    }

    /// Sets [`auto_batch`](Self::auto_batch).
    #[must_use]
    pub fn with_auto_batch(mut self, gather: bool) -> Self {
        self.auto_batch = gather;
        self
    }

    /// Sets [`batch_linger`](Self::batch_linger).
    #[must_use]
    pub fn with_batch_linger(mut self, linger: Duration) -> Self {
        self.batch_linger = linger;
        self
    }

    /// Sets [`batch_bytes_max`](Self::batch_bytes_max).
    #[must_use]
    pub fn with_batch_bytes_max(mut self, bytes: usize) -> Self {
        self.batch_bytes_max = bytes;
        self
    }

    /// Sets [`transaction_timeout`](Self::transaction_timeout).
    #[must_use]
    pub fn with_transaction_timeout(mut self, timeout: Duration) -> Self {
        self.transaction_timeout = timeout;
        self
    }

    /// Sets [`max_check_times`](Self::max_check_times).
    #[must_use]
    pub fn with_max_check_times(mut self, times: u32) -> Self {
        self.max_check_times = times;
        self
    }

    /// Sets [`check_concurrency`](Self::check_concurrency).
    #[must_use]
    pub fn with_check_concurrency(mut self, checks: usize) -> Self {
        self.check_concurrency = checks;
        self
    }

    /// Sets [`listener_threads`](Self::listener_threads).
    #[must_use]
    pub fn with_listener_threads(mut self, threads: usize) -> Self {
        self.listener_threads = threads;
        self
    }

    /// Sets [`check_queue_max`](Self::check_queue_max).
    #[must_use]
    pub fn with_check_queue_max(mut self, checks: usize) -> Self {
        self.check_queue_max = checks;
        self
    }

    /// Sets [`final_states_max`](Self::final_states_max).
    #[must_use]
    pub fn with_final_states_max(mut self, states: usize) -> Self {
        self.final_states_max = states;
        self
    }

    /// Sets [`final_states_kept`](Self::final_states_kept).
    #[must_use]
    pub fn with_final_states_kept(mut self, time: Duration) -> Self {
        self.final_states_kept = time;
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

    /// Sets [`route_timeout`](Self::route_timeout).
    #[must_use]
    pub fn with_route_timeout(mut self, timeout: Duration) -> Self {
        self.route_timeout = timeout;
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

    /// Sets [`stats_reset_interval`](Self::stats_reset_interval).
    #[must_use]
    pub fn with_stats_reset_interval(mut self, interval: Duration) -> Self {
        self.stats_reset_interval = interval;
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
}
