//! The blocking producer: std threads and std sockets, no async runtime anywhere.
//!
//! ```no_run
//! use rocketmq_producer_blocking::Producer;
//! use rocketmq_producer_core::model::{Message, ProducerConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let producer = Producer::new(ProducerConfig::new("orders", "127.0.0.1:9876"))?;
//! producer.start()?;
//! let receipt = producer.send(Message::new("TopicTest", "hello").with_tags("a").with_key("k1"))?;
//! println!("{} is stored in {}", receipt.message_id, receipt.message_queue);
//! producer.shutdown()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Threads
//!
//! A started producer has **one** thread for housekeeping and **one for each open connection**,
//! which reads. Whoever sends writes, for all that has queued up by then. While a peer does not
//! take what is written, its connection has one more thread, which waits for it, so that no caller
//! has to wait beyond its own deadline. All of them end with `shutdown`, or when the last clone of
//! the producer is dropped.
//!
//! It may be used inside an async runtime, from threads that may block.

mod connect;
mod hub;
mod link;
mod producer;
mod transactions;
mod wait;

pub use producer::Producer;
pub use transactions::{Transaction, TransactionProducer};
