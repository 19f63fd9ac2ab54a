//! A send whose future is dropped, at every point at which it can be.

use std::time::Duration;

use rocketmq_producer_core::model::ProducerConfig;
use rocketmq_producer_testkit::{
    model::Fault,
    sim::{BROKER_A, BROKER_B, BROKER_C, TOPIC, World},
};

use crate::{SECOND, pass};

/// Replays a story with the first send dropped after 0, 1, 2, … polls, until it is not dropped any
/// more; gives the number of points.
fn drop_at_every_poll(
    seed: u64,
    config: fn(ProducerConfig) -> ProducerConfig,
    story: fn(&mut World),
) -> u32 {
    for polls in 0.. {
        let mut world = World::new(seed);
        let config = config(world.config());
        let producer = world.producer(config);
        pass(&mut world, Duration::ZERO);
        story(&mut world);
        world.send_polled(producer, TOPIC, 20_000, polls);
        let others: Vec<_> = (0..10).map(|_| world.send(producer, TOPIC)).collect();
        for other in others {
            // Streams that are not whole, late answers and more are found by the oracle.
            assert!(world.answer(other).is_ok(), "dropped after {polls} polls of seed {seed}");
        }
        world.expect_nothing_pending().expect("nothing is left of it");
        world.shut_down(producer);
        pass(&mut world, 4 * SECOND);
        assert_eq!(world.tasks(), 0);
        if world.counts().dropped == 0 {
            return polls;
        }
    }
    unreachable!("every send ends")
}

#[test]
fn row_17_a_send_on_cold_connections_can_be_dropped_at_every_poll() {
    for seed in 0..10 {
        assert!(drop_at_every_poll(seed, |config| config, |_| {}) >= 3);
    }
}

#[test]
fn row_17_a_send_that_waits_for_room_can_be_dropped_at_every_poll() {
    for seed in 0..10 {
        let tight = |config: ProducerConfig| {
            config.with_connection_in_flight_max(1).with_connection_queue_bytes_max(1)
        };
        assert!(drop_at_every_poll(seed, tight, |_| {}) >= 3);
    }
}

#[test]
fn row_17_a_send_that_is_tried_again_can_be_dropped_at_every_poll() {
    for seed in 0..10 {
        let points = drop_at_every_poll(
            seed,
            |config| config.with_timeout(10 * SECOND).with_retry(5),
            |world| {
                world.misbehave(BROKER_A, Fault::CloseInsteadOfReply(2));
                world.misbehave(BROKER_B, Fault::SwallowSends(2));
                world.misbehave(
                    BROKER_C,
                    Fault::Answer { code: 2, remark: "busy".to_owned(), times: 2 },
                );
            },
        );
        assert!(points >= 4, "{points}");
    }
}
