//! Brokers that are lost, slow, silent, busy or leaving, while others are well.

use std::time::Duration;

use rocketmq_producer_core::{
    delivery::SendOptions,
    model::{Message, MessageQueue},
};
use rocketmq_producer_testkit::{
    model::Fault,
    sim::{BROKER_A, BROKER_B, Kind, TOPIC, Trouble, World},
};

use crate::{BROKERS, SECOND, pass, warm_up, warm_world};

#[test]
fn row_1_brokers_that_never_answer_leave_time_for_one_that_does() {
    for seed in 0..50 {
        let (mut world, producer) = warm_world(seed);
        world.misbehave(BROKER_A, Fault::Hang);
        world.misbehave(BROKER_B, Fault::Hang);
        for _ in 0..10 {
            let receipt = world.deliver(producer, TOPIC).expect("broker-c is well");
            assert_eq!(receipt.message_queue.broker_name, "broker-c");
        }
    }
}

#[test]
fn row_10_a_dial_that_nobody_answers_delays_nobody_else() {
    for seed in 0..50 {
        let (mut world, producer) = warm_world(seed);
        world.cut_power(BROKER_A);
        pass(&mut world, 40 * SECOND);
        // By now the connection to it is known to be dead, and another is being tried.
        for _ in 0..20 {
            let began = world.elapsed();
            let receipt = world.deliver(producer, TOPIC).expect("the others are well");
            let took = world.elapsed() - began;
            assert_eq!(receipt.attempts, 1, "a broker known to be down is left out");
            assert!(took < Duration::from_millis(20), "{took:?}");
        }
    }
}

#[test]
fn row_18_an_outage_of_a_day_ends_with_the_first_send_after_it() {
    let (mut world, producer) = warm_world(1);
    for broker in BROKERS {
        world.cut_power(broker);
    }
    pass(&mut world, Duration::from_secs(24 * 3600));
    assert!(world.deliver(producer, TOPIC).is_err());
    for broker in BROKERS {
        world.restart(broker);
    }
    let took = world.recover(producer).expect("it goes on");
    assert!(took < 35 * SECOND, "{took:?}");
}

#[test]
fn row_37_a_rolling_restart_of_all_brokers_costs_no_send_and_stores_none_twice() {
    for seed in 0..20 {
        let (mut world, producer) = warm_world(seed);
        for peer in BROKERS {
            let leaving = Trouble { kind: Kind::GoAway, peer };
            world.begin(leaving);
            let mut first_tries = 0;
            for _ in 0..40 {
                let receipt = world.deliver(producer, TOPIC).expect("the others are well");
                first_tries += usize::from(receipt.attempts == 1);
                pass(&mut world, SECOND / 10);
            }
            assert!(first_tries >= 36, "a broker that leaves is left alone: {first_tries} of 40");
            world.lift(leaving);
            for _ in 0..40 {
                assert!(world.deliver(producer, TOPIC).is_ok());
                pass(&mut world, SECOND / 4);
            }
        }
        assert_eq!(world.counts().duplicates, 0);
    }
}

#[test]
fn row_25_one_busy_broker_of_three_costs_no_send() {
    let (mut world, producer) = warm_world(2);
    let busy = "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while";
    let answer = Fault::Answer { code: 2, remark: busy.to_owned(), times: u32::MAX };
    world.misbehave(BROKER_B, answer);
    for _ in 0..1_000 {
        assert!(world.deliver(producer, TOPIC).is_ok());
    }
}

#[test]
fn row_11_a_connection_that_died_silently_is_found_before_it_costs_a_send() {
    for seed in 0..20 {
        let (mut world, producer) = warm_world(seed);
        for broker in BROKERS {
            world.lose_connections(broker);
        }
        // Ten seconds of silence, three for a sign of life.
        pass(&mut world, 14 * SECOND);
        let receipt = world.deliver(producer, TOPIC).expect("there are new connections");
        assert_eq!(receipt.attempts, 1);
    }
}

