//! The message trace.

use std::time::Duration;

use rocketmq_producer::{ProducerConfig, TraceStats};
use rocketmq_producer_testkit::{
    TraceRecord,
    model::Fault,
    sim::{TOPIC, World},
};

use super::table::{Row, SECOND, Setting, all_misbehave, pass, row, time_until};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row("trace_message", messages_of_twenty, [("false", 0), ("true", 1)]),
        row("trace_batch_size", messages_of_twenty_that_wait, [("5", 5), ("20", 1)]),
        row("trace_linger", time_of_a_record, [("100", 100), ("400", 400)]),
        row("trace_queue_max", has_dropped_any, [("10", true), ("1000", false)]),
    ]
}

fn messages(world: &mut World) -> usize {
    world.cluster().stored(TraceRecord::TOPIC).len()
}

/// How many messages of the trace twenty sends make, and the six that warm up, ten seconds later.
fn messages_of_twenty(setting: Setting) -> usize {
    sent(setting, |config| config)
}

/// The same, where records wait for company only.
fn messages_of_twenty_that_wait(setting: Setting) -> usize {
    sent(setting, |config| traced(config).with_trace_linger(3_600 * SECOND))
}

fn traced(config: ProducerConfig) -> ProducerConfig {
    config.with_trace_message(true)
}

fn sent(setting: Setting, others: fn(ProducerConfig) -> ProducerConfig) -> usize {
    let (mut world, producer) = setting.in_world_with(others);
    for _ in 0..20 {
        let _ = world.deliver(producer, TOPIC).expect("all is well");
    }
    pass(&mut world, 10 * SECOND);
    messages(&mut world)
}

/// How long it takes until a send is told.
fn time_of_a_record(setting: Setting) -> u64 {
    let (mut world, producer) = setting.in_world_with(traced);
    pass(&mut world, 2 * SECOND);
    let before = messages(&mut world);
    let _ = world.deliver(producer, TOPIC).expect("all is well");
    time_until(&mut world, |world| messages(world) > before)
}

/// Whether records are lost when a hundred sends fail at once.
fn has_dropped_any(setting: Setting) -> bool {
    let (mut world, producer) = setting.in_world_with(traced);
    all_misbehave(&mut world, &Fault::Hang);
    for _ in 0..100 {
        world.send(producer, TOPIC);
    }
    pass(&mut world, Duration::from_secs(4));
    let TraceStats { recorded, dropped, .. } = world.trace_stats(producer);
    assert_eq!(recorded, 106);
    dropped > 0
}

#[test]
fn the_message_trace_has_an_effect() {
    super::table::show(rows());
}
