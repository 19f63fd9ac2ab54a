//! Finding brokers: name servers that are dead, forgetful, stale or elsewhere.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use rocketmq_producer_core::model::{Address, ProducerConfig};
use rocketmq_producer_testkit::{
    model::Fault,
    sim::{
        BROKER_A, BROKER_B, BROKER_C, Kind, NAME_SERVER_1, NAME_SERVER_2, Peer, TOPIC, Trouble,
        World,
    },
};

use crate::{BROKERS, SECOND, pass, warm_world};

#[test]
fn row_27_one_name_server_that_lives_is_enough() {
    for seed in 0..20 {
        for dead in [NAME_SERVER_1, NAME_SERVER_2] {
            let mut world = World::new(seed);
            world.cut_power(dead);
            let config = world.config();
            let producer = world.producer(config);
            pass(&mut world, SECOND / 10);
            assert!(world.deliver(producer, TOPIC).is_ok());
        }
    }
}

#[test]
fn row_27_a_name_server_that_is_off_leaves_a_short_send_time_for_the_other() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        world.cut_power(NAME_SERVER_1);
        let config = world.config().with_timeout(SECOND);
        let producer = world.producer(config);
        assert!(world.deliver(producer, TOPIC).is_ok(), "seed {seed}");
    }
}

#[test]
fn a_send_waits_for_name_servers_that_come_back_in_time() {
    let mut world = World::new(1);
    let config = world.config().with_timeout(10 * SECOND);
    let producer = world.producer(config);
    world.partition(NAME_SERVER_1);
    world.partition(NAME_SERVER_2);
    let send = world.send(producer, TOPIC);
    pass(&mut world, 2 * SECOND);
    world.reconnect(NAME_SERVER_2);
    let sent = world.answer(send);
    assert!(sent.is_ok(), "{sent:?}");
}

#[test]
fn name_servers_that_forget_everything_cost_no_send_whose_route_is_known() {
    let (mut world, producer) = warm_world(2);
    for name_server in [NAME_SERVER_1, NAME_SERVER_2] {
        world.begin(Trouble { kind: Kind::Forgetful, peer: name_server });
    }
    for _ in 0..60 {
        assert!(world.deliver(producer, TOPIC).is_ok());
        pass(&mut world, SECOND);
    }
}

#[test]
fn row_29_a_broker_that_comes_back_elsewhere_is_found_within_one_refresh() {
    for seed in 0..20 {
        let (mut world, producer) = warm_world(seed);
        // Only one broker is left, and it moves.
        world.cut_power(BROKER_B);
        world.cut_power(BROKER_C);
        world.crash(BROKER_A);
        pass(&mut world, SECOND);
        world.move_broker(BROKER_A);
        world.restart(BROKER_A);
        pass(&mut world, 35 * SECOND);
        let receipt = world.deliver(producer, TOPIC).expect("the new address is known");
        assert_eq!(receipt.message_queue.broker_name, "broker-a");
    }
}

#[test]
fn row_28_a_route_that_is_mended_is_used_within_one_refresh_and_one_dial() {
    /// A route that leads nowhere is fetched anew once a second for as long as somebody sends.
    const REFRESH: Duration = SECOND;
    /// A question, a dial and a send, each there and back, and a tick.
    const ROUND_TRIPS: Duration = Duration::from_millis(40);
    let mut longest = Duration::ZERO;
    for seed in 0..50 {
        let (mut world, producer) = warm_world(seed);
        world.cut_power(BROKER_B);
        world.cut_power(BROKER_C);
        world.crash(BROKER_A);
        world.move_broker(BROKER_A);
        for _ in 0..100 + 3 * seed {
            world.send(producer, TOPIC);
            pass(&mut world, SECOND / 20);
        }
        // Each name server is told within 200 ms.
        world.restart(BROKER_A);
        let (began, before) = (world.elapsed(), world.counts().acknowledged);
        let again = |world: &mut World| world.counts().acknowledged > before;
        while !world.run_until(SECOND / 20, again).expect("no rule is broken") {
            world.send(producer, TOPIC);
        }
        let took = world.elapsed() - began;
        longest = longest.max(took);
        assert!(took <= SECOND / 5 + REFRESH + ROUND_TRIPS, "seed {seed}: {took:?}");
    }
    println!("the longest took {longest:?}");
}

#[test]
fn row_29_name_servers_are_followed_though_the_old_one_still_answers() {
    for (old, new) in [(NAME_SERVER_1, NAME_SERVER_2), (NAME_SERVER_2, NAME_SERVER_1)] {
        let (mut world, producer) = warm_world(9);
        world.rename(old, new);
        pass(&mut world, 35 * SECOND);
        let queries = |world: &mut World| {
            [0, 1].map(|index| world.cluster().name_server(index).queries(TOPIC))
        };
        let before = queries(&mut world);
        pass(&mut world, 200 * SECOND);
        assert!(world.deliver(producer, TOPIC).is_ok());
        let after = queries(&mut world);
        let index = if old == NAME_SERVER_1 { 0 } else { 1 };
        assert_eq!(after[index], before[index], "nobody asks the old one");
        assert!(after[1 - index] >= before[1 - index] + 5);
    }
}

