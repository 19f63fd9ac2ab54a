//! Messages that go together.

use std::collections::{BTreeMap, BTreeSet};

use rocketmq_producer::{
    BatchSplitType, InvalidMessage, Message, MessageQueue, Outcome, SendErrorKind, SendOptions,
};
use rocketmq_producer_testkit::{model::Fault, serve::EmbeddedCluster};

use crate::{
    subject::{Sent, Subject},
    world::*,
};

fn numbered(count: usize) -> Vec<Message> {
    (0..count).map(|number| message(&number.to_string()).with_tags("t")).collect()
}

fn bodies(cluster: &EmbeddedCluster) -> BTreeSet<String> {
    let stored = cluster.stored("Contract");
    stored.iter().map(|stored| String::from_utf8(stored.body.to_vec()).unwrap()).collect()
}

/// Requests that sent messages, of any kind.
fn requests(cluster: &EmbeddedCluster) -> u64 {
    cluster.model(|model| model.broker("broker-a").requests(310))
}

/// Each receipt is that of its message.
fn check_receipts(cluster: &EmbeddedCluster, sent: &[Sent]) {
    let stored = cluster.stored("Contract");
    for (number, sent) in sent.iter().enumerate() {
        let receipt = sent.as_ref().unwrap();
        let stored = stored.iter().find(|one| one.uniq_key() == Some(&receipt.message_id));
        let stored = stored.expect("its id is stored");
        assert_eq!(stored.body, number.to_string());
        assert_eq!(stored.queue_id, receipt.message_queue.queue_id);
        assert_eq!(stored.queue_offset, receipt.queue_offset);
        assert_eq!(stored.properties.get("TAGS").map(String::as_str), Some("t"));
    }
}

fn row_39_each_message_of_a_batch_has_its_own_receipt<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    for count in [1, 2, 32, 1_000] {
        let before = requests(&cluster);
        let sent = producer.send_batch(numbered(count));
        assert_eq!(sent.len(), count);
        check_receipts(&cluster, &sent);
        assert_eq!(requests(&cluster) - before, 1, "they go together");
    }
    assert_eq!(producer.send_batch(Vec::new()).len(), 0);
}

fn row_39_batches_are_split_by_size_and_by_count<S: Subject>() {
    let by_count = |config: rocketmq_producer::ProducerConfig| {
        config.with_batch_split_type(BatchSplitType::ByCount).with_batch_size(3)
    };
    let cluster = one_broker();
    let producer = S::started(by_count(config(&cluster)));
    check_receipts(&cluster, &producer.send_batch(numbered(10)));
    assert_eq!(requests(&cluster), 4);

    let cluster = one_broker();
    let size = numbered(1)[0].clone().with_uniq_key("0".repeat(32)).encoded_len();
    let producer = S::started(config(&cluster).with_max_message_size(size * 4));
    check_receipts(&cluster, &producer.send_batch(numbered(10)));
    assert_eq!(requests(&cluster), 3, "four fit into one");
}

fn row_39_a_batch_of_one_travels_as_a_single_message<S: Subject>() {
    let cluster = one_broker();
    let config = config(&cluster).with_compress_msg_body_over_howmuch(100);
    let producer = S::started(config);
    let sent = producer.send_batch(vec![message(&"x".repeat(1_000))]);
    assert!(sent[0].is_ok());
    let stored = cluster.stored("Contract").remove(0);
    assert_eq!(stored.sys_flag & 1, 1, "a batch's messages are not compressed, a single one is");
}

fn row_39_what_cannot_be_batched_is_named_and_nothing_is_sent<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    let good = || message("x");
    let bad = [
        Message::new("Other", "x"),
        good().with_delay_level(3),
        good().with_delay_for(std::time::Duration::from_secs(1)),
        Message::new("Contract", vec![0; 4 * 1024 * 1024 + 1]),
        Message::new("Contract", ""),
        // It is too long with its id.
        good().with_property("p", "v".repeat(32_740)),
    ];
    for bad in bad {
        let sent = producer.send_batch(vec![good(), good(), bad, good()]);
        let oneway = producer.oneway_batch(vec![good(), good(), good()]);
        assert!(oneway.iter().all(Result::is_ok));
        assert_eq!(sent.len(), 4);
        for error in sent.into_iter().map(Result::unwrap_err) {
            let SendErrorKind::InvalidMessage(rule) = error.kind() else { panic!("{error}") };
            assert!(matches!(rule, InvalidMessage::InBatch { index: 2, .. }), "{error}");
            assert_eq!(error.outcome(), Outcome::NotSent);
        }
    }
    let retry = producer.send_batch(vec![Message::new("%RETRY%group", "x")]);
    assert!(matches!(retry[0].as_ref().unwrap_err().kind(), SendErrorKind::InvalidMessage(_)));
    eventually("the one-way messages are stored, and nothing else", || {
        cluster.stored("Contract").len() == 18
    });
}

