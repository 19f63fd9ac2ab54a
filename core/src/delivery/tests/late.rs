//! Answers that come after the send has moved on.

use super::*;
use crate::model::SendStatus;

const EXPIRED: CallError = CallError::Expired { lent: true };

/// Two brokers, the first of which has not answered the first attempt in its time.
fn overdue(config: ProducerConfig, time: Duration) -> World {
    let mut world = World::new(config, &["a", "b"]);
    world.calls("a");
    world.pass(time);
    world.fail(EXPIRED);
    world
}

#[test]
fn a_late_success_of_an_earlier_attempt_ends_the_send() {
    let mut world = overdue(config(), 1000 * MS);
    world.calls("b");
    world.pass(100 * MS);
    world.late(0, |world| world.answer(0));
    let receipt = world.done().unwrap();
    assert_eq!(receipt.message_queue.broker_name, "a");
    assert_eq!(receipt.attempts, 2);
}

#[test]
fn of_two_good_answers_that_come_together_the_first_counts() {
    let mut world = overdue(config(), 1000 * MS);
    world.calls("b");
    world.answer(0);
    world.late(0, |world| world.answer(0));
    let receipt = world.done().unwrap();
    assert_eq!((&*receipt.message_queue.broker_name, receipt.attempts), ("b", 2));
}

#[test]
fn a_send_without_attempts_left_waits_for_what_may_still_be_answered() {
    let mut world = overdue(config().with_retry(1), 1500 * MS);
    world.calls("b");
    world.fail(unsent());
    world.awaits_an_answer();
    world.late(0, |world| world.answer(0));
    assert_eq!(world.done().unwrap().message_queue.broker_name, "a");
}

#[test]
fn it_ends_with_its_own_failure_when_no_late_answer_comes() {
    let mut world = overdue(config().with_retry(1), 1500 * MS);
    world.calls("b");
    world.fail(unsent());
    world.awaits_an_answer();
    world.pass(1500 * MS);
    world.late(0, |world| world.fail(EXPIRED));
    let error = world.error();
    assert!(
        matches!(error.kind(), SendErrorKind::BrokerNotAvailable { broker, .. } if broker == "b")
    );
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[test]
fn row_2_a_late_refusal_makes_certain_what_was_in_doubt() {
    let mut world = overdue(config().with_retry(1), 1500 * MS);
    world.calls("b");
    world.late(0, |world| world.answer(2));
    world.answer(16);
    let error = world.error();
    assert_eq!(error.outcome(), Outcome::Rejected);
}

#[test]
fn row_2_at_most_once_waits_for_the_one_attempt_until_the_end() {
    let mut world = overdue(config().with_retry_unknown(false), 1000 * MS);
    world.awaits_an_answer();
    world.pass(1000 * MS);
    world.late(0, |world| world.answer(0));
    assert_eq!(world.done().unwrap().attempts, 1);
}

#[test]
fn row_2_at_most_once_goes_on_when_a_late_refusal_makes_certain_that_nothing_is_stored() {
    let begin = || {
        let mut world = World::new(config().with_retry_unknown(false), &["a", "b"]);
        world.calls("a");
        world.pass(1000 * MS);
        world.fail(EXPIRED);
        world.awaits_an_answer();
        world
    };
    let mut world = begin();
    world.late(0, |world| world.answer(29));
    world.calls("b");
    assert_eq!(world.told, [Ask::Refresh(TOPIC.into())], "it was the route's fault");
    world.answer(0);
    assert_eq!(world.done().unwrap().attempts, 2);

    let mut world = begin();
    world.late(0, |world| world.answer(13));
    assert_eq!(world.error().outcome(), Outcome::Rejected, "nobody would take it");
    let mut world = begin();
    world.pass(1990 * MS);
    world.late(0, |world| world.answer(29));
    assert_eq!(world.error().outcome(), Outcome::Rejected, "it is too late");
}

#[test]
fn row_19_a_message_stored_in_doubt_is_sent_elsewhere_where_that_is_asked_for() {
    let config = config().with_retry_another_broker_when_not_store_ok(true);
    let mut world = World::new(config.clone(), &["a", "b"]);
    world.calls("a");
    world.answer(10);
    world.calls("b");
    world.answer(0);
    assert_eq!(world.done().unwrap().message_queue.broker_name, "b");

    let mut world = World::new(config.clone(), &["a", "b"]);
    world.calls("a");
    world.answer(12);
    world.calls("b");
    world.fail(unsent());
    world.call();
    world.fail(lost());
    let receipt = world.done().expect("it is stored, come what may");
    assert_eq!((receipt.status, receipt.attempts), (SendStatus::FlushSlaveTimeout, 3));
    assert_eq!(receipt.message_queue.broker_name, "a");

    let keyed = message().with_sharding_key("k");
    let mut world = World::with_message(config, keyed, &["a", "b"]);
    world.call();
    world.answer(11);
    assert_eq!(world.done().unwrap().status, SendStatus::SlaveNotAvailable, "never moved");
}

#[test]
fn row_19_a_message_stored_in_doubt_is_stored_when_the_producer_ends_before_a_better_answer() {
    let config = config().with_retry_another_broker_when_not_store_ok(true);
    let mut world = World::new(config, &["a", "b"]);
    world.calls("a");
    world.answer(11);
    world.calls("b");
    world.close();
    assert_eq!(world.done().unwrap().status, SendStatus::SlaveNotAvailable);
}

#[test]
fn row_19_a_message_stored_in_doubt_is_not_stored_twice_where_there_is_no_other_broker() {
    let config = config().with_retry_another_broker_when_not_store_ok(true);
    let mut world = World::new(config.clone(), &["a"]);
    world.calls("a");
    world.answer(11);
    assert_eq!(world.done().unwrap().status, SendStatus::SlaveNotAvailable);

    let mut world = World::new(config, &["a", "b"]);
    world.health("b").suspend();
    world.calls("a");
    world.answer(11);
    assert_eq!(world.done().unwrap().attempts, 1, "the other is suspended");
}

#[test]
fn a_fatal_answer_is_not_the_end_while_an_earlier_attempt_may_succeed() {
    let mut world = overdue(config(), 1000 * MS);
    world.calls("b");
    world.answer(13);
    world.awaits_an_answer();
    world.late(0, |world| world.answer(0));
    assert_eq!(world.done().unwrap().message_queue.broker_name, "a");
}

#[test]
fn a_late_success_is_counted_to_its_broker() {
    let mut world = World::new(config(), &["a", "b"]);
    let health = world.health("a");
    world.calls("a");
    world.pass(1000 * MS);
    world.fail(EXPIRED);
    world.calls("b");
    world.pass(100 * MS);
    world.late(0, |world| world.answer(0));
    let _ = world.done().unwrap();
    let stats = health.stats(world.now.instant);
    assert_eq!((stats.success_count, stats.avg_latency), (1, 1100 * MS));
}

#[test]
fn the_reason_follows_what_an_attempt_has_come_to_in_the_end() {
    let mut world = overdue(config().with_retry_unknown(false), 1000 * MS);
    world.awaits_an_answer();
    world.late(0, |world| world.answer(13));
    assert!(matches!(world.error().kind(), SendErrorKind::Rejected { code: 13, .. }));
}
