//! What a failure says about the message, when nobody can know.

use rocketmq_producer_core::{
    delivery::{Outcome, SendErrorKind},
    model::SendStatus,
};
use rocketmq_producer_testkit::{
    model::Fault,
    sim::{BROKER_A, TOPIC, World},
};

use crate::{BROKERS, SECOND, pass, warm_up, warm_world};

#[test]
fn row_2_an_answer_that_is_lost_with_its_connection_leaves_the_outcome_open() {
    for seed in 0..50 {
        let mut world = World::new(seed);
        let config = world.config().with_retry(0);
        let producer = world.producer(config);
        pass(&mut world, SECOND / 10);
        warm_up(&mut world, producer);
        for broker in BROKERS {
            world.misbehave(broker, Fault::CloseInsteadOfReply(1));
        }
        let error = world.deliver(producer, TOPIC).expect_err("the answer was lost");
        assert_eq!(error.outcome(), Outcome::Unknown, "it is stored: {error}");
    }
}

#[test]
fn row_2_a_broker_that_closes_its_side_has_stored_what_it_had_read() {
    let mut duplicates = 0;
    for seed in 0..50 {
        let (mut world, producer) = warm_world(seed);
        let sends: Vec<_> = (0..30).map(|_| world.send(producer, TOPIC)).collect();
        world.run_for(SECOND / 1_000).expect("no rule is broken");
        world.half_close(BROKER_A);
        for send in sends {
            let sent = world.answer(send);
            assert!(sent.is_ok(), "there is time to try again: {sent:?}");
        }
        pass(&mut world, SECOND);
        duplicates += world.counts().duplicates;
    }
    // The oracle has seen that copies have one id, and that there are no more than attempts.
    assert!(duplicates > 0, "some were stored although their connection had ended");
}

#[test]
fn row_2_at_most_once_gives_up_instead_of_trying_again() {
    for seed in 0..50 {
        let mut world = World::new(seed);
        let config = world.config().with_retry_unknown(false);
        let producer = world.producer(config);
        pass(&mut world, SECOND / 10);
        warm_up(&mut world, producer);
        for broker in BROKERS {
            world.misbehave(broker, Fault::SwallowSends(1));
        }
        let error = world.deliver(producer, TOPIC).expect_err("the answer was lost");
        assert_eq!((error.outcome(), error.attempts().len()), (Outcome::Unknown, 1));
    }
}

#[test]
fn row_2_what_was_never_written_is_certainly_not_stored() {
    for seed in 0..20 {
        let (mut world, producer) = warm_world(seed);
        // The brokers read nothing: a window fills, and the rest never leaves.
        for broker in BROKERS {
            world.freeze(broker);
        }
        let sends: Vec<_> =
            (0..200).map(|_| world.send_with(producer, TOPIC, 60_000, |message| message)).collect();
        let errors: Vec<_> = sends.into_iter().map(|s| world.answer(s).unwrap_err()).collect();
        let not_sent = errors.iter().filter(|error| error.outcome() == Outcome::NotSent).count();
        assert!(not_sent > 0, "what waited behind a closed window was not sent");
        for broker in BROKERS {
            world.thaw(broker);
        }
        // What comes to be stored now is judged by the oracle.
        pass(&mut world, 10 * SECOND);
    }
}

#[test]
fn row_46_a_time_out_says_what_was_waited_for() {
    let (mut world, producer) = warm_world(5);
    for broker in BROKERS {
        world.misbehave(broker, Fault::Hang);
    }
    let error = world.deliver(producer, TOPIC).unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::TimedOut { .. }), "{error}");
    assert!(error.to_string().contains("waiting for the broker's answer"), "{error}");
    assert_eq!(error.attempts().len(), 3, "each attempt is told: {error}");
}

#[test]
fn row_19_a_message_stored_in_doubt_is_a_receipt_that_says_so_or_is_sent_elsewhere() {
    let statuses = [
        (10, SendStatus::FlushDiskTimeout),
        (11, SendStatus::SlaveNotAvailable),
        (12, SendStatus::FlushSlaveTimeout),
    ];
    for (code, status) in statuses {
        for elsewhere in [false, true] {
            let mut world = World::new(6);
            let config = world.config().with_retry_another_broker_when_not_store_ok(elsewhere);
            let producer = world.producer(config);
            warm_up(&mut world, producer);
            world.misbehave(BROKER_A, Fault::ReplyCode(code));
            let doubtful = (0..30)
                .map(|_| world.deliver(producer, TOPIC).expect("it is stored"))
                .filter(|receipt| receipt.status == status)
                .count();
            assert_eq!(doubtful > 0, !elsewhere, "code {code}");
            assert_eq!(world.counts().duplicates > 0, elsewhere, "code {code}");
        }
    }
}
