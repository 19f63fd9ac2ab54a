//! Brokers fall ill and recover.

use std::time::Duration;

use super::{BrokerHealth, BrokerState::*};
use crate::time::Instant;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = SECOND;

fn at(time: Duration) -> Instant {
    Instant::default() + Duration::from_secs(1_000) + time
}

fn fail(health: &BrokerHealth, times: usize, time: Duration) {
    (0..times).for_each(|_| _ = health.report_failure(at(time), false));
}

fn succeed(health: &BrokerHealth, times: usize, time: Duration) {
    (0..times).for_each(|_| _ = health.report_success(at(time), MS, false));
}

#[test]
fn three_failures_degrade_five_make_unhealthy_and_five_successes_heal() {
    let health = BrokerHealth::default();
    for (failures, state) in [(2, Healthy), (1, Degraded), (1, Degraded), (1, Unhealthy)] {
        fail(&health, failures, MS);
        assert_eq!(health.state(), state);
    }
    for (successes, state) in [(4, Unhealthy), (1, Healthy)] {
        succeed(&health, successes, MS);
        assert_eq!(health.state(), state);
    }
    fail(&health, 3, MS);
    succeed(&health, 4, MS);
    assert_eq!(health.state(), Degraded);
    fail(&health, 1, MS);
    succeed(&health, 4, MS);
    assert_eq!(health.state(), Degraded, "what counts is successes in a row");
    succeed(&health, 1, MS);
    assert_eq!(health.state(), Healthy);
}

#[test]
fn row_35_an_unhealthy_broker_is_tried_by_one_send_at_a_time_after_pauses_that_double() {
    let health = BrokerHealth::default();
    let tried = |time| health.badness_in_turn(at(time), PATIENCE) == 0;
    fail(&health, 5, Duration::ZERO);
    assert!(!tried(499 * MS));
    assert!(tried(500 * MS));
    assert!(!tried(501 * MS), "one is under way");
    assert!(tried(1_500 * MS), "the one before has taken too long");
    fail(&health, 3, 1_600 * MS);
    assert!(!tried(2_599 * MS));
    assert!(tried(2_600 * MS), "a second after the failed try");
    succeed(&health, 1, 2_601 * MS);
    assert!(tried(2_601 * MS), "a success is followed by the next try at once");
}

#[test]
fn row_35_a_degraded_broker_keeps_a_share() {
    let health = BrokerHealth::default();
    fail(&health, 3, MS);
    let turns = (0..100).filter(|_| health.badness_in_turn(at(MS), PATIENCE) == 0).count();
    assert_eq!(turns, 25);
}

#[test]
fn a_new_connection_ends_the_pause() {
    let health = BrokerHealth::default();
    fail(&health, 5, Duration::ZERO);
    health.connected(at(10 * MS));
    assert_eq!(health.badness_in_turn(at(10 * MS), PATIENCE), 0);
}

#[test]
fn a_suspended_broker_is_left_alone_until_it_is_recovered_by_hand() {
    let health = BrokerHealth::default();
    health.suspend();
    succeed(&health, 50, MS);
    fail(&health, 50, MS);
    assert_eq!(health.state(), Suspended);
    assert_ne!(health.badness_in_turn(at(3_600 * SECOND), PATIENCE), 0);
    health.recover();
    assert_eq!(health.badness_in_turn(at(3_600 * SECOND), PATIENCE), 0);
}

#[test]
fn the_classic_table_keeps_sends_away_from_slow_brokers_where_it_is_asked_for() {
    for (latency, avoided) in [(549, 0), (550, 2_000), (1_800, 5_000), (3_000, 6_000)] {
        let health = BrokerHealth::default();
        health.report_success(at(Duration::ZERO), latency * MS, true);
        let bad = |ms: u32| health.badness(at(ms * MS)) != 0;
        assert_eq!((bad(avoided.max(1) - 1), bad(avoided)), (avoided > 0, false), "{latency} ms");
    }
    let health = BrokerHealth::default();
    health.report_success(at(Duration::ZERO), 20 * SECOND, false);
    assert_eq!(health.badness(at(MS)), 0, "where it is not, latency is only counted");
}

#[test]
fn what_happened_is_counted() {
    let health = BrokerHealth::default();
    for ms in 1..=200 {
        health.report_success(at(ms * MS), ms * MS, false);
    }
    fail(&health, 2, 300 * MS);
    let stats = health.stats(at(SECOND));
    assert_eq!((stats.success_count, stats.failure_count), (200, 2));
    assert_eq!((stats.consecutive_successes, stats.consecutive_failures), (0, 2));
    assert_eq!((stats.avg_latency, stats.max_latency), (100_500 * MS / 1_000, 200 * MS));
    assert_eq!(stats.recent_latencies.len(), 100);
    assert!(stats.recent_latencies.iter().all(|latency| *latency > 100 * MS));
    assert_eq!(stats.since_last_success, Some(800 * MS));
    assert_eq!(stats.since_last_failure, Some(700 * MS));
}
