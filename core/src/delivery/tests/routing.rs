//! Which queue, when all is not well.

use super::*;
use crate::model::{MessageQueue, RoutingStrategy};

#[test]
fn row_28_a_code_that_speaks_of_a_stale_route_has_it_refreshed_at_once() {
    for code in [17, 16, 14, 29, 501, 1500] {
        let mut world = World::new(config(), &["a", "b"]);
        world.calls("a");
        world.answer(code);
        world.calls("b");
        assert_eq!(world.told, [Ask::Refresh(TOPIC.into())], "code {code}");
    }
    let mut world = World::new(config(), &["a", "b"]);
    world.calls("a");
    world.answer(13);
    world.error();
    assert!(world.told.is_empty());
}

#[test]
fn row_28_a_broker_that_is_silent_to_many_may_be_gone_from_the_route() {
    let health = World::new(config(), &["a"]).health("a");
    let mut asked = Vec::new();
    for _ in 0..4 {
        let mut world = World::new(config().with_retry(0), &["a"]);
        world.share_health("a", &health);
        world.calls("a");
        world.pass(3000 * MS);
        world.fail(CallError::Expired { lent: true });
        world.error();
        asked.push(world.told.len());
    }
    assert_eq!(asked, [0, 0, 1, 1], "once it is ill");
}

#[test]
fn row_28_a_send_that_fails_for_a_stale_route_has_it_refreshed_for_the_next() {
    let mut world = World::new(config().with_retry(0), &["a"]);
    world.disconnect("a", 0, false);
    let (_, until) = world.waits();
    world.pass_until(until);
    world.error();
    assert_eq!(world.told, [Ask::Refresh(TOPIC.into())]);
}

#[test]
fn row_28_the_first_to_use_a_stale_route_has_it_refreshed_and_uses_it_all_the_same() {
    let mut world = World::new(config().with_route_timeout(10 * MS), &["a"]);
    world.pass(9 * MS);
    world.calls("a");
    assert!(world.told.is_empty(), "it is old, but not too old");
    let routes = world.routes;
    let send = || {
        let mut world = World::unrouted(config().with_route_timeout(10 * MS), message());
        world.routes = routes.clone();
        world.pass(11 * MS);
        world.calls("a");
        world.told
    };
    assert_eq!(send(), [Ask::Refresh(TOPIC.into())]);
    assert_eq!(send(), [], "one question serves all");
    let confirmed = Instant::from_nanos(12_000_000);
    routes.topics.get(TOPIC).unwrap().route.as_ref().unwrap().usage().confirm(confirmed);
    assert_eq!(send(), []);
}

#[test]
fn row_28_a_retry_with_nowhere_else_to_go_waits_for_the_new_route() {
    let mut world = World::new(config(), &["a"]);
    world.calls("a");
    world.answer(17);
    let (ask, until) = world.waits();
    assert_eq!((ask, until.saturating_since(world.now.instant)), (None, 500 * MS));
    world.pass(3 * MS);
    world.set_route(&["a", "b"]);
    world.connect("b");
    world.entry().rounds += 1;
    world.calls("b");
}

#[test]
fn row_29_a_send_that_waits_for_a_broker_follows_it_to_its_new_address() {
    let mut world = World::new(config(), &["a"]);
    world.disconnect("a", 0, false);
    assert_eq!(world.waits().0, Some(Ask::Connection(address("a"))));
    world.set_route_data(
        r#"{"queueDatas":[{"brokerName":"a","perm":6,"writeQueueNums":1}],
            "brokerDatas":[{"brokerName":"a","brokerAddrs":{"0":"moved:10911"}}]}"#,
    );
    let moved = Address { host: "moved".into(), port: 10911 };
    assert_eq!(world.waits().0, Some(Ask::Connection(moved)));
}

#[test]
fn an_explicit_queue_and_a_selector_go_before_the_sharding_key_and_are_kept() {
    let queue = MessageQueue { topic: TOPIC.into(), broker_name: "a".into(), queue_id: 1 };
    let last = |_: &Message, queues: &[MessageQueue]| queues.len().checked_sub(1);
    let options = [SendOptions::new().with_queue(queue), SendOptions::new().with_selector(last)];
    for (options, expected) in options.into_iter().zip([("a", 1), ("b", 1)]) {
        let keyed = message().with_sharding_key("order-1001");
        let mut world = World::with_options(config(), keyed, options).reaching(&["a", "b"]);
        for _ in 0..3 {
            if let Step::Wait { until, .. } = world.step() {
                world.pass_until(until);
                world.call();
            }
            let request = world.delivery.request().unwrap();
            assert_eq!((request.broker_name, request.queue_id), expected);
            world.fail(unsent());
        }
        world.error();
    }
}

#[test]
fn a_selector_that_chooses_nothing_is_an_error_that_says_so() {
    for chosen in [None, Some(9)] {
        let selector = move |_: &Message, _: &[MessageQueue]| chosen;
        let options = SendOptions::new().with_selector(selector);
        let mut world = World::with_options(config(), message(), options).reaching(&["a", "b"]);
        let error = world.error();
        assert!(
            matches!(error.kind(), SendErrorKind::BadSelection(bad) if bad.chosen == chosen),
            "{error}"
        );
    }
}

#[test]
fn a_message_hash_goes_by_the_first_key_and_elsewhere_when_its_broker_is_down() {
    let hashed = config().with_routing_strategy(RoutingStrategy::MessageHash);
    let queue = |world: &mut World| {
        world.call();
        let request = world.delivery.request().unwrap();
        (request.broker_name.to_owned(), request.queue_id)
    };
    let mut first = World::new(hashed.clone(), &["a", "b"]);
    let mut permuted = World::new(hashed.clone(), &["b", "a"]);
    let expected = queue(&mut first);
    assert_eq!(queue(&mut permuted), expected);
    first.fail(lost());
    assert_ne!(queue(&mut first).0, expected.0, "it is no order key");
    let mut down = World::new(hashed, &["a", "b"]);
    down.disconnect(&expected.0, 3, true);
    assert_ne!(queue(&mut down).0, expected.0);
}

#[test]
fn a_random_choice_reaches_every_queue() {
    let random = SendOptions::new().with_strategy(RoutingStrategy::Random);
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let mut world = World::new(config(), &["a", "b"]);
        world.delivery = Delivery::new(
            world.now,
            Arc::new(config()),
            parcel(),
            random.clone(),
            &Choice::default(),
            seed,
        )
        .unwrap();
        world.call();
        let request = world.delivery.request().unwrap();
        seen.insert((request.broker_name.to_owned(), request.queue_id));
    }
    assert_eq!(seen.len(), 4);
}

#[test]
fn options_of_one_send_go_before_the_configuration() {
    let options = SendOptions::new().with_timeout(100 * MS).with_retry(0);
    let mut world = World::with_options(config(), message(), options).reaching(&["a", "b"]);
    assert_eq!(world.call(), ("a".into(), 100 * MS));
    world.fail(unsent());
    assert_eq!(world.error().attempts().len(), 1);
}

#[test]
fn a_queue_of_another_topic_is_refused_before_anything_is_sent() {
    let queue = MessageQueue { topic: "Other".into(), broker_name: "a".into(), queue_id: 1 };
    let options = SendOptions::new().with_queue(queue);
    let (now, config) = (Now::default(), Arc::new(config()));
    let refused = Delivery::new(now, config, parcel(), options, &Choice::default(), 1);
    let error = refused.unwrap_err();
    assert!(error.to_string().contains(r#"one of topic "Other""#), "{error}");
}
