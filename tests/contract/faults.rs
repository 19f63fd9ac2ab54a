//! Brokers that refuse, hang, break off and say no.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use rocketmq_producer::{Message, Outcome, SendErrorKind, TimeoutPhase};
use rocketmq_producer_testkit::model::{Fault, Flavour};

use crate::{subject::Subject, world::*};

fn refusal(code: i32, remark: &str, times: u32) -> Fault {
    Fault::Answer { code, remark: remark.to_owned(), times }
}

fn a_broker_that_refuses_connections_is_waited_for<S: Subject>() {
    let cluster = one_broker();
    cluster.refuse(&broker_a());
    let producer = S::started(config(&cluster).with_retry(20));
    let send = producer.send_in_background(message("patience"));
    std::thread::sleep(Duration::from_millis(200));
    cluster.accept_again(&broker_a());
    assert!(send.join().unwrap().is_ok());
}

fn a_broker_that_keeps_refusing_is_named_with_the_cause<S: Subject>() {
    let cluster = one_broker();
    cluster.refuse(&broker_a());
    let producer = S::started(config(&cluster));
    let error = producer.send(message("nobody there")).unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::BrokerNotAvailable { .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert_eq!(error.attempts().len(), 3);
    let address = cluster.address(&broker_a()).to_string();
    assert!(error.to_string().contains(&address), "{error}");
    assert!(format!("{error:#}").contains("refused"), "{error:#}");
}

fn row_1_a_silent_broker_leaves_time_for_another<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    cluster.set_fault(&broker_a(), Fault::Hang);
    let timeout = Duration::from_secs(3);
    let producer = S::started(config(&cluster).with_timeout(timeout));
    for number in 0..4 {
        let begun = Instant::now();
        let receipt = producer.send(message(&format!("number {number}"))).expect("b is healthy");
        assert!(begun.elapsed() < timeout, "{:?}", begun.elapsed());
        assert_eq!(receipt.message_queue.broker_name, "broker-b");
    }
}

fn row_9_a_reply_that_never_comes_ends_at_the_deadline<S: Subject>() {
    let cluster = one_broker();
    let timeout = Duration::from_secs(1);
    let producer = S::started(config(&cluster).with_timeout(timeout));
    let _ = producer.send(message("first")).unwrap();
    cluster.set_fault(&broker_a(), Fault::Hang);
    let begun = Instant::now();
    let error = producer.send(message("stuck")).unwrap_err();
    assert!((timeout..timeout + SLACK).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    let kind = error.kind();
    assert!(matches!(kind, SendErrorKind::TimedOut { phase: TimeoutPhase::Reply, .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(error.into_message().body(), "stuck");

    cluster.set_fault(&broker_a(), None);
    assert!(producer.send(message("after")).is_ok(), "nothing is left over");
}

fn a_connection_cut_while_a_reply_is_awaited_is_retried<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    let _ = producer.send(message("first")).unwrap();
    cluster.set_fault(&broker_a(), Fault::CloseInsteadOfReply(1));
    let receipt = producer.send(message("twice")).expect("the second attempt is answered");
    assert_eq!(receipt.attempts, 2);
    let stored = cluster.stored("Contract");
    let keys: BTreeSet<_> = stored.iter().filter_map(|message| message.uniq_key()).collect();
    assert_eq!((stored.len(), keys.len()), (3, 2), "a copy can be told by its UNIQ_KEY");
}

fn row_2_at_most_once_is_kept_when_asked_for<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster).with_retry_unknown(false));
    let _ = producer.send(message("first")).unwrap();
    cluster.set_fault(&broker_a(), Fault::CloseInsteadOfReply(1));
    let error = producer.send(message("once")).unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(error.attempts().len(), 1);
    assert_eq!(cluster.stored("Contract").len(), 2);
}

