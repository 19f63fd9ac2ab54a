//! Producers that brokers ask about half messages.

use super::*;
use crate::command::CHECK_TRANSACTION_STATE;

/// One that answers, and has used a topic of these brokers.
fn answering(brokers: &[&str]) -> World {
    let mut world = World::new();
    world.client = world.client.answering_checks();
    world.topic("T", brokers);
    world.ask_route("T");
    world.run(Duration::ZERO);
    world
}

#[test]
fn row_13_one_that_answers_is_connected_with_all_brokers_of_its_topics() {
    let world = answering(&["a", "b"]);
    for broker in ["a", "b"] {
        assert!(world.is_up(broker), "no send has asked for it");
        assert_eq!(world.heartbeats_of(broker).len(), 1, "{broker} knows the group");
        assert_eq!(world.routes.broker_version(&address(broker)), Some(479));
    }
    let mut plain = World::new();
    plain.topic("T", &["a"]);
    plain.ask_route("T");
    plain.run(Duration::ZERO);
    assert!(plain.dials_of("a").is_empty(), "others connect when they send");
}

#[test]
fn row_13_it_is_known_again_after_every_reconnect() {
    let mut world = answering(&["a"]);
    for times in 2..10 {
        world.cut("a");
        world.run(8 * SECOND);
        assert!(world.is_up("a"));
        assert_eq!(world.heartbeats_of("a").len(), times);
    }
}

#[test]
fn the_version_is_that_of_the_connection_that_is_up() {
    let mut world = answering(&["a"]);
    world.host("a", Host::Ignores);
    world.cut("a");
    world.run(SECOND);
    assert!(world.is_up("a"));
    assert_eq!(world.routes.broker_version(&address("a")), None, "it has not answered on this one");
}

#[test]
fn row_13_brokers_can_ask_long_after_the_last_send() {
    let mut world = answering(&["a", "b"]);
    world.run(3_600 * SECOND);
    world.handle(Input::ClearExpiredRoutes);
    world.run(SECOND);
    assert!(world.route("T").is_some());
    for broker in ["a", "b"] {
        assert!(world.is_up(broker));
        assert_eq!(world.dials_of(broker).len(), 1, "on one and the same connection");
        assert_eq!(world.oneways_to(broker).len(), 120);
    }
}

#[test]
fn row_13_brokers_that_join_a_topic_are_told_and_those_that_leave_it_are_left() {
    let mut world = answering(&["a", "b"]);
    world.topic("T", &["b", "c"]);
    world.run(60 * SECOND);
    assert!(!world.is_up("a"));
    assert!(world.is_up("b") && world.is_up("c"));
}

#[test]
fn row_7_nobody_is_connected_anew_while_the_producer_leaves() {
    let mut world = answering(&["a"]);
    world.run(10 * SECOND);
    world.topic("T", &["a", "b"]);
    world.host("a", Host::Ignores);
    for server in ["ns1", "ns2"] {
        world.host(server, Host::Ignores);
    }
    world.ask_refresh("T");
    world.run(MS);
    world.handle(Input::Shutdown);
    world.handle(Input::Drained);
    let asked = world.pending.iter().find(|call| {
        world.sockets.get(&call.link).is_some_and(|socket| socket.address.port == 9876)
    });
    let chore = asked.expect("a question is out").chore;
    let route = frame(0, 1, route_json(&["a", "b"]));
    world.handle(Input::Answer { chore, outcome: Ok(route) });
    world.run(10 * SECOND);
    assert_eq!(world.dials_of("b"), []);
    assert_eq!(world.stopped, 1);
}

#[test]
fn row_13_a_brokers_question_is_passed_on_with_its_connection() {
    let mut world = answering(&["a"]);
    let link = world.link("a");
    let question = frame(CHECK_TRANSACTION_STATE, 2, "a half message");
    world.handle(Input::Request { link, frame: question.clone() });
    world.run(Duration::ZERO);
    assert_eq!(world.check_backs.len(), 1);
    assert_eq!((world.check_backs[0].0, &world.check_backs[0].1.body), (link, &question.body));
    assert!(world.responses.is_empty(), "the answer is a request of its own");
}
