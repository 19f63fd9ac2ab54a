//! The part of a producer that waits for nothing, and so is the same on every runtime.

/// The methods of a producer that watch and steer it; to be called within `impl Producer`, which
/// has a field `lifecycle`.
#[doc(hidden)]
#[macro_export]
macro_rules! producer_controls {
    () => {
        /// From now on messages without a sharding key get their queues so, unless their options
        /// say otherwise.
        pub fn set_routing_strategy(&self, strategy: $crate::core::model::RoutingStrategy) {
            self.lifecycle.set_choice($crate::core::route::Choice::Strategy(strategy));
        }

        /// From now on this chooses the queues of messages without a sharding key, unless their
        /// options say otherwise.
        pub fn set_queue_selector(
            &self,
            selector: impl $crate::core::route::QueueSelector + 'static,
        ) {
            self.lifecycle
                .set_choice($crate::core::route::Choice::Selector(std::sync::Arc::new(selector)));
        }

        /// The brokers that the routes of topics in use name, with their health.
        pub fn available_brokers(&self) -> Vec<(String, $crate::core::route::BrokerHealthStats)> {
            self.lifecycle.brokers()
        }

        /// What this producer has done since it was made, or since its statistics were last reset:
        /// messages sent, failed and in flight, retries, latencies and the rest. Starting and
        /// shutting down resets nothing.
        pub fn stats(&self) -> $crate::core::stats::ProducerStats {
            self.lifecycle.stats()
        }

        /// Where messages went since then, and how each broker has served.
        pub fn router_stats(&self) -> $crate::core::stats::RouterStats {
            self.lifecycle.router_stats()
        }

        /// Lets everything that [`stats`](Self::stats) and [`router_stats`](Self::router_stats) count
        /// begin anew, and tells what the former came to until now: whoever adds such results up
        /// misses nothing. What is in flight stays in flight.
        ///
        /// `stats_reset_interval` does this now and then.
        pub fn reset_stats(&self) -> $crate::core::stats::ProducerStats {
            self.lifecycle.reset_stats()
        }

        /// The heartbeats to all brokers: how many were sent, and what became of them.
        pub fn heartbeat_stats(&self) -> $crate::core::route::HeartbeatStats {
            self.lifecycle.heartbeats()
        }

        /// One-way sends: how many sockets have taken, and how many of these
        /// may have been lost with their connection.
        pub fn oneway_stats(&self) -> $crate::OnewayStats {
            self.lifecycle.oneway_stats()
        }

        /// Records of the message trace since the last start: all zero unless `trace_message` is set.
        pub fn trace_stats(&self) -> $crate::core::trace::TraceStats {
            self.lifecycle.trace_stats()
        }

        /// Keeps sends away from a broker until
        /// [`force_broker_recovery`](Self::force_broker_recovery), but for those that may go to no
        /// other; false when no route names it.
        pub fn suspend_broker(&self, name: &str) -> bool {
            self.lifecycle.suspend_broker(name)
        }

        /// Lets a broker count as healthy, whatever was before; false when no route names it.
        pub fn force_broker_recovery(&self, name: &str) -> bool {
            self.lifecycle.force_broker_recovery(name)
        }

        /// The queues that a topic can be sent to, as far as is known by now.
        pub fn publish_queues(&self, topic: &str) -> Vec<$crate::core::model::MessageQueue> {
            self.lifecycle.publish_queues(topic)
        }

        /// Forgets, soon, the routes that no name server has confirmed for `route_timeout` and that
        /// no send has used of late.
        pub fn clear_expired_routes(&self) {
            self.lifecycle.clear_expired_routes();
        }

        /// True between a start and the next shutdown.
        pub fn is_running(&self) -> bool {
            self.lifecycle.is_running()
        }

        /// The configuration.
        pub fn config(&self) -> &$crate::core::model::ProducerConfig {
            self.lifecycle.config()
        }
    };
}

/// The methods of a transaction producer that watch and steer it; to be called within
/// `impl TransactionProducer`, which has a field `producer`.
#[doc(hidden)]
#[macro_export]
macro_rules! transaction_controls {
    () => {
        /// The producer that sends the half messages: it sends everything else, too.
        pub fn producer(&self) -> &Producer {
            &self.producer
        }

        /// Transactions that are begun from now on are dropped from the table after this long without
        /// a final state; brokers that ask about them later are answered by the listener all the same.
        pub fn set_transaction_timeout(&self, timeout: std::time::Duration) {
            self.producer.lifecycle.set_transaction_timeout(timeout);
        }

        /// About transactions that are begun from now on, the listener is asked so many times at most;
        /// to further check-backs the answer is *unknown*.
        pub fn set_max_check_times(&self, times: u32) {
            self.producer.lifecycle.set_max_check_times(times);
        }

        /// What this producer has done, as [`Producer::stats`] says it: half messages are counted as
        /// the messages that they are.
        pub fn stats(&self) -> $crate::core::stats::ProducerStats {
            self.producer.stats()
        }

        /// Where messages went, and how each broker has served, as [`Producer::router_stats`].
        pub fn router_stats(&self) -> $crate::core::stats::RouterStats {
            self.producer.router_stats()
        }

        /// Lets all counters begin anew, as [`Producer::reset_stats`].
        pub fn reset_stats(&self) -> $crate::core::stats::ProducerStats {
            self.producer.reset_stats()
        }

        /// What transactions have come to since the producer was made, or since its statistics were
        /// last reset.
        pub fn transaction_stats(&self) -> $crate::core::transaction::TransactionStats {
            self.producer.lifecycle.transaction_stats()
        }

        /// The transactions that have no final state yet.
        pub fn open_transactions(&self) -> Vec<$crate::core::transaction::TransactionMetadata> {
            self.producer.lifecycle.open_transactions()
        }

        /// True between a start and the next shutdown.
        pub fn is_running(&self) -> bool {
            self.producer.is_running()
        }
    };
}
