//! All producers under one face, so that one text can be read by all of them.
//!
//! The face blocks, because that is the one thing which all of them can do: a scenario is plain
//! threads and calls.

use std::{sync::Arc, thread};

use rocketmq_producer::{
    BrokerHealthStats, ConfigError, HeartbeatStats, Message, MessageQueue, OnewayStats,
    PrepareError, ProducerConfig, ProducerStats, RouterStats, RoutingStrategy, SendError,
    SendOptions, SendReceipt, ShutdownError, StartError, TraceStats,
};

/// A send's result.
pub(crate) type Sent = Result<SendReceipt, SendError>;

/// What waits for nothing is called the same on every runtime; the producer is in this field.
macro_rules! controls {
    ($producer:tt) => {
        fn set_routing_strategy(&self, strategy: RoutingStrategy) {
            self.$producer.set_routing_strategy(strategy);
        }

        fn available_brokers(&self) -> Vec<(String, BrokerHealthStats)> {
            self.$producer.available_brokers()
        }

        fn stats(&self) -> ProducerStats {
            self.$producer.stats()
        }

        fn router_stats(&self) -> RouterStats {
            self.$producer.router_stats()
        }

        fn reset_stats(&self) -> ProducerStats {
            self.$producer.reset_stats()
        }

        fn heartbeat_stats(&self) -> HeartbeatStats {
            self.$producer.heartbeat_stats()
        }

        fn oneway_stats(&self) -> OnewayStats {
            self.$producer.oneway_stats()
        }

        fn trace_stats(&self) -> TraceStats {
            self.$producer.trace_stats()
        }

        fn clear_expired_routes(&self) {
            self.$producer.clear_expired_routes();
        }

        fn suspend_broker(&self, name: &str) -> bool {
            self.$producer.suspend_broker(name)
        }

        fn force_broker_recovery(&self, name: &str) -> bool {
            self.$producer.force_broker_recovery(name)
        }

        fn publish_queues(&self, topic: &str) -> Vec<MessageQueue> {
            self.$producer.publish_queues(topic)
        }
    };
}

/// What a scenario does with a producer.
pub(crate) trait Subject: Clone + Send + Sync + 'static {
    fn new(config: ProducerConfig) -> Result<Self, ConfigError>;
    fn start(&self) -> Result<(), StartError>;
    fn send(&self, message: Message) -> Sent;
    fn send_with(&self, message: Message, options: SendOptions) -> Sent;
    fn try_send(&self, message: Message) -> Sent;
    fn send_batch(&self, messages: Vec<Message>) -> Vec<Sent>;
    fn send_batch_with(&self, messages: Vec<Message>, options: SendOptions) -> Vec<Sent>;
    fn oneway(&self, message: Message) -> Result<(), SendError>;
    fn oneway_batch(&self, messages: Vec<Message>) -> Vec<Result<(), SendError>>;
    fn oneway_stats(&self) -> OnewayStats;
    fn trace_stats(&self) -> TraceStats;
    fn prepare(&self, topics: &[&str]) -> Result<(), PrepareError>;
    fn set_routing_strategy(&self, strategy: RoutingStrategy);
    fn available_brokers(&self) -> Vec<(String, BrokerHealthStats)>;
    fn stats(&self) -> ProducerStats;
    fn router_stats(&self) -> RouterStats;
    fn reset_stats(&self) -> ProducerStats;
    fn heartbeat_stats(&self) -> HeartbeatStats;
    fn clear_expired_routes(&self);
    fn suspend_broker(&self, name: &str) -> bool;
    fn force_broker_recovery(&self, name: &str) -> bool;
    fn publish_queues(&self, topic: &str) -> Vec<MessageQueue>;
    fn update_route_info(&self, topic: &str) -> bool;
    /// All at once, as far as the runtime goes.
    fn send_all(&self, messages: Vec<Message>) -> Vec<Sent>;
    fn shutdown(&self) -> Result<(), ShutdownError>;
    fn is_running(&self) -> bool;

    /// How many tasks its runtime has, where the runtime tells.
    fn tasks(&self) -> Option<usize> {
        None
    }

    /// A producer that has been started.
    fn started(config: ProducerConfig) -> Self {
        let producer = Self::new(config).expect("the configuration is valid");
        producer.start().expect("there are threads and entropy");
        producer
    }

    /// A send in the background.
    fn send_in_background(&self, message: Message) -> thread::JoinHandle<Sent> {
        let producer = self.clone();
        thread::spawn(move || producer.send(message))
    }
}

