use rocketmq_producer_core::model::ProducerConfig;

use super::*;
use crate::gate::Gate;

#[test]
fn a_request_lets_go_of_its_batch_when_it_is_over_and_no_call_is_in_flight() {
    let batch = Arc::new(Slot::default());
    let held = || Arc::strong_count(&batch) - 1;
    let request = Arc::new(Slot::within(&batch));
    let call = Caller::new(&request, 0);
    request.abandon();
    assert_eq!(held(), 1, "the call may be answered");
    call.answer(Err(CallError::Expired { lent: true }));
    assert_eq!(held(), 0, "whoever still has the request's slot does not hold the batch's");

    let request = Arc::new(Slot::within(&batch));
    Caller::new(&request, 0).answer(Err(CallError::Expired { lent: true }));
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
    call.answer(Err(CallError::Expired { lent: true }));
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
