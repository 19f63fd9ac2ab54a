//! From call to answer, and every other end that a call can have.

use std::collections::BTreeSet;

use super::*;
use crate::{
    codec::CodecError,
    link::{LinkError, LinkStats},
};

#[test]
fn answers_reach_their_calls_in_whatever_order_they_come() {
    let mut bench = Bench::roomy();
    for name in [1, 2, 3] {
        bench.call(name);
    }
    let opaques = bench.deliver();
    assert_eq!(opaques.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [1, 2, 3]);
    for (name, opaque) in opaques.into_iter().rev() {
        bench.hear([answer(opaque, name as i32)]);
    }
    let told = bench.told();
    assert_eq!(told, [Told::Answered(3, 3), Told::Answered(2, 2), Told::Answered(1, 1)]);
    assert_eq!(bench.link.in_flight(), 0);
}

#[test]
fn row_16_late_repeated_and_unasked_answers_are_counted_and_have_no_effect() {
    let mut bench = Bench::roomy();
    bench.call(1);
    bench.call(2);
    let [(_, first), (_, second)] = bench.deliver()[..] else { panic!("two calls") };
    bench.hear([answer(first, 0), answer(first, 0), answer(77, 0), answer(-1, 0)]);
    bench.hear([answer(i32::MAX, 0), answer(i32::MIN, 0)]);
    assert_eq!(bench.told(), [Told::Answered(1, 0)]);

    bench.pass(1000 * MS);
    bench.link.handle_timeout(bench.now);
    bench.hear([answer(second, 0)]);
    assert_eq!(bench.told(), [Told::Failed(2, CallError::Expired { lent: true })]);
    assert_eq!(bench.link.stats(), LinkStats { stray_answers: 6, ..LinkStats::default() });
    assert_eq!(bench.link.in_flight(), 0);
}

#[test]
fn row_16_a_late_answer_never_reaches_the_call_that_came_after() {
    let mut bench = Bench::roomy();
    bench.try_call(1, MS, "").unwrap();
    let [(_, late)] = bench.deliver()[..] else { panic!("one call") };
    bench.pass(MS);
    bench.link.handle_timeout(bench.now);
    // Many times around the table of calls.
    for name in 2..1000 {
        bench.call(name);
        let [(_, opaque)] = bench.deliver()[..] else { panic!("one call") };
        bench.hear([answer(late, 99), answer(opaque, 0)]);
        assert_eq!(bench.told().pop(), Some(Told::Answered(name, 0)));
    }
}

#[test]
fn row_16_opaques_are_unique_across_the_wrap_with_slow_calls_in_the_table() {
    let first_opaque = i32::MAX - 10;
    let mut bench = Bench::new(LinkConfig { first_opaque, ..LinkConfig::default() });
    let mut slow = BTreeSet::new();
    let mut wrapped = false;
    for name in 0..2_000 {
        bench.call(name);
        let [(_, opaque)] = bench.deliver()[..] else { panic!("one call") };
        assert!(opaque >= 0 && !slow.contains(&opaque), "{opaque} is in flight already");
        wrapped |= opaque < 1000;
        if name % 7 == 0 {
            slow.insert(opaque);
        } else {
            bench.hear([answer(opaque, 0)]);
            assert_eq!(bench.told(), [Told::Answered(name, 0)]);
        }
    }
    assert!(wrapped);
    assert_eq!(bench.link.in_flight(), slow.len());
    bench.hear(slow.into_iter().map(|opaque| answer(opaque, 0)));
    assert_eq!(bench.told().len(), 286, "the slow ones are answered, too");
    assert_eq!(bench.link.in_flight(), 0);
}

#[test]
fn row_16_an_answer_wins_over_a_deadline_that_was_not_handled_yet() {
    let mut bench = Bench::roomy();
    bench.call(1);
    let [(_, opaque)] = bench.deliver()[..] else { panic!("one call") };
    bench.pass(5000 * MS);
    bench.hear([answer(opaque, 0)]);
    bench.link.handle_timeout(bench.now);
    assert_eq!(bench.told(), [Told::Answered(1, 0)]);
}

