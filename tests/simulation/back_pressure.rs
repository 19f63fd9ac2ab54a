//! More sends than connections have room for.

use std::time::Duration;

use rocketmq_producer_core::{
    delivery::{SendErrorKind, TimeoutPhase},
    model::Message,
};
use rocketmq_producer_testkit::{
    model::Fault,
    sim::{Doing, TOPIC, World},
};

use crate::{BROKERS, SECOND, pass, phases, warm_up, warm_world};

const SEND_MESSAGE_V2: i32 = 310;

#[test]
fn row_6_what_finds_no_room_waits_and_is_sent() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        let config = world.config().with_connection_in_flight_max(2);
        let producer = world.producer(config);
        pass(&mut world, SECOND / 10);
        warm_up(&mut world, producer);
        let sends: Vec<_> = (0..500).map(|_| world.send(producer, TOPIC)).collect();
        pass(&mut world, Duration::ZERO);
        assert!(world.doing(producer).contains(&Doing::Full));
        for send in sends {
            assert!(world.answer(send).is_ok());
        }
        world.expect_nothing_pending().expect("everything is given back");
    }
}

#[test]
fn row_6_a_message_larger_than_the_byte_limit_goes_all_the_same() {
    let mut world = World::new(1);
    let config = world.config().with_connection_queue_bytes_max(1_000);
    let producer = world.producer(config);
    pass(&mut world, SECOND / 10);
    warm_up(&mut world, producer);
    let send = world.send_with(producer, TOPIC, 300_000, |message| message);
    assert!(world.answer(send).is_ok());
}

#[test]
fn row_9_nobody_waits_for_room_beyond_its_deadline() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        let config = world.config().with_connection_in_flight_max(1).with_timeout(SECOND);
        let producer = world.producer(config);
        pass(&mut world, SECOND / 10);
        warm_up(&mut world, producer);
        for broker in BROKERS {
            world.freeze(broker);
        }
        for _ in 0..100 {
            world.send(producer, TOPIC);
        }
        // The oracle fails a run in which any of them is late.
        pass(&mut world, 2 * SECOND);
        assert_eq!(world.open_sends(), 0);
    }
}

#[test]
fn row_3_a_hundred_thousand_time_outs_leave_nothing_behind() {
    let mut world = World::new(2);
    let config = world.config().with_timeout(SECOND / 10).with_retry(0);
    let producer = world.producer(config);
    pass(&mut world, SECOND / 10);
    for broker in BROKERS {
        world.misbehave(broker, Fault::Hang);
    }
    for _ in 0..1_000 {
        for _ in 0..100 {
            world.send(producer, TOPIC);
        }
        pass(&mut world, SECOND / 10);
    }
    assert_eq!(world.counts().acknowledged, 0);
    world.expect_nothing_pending().expect("tables are empty");
}

#[test]
fn row_25_a_cluster_that_is_all_busy_is_not_stormed_and_serves_again_at_once() {
    for seed in 0..10 {
        let (mut world, producer) = warm_world(seed);
        for broker in BROKERS {
            let remark = "[REJECTREQUEST]system busy, start flow control for a while".to_owned();
            world.misbehave(broker, Fault::Answer { code: 2, remark, times: u32::MAX });
        }
        let asked = |world: &mut World| -> u64 {
            let names = ["broker-a", "broker-b", "broker-c"];
            names.map(|name| world.cluster().broker(name).requests(SEND_MESSAGE_V2)).iter().sum()
        };
        let before = asked(&mut world);
        let mut sends = Vec::new();
        for _ in 0..2_000 {
            sends.push(world.send(producer, TOPIC));
            pass(&mut world, Duration::from_millis(5));
        }
        for send in sends {
            assert!(world.answer(send).is_err(), "nobody stores anything");
        }
        let asked = asked(&mut world) - before;
        assert!(asked <= 2_200, "seed {seed}: {asked} attempts for 2,000 sends");
        for broker in BROKERS {
            world.behave(broker);
        }
        pass(&mut world, SECOND);
        for _ in 0..100 {
            assert!(world.deliver(producer, TOPIC).is_ok(), "seed {seed}");
        }
    }
}

#[test]
fn row_25_a_burst_that_a_broker_sheds_in_part_is_sent_in_the_end() {
    for seed in 0..10 {
        let mut world = World::new(seed);
        let config = world.config().with_timeout(10 * SECOND);
        let producer = world.producer(config);
        warm_up(&mut world, producer);
        for broker in BROKERS {
            let remark = "[TIMEOUT_CLEAN_QUEUE]broker busy, period in queue: 205ms".to_owned();
            world.misbehave(broker, Fault::Answer { code: 2, remark, times: 700 });
        }
        let sends: Vec<_> = (0..2_000).map(|_| world.send(producer, TOPIC)).collect();
        for send in sends {
            assert!(world.answer(send).is_ok(), "seed {seed}");
        }
    }
}

