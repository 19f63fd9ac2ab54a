//! The order in which tasks happen to run, which may not matter.

use rocketmq_producer_testkit::{
    model::Fault,
    sim::{BROKER_A, BROKER_B, TOPIC, World},
};

use crate::{SECOND, pass, warm_up};

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
