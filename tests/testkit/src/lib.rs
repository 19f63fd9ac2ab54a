//! What tests of a RocketMQ producer need, this project's own and its users'.
//!
//! | here | what it is |
//! |---|---|
//! | [`serve::EmbeddedCluster`] | a cluster inside this process, on free loopback ports |
//! | [`model`] | the same without sockets: name servers and brokers as state machines |
//! | [`real::RealCluster`] | Apache RocketMQ itself, from Maven Central |
//! | [`fuzzing`] | what the fuzz targets run |
//! | [`sim`] | whole clusters with producers on one virtual clock, judged by an oracle |
//! | [`TraceRecord`] | a record of the message trace, field by field |
//! | [`Reader`] | reads back what was stored, from any of them |
//!
//! # Quick start
//!
//! ```
//! use rocketmq_producer_testkit::serve::EmbeddedCluster;
//!
//! let cluster = EmbeddedCluster::start();
//! println!("point a producer to {}", cluster.namesrv_addr());
//! assert!(cluster.stored("TopicTest").is_empty());
//! ```
//!
//! # What is guaranteed
//!
//! The model answers as brokers of 5.x or 4.x do, as far as producers can tell, and is held to real ones by suites
//! that run against both. Nothing else: this crate is not published, and changes with the machines.
//!
//! # Cancel safety
//!
//! A cluster that is dropped ends: its sockets are closed, its processes stopped.
//!
//! # Tasks and threads
//!
//! An embedded cluster has threads of its own, some for each connection; a real one is processes of Java. The
//! simulated world has none.
//!
//! # Features
//!
//! | feature | default | gives |
//! |---|---|---|
//! | `mutants` | no | known bugs in the machines, which the simulation must find |

pub mod fuzzing;
pub mod model;
pub mod real;
pub mod serve;
pub mod sim;

mod reader;
mod stored;
mod trace;

pub use reader::{ReadError, Reader};
pub use stored::{BadCompression, NotStored, StoredMessage, offset_message_id};
pub use trace::{NotTraced, TraceRecord};
