//! The producer for smol.
//!
//! ```no_run
//! use rocketmq_producer_core::model::{Message, ProducerConfig};
//! use rocketmq_producer_smol::Producer;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! smol::block_on(async {
//!     let producer = Producer::new(ProducerConfig::new("orders", "127.0.0.1:9876"))?;
//!     producer.start().await?;
//!     let message = Message::new("TopicTest", "hello").with_tags("a").with_key("k1");
//!     let receipt = producer.send(message).await?;
//!     println!("{} is stored in {}", receipt.message_id, receipt.message_queue);
//!     producer.shutdown().await?;
//!     Ok(())
//! })
//! # }
//! ```
//!
//! # Tasks
//!
//! A started producer has **one** task for housekeeping and **one for each open connection**, on
//! smol's global executor or on the one given to [`Producer::with_executor`]. All of them end with
//! `shutdown`, or when the last clone of the producer is dropped. An executor that is dropped first
//! takes them along, and every send is answered.
//!
//! # Cancel safety
//!
//! Every future may be dropped at any point. A send that is dropped before its message was queued
//! on a connection leaves no trace; after that the message's frame is still written whole, other
//! sends are not affected, and the broker may store the message. Futures need no timer of their
//! own, so they may be awaited on any executor.

mod connect;
mod hub;
mod link;
mod producer;
mod spawner;
mod transactions;

pub use producer::Producer;
pub use rocketmq_producer_shared::Transaction;
pub use transactions::TransactionProducer;
