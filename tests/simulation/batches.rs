//! Batches and one-way messages under faults.

use rocketmq_producer_core::model::Message;
use rocketmq_producer_testkit::{
    model::Fault,
    sim::{TOPIC, Trouble},
};

use super::*;

#[test]
fn row_39_a_batch_beside_a_dead_broker_arrives_as_a_whole() {
    for seed in 0..30 {
        let (mut world, producer) = warm_world(seed);
        world.cut_power(BROKERS[seed as usize % 3]);
        let batch = world.send_batch(producer, TOPIC, &[20; 50], false, |message| message);
        for send in batch {
            assert!(world.answer(send).is_ok(), "seed {seed}");
        }
        world.end_well(&[producer]).unwrap();
    }
}

#[test]
fn batches_of_ordered_messages_keep_their_order_among_single_ones() {
    for seed in 0..30 {
        let (mut world, producer) = warm_world(seed);
        let keys = ["a", "b", "c", "d"];
        for round in 0..10 {
            let mut key = keys.iter().cycle().skip(round);
            world.send_batch(producer, TOPIC, &[20; 13], false, |message| {
                message.with_sharding_key(*key.next().expect("it goes round"))
            });
            for key in keys {
                world.send_with(producer, TOPIC, 20, |message| message.with_sharding_key(key));
            }
            if round == 5 {
                world.cut_connections(BROKERS[seed as usize % 3], true);
            }
            pass(&mut world, SECOND / 100);
        }
        // The oracle knows the order of the calls, and where each message is.
        world.end_well(&[producer]).unwrap();
    }
}

#[test]
fn row_2_a_batch_whose_answer_is_lost_is_unknown_or_stored_twice_and_never_lost() {
    for seed in 0..30 {
        let mut world = World::new(seed);
        let config = world.config().with_retry_unknown(seed % 2 == 0);
        let producer = world.producer(config);
        warm_up(&mut world, producer);
        for broker in BROKERS {
            world.misbehave(broker, Fault::CloseInsteadOfReply(1));
        }
        let batch = world.send_batch(producer, TOPIC, &[20; 10], false, |message| message);
        let stored = batch.into_iter().filter(|send| world.answer(*send).is_ok()).count();
        assert!(stored == 0 || stored == 10, "seed {seed}: they share their request's fate");
        world.end_well(&[producer]).unwrap();
    }
}

#[test]
fn row_23_what_is_lost_of_oneway_messages_is_counted() {
    for seed in 0..50 {
        let (mut world, producer) = warm_world(seed);
        let before = world.oneway_stats(producer).handed_over;
        let broker = BROKERS[seed as usize % 3];
        for number in 0..60 {
            world.send_oneway(producer, TOPIC, |message| message);
            if number == 30 {
                let kind = rocketmq_producer_testkit::sim::Kind::Reset;
                world.let_it_befall(Trouble { kind, peer: broker }, SECOND);
                world.crash(broker);
            }
            pass(&mut world, Duration::from_micros(50));
        }
        pass(&mut world, 5 * SECOND);
        let stats = world.oneway_stats(producer);
        let handed_over = stats.handed_over - before;
        let missing = handed_over - world.oneway_stored(producer);
        assert!(
            missing <= stats.requests_in_doubt,
            "seed {seed}: {missing} are missing, {stats:?}"
        );
        world.heal();
        world.end_well(&[producer]).unwrap();
    }
}

#[test]
fn a_batch_that_is_dropped_leaves_nothing_behind() {
    for micros in 0..60 {
        let (mut world, producer) = warm_world(micros);
        let batch = world.send_batch(producer, TOPIC, &[500; 40], false, |message| message);
        pass(&mut world, Duration::from_micros(micros * 50));
        world.drop_send(batch[0]);
        world.expect_nothing_pending().unwrap();
        world.end_well(&[producer]).unwrap();
    }
}

/// What a dropped future has left in flight may still be stored, and what comes after it waits for that.
#[test]
fn ordered_messages_do_not_overtake_what_was_dropped_in_flight() {
    for as_batch in [false, true] {
        let mut world = World::new(1);
        let config = world.config().with_timeout(2 * SECOND);
        let producer = world.producer(config);
        pass(&mut world, SECOND / 10);
        warm_up(&mut world, producer);
        let keyed = |message: Message| message.with_sharding_key("key");
        BROKERS.into_iter().for_each(|broker| world.misbehave(broker, Fault::Hang));
        let first = match as_batch {
            true => world.send_batch(producer, TOPIC, &[10; 3], false, keyed)[0],
            false => world.send_with(producer, TOPIC, 10, keyed),
        };
        pass(&mut world, SECOND);
        world.drop_send(first);
        BROKERS.into_iter().for_each(|broker| world.behave(broker));
        let before = world.counts().acknowledged;
        let next = world.send_with(producer, TOPIC, 10, keyed);
        pass(&mut world, SECOND / 2);
        assert_eq!(world.counts().acknowledged, before, "it waits, batch: {as_batch}");
        assert!(world.answer(next).is_ok(), "batch: {as_batch}");
        world.expect_nothing_pending().unwrap();
    }
}