/// Plain threads, one for each connection.
#[derive(Clone)]
pub(crate) struct Blocking(rocketmq_producer::blocking::Producer);

/// Plain threads, and one that polls all connections.
#[derive(Clone)]
pub(crate) struct Mio(rocketmq_producer::blocking::Producer);

/// They differ in how they are made, and in nothing else that callers see.
macro_rules! blocking_subject {
    ($subject:ident, $constructor:ident) => {
        impl Subject for $subject {
            fn new(config: ProducerConfig) -> Result<Self, ConfigError> {
                rocketmq_producer::blocking::Producer::$constructor(config).map(Self)
            }

            fn start(&self) -> Result<(), StartError> {
                self.0.start()
            }

            fn send(&self, message: Message) -> Sent {
                self.0.send(message)
            }

            fn send_with(&self, message: Message, options: SendOptions) -> Sent {
                self.0.send_with(message, options)
            }

            fn try_send(&self, message: Message) -> Sent {
                self.0.try_send(message)
            }

            fn send_batch(&self, messages: Vec<Message>) -> Vec<Sent> {
                self.0.send_batch(messages)
            }

            fn send_batch_with(&self, messages: Vec<Message>, options: SendOptions) -> Vec<Sent> {
                self.0.send_batch_with(messages, options)
            }

            fn oneway(&self, message: Message) -> Result<(), SendError> {
                self.0.oneway(message)
            }

            fn oneway_batch(&self, messages: Vec<Message>) -> Vec<Result<(), SendError>> {
                self.0.oneway_batch(messages)
            }

            fn prepare(&self, topics: &[&str]) -> Result<(), PrepareError> {
                self.0.prepare(topics)
            }

            controls!(0);

            fn update_route_info(&self, topic: &str) -> bool {
                self.0.update_route_info(topic)
            }

            fn send_all(&self, messages: Vec<Message>) -> Vec<Sent> {
                let sends: Vec<_> =
                    messages.into_iter().map(|m| self.send_in_background(m)).collect();
                sends.into_iter().map(|send| send.join().expect("no send panics")).collect()
            }

            fn shutdown(&self) -> Result<(), ShutdownError> {
                self.0.shutdown()
            }

            fn is_running(&self) -> bool {
                self.0.is_running()
            }
        }
    };
}
blocking_subject!(Blocking, new);
blocking_subject!(Mio, polled);

/// Smol's global executor.
#[derive(Clone)]
pub(crate) struct Smol(rocketmq_producer::smol::Producer);

impl Subject for Smol {
    fn new(config: ProducerConfig) -> Result<Self, ConfigError> {
        rocketmq_producer::smol::Producer::new(config).map(Self)
    }

    fn start(&self) -> Result<(), StartError> {
        smol::block_on(self.0.start())
    }

    fn send(&self, message: Message) -> Sent {
        smol::block_on(self.0.send(message))
    }

    fn send_with(&self, message: Message, options: SendOptions) -> Sent {
        smol::block_on(self.0.send_with(message, options))
    }

    fn try_send(&self, message: Message) -> Sent {
        smol::block_on(self.0.try_send(message))
    }

    fn send_batch(&self, messages: Vec<Message>) -> Vec<Sent> {
        smol::block_on(self.0.send_batch(messages))
    }

    fn send_batch_with(&self, messages: Vec<Message>, options: SendOptions) -> Vec<Sent> {
        smol::block_on(self.0.send_batch_with(messages, options))
    }

