//! Who is asked, in which order, and for how long.

use super::*;

#[test]
fn a_send_asks_for_the_route_then_for_the_connection_and_then_calls() {
    let mut world = World::unrouted(config(), message());
    let until = world.delivery.deadline();
    assert_eq!(world.waits(), (Some(Ask::Route(TOPIC.into())), until));
    assert!(world.delivery.request().is_none());

    world.set_route(&["a"]);
    let (ask, until) = world.waits();
    assert_eq!(ask, Some(Ask::Connection(address("a"))));
    assert_eq!(until, world.now.instant + 1000 * MS, "a third of the time");

    world.pass(10 * MS);
    world.connect("a");
    assert_eq!(world.call(), ("a".into(), 990 * MS), "connecting is part of the attempt");
    world.answer(0);
    let receipt = world.done().unwrap();
    assert_eq!(receipt.attempts, 1);
    assert_eq!(receipt.message_id, UNIQ_KEY);
    assert_eq!(receipt.offset_message_id, "0A");
    assert_eq!(receipt.message_queue.to_string(), "TopicTest@a#1", "where the broker put it");
    assert_eq!(receipt.queue_offset, 42);
    assert_eq!(receipt.send_timestamp, UnixMillis(1_758_273_940_123));
}

#[test]
fn row_1_a_silent_first_broker_leaves_time_for_the_second() {
    let mut world = World::new(config(), &["a", "b"]);
    let (first, share) = world.call();
    assert_eq!((&*first, share), ("a", 1000 * MS));
    world.pass(share);
    world.fail(CallError::Expired { lent: true });
    let (second, share) = world.call();
    assert_eq!((&*second, share), ("b", 1000 * MS));
    world.answer(0);
    assert_eq!(world.done().unwrap().attempts, 2);
}

#[test]
fn row_1_shares_grow_to_the_minimum_and_never_exceed_what_is_left() {
    let mut world = World::new(config().with_timeout(1_500 * MS).with_retry(9), &["a", "b"]);
    let (_, share) = world.call();
    assert_eq!(share, 1000 * MS, "not a tenth of the time");
    world.pass(share);
    world.fail(CallError::Expired { lent: true });
    assert_eq!(world.call().1, 500 * MS, "what is left");
}

#[test]
fn row_1_no_attempt_begins_without_time() {
    let mut world = World::new(config(), &["a", "b"]);
    world.calls("a");
    world.pass(2_950 * MS);
    world.fail(unsent());
    let error = world.error();
    assert_eq!(error.attempts().len(), 1);
    assert_eq!(error.outcome(), Outcome::NotSent);

    let mut world = World::new(config().with_timeout(MS), &["a"]);
    assert_eq!(world.call(), ("a".into(), MS), "a short time is no reason not to try");
}

#[test]
fn row_35_a_retry_goes_to_a_broker_not_tried_yet() {
    let mut world = World::new(config().with_retry(3), &["a", "b", "c"]);
    for broker in ["a", "b", "c"] {
        world.calls(broker);
        world.fail(lost());
    }
    world.call();
}

#[test]
fn row_35_a_broker_that_rests_is_avoided_while_another_is_there() {
    let mut world = World::new(config(), &["a", "b"]);
    world.disconnect("a", 3, true);
    world.calls("b");
    world.fail(lost());
    let (ask, _) = world.waits();
    assert_eq!(ask, Some(Ask::Connection(address("a"))), "the only one not tried");
}

#[test]
fn row_10_a_failed_dial_sends_the_message_elsewhere_at_once() {
    let mut world = World::new(config(), &["a", "b"]);
    world.disconnect("a", 4, false);
    assert_eq!(world.waits().0, Some(Ask::Connection(address("a"))), "old failures do not count");
    world.disconnect("a", 5, true);
    world.calls("b");
    world.answer(0);
    assert_eq!(world.done().unwrap().attempts, 2);
}

#[test]
fn row_10_a_dial_that_takes_too_long_costs_one_share() {
    let mut world = World::new(config(), &["a", "b"]);
    world.disconnect("a", 0, false);
    let (_, until) = world.waits();
    world.pass_until(until);
    world.calls("b");
    world.fail(lost());
    let (_, until) = world.waits();
    world.pass_until(until);
    let error = world.error();
    assert_eq!(error.attempts()[0].failure, AttemptFailure::NotConnected);
    assert_eq!(error.attempts()[0].elapsed, 1000 * MS);
}