#[test]
fn row_2_what_was_never_lent_is_unsent_and_what_was_lent_is_lost() {
    let mut bench = Bench::roomy();
    bench.call(1);
    bench.call(2);
    // Not a byte reaches the socket; but they might have.
    bench.lend();
    bench.call(3);
    bench.link.handle_closed(LinkError::ClosedByPeer);
    let told = bench.told();
    assert_eq!(
        told,
        [
            Told::Failed(1, CallError::Lost(LinkError::ClosedByPeer)),
            Told::Failed(2, CallError::Lost(LinkError::ClosedByPeer)),
            Told::Failed(3, CallError::Unsent(LinkError::ClosedByPeer)),
        ]
    );
    let ambiguous = |told: &Told| matches!(told, Told::Failed(_, error) if error.is_ambiguous());
    assert_eq!(told.iter().map(ambiguous).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn row_2_a_deadline_tells_whether_the_peer_may_have_seen_the_call() {
    let mut bench = Bench::roomy();
    bench.call(1);
    bench.lend();
    bench.call(2);
    bench.pass(1000 * MS);
    bench.link.handle_timeout(bench.now);
    assert_eq!(
        bench.told(),
        [
            Told::Failed(1, CallError::Expired { lent: true }),
            Told::Failed(2, CallError::Expired { lent: false }),
        ]
    );
}

#[test]
fn row_2_a_call_that_has_expired_unsent_is_never_sent() {
    let mut bench = Bench::roomy();
    // A socket that takes nothing for a while: what is called meanwhile waits in the queue.
    bench.call(1);
    bench.lend();
    for name in 2..10 {
        let wait = if name % 3 == 0 { 1000 * MS } else { (12 - name) * MS };
        bench.try_call(name, wait, vec![0; 1_500 * name as usize]).unwrap();
    }
    for _ in 0..10 {
        bench.pass(MS);
        bench.link.handle_timeout(bench.now);
    }
    let unsent = |name| Told::Failed(name, CallError::Expired { lent: false });
    assert_eq!(bench.told(), [8, 7, 5, 4, 2].map(unsent));
    let names: Vec<_> = bench.deliver().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [1, 3, 6, 9], "the others are whole and in order");
    bench.call(10);
    assert_eq!(bench.deliver().len(), 1);
    bench.link.handle_closed(LinkError::ClosedByPeer);
    let lost = |name| Told::Failed(name, CallError::Lost(LinkError::ClosedByPeer));
    assert_eq!(bench.told(), [1, 3, 6, 9, 10].map(lost));
}

#[test]
fn an_answer_to_what_was_not_sent_is_no_answer() {
    let mut bench = Bench::in_flight_max(1);
    bench.call(1);
    bench.call(2);
    // A peer that guesses.
    bench.hear([answer(0, 0), answer(1, 0)]);
    assert_eq!(bench.told(), []);
    assert_eq!((bench.calls(), bench.link.stats().stray_answers), ((1, 1), 2));
    bench.end();
}

#[test]
fn nothing_is_taken_after_the_end_and_the_first_cause_stays() {
    let mut bench = Bench::roomy();
    bench.link.handle_closed(LinkError::ClosedByPeer);
    bench.link.handle_closed(LinkError::Retired);
    assert_eq!(bench.link.closed(), Some(&LinkError::ClosedByPeer));
    assert_eq!(bench.try_call(1, MS, ""), Err(Refusal::Closed(LinkError::ClosedByPeer)));
    bench.link.handle_respond(&answer(1, 0).header);
    assert_eq!(bench.told(), []);
    assert!(bench.frames_delivered().is_empty());
    assert_eq!(bench.link.deadline(), None);
}

#[test]
fn tokens_in_a_link_that_is_dropped_are_dropped_once() {
    let dropped = Rc::new(Cell::new(0));
    let token = |name| {
        let mut token = Token::new(name);
        token.dropped = Some(Rc::clone(&dropped));
        token
    };
    let mut link = Link::new(LinkConfig { in_flight_max: 2, ..LinkConfig::default() });
    for name in [1, 2, 3] {
        let request = &Question { name, body: Bytes::new() };
        let deadline = Instant::FAR_FUTURE;
        let call =
            Call { request, token: token(name), deadline, linger: None, manner: Manner::Usual };
        link.handle_call(Now::default(), call).unwrap();
    }
    link.lend(Now::default(), &mut Outgoing::default());
    link.handle_frames(Now::default(), [answer(0, 0)]);
    drop(link);
    assert_eq!(dropped.get(), 3, "in flight, waiting, and told to nobody");
}

#[test]
fn what_cannot_be_encoded_comes_back_and_harms_nobody() {
    let mut bench = Bench::roomy();
    bench.call(1);
    let refused = bench.try_call(2, MS, vec![0; crate::codec::FRAME_SIZE_MAX]);
    assert!(matches!(refused, Err(Refusal::Encode(CodecError::Encode { .. }))), "{refused:?}");
    bench.call(3);
    assert_eq!(bench.deliver(), [(1, 0), (3, 1)]);
    assert_eq!(bench.link.in_flight(), 2);
    bench.end();
}

#[test]
fn row_3_calls_that_nobody_answers_leave_nothing_behind() {
    let mut bench = Bench::roomy();
    for name in 0..10_000 {
        bench.try_call(name, MS, "hello").unwrap();
        bench.deliver();
        bench.pass(MS);
        bench.link.handle_timeout(bench.now);
        assert_eq!(bench.told(), [Told::Failed(name, CallError::Expired { lent: true })]);
    }
    assert_eq!((bench.link.in_flight(), bench.link.queued_bytes()), (0, 0));
    assert_eq!(bench.link.deadline(), None);
}

#[test]
fn the_deadline_is_the_soonest_and_never_late() {
    let mut bench = Bench::roomy();
    assert_eq!(bench.link.deadline(), None);
    bench.try_call(1, 30 * MS, "").unwrap();
    bench.try_call(2, 10 * MS, "").unwrap();
    bench.try_call(3, 20 * MS, "").unwrap();
    for name in [2, 3, 1] {
        let due = bench.link.deadline().expect("something is due");
        bench.pass(due.at.saturating_since(bench.now.instant));
        bench.link.handle_timeout(bench.now);
        assert_eq!(bench.told(), [Told::Failed(name, CallError::Expired { lent: false })]);
    }
    assert_eq!(bench.link.deadline(), None);
    bench.link.handle_timeout(bench.now);
    assert_eq!(bench.told(), []);
}

#[test]
fn requests_of_the_peer_surface_whatever_their_opaque() {
    let mut bench = Bench::roomy();
    bench.call(1);
    let [(_, opaque)] = bench.deliver()[..] else { panic!("one call") };
    bench.hear([request(opaque), answer(opaque, 0), request(-5)]);
    let told = [Told::Request(opaque), Told::Answered(1, 0), Told::Request(-5)];
    assert_eq!(bench.told(), told, "the peer counts for itself");
    assert_eq!(bench.link.stats().peer_requests, 2);
}

#[test]
fn answers_to_the_peer_go_out_as_responses_and_are_bounded() {
    let mut bench = Bench::new(LinkConfig { queue_bytes_max: 1_000, ..LinkConfig::default() });
    for opaque in 0..1_000 {
        bench.link.handle_respond(&frame(opaque, 3, 0).header);
    }
    let queued = bench.link.queued_bytes();
    assert!((1_000..1_200).contains(&queued), "{queued} bytes for a peer that does not read");
    let frames = bench.frames_delivered();
    assert!(frames.iter().all(|frame| frame.header.is_response() && frame.header.code == 3));
    let opaques: Vec<_> = frames.iter().map(|frame| frame.header.opaque).collect();
    assert_eq!(opaques, (0..opaques.len() as i32).collect::<Vec<_>>());
}

#[test]
fn row_12_a_one_way_request_waits_for_no_room_and_for_no_answer() {
    let mut bench = Bench::in_flight_max(1);
    for name in [1, 2] {
        bench.call(name);
    }
    bench.link.handle_oneway(&Question { name: 7, body: Bytes::new() }).unwrap();
    assert_eq!(bench.calls(), (1, 1), "it is in no table");
    let frames = bench.frames_delivered();
    let names: Vec<_> =
        frames.iter().map(|f| f.header.ext.number::<u32>("name").unwrap()).collect();
    assert_eq!(names, [1, 7]);
    assert!(!frames[0].header.is_oneway() && frames[1].header.is_oneway());
    bench.hear([answer(frames[1].header.opaque, 0)]);
    assert_eq!(bench.told(), [], "an answer to it is nobody's");
    bench.end();
}

#[test]
fn a_one_way_request_on_a_connection_that_has_ended_is_refused() {
    let mut bench = Bench::roomy();
    bench.link.handle_closed(LinkError::ClosedByPeer);
    let refused = bench.link.handle_oneway(&Question { name: 1, body: Bytes::new() });
    assert_eq!(refused, Err(Refusal::Closed(LinkError::ClosedByPeer)));
}
