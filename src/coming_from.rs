//! Coming from the Java or Python client: their names, and ours.
//!
//! The protocol and the words are the same; three things differ everywhere:
//!
//! * **A failed send is an `Err` that says what became of the message**, not an exception that leaves it open.
//!   `SendResult` with a status other than `SEND_OK` stays what it is: stored, with its durability in doubt.
//! * **`send_msg_timeout` bounds the whole call**, retries, waiting for room and the route included. In Java each
//!   attempt of an asynchronous send starts it anew.
//! * **What is in flight is limited**, by number and bytes, from the start.
//!
//! # Java: `org.apache.rocketmq.client.producer`
//!
//! | Java | here |
//! |---|---|
//! | `DefaultMQProducer` | `blocking::Producer`, `smol::Producer`, `tokio::Producer` |
//! | `TransactionMQProducer` | `TransactionProducer` beside each of them |
//! | `new DefaultMQProducer(group)`, setters | [`ProducerConfig::new`] and its `with_*`, then `Producer::new(config)`, which checks it |
//! | `start()`, `shutdown()` | `start`, `shutdown`; both may be repeated, and a producer can be started again |
//! | `send(msg)` | `send` |
//! | `send(msg, timeout)` | `send_with`, [`SendOptions::with_timeout`] |
//! | `send(msg, mq)` | `send_with`, [`SendOptions::with_queue`] |
//! | `send(msg, selector, arg)` | [`Message::with_sharding_key`], which also keeps the order; or [`SendOptions::with_selector`] (the closure has the argument) |
//! | `send(msg, sendCallback)` | await the future of `send`, or spawn it; on threads, `send` on threads of your own |
//! | `send(msgs)` | `send_batch`: splits, and answers for each message |
//! | `sendOneway(msg)` | `oneway`; `oneway_stats` counts what may be lost |
//! | `sendMessageInTransaction(msg, arg)` | `send_message_in_transaction`; or `begin`, then `commit` or `rollback` |
//! | `fetchPublishMessageQueues(topic)` | `publish_queues` |
//! | `request(msg, ..)`, `recallMessage` | not in this version |
//! | `createTopic`, `searchOffset`, `maxOffset`, `queryMessage`, `viewMessage` | not here: they are of admin tools |
//! | `SendResult` | [`SendReceipt`]: `msgId` is `message_id`, `offsetMsgId` is `offset_message_id`, `sendStatus` is `status` |
//! | `SendStatus` | [`SendStatus`] |
//! | `TransactionSendResult` | [`TransactionReceipt`], which also tells whether the broker has confirmed the end |
//! | `TransactionListener`, `LocalTransactionState` | [`TransactionListener`], [`AsyncTransactionListener`], [`LocalTransactionState`] (`UNKNOW` is `Unknown`) |
//! | `MessageQueueSelector` | [`QueueSelector`]; per call a closure, or for the whole producer by `set_queue_selector` |
//! | `SelectMessageQueueByHash` | [`RoutingStrategy::MessageHash`], the same hash: order is kept beside Java producers |
//! | `SelectMessageQueueByRandom` | [`RoutingStrategy::Random`] |
//! | `SendCallback` | the `Result` of `send` |
//!
//! ## Setters
//!
//! | Java | field here |
//! |---|---|
//! | `setProducerGroup`, `setNamesrvAddr` | `producer_group`, `namesrv_addr` |
//! | `setInstanceName`, `setClientIP`, `setUnitName` | `client_id`; left alone it is unique, so nothing collides |
//! | `setSendMsgTimeout` | `send_msg_timeout` |
//! | `setRetryTimesWhenSendFailed`, `setRetryTimesWhenSendAsyncFailed` | `retry_times`, one for all |
//! | `setRetryAnotherBrokerWhenNotStoreOK` | `retry_another_broker_when_not_store_ok` |
//! | `addRetryResponseCode` | none: what each code proves decides; [`retry_unknown`](ProducerConfig::retry_unknown) for at most once |
//! | `setCompressMsgBodyOverHowmuch`, `setCompressLevel`, `setCompressType` | `compress_msg_body_over_howmuch`, `compress_level`, `compress_type` |
//! | `setMaxMessageSize` | `max_message_size` |
//! | `setDefaultTopicQueueNums` | `default_topic_queue_nums` |
//! | `setCreateTopicKey` | `auto_create_topic` switches it; the key is always `TBW102` |
//! | `setTopics` | `prepare(topics)`, which connects as well |
//! | `setPollNameServerInterval` | `update_topic_route_info_interval` (routes); `poll_name_server_interval` (host names anew) |
//! | `setHeartbeatBrokerInterval` | `heartbeat_broker_interval` |
//! | `setSendLatencyFaultEnable` | `send_latency_enable`; broker health works without it |
//! | `setLatencyMax`, `setNotAvailableDuration`, `setStartDetectorEnable` | Java's tables are built in; brokers that are ill are tried again by sends |
//! | `setEnableBackpressureForAsyncMode` | always on |
//! | `setBackPressureForAsyncSendNum`, `setBackPressureForAsyncSendSize` | `async_send_semaphore`, `in_flight_bytes_max` |
//! | `setAutoBatch`, `batchMaxDelayMs`, `batchMaxBytes` | `auto_batch`, `batch_linger`, `batch_bytes_max` |
//! | `totalBatchMaxBytes` | `in_flight_bytes_max` covers what gathers, too |
//! | `new DefaultMQProducer(group, true, ..)`, `setEnableTrace` | `trace_message` |
//! | `setMqClientApiTimeout` | `name_server_timeout` |
//! | `setExecutorService`, `setCheckThreadPoolMinSize`, `setCheckThreadPoolMaxSize` (of checks) | `check_concurrency`, `listener_threads` |
//! | `setCheckRequestHoldMax` | `check_queue_max` |
//! | `setAsyncSenderExecutor`, `setCallbackExecutor`, `setClientCallbackExecutorThreads` | none: no thread pools; blocking listeners have `listener_threads` |
//! | `setUseTLS`, `RPCHook` (ACL), `setNamespace`, `setVipChannelEnabled`, `setSocksProxyConfig` | not in this version |
//! | `setUnitMode`, `setPersistConsumerOffsetInterval`, `setLanguage` | of no use to this producer |
//!
//! ## Messages
//!
//! | Java | here |
//! |---|---|
//! | `new Message(topic, tags, keys, body)` | [`Message::new`], [`with_tags`](Message::with_tags), [`with_keys`](Message::with_keys) |
//! | `setKeys("a b")` | [`with_keys(["a", "b"])`](Message::with_keys), [`with_key`](Message::with_key) once for each |
//! | `putUserProperty` | [`with_property`](Message::with_property) |
//! | `setFlag`, `setWaitStoreMsgOK` | [`with_flag`](Message::with_flag), [`with_wait_store_ok`](Message::with_wait_store_ok) |
//! | `setDelayTimeLevel` | [`with_delay_level`](Message::with_delay_level) |
//! | `setDelayTimeSec`, `setDelayTimeMs`, `setDeliverTimeMs` | [`with_delay_for`](Message::with_delay_for), [`with_deliver_at`](Message::with_deliver_at): refused by too old a broker, instead of delivered at once |
//! | `MessageClientIDSetter.getUniqID` | [`uniq_key`](Message::uniq_key), [`SendReceipt::message_id`] |
//!
//! ## Exceptions
//!
//! | Java | [`code`](crate::SendError::code) here |
//! |---|---|
//! | `MQClientException`, "No route info of this topic" | `topic_not_found`, `name_servers_unreachable`, `no_writable_queue`, `bad_route`, `refused_by_name_server` |
//! | `MQClientException`, "The producer service state not OK" | `not_started`, `already_shut_down` |
//! | `MQClientException`, checks of a message | `invalid_message` |
//! | `MQClientException`, `Send [3] times, still failed` | the kind of the last attempt; all of them in [`attempts`](crate::SendError::attempts) |
//! | `MQBrokerException` | `rejected`, with its code and remark |
//! | `RemotingTooMuchRequestException`, "sendDefaultImpl call timeout" | `timed_out`, with what was waited for; `full` of `try_send` |
//! | `RemotingTimeoutException` | `timed_out`, phase `reply` |
//! | `RemotingConnectException`, `RemotingSendRequestException` | `broker_not_available` |
//!
//! # Python: `pyrocketmq`
//!
//! The configuration has the same names, so its files and environments can be kept.
//!
//! | `pyrocketmq` | here |
//! |---|---|
//! | `create_producer`, `Producer` | `blocking::Producer` |
//! | `create_async_producer`, `AsyncProducer` | `tokio::Producer`, `smol::Producer` |
//! | `create_transactional_producer`, `TransactionProducer`, `AsyncTransactionProducer` | `TransactionProducer` of each runtime |
//! | `start`, `shutdown`, `is_running` | the same |
//! | `send(message)` → `SendMessageResult` | `send` → [`SendReceipt`]; `success` is the `Ok`, `error` the `Err` |
//! | `send_batch(*messages)` | `send_batch(messages)`: a result for each |
//! | `oneway`, `oneway_batch`, `update_route_info` | the same |
//! | `get_stats()` | `stats()`, `router_stats()`, `transaction_stats()`, `heartbeat_stats()` |
//! | `send_message_in_transaction(message, arg)` → `TransactionSendResult` | the same → [`TransactionReceipt`] |
//! | `set_transaction_timeout`, `set_max_check_times` | the same |
//! | `TransactionListener`, `AsyncTransactionListener` | the same names |
//! | `TransactionMetadata` | [`TransactionMetadata`](crate::TransactionMetadata), from `open_transactions` |
//! | `LocalTransactionState.UNKNOW` | [`LocalTransactionState::Unknown`] |
//! | `MessageRouter`, `RoutingResult`, `TopicBrokerMapping` | `Routes` and `RoutingResult` of `rocketmq_producer_core::route` |
//! | `RoundRobinSelector`, `RandomSelector`, `MessageHashSelector` | [`RoutingStrategy`] |
//! | `QueueSelector` | [`QueueSelector`] |
//! | `force_broker_recovery`, `get_available_brokers` | `force_broker_recovery`, `available_brokers` |
//! | `Message(topic=.., body=..)`, `SHARDING_KEY` property | [`Message::new`], [`with_sharding_key`](Message::with_sharding_key) (the property counts, too) |
//!
//! ## Configuration
//!
//! | `pyrocketmq` | here |
//! |---|---|
//! | `ProducerConfig(..)`, `create_custom_config(..)` | [`ProducerConfig::new`] and its `with_*`; or JSON and TOML with the same keys |
//! | `ProducerConfig.from_env()`, `PYROCKETMQ_<FIELD>` | [`ProducerConfig::from_env`]; also `ROCKETMQ_<FIELD>` and `NAMESRV_ADDR`; a value that does not parse is an error, not skipped |
//! | `get_config("production")`, `PRODUCTION_CONFIG` and kin | [`Template`](crate::Template): the same names; an unknown name is an error, not the default |
//! | `compress_msg_body_over_howmuch` = 4 MiB | 4 KiB, as in Java |
//! | `max_message_size` ≤ 32 MiB | ≤ 16 MiB − 64 KiB: brokers close connections on longer frames |
//! | `async_send_failure_timeout` | `send_msg_timeout` bounds everything |
//! | `persist_all_consumer_interval` | of no use to a producer |
//! | `transport_config`, `remote_config` | `connect_timeout`, `reconnect_backoff_max`, `connection_in_flight_max`, `connection_queue_bytes_max` and others |
//!
//! ## Exceptions
//!
//! | `pyrocketmq` | [`code`](crate::SendError::code) here |
//! |---|---|
//! | `ProducerStateError` | `not_started`, `already_shut_down` |
//! | `ProducerStartError` | [`StartError`](crate::StartError) |
//! | `ProducerShutdownError` | [`ShutdownError`](crate::ShutdownError) |
//! | `MessageValidationError` | `invalid_message` |
//! | `ConfigurationError`, `ValueError` | [`ConfigError`](crate::ConfigError) |
//! | `RouteNotFoundError`, `NameServerError`, `RouteUpdateError` | the five kinds of [`RouteError`](crate::RouteError) |
//! | `QueueNotAvailableError` | `no_writable_queue` |
//! | `BrokerNotAvailableError` | `broker_not_available`, `order_unavailable` |
//! | `TimeoutError` | `timed_out` |
//! | `MessageSendError`, `RetryExhaustedError` | `rejected`, or the kind of the last attempt |
//! | `HalfMessageSendError` | the [`SendError`](crate::SendError) of `send_message_in_transaction` |
//! | `TransactionCommitError`, `TransactionRollbackError` | [`Unconfirmed`](crate::Unconfirmed), in the receipt |
//! | `TransactionTimeoutError`, `TransactionCheckError` | counted: `transaction_stats` |
//!
//! # Python: `rocketmq-client-python`
//!
//! | `rocketmq.client` | here |
//! |---|---|
//! | `Producer(group)`, `set_namesrv_addr`, `set_name_server_address` | [`ProducerConfig::new`] |
//! | `set_timeout`, `set_compress_level`, `set_max_message_size` | `send_msg_timeout`, `compress_level`, `max_message_size` |
//! | `send_sync(msg)` → `SendResult(status, msg_id, offset)` | `send` → [`SendReceipt`]: `status`, `message_id`, `queue_offset` |
//! | `send_oneway` | `oneway` |
//! | `Message.set_keys`, `set_tags`, `set_body`, `set_property`, `set_delay_time_level` | [`with_key`](Message::with_key), [`with_tags`](Message::with_tags), [`Message::new`], [`with_property`](Message::with_property), [`with_delay_level`](Message::with_delay_level) |
//! | `set_session_credentials`, `set_namesrv_domain` | not in this version |

#[allow(unused_imports, reason = "the tables link to them")]
use crate::{
    AsyncTransactionListener, LocalTransactionState, Message, ProducerConfig, QueueSelector,
    RoutingStrategy, SendOptions, SendReceipt, SendStatus, TransactionListener, TransactionReceipt,
};
