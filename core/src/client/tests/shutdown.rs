//! Leaving: everything said, everything closed, and never for ever.

use super::*;

impl World {
    fn goodbyes(&self) -> Vec<&str> {
        let goodbye = |command: &ClientCommand| matches!(command, ClientCommand::Unregister { .. });
        let calls = self.calls.iter().filter(|(.., command)| goodbye(command));
        calls.map(|(_, to, _)| &*to.host).collect()
    }

    fn is_gone(&self) -> bool {
        let everything_closed = self.sockets.is_empty() && self.client.deadline().is_none();
        everything_closed && self.routes.phase == Phase::Closed(LinkError::ShuttingDown)
    }
}

#[test]
fn row_7_leaving_waits_for_sends_says_goodbye_and_closes() {
    let mut world = World::connected(&["a", "b"]);
    world.handle(Input::Shutdown);
    world.run(SECOND);
    assert_eq!(world.routes.phase, Phase::Running, "sends in flight go on");
    assert!(world.goodbyes().is_empty());

    world.handle(Input::Drained);
    world.run(Duration::ZERO);
    assert_eq!(world.goodbyes(), ["a", "b"]);
    assert_eq!((world.stopped, world.cut_off), (1, 0));
    assert!(world.is_gone());
    assert!(world.closed.iter().all(|(.., cause)| *cause == LinkError::ShuttingDown));
    assert_eq!(world.closed.len(), 3, "two brokers and a name server");
}

#[test]
fn row_7_sends_still_find_their_way_while_the_client_drains() {
    let mut world = World::connected(&["a"]);
    world.topic("U", &["b"]);
    world.handle(Input::Shutdown);
    world.ask_route("U");
    world.ask_broker("b");
    world.run(SECOND);
    assert!(world.route("U").is_some() && world.is_up("b"));
}

#[test]
fn row_9_leaving_ends_in_time_when_brokers_are_silent() {
    let mut world = World::connected(&["a", "b"]);
    world.host("a", Host::Ignores);
    world.handle(Input::Shutdown);
    world.handle(Input::Drained);
    world.run(999 * MS);
    assert_eq!(world.stopped, 0);
    // A goodbye is not worth all of the three seconds that a shutdown may take.
    world.run(MS);
    assert_eq!((world.stopped, world.cut_off), (1, 0));
    assert!(world.is_gone());
}

#[test]
fn row_9_leaving_ends_in_time_when_sends_do_not() {
    let mut world = World::connected(&["a"]);
    world.handle(Input::Shutdown);
    world.run(3 * SECOND);
    assert_eq!((world.stopped, world.cut_off), (1, 1));
    assert!(world.goodbyes().is_empty());
    assert!(world.is_gone());
}

#[test]
fn a_client_that_knows_nobody_leaves_at_once() {
    let mut world = World::new();
    world.handle(Input::Shutdown);
    world.handle(Input::Drained);
    world.run(Duration::ZERO);
    assert_eq!((world.stopped, world.cut_off), (1, 0));
    assert!(world.is_gone());
}

#[test]
fn a_dial_that_is_under_way_is_ended_too() {
    let mut world = World::new();
    world.host("a", Host::Swallows);
    world.ask_broker("a");
    world.handle(Input::Shutdown);
    world.handle(Input::Drained);
    world.run(Duration::ZERO);
    assert_eq!(world.closed.len(), 1);
    assert!(world.is_gone());
}

#[test]
fn brokers_that_went_away_while_saying_goodbye_hold_up_nobody() {
    let mut world = World::connected(&["a"]);
    world.host("a", Host::Ignores);
    world.handle(Input::Shutdown);
    world.handle(Input::Drained);
    world.settle();
    world.cut("a");
    world.run(Duration::ZERO);
    assert_eq!((world.stopped, world.cut_off), (1, 0));
    assert!(world.is_gone());
}

#[test]
fn nobody_hears_from_us_after_the_goodbye() {
    let mut world = World::connected(&["a", "b"]);
    world.run(29 * SECOND);
    world.host("a", Host::Ignores);
    world.handle(Input::Shutdown);
    world.handle(Input::Drained);
    world.run(3 * SECOND);
    assert_eq!((world.stopped, world.cut_off), (1, 0));
    let (beats, dials) = (world.heartbeats_of("b"), world.dials_of("b"));
    assert_eq!((beats.len(), dials.len()), (3, 1), "no heartbeat may register the group again");
    assert!(world.oneways.is_empty());
}

#[test]
fn after_the_last_word_nothing_matters() {
    let mut world = World::connected(&["a"]);
    let link = world.link("a");
    for _ in 0..2 {
        world.handle(Input::Shutdown);
        world.handle(Input::Drained);
    }
    world.run(Duration::ZERO);
    world.handle(Input::Opened(link));
    world.handle(Input::GoAway(link));
    world.handle(Input::Closed { link, cause: LinkError::ClosedByPeer });
    world.ask_route("U");
    world.ask_broker("b");
    world.handle(Input::Shutdown);
    world.handle(Input::Drained);
    world.client.handle_timeout(world.now);
    world.run(100 * SECOND);
    assert_eq!(world.stopped, 1, "said once");
}
