//! What brokers hear from a producer that sends nothing, and what it makes of their silence.

use super::*;
use crate::route::HeartbeatStats;

#[test]
fn row_12_each_live_broker_hears_from_us_every_thirty_seconds_however_many_hang() {
    let brokers: Vec<String> = (0..50).map(|number| format!("b{number}")).collect();
    let brokers: Vec<&str> = brokers.iter().map(String::as_str).collect();
    let mut world = World::connected(&brokers);
    for dead in &brokers[..20] {
        world.host(dead, Host::Ignores);
    }
    world.run_in_use("T", 300 * SECOND);
    let expected: Vec<_> = (1..=10).map(|beat| 30 * SECOND * beat).collect();
    for live in &brokers[20..] {
        assert_eq!(world.oneways_to(live), expected, "{live}");
    }
    let queries = world.queries().len();
    assert!((10..=13).contains(&queries), "routes are refreshed as ever: {queries}");
}

#[test]
fn row_12_the_first_thing_that_a_broker_hears_is_a_heartbeat() {
    let world = World::connected(&["a"]);
    let first = world.calls.iter().find(|(_, to, _)| *to == address("a")).unwrap();
    let client_id = world.client.client_id().to_owned().into();
    assert_eq!(first.2, ClientCommand::Heartbeat { client_id, group: "PG_TEST".into() });
    assert!(world.oneways_to("a").is_empty());
}

#[test]
fn row_11_a_broker_that_falls_silent_is_found_before_a_send_meets_it() {
    for idle in [119, 120, 121] {
        let mut world = World::connected(&["a"]);
        world.run(idle * SECOND);
        let dead = world.link("a");
        world.host("a", Host::Ignores);
        world.run(13 * SECOND);
        assert!(
            world
                .closed
                .iter()
                .any(|(_, link, cause)| { (*link, cause) == (dead, &LinkError::Unresponsive) })
        );
        world.host("a", Host::Serves);
        world.run(4 * SECOND);
        assert_ne!(world.link("a"), dead, "a failed connection is never handed out again");
    }
}

#[test]
fn row_11_an_idle_connection_is_asked_for_a_sign_of_life_every_ten_seconds() {
    let mut world = World::connected(&["a"]);
    world.run(60 * SECOND);
    let expected: Vec<_> = (0..=6).map(|probe| 10 * SECOND * probe).collect();
    assert_eq!(world.heartbeats_of("a"), expected);
}

#[test]
fn row_11_a_connection_that_is_in_use_is_not_asked() {
    let mut world = World::connected(&["a"]);
    for _ in 0..20 {
        world.run(4 * SECOND);
        world.hear("a");
    }
    assert_eq!(world.heartbeats_of("a").len(), 1);
    world.run(10 * SECOND);
    assert_eq!(world.heartbeats_of("a")[1..], [90 * SECOND], "ten seconds after the last answer");
}

#[test]
fn row_11_a_broker_that_does_not_answer_its_first_heartbeat_is_given_up() {
    let mut world = World::new();
    world.host("a", Host::Ignores);
    world.ask_broker("a");
    world.run(3 * SECOND);
    assert_eq!(world.closed[0].2, LinkError::Unresponsive);
    assert!(world.oneways.is_empty());
}

#[test]
fn heartbeats_are_counted_for_each_broker_and_in_all() {
    let mut world = World::connected(&["a", "b"]);
    world.run(25 * SECOND);
    world.host("b", Host::Refuses);
    world.run(10 * SECOND);
    let counts = |stats: HeartbeatStats| (stats.sent, stats.succeeded, stats.failed);
    // Three that are answered and one that is not waited for; the last of b's is in vain.
    assert_eq!(counts(world.client.heartbeats_to(&address("a"))), (5, 5, 0));
    assert_eq!(counts(world.client.heartbeats_to(&address("b"))), (5, 4, 1));
    assert_eq!(counts(world.client.heartbeats()), (10, 9, 1));
    assert_eq!(counts(world.client.heartbeats_to(&address("c"))), (0, 0, 0));
}

