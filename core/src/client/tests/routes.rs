//! From a topic's name to its queues, through name servers good and bad.

use super::*;
use crate::{
    command::{DEFAULT_TOPIC, SendTemplate},
    route::BrokerState,
};

#[test]
fn row_36_a_thousand_first_sends_make_one_dial_and_one_question() {
    let mut world = World::new();
    world.topic("T", &["a"]);
    for _ in 0..1_000 {
        world.ask_route("T");
    }
    world.run(Duration::ZERO);
    assert_eq!(world.queries(), [("ns1", "T")]);
    assert_eq!(world.dials, [(Duration::ZERO, address("ns1"))]);
    assert_eq!(world.route("T").unwrap().queues().len(), 2);

    for _ in 0..1_000 {
        world.ask_broker("a");
    }
    world.run(Duration::ZERO);
    assert_eq!(world.dials_of("a").len(), 1);
    assert!(world.is_up("a"));
}

#[test]
fn row_27_a_dead_name_server_costs_no_more_than_its_share() {
    for (host, share) in
        [(Host::Refuses, Duration::ZERO), (Host::Ignores, SECOND), (Host::Swallows, SECOND)]
    {
        let mut world = World::new();
        world.topic("T", &["a"]);
        world.host("ns1", host);
        world.ask_route("T");
        world.run(share.saturating_sub(MS));
        assert_eq!(world.route("T").is_some(), share.is_zero(), "{host:?}");
        world.run(MS);
        assert!(world.route("T").is_some(), "{host:?}");
        assert_eq!(world.queries().last(), Some(&("ns2", "T")));

        // The one that has answered is the first to be asked from now on.
        world.topic("U", &["a"]);
        world.ask_route("U");
        world.run(Duration::ZERO);
        assert_eq!(world.queries().last(), Some(&("ns2", "U")), "{host:?}");
        assert!(world.route("U").is_some());
    }
}

#[test]
fn row_36_a_slow_route_of_one_topic_does_not_delay_another() {
    let mut world = World::new();
    world.topic("T", &["a"]);
    world.host("ns1", Host::Ignores);
    world.ask_route("Slow");
    world.run(500 * MS);
    world.client.current_server = 1;
    world.ask_route("T");
    world.run(Duration::ZERO);
    assert!(world.route("T").is_some());
    assert!(world.routes.topic("Slow").unwrap().rounds == 0, "still being asked for");
}

#[test]
fn row_27_a_topic_is_missing_only_when_every_name_server_says_so() {
    let mut world = World::new();
    world.tell("ns2", "T", 0, &route_json(&["a"]));
    world.ask_route("T");
    world.run(Duration::ZERO);
    assert_eq!(world.queries(), [("ns1", "T"), ("ns2", "T")]);
    assert!(world.route("T").is_some());

    let mut world = World::with(config().with_auto_create_topic(false));
    world.ask_route("T");
    world.run(Duration::ZERO);
    let asked = vec![address("ns1"), address("ns2")];
    let not_found = RouteError::TopicNotFound { topic: "T".into(), asked };
    assert_eq!(world.failure("T"), Some(&not_found));
}

#[test]
fn row_40_a_missing_topic_borrows_the_default_topics_route_until_it_has_its_own() {
    let mut world = World::new();
    world.topic(DEFAULT_TOPIC, &["a"]);
    world.ask_route("New");
    world.run(Duration::ZERO);
    let questions = [("ns1", "New"), ("ns2", "New"), ("ns2", DEFAULT_TOPIC)];
    assert_eq!(world.queries()[..2], questions[..2], "asked for only on a miss");
    assert_eq!(world.queries()[2].1, DEFAULT_TOPIC);
    let route = world.route("New").unwrap();
    assert!(route.is_fallback());
    assert!(route.queues().iter().all(|queue| queue.topic == "New"));

    world.topic("New", &["b"]);
    world.run(30 * SECOND);
    let route = world.route("New").unwrap();
    assert!(!route.is_fallback(), "one refresh later");
    assert_eq!(route.queues()[0].broker_name, "b");
}

#[test]
fn what_is_written_beforehand_for_a_broker_is_of_this_group_and_topic() {
    let config = config().with_default_topic_queue_nums(7);
    let mut world = World::with(config.clone());
    world.topic(DEFAULT_TOPIC, &["a", "b"]);
    world.topic("Own", &["b"]);
    for (topic, broker) in [("Own", "b"), ("New", "a"), ("New", "b")] {
        world.ask_route(topic);
        world.run(Duration::ZERO);
        let template = SendTemplate::new(&config.producer_group, topic, 7, broker);
        let route = world.route(topic).unwrap();
        let written = route.broker(broker).unwrap().template.as_deref();
        assert_eq!(written, Some(&template), "{topic} {broker}");
    }
}

