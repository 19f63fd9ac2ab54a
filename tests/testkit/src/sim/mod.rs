//! The whole cluster on one virtual clock.
//!
//! A [`World`] holds producers, a simulated network and the model cluster. The producers are the
//! production code: `Client`, `Link`s and `Delivery`s of the core, the hub, the sends and the
//! lifecycle of the shared crate. Only what an adapter adds is the simulation's own: sockets, time,
//! and how tasks are polled. One seed decides everything; an oracle judges every step.
//!
//! ```
//! use rocketmq_producer_testkit::sim::{BROKER_A, TOPIC, World};
//! use std::time::Duration;
//!
//! let mut world = World::new(1);
//! let producer = world.producer(world.config());
//! world.crash(BROKER_A);
//! world.send(producer, TOPIC);
//! world.run_for(Duration::from_secs(3)).expect("no rule is broken");
//! assert_eq!(world.counts().acknowledged, 1);
//! ```

mod agenda;
mod batches;
mod chaos;
mod coverage;
mod deferred;
mod dialing;
mod driver;
mod executor;
mod kind;
mod network;
mod nodes;
mod oracle;
mod order;
mod peers;
mod pipe;
mod producer;
mod run;
mod sends;
mod server;
mod sweep;
mod told;
mod trace;
mod traced;
mod transactions;
mod trouble;
mod verbs;
mod workload;
mod world;

pub use coverage::Coverage;
pub use kind::Kind;
pub use oracle::{Counts, SendId, Violation};
pub use peers::{
    BROKER_A, BROKER_B, BROKER_C, NAME_SERVER_1, NAME_SERVER_2, Peer, Producer, TOPIC,
};
pub use producer::Doing;
pub use run::{Failure, RECOVERY_MAX, Report, run, run_with_timeline};
pub use sweep::{Summary, sweep};
pub use transactions::Work;
pub use trouble::Trouble;
pub use world::World;
