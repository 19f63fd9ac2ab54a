//! How long a send takes, and how often it is tried.

use rocketmq_producer_testkit::{
    model::Fault,
    sim::{TOPIC, World},
};

use super::table::{
    Row, SECOND, Setting, all_misbehave, attempts, pass, rounded, row, time_of, time_until,
};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row("send_msg_timeout", time_in_vain, [("500", 500), ("2000", 2000)]),
        row("retry_times", attempts_at_refusing_brokers, [("0", 1), ("4", 5)]),
        row("retry_unknown", attempts_at_breaking_connections, [("false", 1), ("true", 4)]),
        row("attempt_timeout_min", first_attempt, [("100", 1000), ("2500", 2500)]),
        row(
            "retry_another_broker_when_not_store_ok",
            copies_where_all_is_in_doubt,
            [("false", 1), ("true", 2)],
        ),
        row("shutdown_timeout", time_to_shut_down, [("200", 200), ("2000", 2000)]),
    ]
}

fn time_in_vain(setting: Setting) -> u64 {
    let (mut world, producer) = setting.in_world();
    all_misbehave(&mut world, &Fault::Hang);
    let send = world.send(producer, TOPIC);
    time_of(&mut world, send)
}

fn attempts_at_refusing_brokers(setting: Setting) -> usize {
    let (mut world, producer) = setting.in_world();
    // SERVICE_NOT_AVAILABLE: another broker may be able to.
    all_misbehave(&mut world, &Fault::Deny(14));
    attempts(&world.deliver(producer, TOPIC))
}

fn attempts_at_breaking_connections(setting: Setting) -> usize {
    let (mut world, producer) = setting.in_world_with(|config| config.with_retry(3));
    all_misbehave(&mut world, &Fault::CloseInsteadOfReply(1));
    attempts(&world.deliver(producer, TOPIC))
}

/// How long the first of three attempts may take, of three seconds.
fn first_attempt(setting: Setting) -> u64 {
    let (mut world, producer) = setting.in_world();
    all_misbehave(&mut world, &Fault::Hang);
    let error = world.deliver(producer, TOPIC).expect_err("nobody answers");
    rounded(error.attempts()[0].elapsed)
}

fn copies_where_all_is_in_doubt(setting: Setting) -> u64 {
    let (mut world, producer) = setting.in_world();
    // FLUSH_DISK_TIMEOUT. One answer in doubt is enough to look for a better one, once.
    all_misbehave(&mut world, &Fault::ReplyCode(10));
    let _ = world.deliver(producer, TOPIC).expect("it is stored, after all");
    1 + world.counts().duplicates
}

/// With a send in flight that nobody answers.
fn time_to_shut_down(setting: Setting) -> u64 {
    let (mut world, producer) = setting.in_world_with(|config| config.with_timeout(10 * SECOND));
    all_misbehave(&mut world, &Fault::Hang);
    world.send(producer, TOPIC);
    pass(&mut world, SECOND);
    world.shut_down(producer);
    time_until(&mut world, |world: &mut World| world.open_sends() == 0)
}

#[test]
fn how_sends_are_tried_has_an_effect() {
    super::table::show(rows());
}