#[test]
fn row_33_one_bad_route_hurts_no_other_topic() {
    let mut world = World::new();
    for topic in ["A", "B", "C"] {
        world.topic(topic, &["a"]);
        world.ask_route(topic);
    }
    world.run(SECOND);
    for server in ["ns1", "ns2"] {
        world.tell(server, "B", 0, r#"{"brokerDatas":[{"brokerAddrs":{"0":"nowhere"}}]}"#);
        world.tell(server, "C", 0, &route_json(&["a", "b"]));
    }
    world.run(30 * SECOND);
    assert_eq!(world.failure("A"), None);
    assert!(matches!(world.failure("B"), Some(RouteError::BadRoute { .. })));
    assert_eq!(world.route("B").unwrap().queues().len(), 2, "the last good one stays");
    assert_eq!(world.failure("C"), None);
    assert_eq!(world.route("C").unwrap().queues().len(), 4, "refreshed");
}

#[test]
fn row_27_the_last_good_route_outlives_the_name_servers() {
    let mut world = World::connected(&["a"]);
    for server in ["ns1", "ns2"] {
        world.host(server, Host::Refuses);
    }
    world.cut_name_servers();
    world.run_in_use("T", 600 * SECOND);
    assert!(world.route("T").is_some());
    assert!(matches!(world.failure("T"), Some(RouteError::NameServersUnreachable { .. })));
    assert!(world.is_up("a"));
    world.host("ns2", Host::Serves);
    world.run(11 * SECOND);
    assert_eq!(world.failure("T"), None, "and is refreshed as soon as one is back");
}

#[test]
fn row_28_a_topic_that_may_no_longer_be_written_is_no_longer_offered() {
    let mut world = World::connected(&["a"]);
    for server in ["ns1", "ns2"] {
        world.tell(server, "T", 0, r#"{"queueDatas":[],"brokerDatas":[]}"#);
    }
    world.run(30 * SECOND);
    assert!(world.route("T").is_none());
    assert_eq!(world.failure("T"), Some(&RouteError::NoWritableQueue { topic: "T".into() }));
}

#[test]
fn row_28_a_thousand_sends_told_that_a_route_is_stale_make_one_question() {
    let mut world = World::connected(&["a"]);
    let before = (world.queries().len(), world.routes.topic("T").unwrap().rounds);
    for _ in 0..1_000 {
        world.ask_refresh("T");
    }
    world.run(Duration::ZERO);
    let after = (world.queries().len(), world.routes.topic("T").unwrap().rounds);
    assert_eq!(after, (before.0 + 1, before.1 + 1), "and its end is told, with or without news");
}

#[test]
fn row_28_a_changed_route_is_in_use_as_soon_as_a_broker_has_said_so() {
    let mut world = World::connected(&["a"]);
    world.topic("T", &["b"]);
    world.ask_refresh("T");
    world.run(Duration::ZERO);
    assert_eq!(world.route("T").unwrap().queues()[0].broker_name, "b");
    assert!(!world.is_up("a"));
}

#[test]
fn row_28_a_route_is_fetched_out_of_turn_no_more_than_once_a_second() {
    let mut world = World::connected(&["a"]);
    let first = world.queries().len();
    for _ in 0..100 {
        world.ask_refresh("T");
        world.run(100 * MS);
    }
    let questions = world.queries().len() - first;
    assert!((9..=11).contains(&questions), "{questions} in ten seconds");
    let rounds = world.routes.topic("T").unwrap().rounds;
    world.ask_refresh("T");
    world.run(SECOND);
    assert_eq!(world.routes.topic("T").unwrap().rounds, rounds + 1, "put off, not forgotten");
}

#[test]
fn row_28_a_topic_without_a_route_is_asked_for_as_ever() {
    let mut world = World::new();
    world.topic("T", &["a"]);
    world.ask_refresh("T");
    world.run(Duration::ZERO);
    assert!(world.route("T").is_some());
}

#[test]
fn row_45_every_reason_for_having_no_route_has_its_own_error() {
    let mut world = World::with(config().with_auto_create_topic(false));
    for server in ["ns1", "ns2"] {
        world.tell(server, "Denied", 16, "");
        world.tell(server, "Bad", 0, "[]");
        world.tell(server, "Empty", 0, "{}");
    }
    for topic in ["Denied", "Bad", "Empty", "Missing"] {
        world.ask_route(topic);
    }
    world.run(Duration::ZERO);
    assert!(matches!(world.failure("Denied"), Some(RouteError::Refused { code: 16, .. })));
    assert!(matches!(world.failure("Bad"), Some(RouteError::BadRoute { .. })));
    assert!(matches!(world.failure("Empty"), Some(RouteError::NoWritableQueue { .. })));
    assert!(matches!(world.failure("Missing"), Some(RouteError::TopicNotFound { .. })));

    let mut world = World::new();
    world.host("ns1", Host::Refuses);
    world.host("ns2", Host::Swallows);
    world.ask_route("T");
    world.run(2 * SECOND);
    let Some(RouteError::NameServersUnreachable { causes }) = world.failure("T") else {
        panic!("{:?}", world.failure("T"));
    };
    assert_eq!(causes[0], (address("ns1"), "cannot connect: connection refused".to_owned()));
    assert_eq!(causes[1].0, address("ns2"));
}

#[test]
fn while_somebody_waits_unreachable_name_servers_are_asked_again_and_again() {
    let mut world = World::with(ProducerConfig::new("PG_TEST", "ns1:9876"));
    world.topic("T", &["a"]);
    world.host("ns1", Host::Refuses);
    world.ask_route("T");
    world.run(2 * SECOND);
    let rounds = world.routes.topic("T").unwrap().rounds;
    assert!((4..=6).contains(&rounds), "{rounds} rounds, with pauses that double");
    world.host("ns1", Host::Serves);
    world.run(SECOND);
    assert!(world.route("T").is_some(), "found in time for the one who waits");
}

#[test]
fn row_11_a_name_server_that_does_not_answer_is_asked_on_a_new_connection_next() {
    let mut world = World::with(ProducerConfig::new("PG_TEST", "ns1:9876"));
    world.topic("T", &["a"]);
    world.host("ns1", Host::Ignores);
    world.ask_route("T");
    world.run(10 * SECOND);
    let before = world.dials_of("ns1").len();
    world.host("ns1", Host::Serves);
    world.ask_route("T");
    world.run(SECOND);
    assert!(world.route("T").is_some());
    assert!(before > 1 || world.dials_of("ns1").len() > before, "the old one may be dead");
}

#[test]
fn row_27_a_failure_of_long_ago_is_no_answer_for_a_new_send() {
    let mut world = World::new();
    world.topic("T", &["a"]);
    for server in ["ns1", "ns2"] {
        world.host(server, Host::Ignores);
    }
    // The round outlasts the send that it was for.
    world.ask_route("T");
    world.run(20 * SECOND);
    assert!(matches!(world.failure("T"), Some(RouteError::NameServersUnreachable { .. })));
    for server in ["ns1", "ns2"] {
        world.host(server, Host::Serves);
    }
    world.ask_route("T");
    world.run(Duration::ZERO);
    assert!(world.route("T").is_some(), "asked at once");
}

#[test]
fn row_45_the_reason_is_still_told_when_the_wait_is_over() {
    let mut world = World::new();
    for server in ["ns1", "ns2"] {
        world.host(server, Host::Refuses);
    }
    world.ask_route("T");
    world.run(3 * SECOND);
    let dials = world.dials.len();
    world.ask_broker("a");
    world.run(30 * SECOND);
    assert!(matches!(world.failure("T"), Some(RouteError::NameServersUnreachable { .. })));
    assert_eq!(world.dials.len() - world.dials_of("a").len(), dials, "nobody is asked for nobody");
    world.run(60 * SECOND);
    assert!(world.routes.topic("T").is_none());
}

#[test]
fn a_topic_that_nobody_waits_for_is_asked_for_no_longer_and_forgotten() {
    let mut world = World::with(config().with_auto_create_topic(false));
    world.ask_route("T");
    world.run(3 * SECOND);
    let asked = world.queries().len();
    world.run(600 * SECOND);
    assert_eq!(world.queries().len(), asked);
    assert!(world.client.topics.is_empty());
    assert_eq!(world.client.deadline(), None, "an idle client sleeps");
}

#[test]
fn rounds_are_never_counted_backwards() {
    let mut world = World::with(config().with_auto_create_topic(false));
    for _ in 0..3 {
        world.ask_route("T");
        world.run(SECOND);
    }
    let before = world.routes.topic("T").unwrap().rounds;
    world.run(600 * SECOND);
    // A sender that still sees the forgotten topic must recognise the answer to its own question.
    world.ask_route("T");
    world.run(Duration::ZERO);
    let after = world.routes.topic("T").unwrap().rounds;
    assert!(after > before, "{after} after {before}");
}

#[test]
fn routes_in_use_are_refreshed_every_thirty_seconds_on_one_connection() {
    let mut world = World::connected(&["a"]);
    world.run_in_use("T", 300 * SECOND);
    let queries = world.queries().len();
    assert!((10..=13).contains(&queries), "{queries} in five minutes");
    assert_eq!(world.dials_of("ns1").len(), 1);
    let version = world.routes.version;
    world.run_in_use("T", 300 * SECOND);
    assert_eq!(world.routes.version, version, "nothing is published when nothing has changed");
}

#[test]
fn row_26_brokers_are_reached_where_the_translation_says() {
    let inside_out = |broker: &str, advertised: &Address| {
        assert_eq!(*advertised, address(broker), "it is asked once, with what was advertised");
        Address { host: format!("outside-{broker}").into(), port: 30_911 }
    };
    let mut world = World::with(config().with_address_translation(Arc::new(inside_out)));
    world.topic("T", &["a"]);
    world.ask_route("T");
    world.run(Duration::ZERO);
    let route = world.route("T").unwrap();
    let reached_at = Address { host: "outside-a".into(), port: 30_911 };
    assert_eq!(route.master("a"), Some(&reached_at));
    assert_eq!(route.advertised("a"), Some(&address("a")));
    let version = world.routes.version;
    world.run(60 * SECOND);
    assert_eq!(world.routes.version, version, "the same route again is no news");
}

#[test]
fn row_36_the_rotation_goes_on_where_it_was_when_the_route_changes() {
    let mut world = World::connected(&["a"]);
    let usage = world.route("T").unwrap().usage();
    world.topic("T", &["a", "b"]);
    world.run(30 * SECOND);
    let route = world.route("T").unwrap();
    assert_eq!(route.queues().len(), 4);
    assert!(Arc::ptr_eq(&route.usage(), &usage));
}

impl World {
    pub(super) fn cut_name_servers(&mut self) {
        let links = self.sockets.iter().filter(|(_, socket)| socket.address.port == 9876);
        for link in links.map(|(link, _)| *link).collect::<Vec<_>>() {
            self.sockets.remove(&link);
            self.handle(Input::Closed { link, cause: LinkError::ClosedByPeer });
        }
    }
}

#[test]
fn row_35_a_suspension_outlives_a_brokers_absence() {
    let mut world = World::connected(&["a", "b"]);
    world.routes.health("a").unwrap().suspend();
    world.topic("T", &["b"]);
    world.run_in_use("T", 60 * SECOND);
    world.topic("T", &["a", "b"]);
    world.run_in_use("T", 60 * SECOND);
    assert_eq!(world.routes.health("a").unwrap().state(), BrokerState::Suspended);
}

#[test]
fn row_15_strict_order_keeps_its_layout_while_there_is_nothing_to_write_to() {
    let mut world = World::with(config().with_strict_order(true));
    world.topic("T", &["a", "b"]);
    world.ask_route("T");
    world.run(SECOND);
    world.topic("T", &[]);
    world.run(300 * SECOND);
    world.topic("T", &["b"]);
    world.run(60 * SECOND);
    assert_eq!(world.route("T").unwrap().key_layout().len(), 4, "of both brokers");
}

#[test]
fn row_15_an_update_that_fails_leaves_the_layout_of_strict_order_as_it_was() {
    let mut world = World::with(config().with_strict_order(true));
    world.topic("T", &["a", "b"]);
    world.ask_route("T");
    world.run(SECOND);
    let update = |world: &mut World| {
        let until = world.now.instant + 4 * SECOND;
        world.handle(Input::Ask { ask: Ask::Update("T".into()), until });
        world.run(10 * SECOND);
    };
    for server in ["ns1", "ns2"] {
        world.host(server, Host::Ignores);
    }
    update(&mut world);
    for server in ["ns1", "ns2"] {
        world.host(server, Host::Serves);
    }
    world.topic("T", &["b"]);
    world.run_in_use("T", 120 * SECOND);
    let route = world.route("T").unwrap();
    assert_eq!((route.queues().len(), route.key_layout().len()), (2, 4));
    update(&mut world);
    assert_eq!(world.route("T").unwrap().key_layout().len(), 2, "one that succeeds does not");
}

#[test]
fn row_27_a_silent_name_server_leaves_time_for_the_next_within_a_short_send() {
    let mut world = World::new();
    world.topic("T", &["a"]);
    world.host("ns1", Host::Swallows);
    let until = world.now.instant + SECOND;
    world.handle(Input::Ask { ask: Ask::Route("T".into()), until });
    world.run(600 * MS);
    assert!(world.route("T").is_some());
}

#[test]
fn row_40_a_topic_that_is_not_there_yet_follows_the_default_topic_until_it_is() {
    let mut world = World::new();
    world.topic(DEFAULT_TOPIC, &["a"]);
    world.ask_route("New");
    world.run(SECOND);
    world.topic(DEFAULT_TOPIC, &["a", "b"]);
    world.run_in_use("New", 60 * SECOND);
    let route = world.route("New").unwrap();
    assert!(route.is_fallback() && route.master("b").is_some());
    // Created as it was thought to be: that is news all the same.
    world.topic("New", &["a", "b"]);
    world.run_in_use("New", 60 * SECOND);
    assert!(!world.route("New").unwrap().is_fallback());
    let asked = world.queries().len();
    world.run_in_use("New", 60 * SECOND);
    assert!(world.queries()[asked..].iter().all(|(_, topic)| *topic == "New"));
}
