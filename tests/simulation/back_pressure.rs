//! More sends than connections have room for.

use std::time::Duration;

use rocketmq_producer_testkit::sim::{BROKER_A, BROKER_B, BROKER_C, Doing, TOPIC, World};

use crate::{SECOND, pass, warm_up};

#[test]
fn row_6_what_finds_no_room_waits_and_is_sent() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        let config = world.config().with_connection_in_flight_max(2);
        let producer = world.producer(config);
        pass(&mut world, SECOND / 10);
        warm_up(&mut world, producer);
        let sends: Vec<_> = (0..500).map(|_| world.send(producer, TOPIC)).collect();
        pass(&mut world, Duration::ZERO);
        assert!(world.doing(producer).contains(&Doing::Full));
        for send in sends {
            assert!(world.answer(send).is_ok());
        }
        world.expect_nothing_pending().expect("everything is given back");
    }
}

#[test]
fn row_6_a_message_larger_than_the_byte_limit_goes_all_the_same() {
    let mut world = World::new(1);
    let config = world.config().with_connection_queue_bytes_max(1_000);
    let producer = world.producer(config);
    pass(&mut world, SECOND / 10);
    warm_up(&mut world, producer);
    let send = world.send_with(producer, TOPIC, 300_000, |message| message);
    assert!(world.answer(send).is_ok());
}

#[test]
fn row_9_nobody_waits_for_room_beyond_its_deadline() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        let config = world.config().with_connection_in_flight_max(1).with_timeout(SECOND);
        let producer = world.producer(config);
        pass(&mut world, SECOND / 10);
        warm_up(&mut world, producer);
        for broker in [BROKER_A, BROKER_B, BROKER_C] {
            world.freeze(broker);
        }
        for _ in 0..100 {
            world.send(producer, TOPIC);
        }
        // The oracle fails a run in which any of them is late.
        pass(&mut world, 2 * SECOND);
        assert_eq!(world.open_sends(), 0);
    }
}

#[test]
fn row_3_a_hundred_thousand_time_outs_leave_nothing_behind() {
    let mut world = World::new(2);
    let config = world.config().with_timeout(SECOND / 10).with_retry(0);
    let producer = world.producer(config);
    pass(&mut world, SECOND / 10);
    for broker in [BROKER_A, BROKER_B, BROKER_C] {
        world.misbehave(broker, rocketmq_producer_testkit::model::Fault::Hang);
    }
    for _ in 0..1_000 {
        for _ in 0..100 {
            world.send(producer, TOPIC);
        }
        pass(&mut world, SECOND / 10);
    }
    assert_eq!(world.counts().acknowledged, 0);
    world.expect_nothing_pending().expect("tables are empty");
}
