//! How name servers are asked, and how often.

use rocketmq_producer_testkit::{
    model::Fault,
    sim::{NAME_SERVER_1, NAME_SERVER_2, Producer, TOPIC, World},
};

use super::table::{Row, SECOND, Setting, pass, queries, row, row_within, time_until};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row_within(
            "update_topic_route_info_interval",
            questions_in_ten_minutes,
            // Each interval is up to a fifth shorter.
            [("10000", 60..=75), ("60000", 10..=13)],
        ),
        row("route_timeout", a_route_of_five_seconds_is_stale, [("1000", true), ("60000", false)]),
        row_within(
            "poll_name_server_interval",
            questions_to_one_whose_name_has_moved,
            [("5000", 0..=0), ("60000", 1..=4)],
        ),
        row_within(
            "poll_name_server_interval_short",
            questions_in_vain_in_a_hundred_seconds,
            [("2000", 80..=130), ("20000", 8..=14)],
        ),
        row_within(
            "name_server_timeout",
            time_for_one_of_two,
            // And a connection to the other.
            [("1000", 500..=530), ("3000", 1500..=1530)],
        ),
    ]
}

/// A producer that sends now and then, so that its topic is not forgotten.
fn send_now_and_then(world: &mut World, producer: Producer, seconds: u32) {
    for _ in 0..seconds / 20 {
        pass(world, 20 * SECOND);
        let _ = world.deliver(producer, TOPIC).expect("all is well");
    }
}

fn questions_in_ten_minutes(setting: Setting) -> u64 {
    let (mut world, producer) =
        setting.in_world_with(|config| config.with_route_timeout(600 * SECOND));
    let before = queries(&mut world);
    send_now_and_then(&mut world, producer, 600);
    queries(&mut world) - before
}

/// Whether a send has it fetched anew.
fn a_route_of_five_seconds_is_stale(setting: Setting) -> bool {
    let (mut world, producer) =
        setting.in_world_with(|config| config.with_update_topic_route_info_interval(600 * SECOND));
    pass(&mut world, 5 * SECOND);
    let before = queries(&mut world);
    let _ = world.deliver(producer, TOPIC).expect("all is well");
    pass(&mut world, SECOND);
    queries(&mut world) > before
}

/// How often a name server is asked for half a minute, once another has had its name for twenty
/// seconds.
fn questions_to_one_whose_name_has_moved(setting: Setting) -> u64 {
    let (mut world, producer) = setting.in_world_with(|config| {
        config.with_namesrv_addr("ns1:9876").with_update_topic_route_info_interval(10 * SECOND)
    });
    world.rename(NAME_SERVER_1, NAME_SERVER_2);
    send_now_and_then(&mut world, producer, 20);
    let asked = |world: &mut World| world.cluster().name_server(0).queries(TOPIC);
    let before = asked(&mut world);
    send_now_and_then(&mut world, producer, 20);
    asked(&mut world) - before
}

/// With two name servers whose answers cannot be read.
fn questions_in_vain_in_a_hundred_seconds(setting: Setting) -> u64 {
    let (mut world, producer) = setting.in_world();
    for index in 0..2 {
        world.cluster().name_server(index).set_route_body(TOPIC, "{".to_owned());
    }
    send_now_and_then(&mut world, producer, 40);
    let before = queries(&mut world);
    send_now_and_then(&mut world, producer, 100);
    queries(&mut world) - before
}

/// How long one name server is given before the other is asked.
fn time_for_one_of_two(setting: Setting) -> u64 {
    let (mut world, producer) = setting.in_world_with(|config| config.with_timeout(20 * SECOND));
    for name_server in [NAME_SERVER_1, NAME_SERVER_2] {
        world.misbehave(name_server, Fault::Hang);
    }
    world.send(producer, "fresh");
    let asked = |world: &mut World| -> u64 {
        [0, 1].map(|index| world.cluster().name_server(index).queries("fresh")).iter().sum()
    };
    time_until(&mut world, |world| asked(world) == 1);
    time_until(&mut world, |world| asked(world) == 2)
}

#[test]
fn how_name_servers_are_asked_has_an_effect() {
    super::table::show(rows());
}
