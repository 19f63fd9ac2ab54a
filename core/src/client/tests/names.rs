//! Name servers that are given by name, and move.

use super::*;

#[test]
fn row_29_a_name_server_is_followed_to_where_its_name_leads() {
    let mut world = World::connected(&["a"]);
    world.run_in_use("T", 65 * SECOND);
    assert_eq!(world.lookups, [(30 * SECOND, address("ns1")), (60 * SECOND, address("ns1"))]);
    assert_eq!(world.dials_of("ns1").len(), 1, "nothing has changed");

    // The old address still answers.
    world.moved.insert(address("ns1"));
    world.run(25 * SECOND);
    world.moved.clear();
    world.ask_refresh("T");
    world.run(4 * SECOND);
    assert_eq!(world.dials_of("ns1").len(), 2, "asked anew where the name leads now");
    assert_eq!(world.closed.len(), 1, "and the old connection was given time to end");
    assert_eq!(world.failure("T"), None);
    assert!(world.is_up("a"), "no broker is concerned");
}

#[test]
fn row_29_addresses_are_not_looked_up_nor_are_brokers() {
    let config = ProducerConfig::new("PG_TEST", "10.0.0.1:9876;[fd00::1]:9876");
    let mut world = World::with(config);
    world.topic("T", &["a"]);
    world.ask_route("T");
    world.ask_broker("a");
    world.run_in_use("T", 300 * SECOND);
    assert!(world.is_up("a") && world.lookups.is_empty());
}

#[test]
fn names_are_not_looked_up_for_nobody() {
    let mut world = World::connected(&["a"]);
    world.run(600 * SECOND);
    assert_eq!(world.routes.topics.len(), 0);
    let lookups = world.lookups.len();
    world.run(600 * SECOND);
    assert_eq!(world.lookups.len(), lookups);
    world.ask_route("T");
    world.run(Duration::ZERO);
    assert_eq!(world.lookups.len(), lookups + 1, "made up for when somebody needs them");
}

#[test]
fn a_lookup_that_ends_after_its_connection_changes_nothing() {
    let mut world = World::connected(&["a"]);
    let link = world.link("a");
    world.cut("a");
    world.run(SECOND);
    let (version, dials) = (world.routes.version, world.dials.len());
    world.handle(Input::Resolved { link, moved: true });
    world.run(Duration::ZERO);
    assert_eq!((world.routes.version, world.dials.len()), (version, dials));
}
