//! Leaving, in good order and in bad.

use std::time::Duration;

use rocketmq_producer_core::delivery::SendErrorKind;
use rocketmq_producer_testkit::{
    model::Fault,
    sim::{TOPIC, World},
};

use crate::{BROKERS, SECOND, pass, warm_world};

#[test]
fn row_7_a_shutdown_waits_for_the_sends_in_flight() {
    for seed in 0..50 {
        let (mut world, producer) = warm_world(seed);
        let sends: Vec<_> = (0..50).map(|_| world.send(producer, TOPIC)).collect();
        pass(&mut world, SECOND / 1_000);
        world.shut_down(producer);
        for send in sends {
            assert!(world.answer(send).is_ok());
        }
        pass(&mut world, SECOND);
        assert_eq!(world.tasks(), 0, "nothing is left");
    }
}

#[test]
fn row_7_a_shutdown_beside_brokers_that_never_answer_ends_in_time_and_answers_everybody() {
    for seed in 0..50 {
        let (mut world, producer) = warm_world(seed);
        for broker in BROKERS {
            world.misbehave(broker, Fault::Hang);
        }
        let sends: Vec<_> = (0..20).map(|_| world.send(producer, TOPIC)).collect();
        pass(&mut world, SECOND / 100);
        // The oracle fails a run in which it takes longer than `shutdown_timeout`.
        world.shut_down(producer);
        for send in sends {
            assert!(world.answer(send).is_err());
        }
        pass(&mut world, 4 * SECOND);
        assert_eq!(world.tasks(), 0, "nothing is left");
    }
}

#[test]
fn row_7_a_producer_that_is_dropped_leaves_by_itself() {
    let (mut world, producer) = warm_world(1);
    world.abandon(producer);
    pass(&mut world, 5 * SECOND);
    assert_eq!(world.tasks(), 0);
    for broker in ["broker-a", "broker-b", "broker-c"] {
        assert_eq!(world.cluster().broker(broker).requests(35), 1, "{broker} was told");
    }
}

#[test]
fn row_8_a_producer_is_started_and_shut_down_a_thousand_times() {
    let mut world = World::new(2);
    let config = world.config();
    let producer = world.producer(config);
    for round in 0..1_000 {
        world.start(producer);
        pass(&mut world, SECOND / 10);
        let sent = world.deliver(producer, TOPIC);
        assert!(sent.is_ok(), "round {round}: {sent:?}");
        world.shut_down(producer);
        // Every third round is begun while the one before still ends.
        let pause = if round % 3 == 0 { Duration::ZERO } else { SECOND };
        pass(&mut world, pause);
        assert!(pause.is_zero() || world.tasks() == 0, "round {round}");
    }
}

#[test]
fn sends_after_a_shutdown_are_refused_and_those_before_it_are_not() {
    let (mut world, producer) = warm_world(3);
    let before = world.send(producer, TOPIC);
    pass(&mut world, Duration::ZERO);
    world.shut_down(producer);
    pass(&mut world, Duration::ZERO);
    let after = world.send(producer, TOPIC);
    assert!(world.answer(before).is_ok());
    assert_eq!(*world.answer(after).unwrap_err().kind(), SendErrorKind::AlreadyShutDown);
}
