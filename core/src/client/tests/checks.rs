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
fn row_13_topics_that_nobody_sends_to_any_more_are_still_asked_about() {
    let mut world = answering(&["a"]);
    world.run(3_600 * SECOND);
    assert!(world.route("T").is_some() && world.is_up("a"));
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
