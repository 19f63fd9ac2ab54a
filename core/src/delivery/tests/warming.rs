//! Waiting for a topic's route alone, and for connections to its brokers.

use super::*;
use crate::delivery::Routing;

/// What is known, and who wants to know more.
struct Warming {
    world: World,
    routing: Routing,
}

impl Warming {
    /// Somebody who has three seconds, and knows nothing of the topic yet.
    fn new(wanted: impl FnOnce(Routing) -> Routing) -> Self {
        let world = World::unrouted(config(), message());
        let deadline = world.now.instant + 3_000 * MS;
        Self { routing: wanted(Routing::new(world.now, TOPIC.into(), deadline)), world }
    }

    fn step(&mut self) -> Step<Result<Arc<TopicRoute>, SendErrorKind>> {
        self.routing.step(self.world.now, &self.world.routes)
    }

    /// What it waits for; until the end in any case.
    fn waits_for(&mut self) -> Ask {
        match self.step() {
            Step::Wait { ask: Some(ask), until } => {
                assert_eq!(until, self.routing.deadline());
                ask
            }
            other => panic!("a wait was expected, not {other:?}"),
        }
    }

    fn done(&mut self) -> Result<Vec<String>, SendErrorKind> {
        match self.step() {
            Step::Done(Ok(route)) => {
                Ok(route.brokers().map(|(name, _)| name.to_string()).collect())
            }
            Step::Done(Err(kind)) => Err(kind),
            other => panic!("the end was expected, not {other:?}"),
        }
    }

    fn time_out(&mut self) {
        self.world.pass(3_000 * MS);
    }
}

fn not_found() -> RouteError {
    RouteError::TopicNotFound { topic: TOPIC.into(), asked: vec![address("ns")] }
}

fn unreachable() -> RouteError {
    RouteError::NameServersUnreachable { causes: Vec::new() }
}

#[test]
fn a_route_is_asked_for_and_is_enough_whether_or_not_its_brokers_are_connected() {
    let mut warming = Warming::new(|routing| routing);
    assert_eq!(warming.waits_for(), Ask::Route(TOPIC.into()));
    assert_eq!(warming.routing.topic(), TOPIC);
    warming.world.set_route(&["a", "b"]);
    assert_eq!(warming.done().unwrap(), ["a", "b"]);
}

#[test]
fn row_36_to_warm_up_all_brokers_are_connected_or_have_failed_to_be() {
    let mut warming = Warming::new(Routing::connecting);
    warming.waits_for();
    warming.world.set_route(&["a", "b", "c"]);
    warming.world.connect("b");
    for broker in ["a", "c"] {
        assert_eq!(warming.waits_for(), Ask::Connection(address(broker)));
        assert_eq!(warming.waits_for(), Ask::Connection(address(broker)), "until it is told");
        match broker {
            "a" => warming.world.connect("a"),
            failed => warming.world.disconnect(failed, 1, true),
        }
    }
    assert_eq!(warming.done().unwrap(), ["a", "b", "c"]);
}

#[test]
fn a_broker_that_is_not_connected_in_time_is_no_failure() {
    let mut warming = Warming::new(Routing::connecting);
    warming.world.set_route(&["a"]);
    warming.waits_for();
    warming.time_out();
    assert_eq!(warming.done().unwrap(), ["a"]);
}

#[test]
fn row_45_why_there_is_no_route_is_told_as_soon_as_it_is_certain() {
    let mut warming = Warming::new(|routing| routing);
    warming.world.fail_route(not_found());
    assert_eq!(warming.waits_for(), Ask::Route(TOPIC.into()), "an old answer is no answer");
    warming.world.fail_route(not_found());
    assert_eq!(warming.done(), Err(SendErrorKind::Route(not_found())));
}

#[test]
fn row_45_what_may_pass_is_waited_for_until_the_end_and_told_then() {
    let mut warming = Warming::new(|routing| routing);
    warming.waits_for();
    warming.world.fail_route(unreachable());
    warming.waits_for();
    warming.time_out();
    assert_eq!(warming.done(), Err(SendErrorKind::Route(unreachable())));
}

#[test]
fn row_46_a_route_that_never_comes_is_a_timeout_that_says_so() {
    let mut warming = Warming::new(|routing| routing);
    warming.waits_for();
    warming.time_out();
    let after = 3_000 * MS;
    let timed_out = SendErrorKind::TimedOut { phase: TimeoutPhase::Route, after };
    assert_eq!(warming.done(), Err(timed_out));
}

#[test]
fn row_7_shutting_down_ends_the_wait() {
    let mut warming = Warming::new(Routing::connecting);
    warming.world.set_route(&["a"]);
    warming.waits_for();
    warming.world.close();
    assert_eq!(warming.done(), Err(SendErrorKind::ShuttingDown(LinkError::ShuttingDown)));
}