    fn oneway(&self, message: Message) -> Result<(), SendError> {
        smol::block_on(self.0.oneway(message))
    }

    fn oneway_batch(&self, messages: Vec<Message>) -> Vec<Result<(), SendError>> {
        smol::block_on(self.0.oneway_batch(messages))
    }

    fn prepare(&self, topics: &[&str]) -> Result<(), PrepareError> {
        smol::block_on(self.0.prepare(topics))
    }

    controls!(0);

    fn update_route_info(&self, topic: &str) -> bool {
        smol::block_on(self.0.update_route_info(topic))
    }

    fn send_all(&self, messages: Vec<Message>) -> Vec<Sent> {
        let send = |message| {
            let producer = self.0.clone();
            smol::spawn(async move { producer.send(message).await })
        };
        let sends: Vec<_> = messages.into_iter().map(send).collect();
        smol::block_on(async {
            let mut results = Vec::new();
            for send in sends {
                results.push(send.await);
            }
            results
        })
    }

    fn shutdown(&self) -> Result<(), ShutdownError> {
        smol::block_on(self.0.shutdown())
    }

    fn is_running(&self) -> bool {
        self.0.is_running()
    }
}

/// A tokio runtime of its own for each producer.
#[derive(Clone)]
pub(crate) struct Tokio {
    producer: rocketmq_producer::tokio::Producer,
    runtime: Arc<tokio::runtime::Runtime>,
}

impl Subject for Tokio {
    fn new(config: ProducerConfig) -> Result<Self, ConfigError> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build();
        let runtime = Arc::new(runtime.expect("a runtime can be built"));
        Ok(Self { producer: rocketmq_producer::tokio::Producer::new(config)?, runtime })
    }

    fn start(&self) -> Result<(), StartError> {
        self.runtime.block_on(self.producer.start())
    }

    fn send(&self, message: Message) -> Sent {
        self.runtime.block_on(self.producer.send(message))
    }

    fn send_with(&self, message: Message, options: SendOptions) -> Sent {
        self.runtime.block_on(self.producer.send_with(message, options))
    }

    fn try_send(&self, message: Message) -> Sent {
        self.runtime.block_on(self.producer.try_send(message))
    }

    fn send_batch(&self, messages: Vec<Message>) -> Vec<Sent> {
        self.runtime.block_on(self.producer.send_batch(messages))
    }

    fn send_batch_with(&self, messages: Vec<Message>, options: SendOptions) -> Vec<Sent> {
        self.runtime.block_on(self.producer.send_batch_with(messages, options))
    }

    fn oneway(&self, message: Message) -> Result<(), SendError> {
        self.runtime.block_on(self.producer.oneway(message))
    }

    fn oneway_batch(&self, messages: Vec<Message>) -> Vec<Result<(), SendError>> {
        self.runtime.block_on(self.producer.oneway_batch(messages))
    }

    fn prepare(&self, topics: &[&str]) -> Result<(), PrepareError> {
        self.runtime.block_on(self.producer.prepare(topics))
    }

    controls!(producer);

    fn update_route_info(&self, topic: &str) -> bool {
        self.runtime.block_on(self.producer.update_route_info(topic))
    }

    fn send_all(&self, messages: Vec<Message>) -> Vec<Sent> {
        let send = |message| {
            let producer = self.producer.clone();
            self.runtime.spawn(async move { producer.send(message).await })
        };
        let sends: Vec<_> = messages.into_iter().map(send).collect();
        self.runtime.block_on(async {
            let mut results = Vec::new();
            for send in sends {
                results.push(send.await.expect("no send panics"));
            }
            results
        })
    }

    fn shutdown(&self) -> Result<(), ShutdownError> {
        self.runtime.block_on(self.producer.shutdown())
    }

    fn is_running(&self) -> bool {
        self.producer.is_running()
    }

    fn tasks(&self) -> Option<usize> {
        Some(self.runtime.metrics().num_alive_tasks())
    }
}
