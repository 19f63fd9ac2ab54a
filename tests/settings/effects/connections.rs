//! Heartbeats, and connections that are lost and made.

use rocketmq_producer::ProducerConfig;
use rocketmq_producer_testkit::{model::Fault, sim::BROKER_A};

use super::table::{Row, SECOND, Setting, pass, row_within, time_until};

const HEARTBEAT: i32 = 34;

pub(super) fn rows() -> Vec<Row> {
    vec![
        row_within(
            "heartbeat_broker_interval",
            |setting| heartbeats(setting, |config| config.with_probe_idle(119 * SECOND)),
            [("10000", 60..=66), ("60000", 10..=16)],
        ),
        row_within(
            "probe_idle",
            |setting| {
                heartbeats(setting, |config| config.with_heartbeat_broker_interval(119 * SECOND))
            },
            [("10000", 60..=66), ("60000", 10..=16)],
        ),
        row_within(
            "heartbeat_timeout",
            time_from_probe_to_dial,
            // And the pause before it.
            [("1000", 1000..=1200), ("5000", 5000..=5200)],
        ),
        row_within(
            "connect_timeout",
            time_between_dials,
            [("1000", 1000..=1200), ("5000", 5000..=5200)],
        ),
        row_within(
            "reconnect_backoff_max",
            dials_in_two_minutes,
            // Each pause is at least half as long.
            [("500", 240..=480), ("8000", 15..=40)],
        ),
    ]
}

/// How many a broker gets in ten minutes.
fn heartbeats(setting: Setting, others: fn(ProducerConfig) -> ProducerConfig) -> u64 {
    let (mut world, _) = setting.in_world_with(|config| {
        // The topic is not forgotten.
        others(config).with_update_topic_route_info_interval(100 * SECOND)
    });
    let before = world.cluster().broker("broker-a").requests(HEARTBEAT);
    pass(&mut world, 600 * SECOND);
    world.cluster().broker("broker-a").requests(HEARTBEAT) - before
}

/// How long a broker that has gone silent is waited for before it is dialled again, ms.
fn time_from_probe_to_dial(setting: Setting) -> u64 {
    let (mut world, _) = setting.in_world();
    world.misbehave(BROKER_A, Fault::Hang);
    let probes = world.cluster().broker("broker-a").requests(HEARTBEAT);
    time_until(&mut world, |world| world.cluster().broker("broker-a").requests(HEARTBEAT) > probes);
    let dials = world.dials();
    time_until(&mut world, |world| world.dials() > dials)
}

/// How long one attempt to connect to a broker is waited for before the next, ms.
fn time_between_dials(setting: Setting) -> u64 {
    let (mut world, _) = setting.in_world();
    let dials = world.dials();
    world.swallow(BROKER_A);
    world.cut_connections(BROKER_A, true);
    time_until(&mut world, |world| world.dials() == dials + 1);
    time_until(&mut world, |world| world.dials() == dials + 2)
}

/// How often a broker that refuses connections is dialled, though nobody sends anything.
fn dials_in_two_minutes(setting: Setting) -> u64 {
    let (mut world, _) = setting.in_world();
    world.refuse(BROKER_A);
    world.cut_connections(BROKER_A, true);
    let dials = world.dials();
    pass(&mut world, 120 * SECOND);
    world.dials() - dials
}

#[test]
fn how_connections_are_kept_has_an_effect() {
    super::table::show(rows());
}
