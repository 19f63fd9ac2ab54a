//! The message trace, and what it must not do.

use std::time::Duration;

use rocketmq_producer_core::{model::ProducerConfig, trace::TRACE_TOPIC};
use rocketmq_producer_testkit::{
    model::Fault,
    sim::{BROKER_A, BROKER_C, NAME_SERVER_1, NAME_SERVER_2, Producer, TOPIC, World},
};

use crate::{SECOND, pass, warm_up};

/// More than any send takes whose broker is well and whose connections are up: a message and its
/// answer take two milliseconds at most on the way.
const AT_ONCE: Duration = Duration::from_millis(20);
const APART: &str = "apart";

/// A world whose brokers have told their name servers of two topics more: one that the third broker
/// has no part in, and the trace's, which is on that broker alone.
fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    world.cluster().set_auto_create(false);
    for (topic, brokers) in
        [(APART, &["broker-a", "broker-b"][..]), (TRACE_TOPIC, &["broker-c"][..])]
    {
        for broker in brokers {
            world.cluster().broker(broker).create_topic(topic, 2);
        }
    }
    pass(&mut world, 31 * SECOND);
    world
}

fn traced(world: &World) -> ProducerConfig {
    world.config().with_trace_message(true).with_trace_linger(SECOND / 10).with_trace_batch_size(5)
}

/// A producer that is connected to all that it needs, and whose trace works.
fn warm_producer(world: &mut World, config: ProducerConfig) -> Producer {
    let producer = world.producer(config);
    warm_up(world, producer);
    for _ in 0..6 {
        let _ = world.deliver(producer, APART).expect("all is well");
    }
    pass(world, SECOND);
    let stats = world.trace_stats(producer);
    assert_eq!((stats.recorded, stats.sent), (12, 12), "{stats:?}");
    producer
}

/// Sends one message after the other; each is stored at once, at its first attempt.
fn send_undisturbed(world: &mut World, producer: Producer, count: u32) {
    for number in 0..count {
        let before = world.elapsed();
        let receipt = world.deliver(producer, APART).expect("nothing is wrong with its brokers");
        let took = world.elapsed() - before;
        assert!(took < AT_ONCE, "send {number} took {took:?}");
        assert_eq!(receipt.attempts, 1);
        pass(world, SECOND / 50);
    }
}

type Trouble = fn(&mut World);

const TROUBLES: [Trouble; 7] = [
    |world| world.crash(BROKER_C),
    |world| world.cut_power(BROKER_C),
    |world| world.freeze(BROKER_C),
    |world| world.partition(BROKER_C),
    |world| world.slow_down(BROKER_C, 4 * SECOND),
    |world| world.misbehave(BROKER_C, Fault::Hang),
    |world| world.misbehave(BROKER_C, Fault::Deny(16)),
];

#[test]
fn row_54_whatever_becomes_of_the_traces_broker_no_send_takes_notice() {
    for (seed, trouble) in (0..28).zip(TROUBLES.iter().cycle()) {
        let mut world = world(seed);
        let config = traced(&world).with_trace_queue_max(30);
        let producer = warm_producer(&mut world, config);
        trouble(&mut world);
        send_undisturbed(&mut world, producer, 300);
        let stats = world.trace_stats(producer);
        assert_eq!(stats.recorded, 312);
        assert!(stats.waiting <= 30 && stats.in_flight <= 4 * 30, "{stats:?}");
        world.shut_down(producer);
        pass(&mut world, 4 * SECOND);
        assert_eq!(world.tasks(), 0, "the shutdown is over in time");
        let stats = world.trace_stats(producer);
        assert_eq!(stats.recorded, stats.sent + stats.failed + stats.dropped, "{stats:?}");
        assert!(stats.failed + stats.dropped > 0, "{stats:?}");
    }
}

#[test]
fn row_54_what_is_recorded_is_flushed_by_a_shutdown() {
    for seed in 0..50 {
        let mut world = world(seed);
        let config = traced(&world).with_trace_linger(3_600 * SECOND).with_trace_batch_size(1_000);
        let producer = world.producer(config);
        let sends: Vec<_> = (0..200).map(|_| world.send(producer, APART)).collect();
        pass(&mut world, SECOND / 500 * (seed as u32 % 5));
        world.shut_down(producer);
        for send in sends {
            assert!(world.answer(send).is_ok());
        }
        pass(&mut world, 3 * SECOND);
        assert_eq!(world.tasks(), 0);
        let stats = world.trace_stats(producer);
        assert_eq!((stats.recorded, stats.sent), (200, 200), "seed {seed}: {stats:?}");
    }
}

#[test]
fn row_54_a_shutdown_says_goodbye_though_the_trace_is_stuck() {
    let mut world = world(1);
    let config = traced(&world);
    let producer = warm_producer(&mut world, config);
    world.freeze(BROKER_C);
    send_undisturbed(&mut world, producer, 20);
    world.shut_down(producer);
    pass(&mut world, 4 * SECOND);
    for broker in ["broker-a", "broker-b"] {
        assert_eq!(world.cluster().broker(broker).requests(35), 1, "{broker} was told");
    }
}

#[test]
fn row_54_a_topic_that_nobody_has_is_hardly_asked_for_and_found_when_it_is_there() {
    let mut world = World::new(1);
    world.cluster().set_auto_create(false);
    pass(&mut world, 31 * SECOND);
    let config = traced(&world);
    let producer = world.producer(config);
    for _ in 0..600 {
        let _ = world.deliver(producer, TOPIC).expect("all is well");
        pass(&mut world, SECOND / 10);
    }
    let asked = |world: &mut World| {
        let mut queries = |index| world.cluster().name_server(index).queries(TRACE_TOPIC);
        queries(0) + queries(1)
    };
    // After 1, 2, 4, 8, 16 and 30 seconds, each name server, twice where several messages failed.
    let count = asked(&mut world);
    assert!((4..=30).contains(&count), "asked {count} times in a minute");
    assert_eq!(world.trace_stats(producer).sent, 0);

    world.cluster().broker("broker-a").create_topic(TRACE_TOPIC, 1);
    pass(&mut world, 61 * SECOND);
    let _ = world.deliver(producer, TOPIC).expect("all is well");
    pass(&mut world, 31 * SECOND);
    let stats = world.trace_stats(producer);
    assert!(stats.sent > 0, "{stats:?}");
    assert_eq!(stats.waiting + stats.in_flight, 0, "{stats:?}");
}

#[test]
fn row_54_name_servers_that_are_down_keep_no_shutdown_waiting_for_the_trace() {
    let mut world = World::new(2);
    let config = traced(&world);
    let producer = world.producer(config);
    world.crash(NAME_SERVER_1);
    world.crash(NAME_SERVER_2);
    world.crash(BROKER_A);
    let send = world.send(producer, TOPIC);
    assert!(world.answer(send).is_err());
    pass(&mut world, 20 * SECOND);
    world.shut_down(producer);
    pass(&mut world, SECOND);
    assert_eq!(world.tasks(), 0);
    let stats = world.trace_stats(producer);
    assert_eq!((stats.recorded, stats.sent), (1, 0), "the failure was to be told: {stats:?}");
}

#[test]
fn a_trace_makes_no_run_differ_from_the_next() {
    let hash = || {
        let mut world = world(7);
        let config = traced(&world);
        let producer = warm_producer(&mut world, config);
        world.freeze(BROKER_C);
        send_undisturbed(&mut world, producer, 50);
        world.thaw(BROKER_C);
        pass(&mut world, 10 * SECOND);
        world.hash()
    };
    assert_eq!(hash(), hash());
}
