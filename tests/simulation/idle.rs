//! A producer that has nothing to do.

use rocketmq_producer_testkit::sim::{BROKER_A, Kind, NAME_SERVER_1, TOPIC, Trouble};

use crate::{SECOND, pass, warm_world};

const HEARTBEAT: i32 = 34;

#[test]
fn row_12_an_idle_hour_is_two_heartbeats_a_minute_for_each_broker() {
    let (mut world, _) = warm_world(1);
    pass(&mut world, 3_600 * SECOND);
    for broker in ["broker-a", "broker-b", "broker-c"] {
        let heartbeats = world.cluster().broker(broker).requests(HEARTBEAT);
        assert!((119..=122).contains(&heartbeats), "{broker} got {heartbeats}");
    }
    let queries: u64 = (0..2).map(|index| world.cluster().name_server(index).queries(TOPIC)).sum();
    assert!((119..=123).contains(&queries), "the route was asked for {queries} times");
}

#[test]
fn row_12_a_broker_that_is_gone_delays_no_heartbeat_to_another() {
    let (mut world, _) = warm_world(2);
    world.cut_power(BROKER_A);
    pass(&mut world, 3_600 * SECOND);
    for broker in ["broker-b", "broker-c"] {
        let heartbeats = world.cluster().broker(broker).requests(HEARTBEAT);
        assert!((119..=122).contains(&heartbeats), "{broker} got {heartbeats}");
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
fn row_21_no_timer_follows_the_wall_clock() {
    for kind in [Kind::ClockBack, Kind::ClockOn, Kind::ClockMonth] {
        let (mut world, producer) = warm_world(4);
        let before = world.cluster().broker("broker-a").requests(HEARTBEAT);
        world.begin(Trouble { kind, peer: NAME_SERVER_1 });
        pass(&mut world, 290 * SECOND);
        let beats = world.cluster().broker("broker-a").requests(HEARTBEAT) - before;
        assert!((9..=10).contains(&beats), "{kind}: {beats} in five minutes");
        assert!(world.deliver(producer, TOPIC).is_ok());
    }
}
