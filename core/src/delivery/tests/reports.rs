//! What is told of attempts to those who watch, and of brokers to the client.

use super::*;
use crate::{
    delivery::{
        AttemptEnd::{self, Failed, HandedOver, Stored, StoredLate},
        AttemptReport::{Begun, Ended},
    },
    model::SendStatus::SendOk,
};

/// An attempt, its broker, and, if it is over, how long it took and how it has ended.
type Brief = (u32, String, Option<(Duration, AttemptEnd)>);

fn reports(world: &mut World) -> Vec<Brief> {
    let brief = |report| match report {
        Begun { number, queue, address } => {
            assert_eq!(*address.host, *queue.broker_name);
            (number, queue.broker_name.to_string(), None)
        }
        Ended { number, queue, elapsed, end, .. } => {
            (number, queue.broker_name.to_string(), Some((elapsed, end)))
        }
    };
    world.delivery.take_reports().into_iter().map(brief).collect()
}

fn watched(config: ProducerConfig, brokers: &[&str]) -> World {
    let mut world = World::new(config, brokers);
    world.delivery.watch();
    world
}

#[test]
fn attempts_are_reported_when_they_begin_and_when_they_end() {
    let mut world = watched(config(), &["a", "b"]);
    world.calls("a");
    assert_eq!(reports(&mut world), [(0, "a".to_owned(), None)]);
    world.pass(7 * MS);
    world.answer(14);
    world.calls("b");
    let refused = AttemptFailure::Refused { code: 14, remark: "because".to_owned() };
    let end = Some((7 * MS, Failed(refused)));
    assert_eq!(reports(&mut world), [(0, "a".to_owned(), end), (1, "b".to_owned(), None)]);
    world.pass(2 * MS);
    world.answer(0);
    assert!(world.done().is_ok());
    assert_eq!(reports(&mut world), [(1, "b".to_owned(), Some((2 * MS, Stored(SendOk))))]);
}

#[test]
fn an_attempt_that_never_got_a_connection_is_reported_like_any_other() {
    let mut world = watched(config().with_retry(0), &["a"]);
    world.disconnect("a", 0, false);
    let (_, until) = world.waits();
    world.pass_until(until);
    world.error();
    let [(0, _, None), (0, broker, Some((_, Failed(why))))] = &reports(&mut world)[..] else {
        panic!("other reports");
    };
    assert_eq!((&**broker, why), ("a", &AttemptFailure::NotConnected));
}

#[test]
fn a_late_success_is_the_second_end_of_its_attempt() {
    let mut world = watched(config(), &["a", "b"]);
    world.calls("a");
    world.pass(1000 * MS);
    world.fail(CallError::Expired { lent: true });
    world.calls("b");
    let _ = reports(&mut world);
    world.pass(100 * MS);
    world.late(0, |world| world.answer(0));
    assert!(world.done().is_ok());
    assert_eq!(reports(&mut world), [(0, "a".to_owned(), Some((1100 * MS, StoredLate(SendOk))))]);
}

#[test]
fn a_oneway_attempt_ends_when_it_is_handed_over() {
    let mut world =
        World::with_parcel(config(), parcel().oneway(), SendOptions::new()).reaching(&["a"]);
    world.delivery.watch();
    world.calls("a");
    world.pass(MS);
    world.hand_over();
    assert!(world.end().is_ok());
    let ends = reports(&mut world);
    assert_eq!(ends[1], (0, "a".to_owned(), Some((MS, HandedOver))));
}

#[test]
fn nothing_is_kept_where_nobody_watches() {
    let mut world = World::new(config(), &["a", "b"]);
    world.calls("a");
    world.answer(14);
    world.calls("b");
    assert!(reports(&mut world).is_empty());
}

#[test]
fn row_55_the_send_that_changes_a_brokers_state_says_so_and_no_other_does() {
    let health = World::new(config(), &["a"]).health("a");
    let mut said = Vec::new();
    let send = |code: i32, said: &mut Vec<usize>| {
        let mut world = World::new(config().with_retry(0), &["a"]);
        world.share_health("a", &health);
        world.calls("a");
        world.answer(code);
        let _ = world.done();
        assert!(world.noticed.iter().all(|broker| broker == "a"));
        said.push(world.noticed.len());
    };
    (0..7).for_each(|_| send(14, &mut said));
    assert_eq!(said, [0, 0, 1, 0, 1, 0, 0], "degraded, and unhealthy");
    said.clear();
    (0..7).for_each(|_| send(0, &mut said));
    assert_eq!(said, [0, 0, 0, 0, 1, 0, 0], "healthy");
}
