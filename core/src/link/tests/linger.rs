//! Answers that come after their deadline, and peers that are busy.

use super::*;
use crate::link::LinkError;

const EXPIRED: CallError = CallError::Expired { lent: true };

fn call_that_lingers(bench: &mut Bench, name: u32, until: Duration) {
    let token = Token::lingering(name, bench.now.instant + until);
    bench.put_token(token, 100 * MS, Bytes::new(), Manner::Usual).unwrap();
}

#[test]
fn an_overdue_call_is_told_so_and_comes_out_again_with_its_late_answer() {
    let mut bench = Bench::roomy();
    call_that_lingers(&mut bench, 1, 500 * MS);
    let opaque = bench.deliver()[0].1;
    bench.pass(100 * MS);
    bench.link.handle_timeout(bench.now);
    assert_eq!(bench.told(), [Told::Failed(1, EXPIRED)]);
    assert_eq!(bench.calls(), (1, 0), "the peer may still be at it");
    bench.pass(200 * MS);
    bench.hear([answer(opaque, 0)]);
    assert_eq!(bench.told(), [Told::Answered(1, 0)]);
    bench.end();
}

#[test]
fn an_overdue_call_that_is_never_answered_comes_out_again_at_its_end() {
    let mut bench = Bench::roomy();
    for name in [1, 2] {
        call_that_lingers(&mut bench, name, 500 * MS);
    }
    bench.deliver();
    bench.pass(100 * MS);
    bench.link.handle_timeout(bench.now);
    assert_eq!(bench.told(), [Told::Failed(1, EXPIRED), Told::Failed(2, EXPIRED)]);
    bench.pass(400 * MS);
    bench.link.handle_timeout(bench.now);
    assert_eq!(bench.told(), [Told::Failed(1, EXPIRED), Told::Failed(2, EXPIRED)]);
    assert_eq!(bench.calls(), (0, 0));
    bench.end();
}

#[test]
fn both_come_out_when_both_times_pass_between_two_looks() {
    let mut bench = Bench::roomy();
    call_that_lingers(&mut bench, 1, 500 * MS);
    bench.deliver();
    bench.pass(1_000 * MS);
    bench.link.handle_timeout(bench.now);
    assert_eq!(bench.told(), [Told::Failed(1, EXPIRED), Told::Failed(1, EXPIRED)]);
    bench.end();
}

#[test]
fn what_was_not_lent_does_not_linger() {
    let mut bench = Bench::in_flight_max(1);
    for name in [1, 2] {
        call_that_lingers(&mut bench, name, 500 * MS);
    }
    bench.pass(100 * MS);
    bench.link.handle_timeout(bench.now);
    let told =
        [Told::Failed(1, CallError::Expired { lent: false }), Told::Failed(2, CallError::Full)];
    assert_eq!(bench.told(), told);
    bench.end();
}

#[test]
fn a_connection_that_ends_answers_those_who_linger() {
    let mut bench = Bench::roomy();
    call_that_lingers(&mut bench, 1, 500 * MS);
    bench.deliver();
    bench.pass(100 * MS);
    bench.link.handle_timeout(bench.now);
    bench.told();
    bench.link.handle_closed(LinkError::ClosedByPeer);
    assert_eq!(bench.told(), [Told::Failed(1, CallError::Lost(LinkError::ClosedByPeer))]);
    bench.end();
}

#[test]
fn row_25_a_busy_peer_is_given_half_as_much_and_what_is_over_waits_its_turn() {
    let mut bench = Bench::roomy();
    (1..=20).for_each(|name| bench.call(name));
    let delivered = bench.deliver();
    bench.hear([answer(delivered[0].1, 2)]);
    assert_eq!(bench.link.window(), 10);
    (21..=25).for_each(|name| bench.call(name));
    assert_eq!(bench.calls(), (19, 5));
    bench.hear(delivered[1..10].iter().map(|(_, opaque)| answer(*opaque, 0)));
    assert_eq!(bench.calls(), (10, 5));
    bench.hear([answer(delivered[10].1, 0)]);
    assert_eq!(bench.calls(), (10, 4), "one gone, one admitted");
    bench.end();
}

#[test]
fn row_25_a_peer_that_is_busy_with_one_call_is_left_alone_for_a_moment() {
    let mut bench = Bench::roomy();
    bench.call(1);
    let opaque = bench.deliver()[0].1;
    bench.hear([answer(opaque, 215)]);
    bench.call(2);
    assert!(bench.deliver().is_empty());
    bench.probe(3, 1000 * MS);
    assert_eq!(bench.deliver().len(), 1, "but for heartbeats");
    let due = bench.link.deadline().expect("the pause ends").at;
    bench.pass(due.saturating_since(bench.now.instant));
    assert_eq!(bench.deliver().len(), 1);
    bench.end();
}

#[test]
fn row_11_a_peer_that_is_silent_while_calls_expire_is_told_of_once() {
    let mut bench = Bench::roomy();
    bench.hear([answer(99, 0)]);
    for name in 1..=3 {
        bench.try_call(name, 400 * MS, "").unwrap();
        bench.deliver();
        bench.pass(400 * MS);
        bench.link.handle_timeout(bench.now);
    }
    assert_eq!((bench.told().len(), bench.silences), (3, 1));

    // Heard again, it may fall silent again.
    bench.hear([answer(99, 0)]);
    bench.try_call(4, 400 * MS, "").unwrap();
    bench.deliver();
    bench.pass(600 * MS);
    bench.link.handle_timeout(bench.now);
    assert_eq!((bench.told(), bench.silences), (vec![Told::Failed(4, EXPIRED)], 2));
}

#[test]
fn row_11_a_peer_that_answers_others_is_not_silent() {
    let mut bench = Bench::roomy();
    bench.try_call(1, 1_000 * MS, "").unwrap();
    bench.deliver();
    bench.pass(900 * MS);
    bench.hear([answer(99, 0)]);
    bench.pass(100 * MS);
    bench.link.handle_timeout(bench.now);
    assert_eq!((bench.told(), bench.silences), (vec![Told::Failed(1, EXPIRED)], 0));
}