#[test]
fn row_11_connections_that_died_silently_cost_sends_in_flight_two_seconds_and_no_more() {
    for seed in 0..20 {
        let (mut world, producer) = warm_world(seed);
        for broker in BROKERS {
            world.lose_connections(broker);
        }
        // One that may go nowhere else is answered on a new connection to the same broker.
        let keyed = |message: Message| message.with_sharding_key("order-1");
        let ordered = world.send_with(producer, TOPIC, 16, keyed);
        let mut sends = Vec::new();
        for _ in 0..100 {
            sends.push(world.send(producer, TOPIC));
            pass(&mut world, SECOND / 10);
        }
        assert!(world.answer(ordered).is_ok(), "seed {seed}");
        let failed: Vec<_> = sends.into_iter().map(|send| world.answer(send).is_err()).collect();
        let last = failed.iter().rposition(|failed| *failed).unwrap_or_default();
        assert!(last <= 20, "seed {seed}: number {last}, ten a second");
    }
}

#[test]
fn row_35_a_broker_that_was_busy_gets_its_share_back_where_nothing_is_retried_too() {
    for seed in 0..10 {
        let mut world = World::new(seed);
        let config = world.config().with_retry(0);
        let producer = world.producer(config);
        warm_up(&mut world, producer);
        world.misbehave(BROKER_A, Fault::Answer { code: 14, remark: "no".into(), times: 60 });
        for _ in 0..600 {
            let _ = world.deliver(producer, TOPIC);
            pass(&mut world, SECOND / 10);
        }
        world.behave(BROKER_A);
        // It is tried every eight seconds at least.
        for _ in 0..100 {
            assert!(world.deliver(producer, TOPIC).is_ok());
            pass(&mut world, SECOND / 10);
        }
        let at_broker_a = (0..300)
            .map(|_| world.deliver(producer, TOPIC).expect("all is well").message_queue)
            .filter(|queue| queue.broker_name == "broker-a")
            .count();
        assert!(at_broker_a > 50, "seed {seed}: {at_broker_a} of 300");
    }
}

#[test]
fn row_58_two_producers_of_one_group_do_not_know_of_each_other() {
    let mut world = World::new(3);
    let config = world.config();
    let (one, other) = (world.producer(config.clone()), world.producer(config));
    pass(&mut world, SECOND / 10);
    assert!(world.deliver(one, TOPIC).is_ok());
    assert!(world.deliver(other, TOPIC).is_ok());
    world.shut_down(one);
    pass(&mut world, 5 * SECOND);
    for _ in 0..20 {
        assert!(world.deliver(other, TOPIC).is_ok());
    }
}

#[test]
fn row_5_whichever_way_a_send_is_made_it_is_tried_again() {
    for seed in 0..10 {
        let mut world = World::new(seed);
        let config = world.config().with_timeout(10 * SECOND).with_retry(9);
        let producer = world.producer(config);
        warm_up(&mut world, producer);
        let queues = world.publish_queues(producer, TOPIC);
        let at_broker_a = queues.iter().position(|queue| queue.broker_name == "broker-a").unwrap();
        let queue = queues[at_broker_a].clone();
        let by_queue = SendOptions::new().with_queue(queue);
        let by_selector =
            SendOptions::new().with_selector(move |_: &_, _: &[MessageQueue]| Some(at_broker_a));
        let ways = [SendOptions::new(), by_queue, by_selector];
        world.crash(BROKER_A);
        let sends: Vec<_> = ways
            .into_iter()
            .chain((0..6).map(|_| SendOptions::new()))
            .map(|options| world.send_by(producer, TOPIC, options, |message| message))
            .collect();
        let keyed = ["order-1", "order-2", "order-3", "order-4"].map(|key| {
            let keyed = |message: Message| message.with_sharding_key(key);
            world.send_with(producer, TOPIC, 16, keyed)
        });
        pass(&mut world, 2 * SECOND);
        world.restart(BROKER_A);
        for send in sends.into_iter().chain(keyed) {
            assert!(world.answer(send).is_ok(), "seed {seed}");
        }
    }
}
