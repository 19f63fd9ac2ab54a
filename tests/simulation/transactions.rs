//! Transactions under faults. The oracle sees to it that nothing is delivered which is not committed,
//! and that what is confirmed is so; the scenarios end well only if every half message is settled.

use rocketmq_producer_testkit::{
    model::Fault,
    sim::{Kind, SendId, TOPIC, Trouble, Work},
};

use super::*;

/// A local transaction that has ended, and whose producer does not tell.
const SILENT: Work = Work { is_silent: true, ..Work::COMMIT };

fn transacting_world(seed: u64) -> (World, Producer) {
    let mut world = World::new(seed);
    let producer = world.transaction_producer(world.transaction_config());
    warm_up(&mut world, producer);
    (world, producer)
}

fn settle(world: &mut World, producers: &[Producer]) {
    world.expect_transactions_settled().expect("brokers have asked, and were answered");
    world.end_well(producers).expect("no rule is broken");
}

#[test]
fn row_13_brokers_ask_about_what_nobody_has_ended() {
    for seed in 0..20 {
        let (mut world, producer) = transacting_world(seed);
        for number in 0..10 {
            let work = Work { commits: number % 2 == 0, ..SILENT };
            world.transact(producer, TOPIC, work);
        }
        pass(&mut world, 30 * SECOND);
        let stats = world.transaction_stats(producer);
        assert_eq!((stats.committed_transactions, stats.rolled_back_transactions), (5, 5));
        assert_eq!((stats.avg_check_times, stats.open), (1.0, 0), "seed {seed}");
        settle(&mut world, &[producer]);
    }
}

#[test]
fn row_13_the_group_is_known_to_brokers_again_after_every_reconnect() {
    for seed in 0..20 {
        let (mut world, producer) = transacting_world(seed);
        for _ in 0..9 {
            world.transact(producer, TOPIC, SILENT);
        }
        pass(&mut world, SECOND);
        for broker in BROKERS {
            world.cut_connections(broker, seed % 2 == 0);
        }
        // Nobody sends anything: the producer reconnects to be asked.
        pass(&mut world, 30 * SECOND);
        assert_eq!(world.transaction_stats(producer).committed_transactions, 9, "seed {seed}");
        settle(&mut world, &[producer]);
    }
}

#[test]
fn row_13_another_producer_of_the_group_answers_for_one_that_is_gone() {
    for seed in 0..20 {
        let (mut world, first) = transacting_world(seed);
        for _ in 0..9 {
            world.transact(first, TOPIC, SILENT);
        }
        pass(&mut world, SECOND);
        world.abandon(first);
        let second = world.transaction_producer(world.transaction_config());
        pass(&mut world, 30 * SECOND);
        assert_eq!(world.transaction_stats(second).committed_transactions, 9, "seed {seed}");
        settle(&mut world, &[second]);
    }
}

#[test]
fn row_14_a_check_during_the_local_transaction_decides_nothing() {
    for seed in 0..20 {
        let (mut world, producer) = transacting_world(seed);
        let slow = Work { takes: 35 * SECOND, ..Work::COMMIT };
        let transaction = world.transact(producer, TOPIC, slow);
        let receipt = world.end_of(transaction);
        assert!(receipt.is_commit() && receipt.is_confirmed(), "{receipt:?}");
        assert!(receipt.check_times >= 3, "seed {seed}: {receipt:?}");
        pass(&mut world, 30 * SECOND);
        assert_eq!(world.counts().redelivered, 0, "seed {seed}");
        settle(&mut world, &[producer]);
    }
}

#[test]
fn row_14_a_commit_whose_answer_is_lost_is_unconfirmed_and_delivered() {
    for seed in 0..20 {
        let (mut world, producer) = transacting_world(seed);
        let work = Work { takes: SECOND, ..Work::COMMIT };
        let transactions: Vec<SendId> =
            (0..6).map(|_| world.transact(producer, TOPIC, work)).collect();
        pass(&mut world, SECOND / 2);
        for broker in BROKERS {
            world.misbehave(broker, Fault::Hang);
        }
        for transaction in transactions {
            let receipt = world.end_of(transaction);
            assert!(receipt.is_commit() && !receipt.is_confirmed(), "seed {seed}: {receipt:?}");
        }
        assert_eq!(world.transaction_stats(producer).unconfirmed, 6);
        world.heal();
        pass(&mut world, 30 * SECOND);
        settle(&mut world, &[producer]);
    }
}

#[test]
fn row_14_what_a_broker_forgets_in_a_crash_is_told_again() {
    for seed in 0..20 {
        let (mut world, producer) = transacting_world(seed);
        for _ in 0..9 {
            let transaction = world.transact(producer, TOPIC, Work::COMMIT);
            assert!(world.end_of(transaction).is_confirmed());
        }
        // Within three seconds the marks that say so are not written.
        for broker in BROKERS {
            world.crash(broker);
            world.restart(broker);
        }
        pass(&mut world, 60 * SECOND);
        let stats = world.transaction_stats(producer);
        assert!(stats.checks > 0, "seed {seed}: nobody has asked");
        assert_eq!(stats.committed_transactions, 9, "told again, not decided again");
        settle(&mut world, &[producer]);
    }
}

#[test]
fn late_questions_about_what_is_settled_deliver_nothing_twice() {
    for seed in 0..10 {
        let (mut world, producer) = transacting_world(seed);
        world.let_brokers_check(SECOND, SECOND);
        for number in 0..100 {
            let work = if number % 3 == 0 { Work::ROLLBACK } else { Work::COMMIT };
            world.transact(producer, TOPIC, work);
            pass(&mut world, SECOND / 20);
        }
        pass(&mut world, 10 * SECOND);
        let stats = world.transaction_stats(producer);
        assert!(stats.checks > 20, "seed {seed}: {stats:?}");
        let counts = world.counts();
        assert_eq!((counts.committed, counts.redelivered), (66, 0), "seed {seed}");
        world.let_brokers_check(6 * SECOND, 10 * SECOND);
        settle(&mut world, &[producer]);
    }
}

#[test]
fn a_transaction_whose_caller_goes_is_settled_by_its_listener() {
    for polls in 0..40 {
        let (mut world, producer) = transacting_world(polls);
        let work = Work { takes: SECOND, ..Work::COMMIT };
        let transaction = world.transact(producer, TOPIC, work);
        pass(&mut world, Duration::from_micros(polls * 200));
        world.drop_send(transaction);
        settle(&mut world, &[producer]);
    }
}

#[test]
fn transactions_live_through_every_kind_of_trouble() {
    for (seed, kind) in Kind::ALL.into_iter().enumerate() {
        let (mut world, producer) = transacting_world(seed as u64);
        let work = Work { takes: SECOND, ..Work::COMMIT };
        for number in 0..6 {
            for peer in BROKERS {
                world.let_it_befall(Trouble { kind, peer }, 2 * SECOND);
            }
            world.transact(producer, TOPIC, Work { commits: number % 2 == 0, ..work });
            world.transact(producer, TOPIC, SILENT);
            pass(&mut world, 3 * SECOND);
        }
        world.heal();
        pass(&mut world, 30 * SECOND);
        settle(&mut world, &[producer]);
    }
}