#[test]
fn row_33_a_route_that_cannot_be_read_leaves_the_last_good_one_in_use() {
    let (mut world, producer) = warm_world(3);
    for name_server in [NAME_SERVER_1, NAME_SERVER_2] {
        world.begin(Trouble { kind: Kind::BadRoute, peer: name_server });
    }
    for _ in 0..60 {
        assert!(world.deliver(producer, TOPIC).is_ok());
        pass(&mut world, 2 * SECOND);
    }
}

#[test]
fn a_name_that_resolves_again_is_resolved_again() {
    let mut world = World::new(4);
    for peer in [NAME_SERVER_1, NAME_SERVER_2] {
        world.begin(Trouble { kind: Kind::Renamed, peer });
    }
    let config = world.config();
    let producer = world.producer(config);
    pass(&mut world, SECOND / 10);
    let error = world.deliver(producer, TOPIC).expect_err("nobody is there");
    assert!(error.to_string().contains("no name server has answered"), "{error}");
    for peer in [NAME_SERVER_1, NAME_SERVER_2] {
        world.lift(Trouble { kind: Kind::Renamed, peer });
    }
    pass(&mut world, 5 * SECOND);
    assert!(world.deliver(producer, TOPIC).is_ok());
}

#[test]
fn row_31_a_cluster_on_ipv6_is_a_cluster_like_any_other() {
    let (mut world, producer) = warm_world(8);
    assert!(world.cluster().stored(TOPIC).iter().all(|message| message.store_host.is_ipv6()));
    world.crash(BROKER_A);
    for _ in 0..10 {
        assert!(world.deliver(producer, TOPIC).is_ok());
    }
}

#[test]
fn row_26_brokers_that_advertise_what_cannot_be_reached_are_found_by_translation() {
    let docker = |broker: Peer| SocketAddr::from(([172, 17, 0, 2], 10911 + broker_number(broker)));
    let mut world = World::new(2);
    let homes = BROKERS.map(|broker| world.address(broker));
    BROKERS.into_iter().for_each(|broker| world.advertise(broker, docker(broker)));
    pass(&mut world, SECOND);

    let config = world.config();
    let lost = world.producer(config);
    let error = world.deliver(lost, TOPIC).expect_err("nobody is there");
    assert!(error.to_string().contains("172.17.0.2:109"), "{error}");

    let translation = move |_: &str, advertised: &Address| {
        let home = homes[usize::from(advertised.port - 10911)];
        Address { host: home.ip().to_string().into(), port: home.port() }
    };
    let config = world.config().with_address_translation(Arc::new(translation));
    let producer = world.producer(config);
    for _ in 0..10 {
        assert!(world.deliver(producer, TOPIC).is_ok());
    }
    world.misbehave(BROKER_A, Fault::Deny(13));
    let errors: Vec<_> = (0..6).filter_map(|_| world.deliver(producer, TOPIC).err()).collect();
    let told = errors.first().expect("a third of them go there").to_string();
    assert!(told.contains("172.17.0.2:10911"), "both addresses are named: {told}");
    assert!(told.contains(&homes[0].to_string()), "both addresses are named: {told}");
}

fn broker_number(broker: Peer) -> u16 {
    BROKERS.iter().position(|known| *known == broker).unwrap_or(0) as u16
}

#[test]
fn row_30_name_servers_may_be_given_by_name_or_address_in_any_list() {
    for seed in [1, 8] {
        let mut world = World::new(seed);
        let address = world.address(NAME_SERVER_2);
        for list in ["ns1:9876", " ns1:9876 ;; ns2:9876,ns1:9876 ", &address.to_string()] {
            let config = ProducerConfig::new("listed", list);
            let producer = world.producer(config);
            assert!(world.deliver(producer, TOPIC).is_ok(), "{list:?}");
        }
    }
}

#[test]
fn row_40_the_default_topic_is_asked_for_only_until_the_topic_is_there() {
    let (mut world, producer) = warm_world(3);
    let asked = |world: &mut World| -> u64 {
        (0..2).map(|index| world.cluster().name_server(index).queries("TBW102")).sum()
    };
    assert_eq!(asked(&mut world), 0, "the topic was there");
    let receipt = world.deliver(producer, "fresh").expect("brokers create it");
    assert!(receipt.message_queue.queue_id < 4, "default_topic_queue_nums");
    let at_first = asked(&mut world);
    assert!((1..=2).contains(&at_first), "{at_first}");
    for _ in 0..120 {
        assert!(world.deliver(producer, "fresh").is_ok());
        pass(&mut world, SECOND);
    }
    assert_eq!(asked(&mut world), at_first, "its own route is known now");
    let brokers: BTreeSet<_> = (0..30)
        .map(|_| world.deliver(producer, "fresh").expect("it is there").message_queue.broker_name)
        .collect();
    assert!(!brokers.is_empty());
}