#[test]
fn row_6_sends_in_flight_are_limited_by_number_and_by_bytes_and_served_in_turn() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        let config = world.config().with_async_send_semaphore(10).with_in_flight_bytes_max(5_000);
        let producer = world.producer(config);
        warm_up(&mut world, producer);
        let sends: Vec<_> = (0..300)
            .map(|index| world.send_with(producer, TOPIC, 16 + 30 * index, |message| message))
            .collect();
        for (index, send) in sends.into_iter().enumerate() {
            match world.answer(send) {
                Ok(_) => assert!(16 + 30 * index < 5_000),
                Err(error) => {
                    assert!(matches!(error.kind(), SendErrorKind::TooLarge { limit: 5_000, .. }));
                }
            }
        }
        // The oracle has compared what was held with the limits on the way.
        world.expect_nothing_pending().expect("all permits are back");
    }
}

#[test]
fn row_6_the_permits_of_dropped_sends_come_back_with_their_answers() {
    let mut world = World::new(3);
    let config = world.config().with_async_send_semaphore(20);
    let producer = world.producer(config);
    warm_up(&mut world, producer);
    for _ in 0..100 {
        let sends: Vec<_> = (0..20).map(|_| world.send(producer, TOPIC)).collect();
        pass(&mut world, Duration::from_micros(200));
        sends.into_iter().for_each(|send| world.drop_send(send));
        assert!(world.deliver(producer, TOPIC).is_ok());
    }
    world.expect_nothing_pending().expect("all permits are back");
}

#[test]
fn row_46_a_send_that_never_gets_its_turn_says_so() {
    let mut world = World::new(5);
    let config = world.config().with_async_send_semaphore(1).with_timeout(SECOND);
    let producer = world.producer(config);
    warm_up(&mut world, producer);
    for broker in BROKERS {
        world.misbehave(broker, Fault::Hang);
    }
    let sends = [(); 2].map(|()| world.send(producer, TOPIC));
    let phases = phases(&mut world, sends);
    assert!(phases.contains(&TimeoutPhase::Reply) && phases.contains(&TimeoutPhase::Permit));
}

#[test]
fn row_46_an_ordered_send_behind_one_that_hangs_says_so() {
    let mut world = World::new(6);
    let config = world.config().with_timeout(SECOND);
    let producer = world.producer(config);
    warm_up(&mut world, producer);
    for broker in BROKERS {
        world.misbehave(broker, Fault::Hang);
    }
    let keyed = |message: Message| message.with_sharding_key("order-1");
    let sends = [(); 2].map(|()| world.send_with(producer, TOPIC, 16, keyed));
    let phases = phases(&mut world, sends);
    assert!(phases.contains(&TimeoutPhase::Reply) && phases.contains(&TimeoutPhase::Order));
}

#[test]
fn row_6_who_waited_behind_one_that_gave_up_goes_at_once() {
    let mut world = World::new(1);
    let config = world.config().with_in_flight_bytes_max(10_000);
    let producer = world.producer(config);
    warm_up(&mut world, producer);
    for broker in BROKERS {
        world.misbehave(broker, Fault::Hang);
    }
    let large = |world: &mut World| world.send_with(producer, TOPIC, 6_000, |message| message);
    let hangs = large(&mut world);
    pass(&mut world, SECOND / 100);
    BROKERS.into_iter().for_each(|broker| world.behave(broker));
    let waits = large(&mut world);
    let small = world.send(producer, TOPIC);
    pass(&mut world, SECOND / 100);
    world.drop_send(waits);
    pass(&mut world, SECOND / 100);
    assert_eq!(world.open_sends(), 1, "only the one that hangs is left");
    assert!(world.answer(small).is_ok() && world.answer(hangs).is_ok());
}

#[test]
fn row_6_those_who_try_and_those_who_wait_for_one_key_do_not_block_each_other() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        let config = world.config().with_async_send_semaphore(2);
        let producer = world.producer(config);
        warm_up(&mut world, producer);
        let keyed = |message: Message| message.with_sharding_key("order-1");
        let (mut patient, mut tried) = (Vec::new(), Vec::new());
        for round in 0..100 {
            patient.push(world.send_with(producer, TOPIC, 16, keyed));
            tried.push(world.try_send(producer, TOPIC, keyed));
            tried.push(world.try_send(producer, TOPIC, keyed));
            pass(&mut world, Duration::from_micros(100 * (round % 7)));
        }
        for send in patient {
            assert!(world.answer(send).is_ok(), "seed {seed}");
        }
        let full = |error: &SendErrorKind| matches!(error, SendErrorKind::Full { .. });
        for send in tried {
            let failed = world.answer(send).err();
            assert!(failed.is_none_or(|error| full(error.kind())), "seed {seed}");
        }
    }
}