#[test]
fn row_11_a_broker_that_sends_have_waited_for_in_vain_is_asked_at_once_and_has_little_time() {
    let mut world = World::connected(&["a"]);
    world.run_in_use("T", 5 * SECOND);
    let dead = world.link("a");
    world.host("a", Host::Ignores);
    for _ in 0..3 {
        world.handle(Input::Silent(dead));
    }
    world.run(700 * MS);
    assert_eq!(world.heartbeats_of("a").len(), 2, "the first of all, and one now");
    assert!(world.is_up("a"));
    world.run(100 * MS);
    assert!(!world.is_up("a"), "it had three quarters of a second");

    let mut world = World::connected(&["a"]);
    let slow = world.link("a");
    world.handle(Input::Silent(slow));
    world.run(5 * SECOND);
    assert_eq!(world.link("a"), slow, "whoever gives a sign of life is let be");
}

#[test]
fn row_13_senders_know_a_brokers_version_once_it_has_answered_and_not_before() {
    let mut world = World::new();
    world.topic("T", &["a", "b"]);
    world.host("a", Host::Ignores);
    world.ask_route("T");
    for broker in ["a", "b"] {
        world.ask_broker(broker);
    }
    world.run(SECOND);
    assert!(world.is_up("a") && world.is_up("b"));
    assert_eq!(world.routes.broker_version(&address("a")), None, "it has not said anything");
    assert_eq!(world.routes.broker_version(&address("b")), Some(479));
    assert_eq!(world.routes.broker_version(&address("c")), None);

    let before = world.routes.version;
    world.answer_late("a", 403);
    world.run(Duration::ZERO);
    assert_eq!(world.routes.broker_version(&address("a")), Some(403));
    assert_eq!(world.routes.version, before + 1);
    assert!(world.routes.news.others, "whoever has waited for it is told");
}

#[test]
fn row_13_a_broker_does_not_know_the_group_on_a_new_connection_until_it_has_answered_there() {
    let mut world = World::connected(&["a"]);
    world.run(10 * SECOND);
    assert_eq!(world.routes.broker_version(&address("a")), Some(479));
    world.host("a", Host::Ignores);
    world.cut("a");
    world.run(Duration::ZERO);
    assert_eq!(world.routes.broker_version(&address("a")), None);
    world.run(SECOND);
    assert!(world.is_up("a"));
    assert_eq!(world.routes.broker_version(&address("a")), None, "another broker may be there now");
    world.answer_late("a", 513);
    world.run(Duration::ZERO);
    assert_eq!(world.routes.broker_version(&address("a")), Some(513));
}

#[test]
fn row_37_a_retired_connection_takes_what_was_known_of_its_broker_with_it() {
    let mut world = World::connected(&["a"]);
    world.run(10 * SECOND);
    world.host("a", Host::Ignores);
    let old = world.link("a");
    world.handle(Input::GoAway(old));
    world.run(SECOND);
    assert_ne!(world.link("a"), old);
    assert_eq!(world.routes.broker_version(&address("a")), None, "nothing is known of the new one");
}

#[test]
fn row_13_a_refused_first_heartbeat_is_repeated_every_second_until_the_broker_knows_the_group() {
    let mut world = World::new();
    world.topic("T", &["a"]);
    world.host("a", Host::Denies);
    world.ask_route("T");
    world.ask_broker("a");
    world.run(3_500 * MS);
    let expected: Vec<_> = (0..=3).map(|beat| beat * SECOND).collect();
    assert_eq!(world.heartbeats_of("a"), expected, "each is to be answered");
    assert!(world.is_up("a"), "it is no reason to give the connection up");
    assert_eq!(world.routes.broker_version(&address("a")), None);
    assert!(world.oneways_to("a").is_empty());

    world.host("a", Host::Serves);
    world.run(SECOND);
    assert_eq!(world.routes.broker_version(&address("a")), Some(479));
    world.run_in_use("T", 31 * SECOND);
    assert_eq!(world.oneways_to("a"), [34 * SECOND], "from now on as ever");
}

#[test]
fn row_13_a_broker_that_has_forgotten_the_group_is_told_of_it_again() {
    let mut world = World::connected(&["a"]);
    world.host("a", Host::Denies);
    world.run(10 * SECOND);
    world.host("a", Host::Serves);
    world.run(2 * SECOND);
    let asked = [Duration::ZERO, 10 * SECOND, 11 * SECOND];
    assert_eq!(world.heartbeats_of("a"), asked, "a second after it was refused");
}
