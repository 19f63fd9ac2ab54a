//! What is told to a subscriber.

use rocketmq_producer_testkit::{model::Fault, sim::TOPIC};
use tracing::Level;

use super::table::{Row, Setting, all_misbehave, attempts, row};

#[path = "../../tracing/collector.rs"]
#[allow(dead_code, reason = "another suite uses the rest of it")]
mod collector;

use collector::Collector;

pub(super) fn rows() -> Vec<Row> {
    vec![row("debug_enabled", attempts_told, [("false", 0), ("true", 3)])]
}

/// Of three attempts of one send.
fn attempts_told(setting: Setting) -> usize {
    let (mut world, producer) = setting.in_world();
    all_misbehave(&mut world, &Fault::Deny(14));
    let (collector, _guard) = Collector::of_this_thread(Level::DEBUG);
    assert_eq!(attempts(&world.deliver(producer, TOPIC)), 3);
    collector.events().iter().filter(|event| event.field("message") == "attempt").count()
}

#[test]
fn what_is_told_has_an_effect() {
    super::table::show(rows());
}
