//! What waits for a broker's answer to the first heartbeat: timers for its version, half messages for
//! being known.

use super::*;
use crate::model::MessageQueue;

/// The first version that delivers at a time, 5.0.0.
const NEW: i32 = 413;
/// The last before it, 4.9.8.
const OLD: i32 = 409;

fn timer() -> Message {
    message().with_delay_for(Duration::from_secs(5))
}

fn half(config: ProducerConfig, brokers: &[&str]) -> World {
    let parcel = Parcel::half(&config, message()).unwrap();
    World::with_parcel(config, parcel, SendOptions::new()).reaching(brokers)
}

/// Waits out all pauses until the send has failed; it must not call anybody.
fn fail_without_a_call(world: &mut World) -> SendError {
    loop {
        match world.step() {
            Step::Wait { until, .. } => world.pass_until(until),
            Step::Done(result) => return result.expect_err("a failure was expected"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_timer_waits_until_its_broker_has_said_which_version_it_is() {
    let at = UnixMillis(1_758_273_999_000);
    for timer in [timer(), message().with_deliver_at(at)] {
        let mut world = World::with_message(config(), timer, &["a"]);
        let (ask, until) = world.waits();
        assert_eq!(ask, None, "it is connected: there is nothing to ask for");
        assert_eq!(until, world.now.instant + 1000 * MS, "for its share of the time");
        assert!(world.delivery.request().is_none());
        world.pass(10 * MS);
        world.register("a", NEW);
        assert_eq!(world.call(), ("a".into(), 990 * MS), "waiting is part of the attempt");
        world.answer(0);
        assert_eq!(world.done().unwrap().attempts, 1);
    }
}

#[test]
fn what_a_broker_of_any_version_does_is_sent_without_knowing_it() {
    for ready in [message(), message().with_delay_level(18), message().with_sharding_key("k")] {
        let mut world = World::with_message(config(), ready.clone(), &["a"]);
        world.calls("a");
        let mut world = World::with_message(config(), ready, &["a"]);
        world.register("a", OLD);
        world.calls("a");
    }
}

#[test]
fn a_timer_is_not_sent_to_a_broker_that_would_deliver_it_at_once() {
    // Those of 4.9.5 and 4.9.8, and the last before 5.0.0.
    for version in [0, 403, OLD, NEW - 1] {
        let mut world = World::with_message(config(), timer(), &["a"]);
        world.register("a", version);
        let error = fail_without_a_call(&mut world);
        let kind = SendErrorKind::BrokerTooOld { broker: "a".into(), version };
        assert_eq!(*error.kind(), kind);
        assert_eq!(error.outcome(), Outcome::NotSent);
        for attempt in error.attempts() {
            assert_eq!(attempt.failure, AttemptFailure::TooOld { version });
        }
        assert!(error.to_string().contains(&format!("of version {version}")), "{error}");
        assert_eq!(error.into_message().schedule(), timer().schedule(), "it comes back whole");
        assert_eq!(world.health("a").stats(world.now.instant).failure_count, 0, "it is not ill");
    }
    // Those of 5.0.0, 5.3.3 and 5.5.0.
    for version in [NEW, 479, 513] {
        let mut world = World::with_message(config(), timer(), &["a"]);
        world.register("a", version);
        world.calls("a");
    }
}

#[test]
fn a_timer_goes_to_a_broker_that_is_new_enough_while_others_are_not() {
    let mut world = World::with_message(config(), timer(), &["a", "b"]);
    world.register("a", OLD);
    world.register("b", NEW);
    world.calls("b");
    assert!(world.told.is_empty(), "the route is not to blame");
    world.answer(0);
    assert_eq!(world.done().unwrap().message_queue.broker_name, "b");
}

#[test]
fn a_timer_finds_the_one_broker_that_is_new_enough_however_many_are_not() {
    let brokers = ["a", "b", "c", "d", "e", "f"];
    for new in brokers {
        // A turn for each, and no attempt to lose.
        for turn in 0..brokers.len() {
            let mut world = World::with_message(config().with_retry(0), timer(), &brokers);
            for broker in brokers {
                world.register(broker, if broker == new { NEW } else { OLD });
            }
            let route = world.entry().route.clone().unwrap();
            (0..turn).for_each(|_| _ = route.take_turn());
            world.calls(new);
        }
    }
}

#[test]
fn a_timer_finds_out_who_is_too_old_and_goes_on() {
    let mut world = World::with_message(config(), timer(), &["a", "b"]);
    world.waits();
    world.register("a", OLD);
    world.register("b", NEW);
    world.calls("b");
    world.answer(0);
    assert_eq!(world.done().unwrap().attempts, 2);
}

#[test]
fn a_timer_goes_elsewhere_when_its_broker_does_not_answer_the_heartbeat() {
    let mut world = World::with_message(config().with_retry(1), timer(), &["a", "b"]);
    world.register("b", NEW);
    let (_, until) = world.waits();
    world.pass_until(until);
    world.calls("b");
    world.fail(unsent());
    let error = world.error();
    assert_eq!(error.attempts()[0].queue.broker_name, "a");
    assert_eq!(error.attempts()[0].failure, AttemptFailure::NotRegistered);
    assert_eq!(error.outcome(), Outcome::NotSent);
}

#[test]
fn a_timer_for_one_queue_is_refused_where_that_queues_broker_is_too_old() {
    let queue = MessageQueue { topic: TOPIC.into(), broker_name: "a".into(), queue_id: 1 };
    let options = SendOptions::new().with_queue(queue);
    let mut world = World::with_options(config(), timer(), options).reaching(&["a", "b"]);
    world.register("a", OLD);
    world.register("b", NEW);
    let error = fail_without_a_call(&mut world);
    assert!(
        matches!(error.kind(), SendErrorKind::BrokerTooOld { broker, version: OLD } if broker == "a"),
        "{error}"
    );
}

#[test]
fn row_13_a_half_message_waits_until_its_broker_knows_the_group() {
    let mut world = half(config(), &["a"]);
    assert_eq!(world.waits(), (None, world.now.instant + 1000 * MS));
    assert!(world.delivery.request().is_none());
    world.pass(10 * MS);
    // However old it is: those of 4.x ask about half messages, too.
    world.register("a", 273);
    world.calls("a");
    let request = world.delivery.request().unwrap();
    assert_eq!(request.sys_flag, 4);
    assert!(
        request.properties.to_string().contains("TRAN_MSG\u{1}true\u{2}PGROUP\u{1}PG_TEST\u{2}")
    );
    world.answer(0);
    assert_eq!(world.done().unwrap().attempts, 1);
}

#[test]
fn row_13_a_half_message_waits_again_when_the_connection_is_a_new_one() {
    let mut world = half(config(), &["a"]);
    world.register("a", NEW);
    world.calls("a");
    world.delivery.handle_gone();
    world.routes.versions.clear();
    assert_eq!(world.waits().0, Some(Ask::Connection(address("a"))));
    world.reconnect("a");
    assert_eq!(world.waits().0, None, "connected, and not registered yet");
    world.register("a", NEW);
    world.calls("a");
}

#[test]
fn row_13_a_half_message_is_not_sent_where_nobody_would_ask_about_it() {
    let mut world = half(config(), &["a", "b"]);
    let error = fail_without_a_call(&mut world);
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(
        matches!(error.kind(), SendErrorKind::TimedOut { phase: TimeoutPhase::Dial, .. }),
        "{error}"
    );
    let failures: Vec<_> = error.attempts().iter().map(|attempt| &attempt.failure).collect();
    assert_eq!(failures, [&AttemptFailure::NotRegistered; 3]);
    let brokers = error.attempts().iter().map(|attempt| &*attempt.queue.broker_name);
    assert_eq!(brokers.collect::<Vec<_>>(), ["a", "b", "a"]);
    assert!(format!("{error:#}").contains("not registered in time"), "{error:#}");
}

#[test]
fn row_7_shutting_down_ends_what_waits_for_a_heartbeat() {
    let mut world = half(config(), &["a"]);
    world.waits();
    world.close();
    let error = world.error();
    assert_eq!(*error.kind(), SendErrorKind::ShuttingDown(LinkError::ShuttingDown));
    assert_eq!(error.outcome(), Outcome::NotSent);
}
