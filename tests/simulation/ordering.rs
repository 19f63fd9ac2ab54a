//! The order in which tasks happen to run, which may not matter.

use rocketmq_producer_testkit::{
    model::Fault,
    sim::{BROKER_A, BROKER_B, BROKER_C, NAME_SERVER_1, NAME_SERVER_2, TOPIC, World},
};

use crate::{SECOND, pass, warm_up, warm_world};

/// One story under many schedules: whatever the scheduler, the network and the brokers make of it,
/// every send succeeds.
#[test]
fn no_schedule_makes_a_difference_to_who_succeeds() {
    for seed in 0..200 {
        let mut world = World::new(seed);
        let config = world.config().with_connection_in_flight_max(8);
        let producer = world.producer(config);
        pass(&mut world, SECOND / 10);
        warm_up(&mut world, producer);
        world.misbehave(BROKER_A, Fault::SwallowSends(3));
        let sends: Vec<_> = (0..40).map(|_| world.send(producer, TOPIC)).collect();
        pass(&mut world, SECOND / 1_000);
        world.cut_connections(BROKER_B, true);
        for send in sends {
            assert!(world.answer(send).is_ok(), "schedule {seed}");
        }
        world.expect_nothing_pending().expect("everything is given back");
    }
}

#[test]
fn row_36_a_thousand_first_sends_ask_once_and_dial_each_broker_once() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        let config = world.config().with_timeout(10 * SECOND);
        let producer = world.producer(config);
        pass(&mut world, std::time::Duration::ZERO);
        let sends: Vec<_> = (0..1_000).map(|_| world.send(producer, TOPIC)).collect();
        for send in sends {
            assert!(world.answer(send).is_ok());
        }
        let queries = |world: &mut World, index| world.cluster().name_server(index).queries(TOPIC);
        assert_eq!(queries(&mut world, 0) + queries(&mut world, 1), 1);
        assert_eq!(world.dials(), 1 + 3, "one name server and three brokers");
    }
}

#[test]
fn row_15_a_key_keeps_its_queue_whatever_order_name_servers_list_brokers_in() {
    let mut queues = std::collections::BTreeSet::new();
    for seed in 0..30 {
        let mut world = World::new(seed);
        let config = world.config();
        let producer = world.producer(config);
        pass(&mut world, SECOND / 10);
        let send = world.send_with(producer, TOPIC, 10, |m| m.with_sharding_key("order-1001"));
        queues.insert(world.answer(send).unwrap().message_queue);
    }
    assert_eq!(queues.len(), 1, "{queues:?}");
}

#[test]
fn row_16_answers_that_come_twice_or_from_nowhere_have_no_effect() {
    for seed in 0..10 {
        let (mut world, producer) = warm_world(seed);
        for peer in [BROKER_A, BROKER_B, BROKER_C, NAME_SERVER_1, NAME_SERVER_2] {
            world.misbehave(peer, Fault::RepeatReplies);
        }
        // The oracle compares every receipt with the place of its own message.
        for _ in 0..50 {
            let sends: Vec<_> = (0..20).map(|_| world.send(producer, TOPIC)).collect();
            for send in sends {
                assert_eq!(world.answer(send).expect("all is well").attempts, 1);
            }
        }
        pass(&mut world, 60 * SECOND);
        world.expect_nothing_pending().expect("tables are empty");
    }
}

#[test]
fn row_48_a_caller_that_sleeps_over_its_result_delays_nobody() {
    let mut world = World::new(7);
    let config = world.config().with_timeout(30 * SECOND).with_async_send_semaphore(4);
    let producer = world.producer(config);
    warm_up(&mut world, producer);
    let sleepers: Vec<_> =
        (0..4).map(|_| world.send_sleepily(producer, TOPIC, 10 * SECOND)).collect();
    pass(&mut world, SECOND / 10);
    let began = world.elapsed();
    for _ in 0..100 {
        assert!(world.deliver(producer, TOPIC).is_ok());
    }
    let took = world.elapsed() - began;
    assert!(took < SECOND, "their permits are back with their answers: {took:?}");
    for sleeper in sleepers {
        assert!(world.answer(sleeper).is_ok(), "what has come is still there");
    }
    assert!(world.elapsed() - began > 9 * SECOND);
}