fn keyed_messages_of_one_batch_go_to_their_queues_in_order<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    let producer = S::started(config(&cluster));
    let keyed =
        |number: usize| message(&number.to_string()).with_sharding_key(format!("k{}", number % 7));
    let queues: BTreeMap<_, _> =
        (0..7).map(|key| (key, producer.send(keyed(key)).unwrap().message_queue)).collect();
    assert!(queues.values().collect::<BTreeSet<_>>().len() > 2, "{queues:?}");

    let sent = producer.send_batch((0..100).map(keyed).collect());
    let mut last: BTreeMap<MessageQueue, i64> = BTreeMap::new();
    for (number, sent) in sent.into_iter().enumerate() {
        let receipt = sent.unwrap();
        assert_eq!(receipt.message_queue, queues[&(number % 7)]);
        let before = last.insert(receipt.message_queue, receipt.queue_offset);
        assert!(before < Some(receipt.queue_offset), "in the order of the call");
    }
}

fn a_batch_goes_where_its_call_says<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    let producer = S::started(config(&cluster));
    producer.prepare(&["Contract"]).unwrap();
    let queue = producer.publish_queues("Contract")[5].clone();
    let options = SendOptions::new().with_queue(queue.clone());
    for sent in producer.send_batch_with(numbered(10), options) {
        assert_eq!(sent.unwrap().message_queue, queue);
    }
    let by_body = |message: &Message, queues: &[MessageQueue]| {
        let number: usize = std::str::from_utf8(message.body()).ok()?.parse().ok()?;
        Some(number % queues.len())
    };
    let options = SendOptions::new().with_selector(by_body);
    let queues = producer.publish_queues("Contract");
    for (number, sent) in producer.send_batch_with(numbered(20), options).into_iter().enumerate() {
        assert_eq!(sent.unwrap().message_queue, queues[number % 8]);
    }
}

fn row_39_what_fails_in_part_is_told_of_each_message<S: Subject>() {
    let cluster = one_broker();
    let config = config(&cluster).with_retry(0).with_batch_size(5);
    let producer = S::started(config.with_batch_split_type(BatchSplitType::ByCount));
    let _ = producer.send(message("the connection is up")).unwrap();
    let refusal = Fault::Answer { code: 13, remark: "illegal".to_owned(), times: 1 };
    cluster.set_fault(&broker_a(), refusal);
    let sent = producer.send_batch(numbered(15));
    let refused: Vec<_> = (0..15).filter(|number| sent[*number].is_err()).collect();
    assert_eq!(refused.len(), 5, "{sent:?}");
    assert_eq!(refused[0] % 5, 0, "one request's messages");
    let stored = bodies(&cluster);
    for (number, sent) in sent.into_iter().enumerate() {
        let number = number.to_string();
        assert_eq!(stored.contains(&number), sent.is_ok());
        if let Err(error) = sent {
            assert_eq!(error.outcome(), Outcome::Rejected);
            assert_eq!(error.into_message().body(), number.as_bytes());
        }
    }
}

fn row_2_a_batch_without_an_answer_is_unknown_as_a_whole<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster).with_retry_unknown(false));
    let _ = producer.send(message("the connection is up")).unwrap();
    cluster.set_fault(&broker_a(), Fault::CloseInsteadOfReply(1));
    for sent in producer.send_batch(numbered(10)) {
        assert_eq!(sent.unwrap_err().outcome(), Outcome::Unknown);
    }
    assert_eq!(bodies(&cluster).len(), 11);
}

fn a_batch_that_is_retried_keeps_its_ids<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    let _ = producer.send(message("first")).unwrap();
    cluster.set_fault(&broker_a(), Fault::CloseInsteadOfReply(1));
    let ids: BTreeSet<_> = producer
        .send_batch(numbered(10))
        .into_iter()
        .map(|sent| sent.expect("the second attempt is answered").message_id)
        .collect();
    let stored = cluster.stored("Contract");
    let copies = stored.iter().filter(|one| one.uniq_key().is_some_and(|key| ids.contains(key)));
    assert_eq!((ids.len(), copies.count()), (10, 20), "copies can be told by their UNIQ_KEYs");
}

fn row_34_names_are_sent_as_they_are_given<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster).with_producer_group("instance%group"));
    for topic in ["instance%Contract", "%RETRY%group", "%RETRY%instance%group", "%DLQ%group"] {
        for _ in 0..2 {
            let receipt = producer.send(Message::new(topic, "x")).unwrap();
            assert_eq!(receipt.message_queue.topic, topic);
        }
        assert_eq!(cluster.stored(topic).len(), 2);
    }
    for topic in ["%RETRY%group", "%RETRY%instance%group"] {
        let batch = vec![Message::new(topic, "x"), Message::new(topic, "y")];
        let error = producer.send_batch(batch).remove(0).unwrap_err();
        assert!(matches!(error.kind(), SendErrorKind::InvalidMessage(_)), "{error}");
    }
}

on_every_runtime!(
    row_34_names_are_sent_as_they_are_given,
    row_39_each_message_of_a_batch_has_its_own_receipt,
    row_39_batches_are_split_by_size_and_by_count,
    row_39_a_batch_of_one_travels_as_a_single_message,
    row_39_what_cannot_be_batched_is_named_and_nothing_is_sent,
    keyed_messages_of_one_batch_go_to_their_queues_in_order,
    a_batch_goes_where_its_call_says,
    row_39_what_fails_in_part_is_told_of_each_message,
    row_2_a_batch_without_an_answer_is_unknown_as_a_whole,
    a_batch_that_is_retried_keeps_its_ids,
);
