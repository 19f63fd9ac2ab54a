//! What producers tell of themselves. In every run the oracle sees to it that nothing is told twice.

use rocketmq_producer_core::{
    event::{Event, Severity},
    model::Message,
};
use rocketmq_producer_testkit::{
    model::Fault,
    sim::{BROKER_A, NAME_SERVER_1, NAME_SERVER_2, TOPIC, Work},
};

use super::*;

/// What a producer has told above debug so far.
fn told(world: &World, producer: Producer) -> Vec<Event> {
    let told = world.told(producer).into_iter();
    told.filter(|event| event.severity() > Severity::Debug).cloned().collect()
}

/// What it tells above debug while something goes on.
fn told_during(
    world: &mut World,
    producer: Producer,
    happens: impl FnOnce(&mut World),
) -> Vec<Event> {
    let before = told(world, producer).len();
    happens(world);
    told(world, producer).split_off(before)
}

fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::name).collect()
}

#[test]
fn row_55_an_idle_hour_says_nothing_above_debug() {
    let (mut world, producer) = warm_world(1);
    assert!(!told(&world, producer).is_empty(), "it has started");
    let idle = told_during(&mut world, producer, |world| pass(world, 3_600 * SECOND));
    assert_eq!(idle, []);
    // It is not that nothing was told.
    let all = world.told(producer);
    assert!(all.iter().any(|event| matches!(event, Event::TopicForgotten { .. })));
}

#[test]
fn row_55_nor_does_an_hour_in_which_all_goes_well() {
    let (mut world, producer) = warm_world(2);
    let quiet = told_during(&mut world, producer, |world| {
        for _ in 0..720 {
            assert!(world.deliver(producer, TOPIC).is_ok());
            pass(world, 5 * SECOND);
        }
    });
    assert_eq!(quiet, []);
}

#[test]
fn row_55_a_hundred_thousand_sends_that_fail_are_a_handful_of_events() {
    let mut world = World::new(3);
    let config = world.config().with_retry(0);
    let producer = world.producer(config);
    warm_up(&mut world, producer);
    for broker in BROKERS {
        let remark = "not today".to_owned();
        world.misbehave(broker, Fault::Answer { code: 14, remark, times: u32::MAX });
    }
    let told = told_during(&mut world, producer, |world| {
        for _ in 0..1_000 {
            let sends: Vec<_> = (0..100).map(|_| world.send(producer, TOPIC)).collect();
            pass(world, SECOND / 10);
            for send in sends {
                assert!(world.answer(send).is_err());
            }
        }
    });
    // Each broker refuses its heartbeats as well, and falls ill once.
    let count = |name| names(&told).iter().filter(|told| **told == name).count();
    assert!((3..=6).contains(&count("broker_state_changed")), "{told:?}");
    assert!(told.len() <= 12, "{} events: {:?}", told.len(), names(&told));
}

#[test]
fn row_55_a_broker_that_flaps_all_day_is_told_of_at_a_bounded_pace() {
    let (mut world, producer) = warm_world(4);
    let told = told_during(&mut world, producer, |world| {
        for _ in 0..3_000 {
            world.cut_connections(BROKER_A, true);
            let _ = world.deliver(producer, TOPIC);
            pass(world, SECOND / 5);
        }
    });
    assert!(told.len() <= 80, "{} in ten minutes: {:?}", told.len(), names(&told));
    assert!(names(&told).contains(&"disconnected"));
}

#[test]
fn a_crash_and_its_end_are_told_once_each() {
    for seed in 0..10 {
        let (mut world, producer) = warm_world(seed);
        let told = told_during(&mut world, producer, |world| {
            world.crash(BROKER_A);
            for _ in 0..60 {
                let _ = world.deliver(producer, TOPIC);
                pass(world, SECOND);
            }
            world.restart(BROKER_A);
            for _ in 0..60 {
                let _ = world.deliver(producer, TOPIC);
                pass(world, SECOND);
            }
        });
        for name in ["disconnected", "connected"] {
            let count = names(&told).iter().filter(|told| **told == name).count();
            assert_eq!(count, 1, "seed {seed}: {name} in {:?}", names(&told));
        }
        assert!(told.len() <= 10, "seed {seed}: {:?}", names(&told));
    }
}

#[test]
fn name_servers_that_are_gone_are_told_once_and_so_is_their_return() {
    let (mut world, producer) = warm_world(5);
    let told = told_during(&mut world, producer, |world| {
        for server in [NAME_SERVER_1, NAME_SERVER_2] {
            world.crash(server);
        }
        for _ in 0..300 {
            assert!(world.deliver(producer, TOPIC).is_ok(), "the last good route serves");
            pass(world, SECOND);
        }
        for server in [NAME_SERVER_1, NAME_SERVER_2] {
            world.restart(server);
        }
        for _ in 0..60 {
            assert!(world.deliver(producer, TOPIC).is_ok());
            pass(world, SECOND);
        }
    });
    for (name, times) in [("name_servers_unreachable", 1), ("name_servers_reachable", 1)] {
        let count = names(&told).iter().filter(|told| **told == name).count();
        assert_eq!(count, times, "{name} in {:?}", names(&told));
    }
    assert!(told.len() <= 8, "{:?}", names(&told));
}

#[test]
fn a_shutdown_tells_how_many_sends_it_has_cut_off() {
    let (mut world, producer) = warm_world(6);
    for broker in BROKERS {
        world.misbehave(broker, Fault::Hang);
    }
    let hung = |message: Message| message;
    for _ in 0..7 {
        world.send_with(producer, TOPIC, 16, hung);
    }
    pass(&mut world, SECOND / 10);
    let told = told_during(&mut world, producer, |world| {
        world.shut_down(producer);
        pass(world, 10 * SECOND);
    });
    assert_eq!(told.first().map(Event::name), Some("shutdown_begun"));
    let Some(Event::ShutdownEnded { unfinished }) = told.last() else { panic!("{told:?}") };
    assert!(*unfinished <= 7);
}

#[test]
fn row_55_transactions_that_come_to_no_end_are_told_in_sum() {
    let mut world = World::new(7);
    let config = world.transaction_config().with_transaction_timeout(2 * SECOND);
    let producer = world.transaction_producer(config);
    warm_up(&mut world, producer);
    for _ in 0..100 {
        world.transact(producer, TOPIC, Work { takes: 10 * SECOND, ..Work::COMMIT });
        pass(&mut world, SECOND / 10);
    }
    pass(&mut world, 100 * SECOND);
    let told = told(&world, producer);
    let counts = told.iter().filter_map(|event| match event {
        Event::TransactionsTimedOut { count } => Some(*count),
        _ => None,
    });
    let counts: Vec<_> = counts.collect();
    assert!(counts.len() <= 3, "{counts:?}");
    assert_eq!(counts.iter().sum::<u64>(), 100, "none is left out");
}