#[test]
fn row_20_a_retry_changes_nothing_but_the_queue() {
    let mut world = World::new(config(), &["a", "b"]);
    let mut requests = Vec::new();
    for _ in 0..2 {
        world.call();
        let request = world.delivery.request().unwrap();
        requests.push((format!("{request:?}"), request.properties.to_string()));
        world.pass(MS);
        world.now.wall = UnixMillis(0);
        world.fail(lost());
    }
    let [(first, properties), (second, _)] = &requests[..] else { panic!("two attempts") };
    assert!(properties.contains(UNIQ_KEY));
    assert_ne!(first, second);
    let same = second.replace(r#"broker_name: "b""#, r#"broker_name: "a""#);
    assert_eq!(*first, same, "the same time of birth, properties, body; another broker");
}

#[test]
fn row_15_a_sharding_key_keeps_its_queue_whatever_happens() {
    let keyed = message().with_sharding_key("order-1001");
    let queue = |world: &World| {
        let request = world.delivery.request().unwrap();
        (request.broker_name.to_owned(), request.queue_id)
    };
    let mut world = World::with_message(config(), keyed.clone(), &["a", "b"]);
    world.call();
    let first = queue(&world);
    world.fail(lost());
    world.call();
    assert_eq!(queue(&world), first, "a retry stays");
    world.fail(lost());
    world.set_route(&["0", "a", "b", "c"]);
    world.pauses();
    world.call();
    assert_eq!(queue(&world), first, "even when the route has changed in between");

    let mut permuted = World::with_message(config(), keyed, &["b", "a"]);
    permuted.call();
    assert_eq!(queue(&permuted), first, "the order of the name server's list does not matter");
}

#[test]
fn row_15_an_ordered_queue_whose_broker_has_left_is_not_replaced() {
    let keyed = message().with_sharding_key("order-1001");
    let mut world = World::with_message(config(), keyed, &["a", "b"]);
    world.calls("b");
    world.fail(unsent());
    world.set_route(&["a"]);
    world.pauses();
    assert_eq!(world.pauses(), 500 * MS, "a newer route may know better");
    let error = world.error();
    assert!(
        matches!(error.kind(), SendErrorKind::OrderUnavailable { broker, .. } if broker == "b")
    );
    assert_eq!(error.attempts().last().unwrap().failure, AttemptFailure::NoMaster);
    assert!(error.attempts().iter().all(|attempt| attempt.queue.broker_name == "b"));
}

#[test]
fn a_connection_found_dead_costs_no_attempt() {
    let mut world = World::new(config(), &["a"]);
    world.calls("a");
    world.delivery.handle_gone();
    assert_eq!(world.waits().0, Some(Ask::Connection(address("a"))), "not the dead one again");
    // It has had its failures long ago, and is being connected anew.
    world.disconnect("a", 9, false);
    assert_eq!(world.waits().0, Some(Ask::Connection(address("a"))));
    world.reconnect("a");
    world.calls("a");
    world.answer(0);
    assert_eq!(world.done().unwrap().attempts, 1);
}

#[test]
fn row_25_a_busy_broker_is_left_for_another_after_a_pause() {
    let mut world = World::new(config(), &["a", "b"]);
    world.calls("a");
    world.answer(2);
    let pause = world.pauses();
    assert!(pause >= 10 * MS && pause < 30 * MS, "{pause:?}");
    world.calls("b");
}

#[test]
fn row_9_no_pause_goes_beyond_the_deadline() {
    for seed in 0..50 {
        let mut world = World::new(config(), &["a"]);
        let stubborn = Arc::new(config().with_retry(50));
        world.delivery = Delivery::new(
            world.now,
            stubborn,
            parcel(),
            SendOptions::new(),
            &Choice::default(),
            seed,
        )
        .unwrap();
        let deadline = world.delivery.deadline();
        let error = loop {
            match world.step() {
                Step::Call { .. } => world.answer(2),
                Step::Wait { until, .. } => {
                    assert!(until < deadline, "there is time for the attempt after the pause");
                    world.pass_until(until);
                }
                Step::Done(result) => break result.unwrap_err(),
                other => panic!("{other:?}"),
            }
        };
        assert!(error.attempts().len() > 6, "{error}");
    }
}

#[test]
fn a_broker_that_fails_again_and_again_gets_pauses_that_grow_and_differ_between_sends() {
    let pauses = |seed| {
        let mut world = World::new(config(), &["a"]);
        let patient = Arc::new(config().with_timeout(60_000 * MS).with_retry(8));
        world.delivery = Delivery::new(
            world.now,
            patient,
            parcel(),
            SendOptions::new(),
            &Choice::default(),
            seed,
        )
        .unwrap();
        for _ in 0..2 {
            world.calls("a");
            world.fail(lost());
        }
        let retry = |_| {
            let pause = world.pauses();
            world.calls("a");
            world.fail(lost());
            pause
        };
        (0..6).map(retry).collect::<Vec<_>>()
    };
    let (one, other) = (pauses(1), pauses(2));
    assert_ne!(one, other);
    for (doublings, pause) in (1..).zip(&one) {
        let middle = 20 * MS * 2_u32.pow(doublings.min(4));
        assert!(*pause >= middle / 2 && *pause < middle * 3 / 2, "{doublings}: {pause:?}");
    }
}

#[test]
fn row_26_an_error_names_both_addresses_of_a_translated_broker() {
    let mut world = World::new(config().with_retry(0), &["a"]);
    let reached_at = Address { host: "localhost".into(), port: 30_911 };
    let elsewhere = |_: &str, _: &Address| reached_at.clone();
    let route = world.entry().route.take().and_then(Arc::into_inner).unwrap();
    world.entry().route = Some(Arc::new(route.translated(&elsewhere)));
    world.routes.brokers.insert(reached_at.clone(), Reach::Up(link("a", 1)));
    world.calls("a");
    world.fail(unsent());
    let told = world.error().to_string();
    assert!(told.contains("localhost:30911") && told.contains("advertises a:10911"), "{told}");
}

#[test]
fn row_1_a_short_time_is_enough_for_a_second_attempt_after_a_quick_failure() {
    let mut world = World::new(config().with_timeout(100 * MS), &["a", "b"]);
    world.calls("a");
    world.pass(MS);
    world.fail(unsent());
    world.calls("b");
}

#[test]
fn row_15_an_ordered_send_whose_broker_cannot_be_reached_names_it() {
    let keyed = message().with_sharding_key("k");
    let mut world = World::with_message(config().with_retry(0), keyed, &["a"]);
    world.disconnect("a", 0, false);
    let (_, until) = world.waits();
    world.pass_until(until);
    let error = world.error();
    assert!(
        matches!(error.kind(), SendErrorKind::OrderUnavailable { broker, .. } if broker == "a"),
        "{error}"
    );
}
