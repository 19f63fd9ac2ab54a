//! Room on a connection: when there is none, who gets it next, and who need not wait.

use super::*;
use crate::link::LinkError;

#[test]
fn row_6_a_full_connection_takes_no_call_until_one_is_over() {
    let mut bench = Bench::in_flight_max(2);
    bench.call(1);
    bench.call(2);
    assert_eq!(bench.try_call(3, MS, ""), Err(Refusal::Full));
    let opaque = bench.deliver()[0].1;
    assert_eq!(bench.try_call(3, MS, ""), Err(Refusal::Full), "writing is not enough");
    bench.hear([answer(opaque, 0)]);
    assert_eq!(bench.try_call(3, MS, ""), Ok(()));
    bench.end();
}

#[test]
fn row_6_queued_bytes_are_bounded_but_one_call_may_exceed_the_bound() {
    let mut bench = Bench::new(LinkConfig { queue_bytes_max: 10_000, ..LinkConfig::default() });
    assert_eq!(bench.try_call(1, MS, vec![0; 50_000]), Ok(()), "nothing is too large to be sent");
    assert_eq!(bench.try_call(2, MS, ""), Err(Refusal::Full));
    assert!((50_000..50_100).contains(&bench.link.queued_bytes()));
    bench.deliver();
    assert_eq!(bench.try_call(2, MS, ""), Ok(()), "lending makes room");
    bench.end();
}

#[test]
fn row_6_waits_are_granted_first_come_first_served() {
    let mut bench = Bench::in_flight_max(2);
    bench.call(1);
    bench.call(2);
    for name in [3, 4, 5] {
        bench.wait_for_room(name, 1000 * MS);
    }
    assert_eq!(bench.told(), []);
    let opaques = bench.deliver();
    bench.hear([answer(opaques[1].1, 0)]);
    assert_eq!(bench.told(), [Told::Answered(2, 0), Told::Room(3)]);
    assert_eq!(bench.try_call(6, MS, ""), Err(Refusal::Full), "a newcomer overtakes nobody");
    assert_eq!(bench.granted_call(3), Ok(()));
    bench.hear([answer(opaques[0].1, 0)]);
    assert_eq!(bench.told(), [Told::Answered(1, 0), Told::Room(4)]);
    assert_eq!(bench.granted_call(4), Ok(()));
    assert_eq!(bench.told(), [], "5 waits on");
    bench.end();
}

#[test]
fn row_6_whoever_finds_the_granted_room_gone_keeps_its_place() {
    let mut bench = Bench::in_flight_max(1);
    bench.call(1);
    let opaque = bench.deliver()[0].1;
    bench.wait_for_room(2, 1000 * MS);
    bench.wait_for_room(3, 1000 * MS);
    bench.hear([answer(opaque, 0)]);
    assert_eq!(bench.told(), [Told::Answered(1, 0), Told::Room(2)]);
    // A probe goes ahead of everybody.
    bench.probe(9, 1000 * MS);
    assert_eq!(bench.granted_call(2), Err(Refusal::Full));
    bench.link.wait_for_room_again(Token::new(2), bench.now.instant + 1000 * MS);
    let opaque = bench.deliver()[0].1;
    bench.hear([answer(opaque, 0)]);
    assert_eq!(bench.told(), [Told::Answered(9, 0), Told::Room(2)], "still before 3");
    bench.link.handle_declined();
    assert_eq!(bench.told(), [Told::Room(3)], "what 2 does not want is 3's");
    bench.end();
}

#[test]
fn lending_grants_room_to_those_who_wait_for_bytes() {
    let mut bench = Bench::new(LinkConfig { queue_bytes_max: 1, ..LinkConfig::default() });
    bench.call(1);
    bench.wait_for_room(2, 1000 * MS);
    assert_eq!(bench.told(), []);
    bench.lend();
    assert_eq!(bench.told(), [Told::Room(2)]);
    bench.end();
}

#[test]
fn a_wait_that_finds_room_after_all_is_granted_at_once() {
    let mut bench = Bench::roomy();
    bench.wait_for_room(1, 1000 * MS);
    assert_eq!(bench.told(), [Told::Room(1)]);
    bench.end();
}

#[test]
fn a_wait_ends_with_its_deadline_and_the_others_keep_their_order() {
    let mut bench = Bench::in_flight_max(1);
    bench.call(1);
    let opaque = bench.deliver()[0].1;
    bench.wait_for_room(2, 300 * MS);
    bench.wait_for_room(3, 100 * MS);
    bench.wait_for_room(4, 200 * MS);
    bench.pass(100 * MS);
    assert_eq!(bench.link.deadline().expect("a wait is due").at, bench.now.instant);
    bench.link.handle_timeout(bench.now);
    assert_eq!(bench.told(), [Told::Failed(3, CallError::Full)]);
    bench.hear([answer(opaque, 0)]);
    assert_eq!(bench.told(), [Told::Answered(1, 0), Told::Room(2)]);
    bench.end();
}

#[test]
fn an_expired_call_makes_room() {
    let mut bench = Bench::in_flight_max(1);
    bench.try_call(1, 10 * MS, "").unwrap();
    bench.wait_for_room(2, 1000 * MS);
    bench.pass(10 * MS);
    bench.link.handle_timeout(bench.now);
    let expired = Told::Failed(1, CallError::Expired { lent: false });
    assert_eq!(bench.told(), [expired, Told::Room(2)]);
    bench.end();
}

#[test]
fn those_who_wait_when_the_connection_ends_have_sent_nothing() {
    let mut bench = Bench::in_flight_max(0);
    bench.wait_for_room(1, 1000 * MS);
    bench.wait_for_room(2, 1000 * MS);
    bench.link.handle_closed(LinkError::Retired);
    let unsent = CallError::Unsent(LinkError::Retired);
    assert_eq!(bench.told(), [Told::Failed(1, unsent.clone()), Told::Failed(2, unsent)]);
}

#[test]
fn row_6_a_probe_gets_through_a_full_connection() {
    let mut bench =
        Bench::new(LinkConfig { in_flight_max: 1, queue_bytes_max: 1, ..LinkConfig::default() });
    bench.call(1);
    assert_eq!(bench.try_call(2, MS, ""), Err(Refusal::Full));
    bench.probe(3, 1000 * MS);
    assert_eq!(bench.link.in_flight(), 2);
    assert_eq!(bench.deliver().len(), 2);
    bench.end();
}

#[test]
fn a_probe_is_given_up_only_after_the_peer_was_silent_for_its_patience() {
    let mut bench = Bench::roomy();
    bench.probe(1, 100 * MS);
    bench.deliver();
    for _ in 0..10 {
        bench.pass(60 * MS);
        bench.hear([answer(99, 0)]);
        bench.link.handle_timeout(bench.now);
        assert_eq!(bench.told(), [], "a peer that is heard is alive");
    }
    let due = bench.link.deadline().expect("the probe is due");
    assert_eq!(due.at, bench.now.instant + 100 * MS);
    bench.pass(100 * MS);
    bench.link.handle_timeout(bench.now);
    assert_eq!(bench.told(), [Told::Failed(1, CallError::Expired { lent: true })]);
}
