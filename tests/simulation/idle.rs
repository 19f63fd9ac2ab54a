//! A producer that has nothing to do.

use rocketmq_producer_testkit::sim::{
    BROKER_A, Kind, NAME_SERVER_1, Producer, TOPIC, Trouble, World,
};

use crate::{SECOND, pass, warm_world};

const HEARTBEAT: i32 = 34;

/// An hour in which there is just enough to do that the topic is not forgotten.
fn quiet_hour(world: &mut World, producer: Producer) {
    for _ in 0..15 {
        pass(world, 240 * SECOND);
        assert!(world.deliver(producer, TOPIC).is_ok());
    }
}

#[test]
fn row_12_an_idle_hour_is_eight_heartbeats_a_minute_for_each_broker() {
    let (mut world, producer) = warm_world(1);
    quiet_hour(&mut world, producer);
    for broker in ["broker-a", "broker-b", "broker-c"] {
        let heartbeats = world.cluster().broker(broker).requests(HEARTBEAT);
        // One every thirty seconds, and a sign of life asked for every ten.
        assert!((474..=484).contains(&heartbeats), "{broker} got {heartbeats}");
    }
    let queries: u64 = (0..2).map(|index| world.cluster().name_server(index).queries(TOPIC)).sum();
    // One every 24 to 30 seconds.
    assert!((120..=150).contains(&queries), "the route was asked for {queries} times");
}

#[test]
fn row_12_a_broker_that_is_gone_delays_no_heartbeat_to_another() {
    let (mut world, producer) = warm_world(2);
    world.cut_power(BROKER_A);
    quiet_hour(&mut world, producer);
    for broker in ["broker-b", "broker-c"] {
        let heartbeats = world.cluster().broker(broker).requests(HEARTBEAT);
        // One every thirty seconds, and a sign of life asked for every ten.
        assert!((465..=484).contains(&heartbeats), "{broker} got {heartbeats}");
    }
}

#[test]
fn row_11_connections_that_brokers_end_for_being_idle_cost_no_send() {
    let (mut world, producer) = warm_world(3);
    for _ in 0..20 {
        // Name servers' connections are idle for longer than they are kept.
        pass(&mut world, 300 * SECOND);
        let receipt = world.deliver(producer, TOPIC).expect("all is well");
        assert_eq!(receipt.attempts, 1);
    }
}

#[test]
fn row_11_brokers_that_vanish_while_nothing_is_sent_cost_no_send_an_attempt() {
    for idle in [119, 120, 121] {
        let (mut world, producer) = warm_world(5);
        pass(&mut world, idle * SECOND);
        world.cut_power(BROKER_A);
        // Ten seconds of silence, three for an answer.
        pass(&mut world, 14 * SECOND);
        for _ in 0..6 {
            let receipt = world.deliver(producer, TOPIC).expect("two brokers are left");
            assert_eq!(receipt.attempts, 1, "after {idle} s");
        }
    }
}

#[test]
fn row_21_no_timer_follows_the_wall_clock() {
    for kind in [Kind::ClockBack, Kind::ClockOn, Kind::ClockMonth] {
        let (mut world, producer) = warm_world(4);
        let before = world.cluster().broker("broker-a").requests(HEARTBEAT);
        world.begin(Trouble { kind, peer: NAME_SERVER_1 });
        pass(&mut world, 290 * SECOND);
        let beats = world.cluster().broker("broker-a").requests(HEARTBEAT) - before;
        assert!((37..=39).contains(&beats), "{kind}: {beats} in five minutes");
        assert!(world.deliver(producer, TOPIC).is_ok());
    }
}
