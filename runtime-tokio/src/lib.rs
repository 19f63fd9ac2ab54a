//! The producer for tokio.
//!
//! # Quick start
//!
//! ```no_run
//! use rocketmq_producer_core::model::{Message, ProducerConfig};
//! use rocketmq_producer_tokio::Producer;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let producer = Producer::new(ProducerConfig::new("orders", "127.0.0.1:9876"))?;
//! producer.start().await?;
//! let message = Message::new("TopicTest", "hello").with_tags("a").with_key("k1");
//! let receipt = producer.send(message).await?;
//! println!("{} is stored in {}", receipt.message_id, receipt.message_queue);
//! producer.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is guaranteed
//!
//! * A send ends by its deadline (`send_msg_timeout`), with a receipt or with an error that says what was tried
//!   and gives the message back.
//! * [`Outcome::NotSent`]: no broker can have stored the message. [`Outcome::Rejected`]: every broker that was
//!   asked has said that it has not. Anything less is [`Outcome::Unknown`].
//! * A retry keeps the message's UNIQ_KEY, so that consumers can recognise a duplicate.
//! * Messages of one sharding key keep their order.
//! * What is in flight is bounded, by number and bytes; nothing waits without a bound.
//! * No panic on any input, no `unsafe`, nothing printed, no file written, no global set.
//!
//! # Cancel safety
//!
//! Every future may be dropped at any point. A send that is dropped before its message was queued on a connection
//! leaves no trace; after that the message's frame is still written whole, other sends are not affected, and the
//! broker may store the message. Futures need no timer of their own, so they may be awaited outside of the
//! runtime, too.
//! A transaction whose future is dropped is *unknown*: the broker asks the listener.
//!
//! # Tasks and threads
//!
//! A started producer has **one** task for housekeeping and **one for each open connection**, on the runtime that
//! [`Producer::start`] was called in, and no thread. A transaction producer has `check_concurrency` more tasks, which answer brokers, and up to `listener_threads` threads
//! while blocking listeners run; none of them with an async listener.
//!
//! All of them end with `shutdown`, or when the last clone of the producer is dropped. A runtime that is dropped
//! first takes them along, and every send is answered.
//!
//! # Features
//!
//! | feature | default | gives |
//! |---|---|---|
//! | `tracing` | no | events and spans for the program's subscriber |
//!
//! All others are those of `rocketmq-producer-core` and of the facade `rocketmq-producer`, which most people depend
//! on instead of this crate: `compression-zlib` (default there), `compression-lz4`, `compression-zstd`, `metrics`.
//!
//! [`Outcome::NotSent`]: rocketmq_producer_core::delivery::Outcome::NotSent
//! [`Outcome::Rejected`]: rocketmq_producer_core::delivery::Outcome::Rejected
//! [`Outcome::Unknown`]: rocketmq_producer_core::delivery::Outcome::Unknown

mod connect;
mod hub;
mod link;
mod producer;
mod spawner;
mod transactions;

pub use producer::Producer;
pub use rocketmq_producer_shared::Transaction;
pub use transactions::TransactionProducer;
