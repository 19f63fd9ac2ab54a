//! Calls that nobody answers.

use super::*;
use crate::link::LinkError;

/// Makes a one-way call that may wait for a second.
fn oneway(bench: &mut Bench, name: u32) {
    bench.put(name, 1000 * MS, "hello".into(), Manner::Oneway).expect("the link is open");
}

/// The driver has written everything that it was lent.
fn write(bench: &mut Bench) -> Vec<Told> {
    bench.frames_delivered();
    bench.link.handle_written(bench.written);
    bench.told()
}

#[test]
fn row_23_a_oneway_call_is_over_when_all_its_bytes_are_taken_and_not_before() {
    let mut bench = Bench::roomy();
    oneway(&mut bench, 1);
    assert!(!bench.link.awaits_writes(), "the driver has not even taken it");
    bench.lend();
    assert!(bench.link.awaits_writes());
    let size = bench.wire.remaining() as u64;
    bench.link.handle_written(size - 1);
    assert_eq!(bench.told(), [], "one byte is missing");
    bench.link.handle_written(size);
    assert_eq!(bench.told(), [Told::Written(1)]);
    assert_eq!(bench.calls(), (0, 0));
    let frames = bench.frames_delivered();
    assert!(frames[0].header.is_oneway());
}

#[test]
fn an_answer_to_a_oneway_call_has_no_effect() {
    let mut bench = Bench::roomy();
    oneway(&mut bench, 1);
    let delivered = bench.deliver();
    bench.hear(delivered.into_iter().map(|(_, opaque)| answer(opaque, 0)));
    assert_eq!(bench.told(), []);
    bench.link.handle_written(1_000_000);
    assert_eq!(bench.told(), [Told::Written(1)]);
}

#[test]
fn row_23_a_connection_that_dies_first_is_told_as_lost_or_not_sent() {
    let mut bench = Bench::roomy();
    oneway(&mut bench, 1);
    bench.lend();
    oneway(&mut bench, 2);
    bench.link.handle_closed(LinkError::ClosedByPeer);
    let lost = Told::Failed(1, CallError::Lost(LinkError::ClosedByPeer));
    let unsent = Told::Failed(2, CallError::Unsent(LinkError::ClosedByPeer));
    assert_eq!(bench.told(), [lost, unsent]);
}

#[test]
fn row_23_what_no_later_answer_has_proven_is_in_doubt_when_the_connection_dies() {
    let mut bench = Bench::roomy();
    oneway(&mut bench, 1);
    oneway(&mut bench, 2);
    assert_eq!(write(&mut bench), [Told::Written(1), Told::Written(2)]);
    bench.call(3);
    oneway(&mut bench, 4);
    let frames = bench.deliver();
    bench.link.handle_written(bench.written);
    // The peer answers the call, so it has read what came before it.
    bench.hear([answer(frames[0].1, 0)]);
    assert_eq!(bench.told(), [Told::Written(4), Told::Answered(3, 0)]);
    bench.link.handle_closed(LinkError::ClosedByPeer);
    assert_eq!(bench.told(), [Told::InDoubt(1)]);
}

#[test]
fn oneway_calls_wait_for_room_like_all_others() {
    let mut bench = Bench::in_flight_max(1);
    for name in 1..=3 {
        oneway(&mut bench, name);
    }
    assert_eq!(bench.calls(), (1, 2));
    for name in 1..=3 {
        assert_eq!(write(&mut bench), [Told::Written(name)]);
    }
}

#[test]
fn a_oneway_call_that_expires_in_the_queue_is_not_sent() {
    let mut bench = Bench::roomy();
    oneway(&mut bench, 1);
    bench.pass(1000 * MS);
    bench.link.handle_timeout(bench.now);
    assert_eq!(bench.told(), [Told::Failed(1, CallError::Expired { lent: false })]);
    oneway(&mut bench, 2);
    let frames = bench.deliver();
    assert_eq!(frames.iter().map(|frame| frame.0).collect::<Vec<_>>(), [2]);
    bench.link.handle_written(1_000_000);
    assert_eq!(bench.told(), [Told::Written(2)]);
}

#[test]
fn however_many_are_unproven_they_take_little_memory_and_are_all_counted() {
    let mut bench = Bench::roomy();
    for name in 0..5_000 {
        oneway(&mut bench, name);
        assert_eq!(write(&mut bench).len(), 1);
    }
    bench.link.handle_closed(LinkError::ClosedByPeer);
    assert_eq!(bench.told(), [Told::InDoubt(5_000)]);
}
