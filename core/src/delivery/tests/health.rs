//! Brokers that are ill, and what sends make of them.

use std::collections::BTreeMap;

use super::*;
use crate::{model::RoutingStrategy, route::BrokerState};

#[test]
fn row_35_an_ill_broker_is_avoided_and_the_least_bad_one_used_when_all_are_ill() {
    let mut world = World::new(config(), &["a", "b"]);
    let sick = |world: &mut World, broker: &str, failures| {
        let (health, now) = (world.health(broker), world.now.instant);
        (0..failures).for_each(|_| _ = health.report_failure(now, false));
    };
    sick(&mut world, "a", 5);
    world.calls("b");
    world.fail(lost());

    let mut world = World::new(config(), &["a", "b"]);
    world.health("b").suspend();
    sick(&mut world, "a", 5);
    world.calls("a");
}

#[test]
fn row_35_what_a_send_meets_is_counted_to_its_broker() {
    let mut world = World::new(config(), &["a", "b"]);
    for broker in ["a", "b"] {
        world.health(broker);
    }
    world.calls("a");
    world.fail(lost());
    world.calls("b");
    world.pass(30 * MS);
    world.answer(0);
    let _ = world.done().unwrap();
    let now = world.now.instant;
    let (a, b) = (world.health("a").stats(now), world.health("b").stats(now));
    assert_eq!((a.failure_count, a.success_count), (1, 0));
    assert_eq!((b.failure_count, b.success_count, b.avg_latency), (0, 1, 30 * MS));
}

#[test]
fn what_is_the_messages_or_the_topics_fault_is_not_the_brokers() {
    for code in [13, 16, 17, 3, 29] {
        let mut world = World::new(config().with_retry(0), &["a"]);
        world.health("a");
        world.calls("a");
        world.answer(code);
        world.error();
        let now = world.now.instant;
        assert_eq!(world.health("a").stats(now).failure_count, 0, "code {code}");
    }
}

#[test]
fn row_35_an_unhealthy_broker_gets_first_attempts_one_at_a_time_and_recovers() {
    let mut world = World::new(config(), &["a", "b"]);
    let health = world.health("a");
    (0..5).for_each(|_| _ = health.report_failure(world.now.instant, false));
    assert_eq!(health.state(), BrokerState::Unhealthy);
    let routes = world.routes;
    let mut asked = Vec::new();
    for round in 0..40_u32 {
        let mut world = World::unrouted(config().with_timeout(9_000 * MS), message());
        world.routes = routes.clone();
        world.pass(round * 100 * MS);
        let (broker, _) = world.call();
        world.answer(0);
        let _ = world.done().unwrap();
        asked.push(broker);
    }
    let first = asked.iter().position(|broker| broker == "a");
    assert!(first.is_some_and(|first| (5..8).contains(&first)), "after half a second: {asked:?}");
    assert_eq!(health.state(), BrokerState::Healthy);
    let share = asked.iter().rev().take(10).filter(|broker| *broker == "a").count();
    assert_eq!(share, 5, "its share is its own again");
}

#[test]
fn row_35_ill_brokers_recover_where_nothing_is_retried_too() {
    for failures in [3, 5] {
        let mut world = World::new(config(), &["a", "b"]);
        let health = world.health("a");
        (0..failures).for_each(|_| _ = health.report_failure(world.now.instant, false));
        let routes = world.routes;
        for round in 0..100 {
            let mut world =
                World::unrouted(config().with_retry(0).with_timeout(60_000 * MS), message());
            world.routes = routes.clone();
            world.pass(round * 100 * MS);
            world.call();
            world.answer(0);
            let _ = world.done().unwrap();
        }
        assert_eq!(health.state(), BrokerState::Healthy);
    }
}

#[test]
fn row_35_the_share_of_a_broker_that_is_down_falls_on_all_others_alike() {
    for strategy in [RoutingStrategy::RoundRobin, RoutingStrategy::Random] {
        let config = config().with_routing_strategy(strategy);
        let mut world = World::new(config.clone(), &["a", "b", "c", "d"]);
        world.disconnect("a", 3, true);
        let routes = world.routes;
        let mut shares = BTreeMap::<_, u32>::new();
        for seed in 0..1_200 {
            let mut world = World::unrouted(config.clone(), message());
            world.delivery.pacing.jitter = fastrand::Rng::with_seed(seed);
            world.routes = routes.clone();
            *shares.entry(world.call().0).or_default() += 1;
        }
        assert!(shares.values().all(|share| (340..460).contains(share)), "{shares:?}");
        assert_eq!(shares.len(), 3);
    }
}

/// The brokers that a send is refused by, one after the other, until so many have.
fn refusals(world: &mut World, code: i32, count: usize) -> Vec<String> {
    let mut story = Vec::new();
    while story.len() < count {
        match world.step() {
            Step::Wait { until, .. } => world.pass_until(until),
            Step::Call { .. } => {
                story.push(world.delivery.request().unwrap().broker_name.to_owned());
                world.answer(code);
                // Other sends take turns as well.
                world.entry().route.as_ref().unwrap().take_turn();
            }
            other => panic!("{other:?}"),
        }
    }
    story
}

#[test]
fn row_35_no_retry_goes_to_the_broker_that_has_just_failed_where_there_is_another() {
    for strategy in [RoutingStrategy::RoundRobin, RoutingStrategy::Random] {
        for brokers in [&["a", "b"][..], &["a", "b", "c"]] {
            let config = config().with_timeout(60_000 * MS).with_routing_strategy(strategy);
            let mut world = World::new(config, brokers);
            let story = refusals(&mut world, 2, 9);
            assert!(story.windows(2).all(|two| two[0] != two[1]), "{story:?}");
        }
    }
}

#[test]
fn a_suspended_broker_is_left_alone_by_retries_too() {
    let mut world = World::new(config(), &["a", "b"]);
    world.health("b").suspend();
    assert_eq!(refusals(&mut world, 14, 2), ["a", "a"]);
}

#[test]
fn a_broker_that_was_recovered_by_hand_has_no_past() {
    let mut world = World::new(config(), &["a", "b"]);
    let health = world.health("a");
    for second in 0..40 {
        health.report_failure(world.now.instant + second * 9_000 * MS, false);
    }
    world.pass(40 * 9_000 * MS);
    health.recover();
    (0..5).for_each(|_| _ = health.report_failure(world.now.instant, false));
    assert_eq!(health.state(), BrokerState::Unhealthy);
    let (routes, fell_ill) = (world.routes, world.now.instant);
    let mut asked = Vec::new();
    for step in 0..4 {
        let mut world = World::unrouted(config().with_timeout(1_000_000_000 * MS), message());
        world.routes = routes.clone();
        world.now.instant = fell_ill + (501 + step) * MS;
        asked.push(world.call().0);
        world.answer(0);
        let _ = world.done().unwrap();
    }
    assert!(
        asked.iter().any(|broker| broker == "a"),
        "after the first pause of half a second: {asked:?}"
    );
}