fn row_42_what_cannot_succeed_is_not_tried_again<S: Subject>() {
    let cluster = two_brokers();
    let producer = S::started(config(&cluster));
    for node in [broker_a(), broker_b()] {
        cluster.set_fault(&node, refusal(13, "the message is illegal", 1));
    }
    let error = producer.send(message("illegal")).unwrap_err();
    let SendErrorKind::Rejected { code, remark, .. } = error.kind() else { panic!("{error}") };
    assert_eq!((*code, &**remark), (13, "the message is illegal"));
    assert_eq!(error.outcome(), Outcome::Rejected);
    assert_eq!(error.attempts().len(), 1);
}

fn row_25_a_busy_broker_is_left_for_another<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    cluster.set_fault(&broker_a(), refusal(2, "[REJECTREQUEST]system busy", u32::MAX));
    let producer = S::started(config(&cluster));
    for number in 0..4 {
        let receipt = producer.send(message(&format!("number {number}"))).expect("b is idle");
        assert_eq!(receipt.message_queue.broker_name, "broker-b");
    }
}

fn row_19_a_status_in_doubt_is_a_receipt_that_says_so<S: Subject>() {
    use rocketmq_producer::SendStatus::{FlushDiskTimeout, FlushSlaveTimeout, SlaveNotAvailable};
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    for (code, status) in [(10, FlushDiskTimeout), (11, SlaveNotAvailable), (12, FlushSlaveTimeout)]
    {
        cluster.set_fault(&broker_a(), Fault::ReplyCode(code));
        let receipt = producer.send(message("stored all the same")).unwrap();
        assert_eq!(receipt.status, status);
    }
}

fn keys_stay_on_their_queue<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    let producer = S::started(config(&cluster));
    let queues: BTreeSet<_> = (0..20)
        .map(|_| producer.send(message("x").with_sharding_key("order-1001")).unwrap())
        .map(|receipt| receipt.message_queue)
        .collect();
    assert_eq!(queues.len(), 1, "{queues:?}");
}

fn both_header_forms_are_understood_by_both_flavours_of_brokers<S: Subject>() {
    use rocketmq_producer::SerializeType::{Binary, Json};
    for (flavour, form) in
        [(Flavour::V5, Json), (Flavour::V5, Binary), (Flavour::V4, Json), (Flavour::V4, Binary)]
    {
        let cluster = one_broker();
        cluster.model(|model| model.broker("broker-a").set_flavour(flavour));
        let producer = S::started(config(&cluster).with_serialize_type(form));
        let receipt = producer.send(message("hello")).unwrap();
        assert_eq!(receipt.transaction_id.is_some(), flavour == Flavour::V5);
    }
}

fn large_bodies_travel_whole<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster).with_timeout(Duration::from_secs(30)));
    let sizes = [1, 4_096, 4_097, 100_000, 1_000_000, 4 * 1024 * 1024];
    let body = |size: usize| (0..size).map(|at| (at % 251) as u8).collect::<Vec<u8>>();
    let messages = sizes.iter().map(|size| Message::new("Contract", body(*size))).collect();
    for sent in producer.send_all(messages) {
        let _ = sent.unwrap();
    }
    let mut stored: Vec<_> = cluster.stored("Contract").into_iter().map(|m| m.body).collect();
    stored.sort_by_key(|body| body.len());
    for (stored, size) in stored.iter().zip(sizes) {
        assert!(*stored == body(size), "a body of {size} bytes came out different");
    }
}

on_every_runtime!(
    a_broker_that_refuses_connections_is_waited_for,
    a_broker_that_keeps_refusing_is_named_with_the_cause,
    row_1_a_silent_broker_leaves_time_for_another,
    row_9_a_reply_that_never_comes_ends_at_the_deadline,
    a_connection_cut_while_a_reply_is_awaited_is_retried,
    row_2_at_most_once_is_kept_when_asked_for,
    row_42_what_cannot_succeed_is_not_tried_again,
    row_25_a_busy_broker_is_left_for_another,
    row_19_a_status_in_doubt_is_a_receipt_that_says_so,
    keys_stay_on_their_queue,
    both_header_forms_are_understood_by_both_flavours_of_brokers,
    large_bodies_travel_whole,
);
