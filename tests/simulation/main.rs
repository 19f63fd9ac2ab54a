//! Producers in simulated clusters: scenarios for each theme, and runs in which a seed decides.
//!
//! Every scenario is judged by the oracle on the way: what was acknowledged is stored, what failed
//! for certain is not, nothing is late, nothing is left in tables.

mod ambiguity;
mod back_pressure;
mod batches;
mod cancellation;
mod determinism;
mod diagnosis;
mod discovery;
mod failover;
mod health;
mod idle;
mod logging;
mod many_topics;
mod message_trace;
mod ordering;
mod seeds;
mod shutdown;
mod transactions;

use std::time::Duration;

use rocketmq_producer_core::delivery::{SendErrorKind, TimeoutPhase};
use rocketmq_producer_testkit::sim::{BROKER_A, BROKER_B, BROKER_C, Peer, Producer, SendId, World};

const SECOND: Duration = Duration::from_secs(1);
const BROKERS: [Peer; 3] = [BROKER_A, BROKER_B, BROKER_C];

/// A healthy world, and a producer that has sent its first message.
fn warm_world(seed: u64) -> (World, Producer) {
    let mut world = World::new(seed);
    let config = world.config();
    let producer = world.producer(config);
    warm_up(&mut world, producer);
    (world, producer)
}

/// Sends until the producer is connected to every broker.
fn warm_up(world: &mut World, producer: Producer) {
    for _ in 0..6 {
        let _ =
            world.deliver(producer, rocketmq_producer_testkit::sim::TOPIC).expect("all is well");
    }
}

/// What sends were waiting for when their time ran out.
fn phases(world: &mut World, sends: impl IntoIterator<Item = SendId>) -> Vec<TimeoutPhase> {
    let phase = |send| match world.answer(send).expect_err("there is no time").kind() {
        SendErrorKind::TimedOut { phase, .. } => *phase,
        other => panic!("{other}"),
    };
    sends.into_iter().map(phase).collect()
}

fn pass(world: &mut World, time: Duration) {
    world.run_for(time).expect("no rule is broken");
}
