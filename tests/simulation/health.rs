//! How brokers fall from grace, and how they come back.

use std::{collections::BTreeMap, time::Duration};

use rocketmq_producer_core::model::Message;
use rocketmq_producer_testkit::{
    model::Fault,
    sim::{BROKER_A, BROKER_B, BROKER_C, Peer, Producer, SendId, TOPIC, World},
};

use crate::{BROKERS, SECOND, pass, warm_up, warm_world};

/// Sends one message a millisecond for so long; all of them.
fn load(world: &mut World, producer: Producer, time: Duration) -> Vec<SendId> {
    let mut sends = Vec::new();
    for _ in 0..time.as_millis() {
        sends.push(world.send(producer, TOPIC));
        pass(world, Duration::from_millis(1));
    }
    sends
}

/// How many of these sends each broker has, when all have succeeded.
fn shares(world: &mut World, sends: Vec<SendId>) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for send in sends {
        let receipt = world.answer(send).expect("it had time for a second attempt");
        *shares.entry(receipt.message_queue.broker_name.to_string()).or_default() += 1;
    }
    shares
}

#[test]
fn row_35_a_crash_under_load_costs_no_send_and_the_broker_gets_its_share_back() {
    const BOUND: Duration = Duration::from_secs(12);
    for seed in 0..10 {
        let (mut world, producer) = warm_world(seed);
        let mut sends = load(&mut world, producer, Duration::from_millis(100 + 37 * seed));
        world.crash(BROKER_B);
        sends.extend(load(&mut world, producer, 2 * SECOND));
        world.restart(BROKER_B);
        sends.extend(load(&mut world, producer, BOUND));
        let _ = shares(&mut world, sends);

        let sends = load(&mut world, producer, 3 * SECOND);
        let share = shares(&mut world, sends)["broker-b"] as f64 / 3_000.0;
        assert!((share - 1.0 / 3.0).abs() <= 0.05, "seed {seed}: {share}");
    }
}

#[test]
fn row_35_a_broker_that_hung_is_avoided_and_tried_until_it_is_well() {
    for seed in 0..5 {
        let (mut world, producer) = warm_world(seed);
        world.misbehave(BROKER_C, Fault::Hang);
        let sends = load(&mut world, producer, 5 * SECOND);
        let _ = shares(&mut world, sends);
        let sends = load(&mut world, producer, SECOND);
        let shares_now = shares(&mut world, sends);
        assert_eq!(shares_now.get("broker-c"), None, "seed {seed}");

        world.behave(BROKER_C);
        let sends = load(&mut world, producer, 20 * SECOND);
        let _ = shares(&mut world, sends);
        let sends = load(&mut world, producer, 3 * SECOND);
        let share = shares(&mut world, sends)["broker-c"] as f64 / 3_000.0;
        assert!((share - 1.0 / 3.0).abs() <= 0.05, "seed {seed}: {share}");
    }
}

#[test]
fn row_35_when_all_brokers_are_ill_the_least_bad_one_is_used() {
    let (mut world, producer) = warm_world(1);
    for broker in BROKERS {
        refuse_with(&mut world, broker, 14);
    }
    for _ in 0..30 {
        assert!(world.deliver(producer, TOPIC).is_err());
    }
    world.behave(BROKER_B);
    assert!(world.deliver(producer, TOPIC).is_ok(), "no error because of health");
}

#[test]
fn row_15_a_sick_broker_keeps_its_keys() {
    let (mut world, producer) = warm_world(2);
    let queue_of = |world: &mut World, key: &str| {
        let keyed = |message: Message| message.with_sharding_key(key.to_owned());
        let send = world.send_with(producer, TOPIC, 16, keyed);
        world.answer(send)
    };
    let before = queue_of(&mut world, "order-7").expect("all is well").message_queue;
    let broker = match &*before.broker_name {
        "broker-a" => BROKER_A,
        "broker-b" => BROKER_B,
        _ => BROKER_C,
    };
    refuse_with(&mut world, broker, 14);
    for _ in 0..10 {
        let error = queue_of(&mut world, "order-7").expect_err("it may go nowhere else");
        assert!(error.attempts().iter().all(|attempt| attempt.queue == before));
    }
    world.behave(broker);
    assert_eq!(queue_of(&mut world, "order-7").expect("it is well").message_queue, before);
}

#[test]
fn row_15_messages_of_one_key_are_stored_in_the_order_of_their_sends_through_a_crash() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        let config = world.config().with_timeout(20 * SECOND).with_retry(20);
        let producer = world.producer(config);
        warm_up(&mut world, producer);
        let mut sends = Vec::new();
        for step in 0..60 {
            let key = format!("order-{}", step % 3);
            let keyed = |message: Message| message.with_sharding_key(key);
            sends.push(world.send_with(producer, TOPIC, 16, keyed));
            pass(&mut world, Duration::from_millis(10));
            if step == 20 {
                world.crash(BROKER_A);
            }
            if step == 40 {
                world.restart(BROKER_A);
            }
        }
        // The oracle compares the order of acknowledgements and of places.
        for send in sends {
            assert!(world.answer(send).is_ok());
        }
    }
}

fn refuse_with(world: &mut World, broker: Peer, code: i32) {
    let remark = "not today".to_owned();
    world.misbehave(broker, Fault::Answer { code, remark, times: u32::MAX });
}

#[test]
fn a_slow_broker_is_avoided_where_latency_counts() {
    let share_of_the_slow = |enable: bool| {
        let mut world = World::new(4);
        let config = world.config().with_send_latency_enable(enable);
        let producer = world.producer(config);
        warm_up(&mut world, producer);
        world.slow_down(BROKER_A, Duration::from_millis(700));
        let sends = load(&mut world, producer, 5 * SECOND);
        shares(&mut world, sends).get("broker-a").copied().unwrap_or_default()
    };
    let (watched, unwatched) = (share_of_the_slow(true), share_of_the_slow(false));
    println!(
        "{watched} of 5,000 went to the slow broker, {unwatched} where latency does not count"
    );
    assert!(watched * 3 < unwatched, "{watched} of 5000, against {unwatched}");
}
