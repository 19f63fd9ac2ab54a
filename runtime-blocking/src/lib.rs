//! The blocking producer: std threads and std sockets, no async runtime anywhere.
//!
//! # Quick start
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
//! Nothing can be cancelled: a call returns by its deadline. `shutdown` from another thread answers it earlier.
//!
//! # Tasks and threads
//!
//! A started producer has **one** thread for housekeeping and **one for each open connection**, which reads. Whoever
//! sends writes, for all that has queued up by then; what those send whose answers have just come is written by the
//! thread that reads. While a peer does not take what is written, its connection has one more thread, which waits for
//! it, so that no caller has to wait beyond its own deadline. A transaction producer has
//! `check_concurrency` more, which answer brokers. All of them end with `shutdown`, or when the last clone of the producer
//! is dropped. Any number of threads may send at one time.
//!
//! With the feature `mio`, `Producer::polled` and `TransactionProducer::polled` make producers of the same type that have
//! **one** thread in all, which does the housekeeping and polls the sockets of all connections (and
//! `check_concurrency` more to answer brokers). Callers neither read nor write: they leave their bytes, and wake that
//! thread if it sleeps. Where many threads send at one time, what they leave travels in few writes, which is faster than
//! a thread for each connection; a single thread that sends waits a little longer for each answer. Host names are looked up
//! on a thread that lives as long as that takes.
//!
//! It may be used inside an async runtime, from threads that may block.
//!
//! # Features
//!
//! | feature | default | gives |
//! |---|---|---|
//! | `mio` | no | `polled`: one thread for all connections, by the crate of that name |
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
#[cfg(feature = "mio")]
mod poller;
mod producer;
mod transactions;
mod wait;
mod wire;

pub use producer::Producer;
pub use transactions::{Transaction, TransactionProducer};
