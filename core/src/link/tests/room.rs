//! Room on a connection: who waits for it, who gets it next, and who need not wait.

use super::*;
use crate::link::LinkError;

#[test]
fn row_6_a_full_connection_holds_calls_until_others_are_over() {
    let mut bench = Bench::in_flight_max(2);
    for name in 1..=5 {
        bench.call(name);
    }
    assert_eq!(bench.calls(), (2, 3));
    let first = bench.deliver();
    assert_eq!(names(&first), [1, 2]);
    assert!(bench.deliver().is_empty(), "writing is not enough");
    bench.hear([answer(first[1].1, 0)]);
    assert_eq!(names(&bench.deliver()), [3]);
    bench.hear([answer(first[0].1, 0)]);
    assert_eq!(names(&bench.deliver()), [4]);
    assert_eq!(bench.told(), [Told::Answered(2, 0), Told::Answered(1, 0)]);
    assert_eq!(bench.calls(), (2, 1));
    bench.end();
}

#[test]
fn row_6_nobody_overtakes_those_who_wait() {
    let mut bench = Bench::new(LinkConfig { queue_bytes_max: 10_000, ..LinkConfig::default() });
    bench.try_call(1, 1000 * MS, vec![0; 50_000]).unwrap();
    assert!((50_000..50_100).contains(&bench.link.queued_bytes()), "nothing is too large to go");
    // Many small ones and a large one, over and over: they leave in the order in which they came.
    for name in 2..2_000 {
        let size = if name % 50 == 0 { 20_000 } else { 100 };
        bench.try_call(name, 1000 * MS, vec![0; size]).unwrap();
    }
    let mut delivered = names(&bench.deliver());
    let mut newcomer = 2_000;
    while bench.link.queued_bytes() > 0 {
        assert!(
            bench.link.queued_bytes() < 10_000 + 20_100,
            "a call may exceed the bound, not two"
        );
        delivered.extend(names(&bench.deliver()));
        if newcomer < 2_500 {
            bench.call(newcomer);
            newcomer += 1;
        }
    }
    assert!(delivered.is_sorted());
    assert_eq!(delivered.len(), newcomer as usize - 1);
    bench.end();
}

#[test]
fn a_wait_for_room_ends_with_its_deadline_and_the_others_keep_their_order() {
    let mut bench = Bench::in_flight_max(1);
    bench.call(1);
    let opaque = bench.deliver()[0].1;
    for (name, wait) in [(2, 300), (3, 100), (4, 200)] {
        bench.try_call(name, wait * MS, "").unwrap();
    }
    bench.pass(100 * MS);
    assert_eq!(bench.link.deadline().expect("a wait is due").at, bench.now.instant);
    bench.link.handle_timeout(bench.now);
    assert_eq!(bench.told(), [Told::Failed(3, CallError::Full)]);
    assert_eq!(bench.calls(), (1, 2));
    bench.hear([answer(opaque, 0)]);
    assert_eq!(names(&bench.deliver()), [2]);
    bench.pass(200 * MS);
    bench.link.handle_timeout(bench.now);
    let sent = Told::Failed(2, CallError::Expired { lent: true });
    assert_eq!(bench.told(), [Told::Answered(1, 0), sent, Told::Failed(4, CallError::Full)]);
    bench.end();
}

#[test]
fn an_expired_call_makes_room() {
    let mut bench = Bench::in_flight_max(1);
    bench.try_call(1, 10 * MS, "").unwrap();
    bench.call(2);
    bench.pass(10 * MS);
    bench.link.handle_timeout(bench.now);
    assert_eq!(bench.told(), [Told::Failed(1, CallError::Expired { lent: false })]);
    assert_eq!(names(&bench.deliver()), [2]);
    bench.end();
}

#[test]
fn those_who_wait_when_the_connection_ends_have_sent_nothing_and_hear_it_in_order() {
    let first_opaque = i32::MAX - 1;
    let config = LinkConfig { in_flight_max: 0, first_opaque, ..LinkConfig::default() };
    let mut bench = Bench::new(config);
    for name in 1..=5 {
        bench.call(name);
    }
    bench.link.handle_closed(LinkError::Retired);
    let unsent = |name| Told::Failed(name, CallError::Unsent(LinkError::Retired));
    assert_eq!(bench.told(), [1, 2, 3, 4, 5].map(unsent), "around the wrap of opaques, too");
    bench.end();
}

