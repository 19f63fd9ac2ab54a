//! How messages go together.

use rocketmq_producer::{BatchSplitType, ProducerConfig};
use rocketmq_producer_testkit::sim::TOPIC;

use super::table::{Row, SECOND, Setting, pass, requests, row, time_of};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row("batch_split_type", requests_of_a_batch, [("by_size", 1), ("by_count", 2)]),
        row("batch_size", requests_by_count, [("10", 4), ("20", 2)]),
        row("auto_batch", requests_of_single_sends, [("false", 20), ("true", 1)]),
        row("batch_bytes_max", requests_of_sends_that_gather, [("500", 10), ("100000", 1)]),
        row("batch_linger", time_alone, [("100", 100), ("400", 400)]),
    ]
}

/// How many requests forty messages make.
fn requests_of_a_batch(setting: Setting) -> u64 {
    batch(setting, |config| config)
}

fn requests_by_count(setting: Setting) -> u64 {
    batch(setting, |config| config.with_batch_split_type(BatchSplitType::ByCount))
}

fn batch(setting: Setting, others: fn(ProducerConfig) -> ProducerConfig) -> u64 {
    let (mut world, producer) = setting.in_world_with(others);
    let before = requests(&mut world);
    for send in world.send_batch(producer, TOPIC, &[16; 40], false, |message| message) {
        let _ = world.answer(send).expect("all is well");
    }
    requests(&mut world) - before
}

/// How many requests twenty single sends make, of 100 bytes each.
fn requests_of_single_sends(setting: Setting) -> u64 {
    singly(setting, |config| config)
}

fn requests_of_sends_that_gather(setting: Setting) -> u64 {
    singly(setting, |config| config.with_auto_batch(true))
}

fn singly(setting: Setting, others: fn(ProducerConfig) -> ProducerConfig) -> u64 {
    let (mut world, producer) = setting.in_world_with(others);
    let before = requests(&mut world);
    for _ in 0..20 {
        world.send_with(producer, TOPIC, 100, |message| message);
    }
    pass(&mut world, SECOND);
    requests(&mut world) - before
}

/// How long a send that nobody joins waits for others.
fn time_alone(setting: Setting) -> u64 {
    let (mut world, producer) = setting.in_world_with(|config| config.with_auto_batch(true));
    let send = world.send(producer, TOPIC);
    time_of(&mut world, send)
}

#[test]
fn how_messages_go_together_has_an_effect() {
    super::table::show(rows());
}
