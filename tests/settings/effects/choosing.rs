//! Which queues messages go to.

use std::{collections::BTreeSet, time::Duration};

use rocketmq_producer::{Message, MessageQueue};
use rocketmq_producer_testkit::sim::{BROKER_A, Producer, TOPIC, World};

use super::table::{BROKER_NAMES, Row, SECOND, Setting, pass, row, row_within};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row("routing_strategy", queues_of_one_key, [("round_robin", 6), ("message_hash", 1)]),
        row("strict_order", ordered_keys_that_move, [("true", false), ("false", true)]),
        row_within(
            "send_latency_enable",
            share_of_the_slow,
            [("true", 1..=60), ("false", 150..=180)],
        ),
        row("auto_create_topic", a_new_topic_can_be_sent_to, [("true", true), ("false", false)]),
        row("default_topic_queue_nums", queues_of_a_new_topic, [("2", 3 * 2), ("6", 3 * 6)]),
    ]
}

fn queue_of(
    world: &mut World,
    producer: Producer,
    dress: impl FnOnce(Message) -> Message,
) -> MessageQueue {
    let send = world.send_with(producer, TOPIC, 16, dress);
    world.answer(send).expect("all is well").message_queue
}

/// How many queues six messages with one key go to.
fn queues_of_one_key(setting: Setting) -> usize {
    let (mut world, producer) = setting.in_world();
    let keyed = |message: Message| message.with_key("order-1001");
    (0..6).map(|_| queue_of(&mut world, producer, keyed)).collect::<BTreeSet<_>>().len()
}

/// Whether any sharding key gets another queue when the topic gets more of them.
fn ordered_keys_that_move(setting: Setting) -> bool {
    let (mut world, producer) = setting.in_world();
    let queues = |world: &mut World| -> Vec<_> {
        let sharded =
            |number| queue_of(world, producer, |m| m.with_sharding_key(format!("order-{number}")));
        (0..20).map(sharded).collect()
    };
    let before = queues(&mut world);
    for broker in BROKER_NAMES {
        world.cluster().broker(broker).set_queue_count(TOPIC, 7);
    }
    // Brokers tell, and the producer asks, twice a minute.
    pass(&mut world, 70 * SECOND);
    assert_eq!(world.publish_queues(producer, TOPIC).len(), 21);
    queues(&mut world) != before
}

/// How many of 500 messages go to one broker of three, which is slow.
fn share_of_the_slow(setting: Setting) -> u64 {
    let (mut world, producer) = setting.in_world();
    world.slow_down(BROKER_A, Duration::from_millis(700));
    let sends: Vec<_> = (0..500)
        .map(|_| {
            pass(&mut world, SECOND / 100);
            world.send(producer, TOPIC)
        })
        .collect();
    let receipts = sends.into_iter().map(|send| world.answer(send).expect("it is slow, not gone"));
    receipts.filter(|receipt| receipt.message_queue.broker_name == "broker-a").count() as u64
}

fn a_new_topic_can_be_sent_to(setting: Setting) -> bool {
    let (mut world, producer) = setting.in_world();
    world.deliver(producer, "fresh").is_ok()
}

/// On three brokers.
fn queues_of_a_new_topic(setting: Setting) -> usize {
    let (mut world, producer) = setting.in_world();
    let _ = world.deliver(producer, "fresh").expect("brokers create it");
    world.publish_queues(producer, "fresh").len()
}

#[test]
fn how_queues_are_chosen_has_an_effect() {
    super::table::show(rows());
}
