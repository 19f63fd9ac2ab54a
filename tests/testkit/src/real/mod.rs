//! Real RocketMQ servers on loopback: one name server and one or more brokers, as Java processes.
//!
//! [`RealCluster::start`] fetches the servers of a [`Version`] with Maven (once, into a folder that
//! later runs share), starts them on free ports with all their files in a temporary folder and
//! returns when they answer. Dropping the cluster ends the processes and removes the folder, after
//! a panic too.
//!
//! ```no_run
//! use rocketmq_producer_testkit::real::{RealCluster, Version};
//!
//! let cluster = RealCluster::builder(Version::V5_5_0)
//!     .brokers(2)
//!     .broker_property("defaultTopicQueueNums", "4")
//!     .start()?;
//! println!("name server at {}", cluster.namesrv_addr());
//! # Ok::<(), rocketmq_producer_testkit::real::LaunchError>(())
//! ```
//!
//! [`RealCluster::consume`] reads a topic with RocketMQ's own client of the same version: what it
//! returns is what Java applications get. [`RealCluster::produce_traced`] sends with it.
//!
//! Needed on the machine: a JDK or JRE (`$JAVA_HOME/bin/java`, or `java` on the path) and, for the
//! first start of a version, Maven and its central repository. Set `ROCKETMQ_JARS` to choose the
//! folder the jars are kept in. The Java programs are compiled as they start, which takes a JDK, 11 or
//! later.
//!
//! On Linux with util-linux's `setpriv`, the servers also die when the process that started them is
//! killed; only the temporary folder then remains.

mod artifacts;
mod builder;
mod cluster;
mod config;
mod consumed;
mod consumer;
mod error;
mod ports;
mod probe;
mod process;
mod producer;
mod program;
mod progress;
mod ready;
mod spawner;
mod version;

pub use builder::RealClusterBuilder;
pub use cluster::RealCluster;
pub use consumed::ConsumedMessage;
pub use error::{ConsumeError, LaunchError, ProduceError, UnknownVersion};
pub use progress::Progress;
pub use version::Version;
