use std::{sync::atomic::AtomicUsize, task::Wake};

use rocketmq_producer_core::model::ProducerConfig;

use super::*;
use crate::gate::Gate;

/// Counts how often it is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A slot, and whoever polls it.
#[derive(Default)]
struct Poller {
    slot: Arc<Slot>,
    wakes: Arc<Wakes>,
}

impl Poller {
    fn look(&self) -> Arrived {
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.slot.look(&Context::from_waker(&waker))
    }

    /// The calls whose answers have come, in the order in which they are handed over.
    fn answers(&self) -> Vec<u32> {
        let mut calls = Vec::new();
        self.look().answers.hand_over(|call, _| calls.push(call));
        calls
    }

    fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::Relaxed)
    }
}

fn failed() -> Completion {
    Err(CallError::Expired { lent: true })
}

#[test]
fn a_request_lets_go_of_its_batch_when_it_is_over_and_no_call_is_in_flight() {
    let batch = Arc::new(Slot::default());
    let held = || Arc::strong_count(&batch) - 1;
    let request = Arc::new(Slot::within(&batch));
    let call = Caller::new(&request, 0);
    request.abandon();
    assert_eq!(held(), 1, "the call may be answered");
    call.answer(failed());
    assert_eq!(held(), 0, "whoever still has the request's slot does not hold the batch's");

    let request = Arc::new(Slot::within(&batch));
    Caller::new(&request, 0).answer(failed());
    assert_eq!(held(), 1, "there may be another attempt");
    request.finish();
    assert_eq!(held(), 0);
}

#[test]
fn one_that_was_dropped_leaves_its_lanes_when_its_call_comes_back() {
    let gate = Arc::new(Gate::new(&ProducerConfig::default()));
    let slot = Arc::default();
    gate.enter([("T".into(), "k".into())], &slot);
    let call = Caller::new(&slot, 0);
    slot.abandon();
    assert_eq!(gate.lanes(), 1, "the next of its key must not overtake it");
    call.answer(failed());
    assert_eq!(gate.lanes(), 0, "whoever still has the slot does not hold them");
}

#[test]
fn one_that_is_over_leaves_its_lanes_whatever_is_in_flight() {
    let gate = Arc::new(Gate::new(&ProducerConfig::default()));
    let slot = Arc::default();
    gate.enter([("T".into(), "k".into())], &slot);
    let _call = Caller::new(&slot, 0);
    slot.finish();
    assert_eq!(gate.lanes(), 0);
}

#[test]
fn a_look_at_answers_leaves_no_waker_and_the_look_after_it_does() {
    let poller = Poller::default();
    let [first, second, third] = [0, 1, 2].map(|call| Caller::new(&poller.slot, call));
    first.answer(failed());
    assert_eq!(poller.answers(), [0]);
    second.answer(failed());
    assert_eq!(poller.wakes(), 0, "whoever has taken answers in looks again");
    assert_eq!(poller.answers(), [1]);
    assert!(poller.answers().is_empty());
    third.answer(failed());
    assert_eq!(poller.wakes(), 1);
    assert_eq!(poller.answers(), [2]);
}

#[test]
fn answers_are_handed_over_in_the_order_in_which_they_came() {
    let poller = Poller::default();
    let [first, second, third] = [0, 1, 2].map(|call| Caller::new(&poller.slot, call));
    third.answer(failed());
    first.written();
    drop(second);
    assert_eq!(poller.answers(), [2, 0, 1]);
}

#[test]
fn a_bell_of_an_earlier_wait_rings_nobody() {
    let poller = Poller::default();
    let [earlier, current] = [poller.slot.bell(), poller.slot.bell()];
    assert!(!poller.look().rung);
    assert_eq!((earlier.is_gone(), current.is_gone()), (true, false));
    earlier.ring();
    assert_eq!((poller.wakes(), poller.look().rung), (0, false));
    current.ring();
    assert_eq!((poller.wakes(), poller.look().rung), (1, true));
}

#[test]
fn a_bell_rings_nobody_when_the_wait_is_over() {
    let poller = Poller::default();
    let bell = poller.slot.bell();
    poller.slot.no_longer_waits();
    assert!(!poller.look().rung);
    assert!(bell.is_gone());
    bell.ring();
    assert_eq!((poller.wakes(), poller.look().rung), (0, false));
    // The end of no wait is no wait.
    poller.slot.no_longer_waits();
    poller.slot.bell().ring();
    assert_eq!((poller.wakes(), poller.look().rung), (1, true));
}