#[test]
fn a_caller_who_has_gone_while_waiting_for_room_sends_nothing() {
    let mut bench = Bench::in_flight_max(1);
    bench.call(1);
    let gone = bench.hold_one_who_can_go(2);
    bench.call(3);
    gone.set(true);
    let opaque = bench.deliver()[0].1;
    bench.hear([answer(opaque, 0)]);
    assert_eq!(names(&bench.deliver()), [3]);
    assert_eq!(bench.told(), [Told::Answered(1, 0), Told::Failed(2, CallError::Full)]);
    bench.end();
}

#[test]
fn row_3_callers_who_have_gone_do_not_fill_the_table() {
    let mut bench = Bench::in_flight_max(1);
    bench.call(0);
    let mut told = 0;
    for name in 1..=100_000 {
        bench.hold_one_who_can_go(name).set(true);
        assert!(bench.link.held() <= 2_048, "{} are held", bench.link.held());
        told += bench.told().len();
    }
    assert_eq!(told + bench.link.held(), 100_000, "every token comes out");
    bench.end();
}

#[test]
fn row_3_bodies_of_callers_who_have_gone_are_let_go() {
    let mut bench = Bench::in_flight_max(1);
    bench.call(0);
    for name in 1..=1_000 {
        bench.hold_body(name, 1024 * 1024).set(true);
        bench.told();
        assert!(bench.link.held() <= 2, "{} MiB are held for nobody", bench.link.held());
    }
    bench.end();
}

#[test]
fn what_is_held_is_lent_when_all_before_it_has_expired() {
    let mut bench = Bench::new(LinkConfig { queue_bytes_max: 1_000, ..LinkConfig::default() });
    bench.try_call(1, 100 * MS, vec![0; 50_000]).unwrap();
    bench.call(2);
    bench.pass(100 * MS);
    bench.link.handle_timeout(bench.now);
    assert_eq!(names(&bench.deliver()), [2], "one lending is enough");
    assert_eq!(bench.told(), [Told::Failed(1, CallError::Expired { lent: false })]);
    let opaque = 1;
    bench.hear([answer(opaque, 0)]);
    assert_eq!(bench.told(), [Told::Answered(2, 0)], "its place in the stream is right");
    bench.end();
}

#[test]
fn row_2_what_is_over_its_deadline_is_not_lent_any_more() {
    let mut bench = Bench::roomy();
    bench.try_call(1, 100 * MS, "").unwrap();
    bench.call(2);
    bench.pass(100 * MS);
    // The driver was late, and has not looked at the time yet.
    assert_eq!(names(&bench.deliver()), [2]);
    assert_eq!(bench.told(), [Told::Failed(1, CallError::Expired { lent: false })]);
    bench.end();
}

#[test]
fn row_37_a_peer_that_leaves_gets_nothing_more_and_answers_what_it_has() {
    let mut bench = Bench::in_flight_max(2);
    for name in 1..=4 {
        bench.call(name);
    }
    let opaques = bench.deliver();
    bench.hear([answer(opaques[0].1, 1500)]);
    let unsent = |name| Told::Failed(name, CallError::Unsent(LinkError::GoAway));
    let told = bench.told();
    assert_eq!(told, [Told::GoAway, unsent(3), unsent(4), Told::Answered(1, 1500)]);
    assert_eq!(bench.try_call(5, MS, ""), Err(Refusal::Closed(LinkError::GoAway)));
    bench.hear([answer(opaques[1].1, 0)]);
    assert_eq!(bench.told(), [Told::Answered(2, 0)]);
    bench.end();
}

#[test]
fn row_6_a_probe_gets_through_a_full_connection() {
    let mut bench =
        Bench::new(LinkConfig { in_flight_max: 1, queue_bytes_max: 1, ..LinkConfig::default() });
    bench.call(1);
    bench.call(2);
    bench.probe(3, 1000 * MS);
    assert_eq!(bench.calls(), (2, 1));
    assert_eq!(names(&bench.deliver()), [1, 3]);
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

fn names(delivered: &[(u32, i32)]) -> Vec<u32> {
    delivered.iter().map(|(name, _)| *name).collect()
}

impl Bench {
    /// Makes a call whose caller goes when it is told to.
    fn hold_one_who_can_go(&mut self, name: u32) -> Rc<Cell<bool>> {
        self.hold_body(name, 0)
    }

    fn hold_body(&mut self, name: u32, size: usize) -> Rc<Cell<bool>> {
        let token = Token::new(name);
        let gone = Rc::clone(&token.gone);
        self.put_token(token, 1000 * MS, vec![0; size].into(), Manner::Usual)
            .expect("the link is open");
        gone
    }
}
