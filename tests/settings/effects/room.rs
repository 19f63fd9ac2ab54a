//! How much may be in flight.

use rocketmq_producer_testkit::{
    model::Fault,
    sim::{Doing, TOPIC},
};

use super::table::{BROKERS, Row, SECOND, Setting, all_misbehave, pass, requests, row};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row("async_send_semaphore", in_flight_of_nine, [("1", 1), ("4", 4)]),
        row("in_flight_bytes_max", in_flight_of_nine, [("1000", 1), ("3000", 5)]),
        row("connection_in_flight_max", in_flight_of_nine, [("1", 3), ("2", 6)]),
        row("connection_queue_bytes_max", is_full, [("1000", true), ("64000000", false)]),
    ]
}

/// How many of nine sends of 500 bytes reach three brokers that do not answer.
fn in_flight_of_nine(setting: Setting) -> u64 {
    let (mut world, producer) = setting.in_world();
    all_misbehave(&mut world, &Fault::Hang);
    let before = requests(&mut world);
    for _ in 0..9 {
        world.send_with(producer, TOPIC, 500, |message| message);
    }
    pass(&mut world, SECOND / 2);
    requests(&mut world) - before
}

/// Whether sends wait for room on connections to brokers that read nothing.
fn is_full(setting: Setting) -> bool {
    let (mut world, producer) = setting.in_world();
    BROKERS.into_iter().for_each(|broker| world.freeze(broker));
    for _ in 0..100 {
        world.send_with(producer, TOPIC, 100_000, |message| message);
    }
    pass(&mut world, SECOND / 10);
    world.doing(producer).contains(&Doing::Full)
}

#[test]
fn how_much_may_be_in_flight_has_an_effect() {
    super::table::show(rows());
}
