//! What goes together, and what comes of it.

use std::{collections::BTreeMap, sync::Arc};

use bytestring::ByteString;
use proptest::prelude::*;

use super::*;
use crate::{
    model::SendStatus,
    route::{QueueSelector, RouteData},
    time::UnixMillis,
};

fn config() -> ProducerConfig {
    ProducerConfig::new("PG_TEST", "ns:9876")
}

fn rule(messages: &[Message]) -> String {
    validate_batch(&config(), messages).unwrap_err().to_string()
}

#[test]
fn row_39_what_cannot_be_batched_is_named() {
    let good = || Message::new("T", "x");
    for (bad, words) in [
        (Message::new("U", "x"), "topic is \"U\", that of the first is \"T\""),
        (good().with_delay_level(3), "delay or a timer"),
        (good().with_delay_for(std::time::Duration::from_secs(1)), "delay or a timer"),
        (good().with_property("TRAN_MSG", "true"), "reserved"),
        (Message::new("T", vec![0; 4 * 1024 * 1024 + 1]), "4194305 bytes"),
        (Message::new("T", ""), "the body is empty"),
        (good().with_property("p", "v".repeat(32_767)), "at most 32767"),
    ] {
        let text = rule(&[good(), good(), bad, good()]);
        assert!(text.contains("message 2 of the batch"), "{text}");
        assert!(text.contains(words), "{text:?} does not say {words:?}");
    }
    assert!(rule(&[Message::new("%RETRY%group", "x")]).contains("retry topic"));
    assert_eq!(validate_batch(&config(), &[]), Ok(()));
}

#[test]
fn row_39_batches_are_split_at_the_limit_and_not_before() {
    let message = Message::new("T", "é".repeat(39));
    let size = message.encoded_len();
    for (limit, requests) in [(size * 2 - 1, 4), (size * 2, 2), (size * 2 + 1, 2)] {
        let config = config().with_max_message_size(limit);
        let parts = split(&config, [size; 4].into_iter());
        assert_eq!(parts.len(), requests, "limit {limit}");
        assert_eq!(parts.iter().map(ExactSizeIterator::len).sum::<usize>(), 4);
    }
    assert_eq!(split(&config().with_max_message_size(1), [size; 2].into_iter()), [0..1, 1..2]);
    let permitted = config().with_in_flight_bytes_max(size * 2 + BATCH_PROPERTIES_MAX);
    assert_eq!(split(&permitted, [size; 4].into_iter()), [0..2, 2..4], "what permits allow");
}

#[test]
fn batches_can_be_split_by_count() {
    let config = config().with_batch_split_type(BatchSplitType::ByCount).with_batch_size(32);
    let lengths = |count| -> Vec<usize> {
        split(&config, vec![100; count].into_iter()).iter().map(ExactSizeIterator::len).collect()
    };
    assert_eq!(lengths(32), [32]);
    assert_eq!(lengths(65), [32, 32, 1]);
    assert!(lengths(0).is_empty());
}

#[test]
fn what_waits_for_replicas_is_sent_apart_from_what_does_not() {
    let message = |wait| Message::new("T", "x").with_wait_store_ok(wait);
    let messages = [message(true), message(false), message(true)];
    let shares = share_out(&config(), &messages, |_| Choice::default(), None).unwrap();
    let requests: Vec<_> = shares.into_iter().flat_map(|share| share.requests).collect();
    assert_eq!(requests, [vec![1], vec![0, 2]]);
}

/// Two queues on each of two brokers: a0, a1, b0, b1.
fn route() -> TopicRoute {
    let json = r#"{"queueDatas":[
        {"brokerName":"a","perm":6,"writeQueueNums":2},
        {"brokerName":"b","perm":6,"writeQueueNums":2}],
        "brokerDatas":[{"brokerName":"a","brokerAddrs":{"0":"a:10911"}},
        {"brokerName":"b","brokerAddrs":{"0":"b:10911"}}]}"#;
    let data = RouteData::decode(json.as_bytes()).unwrap();
    TopicRoute::build(&"T".into(), &data, Arc::default()).unwrap()
}

fn queue(broker: &str, queue_id: i32) -> MessageQueue {
    MessageQueue { topic: "T".into(), broker_name: broker.into(), queue_id }
}

fn keyed(key: &str) -> Message {
    Message::new("T", "x").with_sharding_key(key)
}

/// The queue and the requests of each share.
fn shares(messages: &[Message], choice: &Choice) -> Vec<(Option<MessageQueue>, Vec<Vec<usize>>)> {
    let shares = share_out(&config(), messages, |_| choice.clone(), Some(&route())).unwrap();
    shares.into_iter().map(|Share { queue, requests }| (queue, requests)).collect()
}

fn selector(selector: impl QueueSelector + 'static) -> Choice {
    Choice::Selector(Arc::new(selector))
}

#[test]
fn row_15_messages_with_sharding_keys_go_to_their_queues_in_order() {
    // Hashed as Java does: to the fourth queue, the first, the second and the third.
    let keys = ["order-1001", "order-1002", "order-1003", "k1", "order-1002", "order-1001"];
    let messages = keys.map(keyed);
    let expected = [
        (Some(queue("a", 0)), vec![vec![1, 4]]),
        (Some(queue("a", 1)), vec![vec![2]]),
        (Some(queue("b", 0)), vec![vec![3]]),
        (Some(queue("b", 1)), vec![vec![0, 5]]),
    ];
    assert_eq!(shares(&messages, &Choice::default()), expected);
}

#[test]
fn row_15_keys_are_hashed_as_java_hashes_them() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/vectors.json")).unwrap();
    let queues = route();
    let cases = vectors["java_string_hash"]["cases"].as_array().unwrap();
    assert!(cases.len() > 4);
    for case in cases {
        let message = keyed(case["s"].as_str().unwrap());
        let index = case["index_of_4"].as_u64().unwrap() as usize;
        let share = &shares(&[message], &Choice::default())[0];
        assert_eq!(share.0.as_ref(), Some(&queues.queues()[index]), "{case}");
    }
}

#[test]
fn row_15_messages_of_one_queue_keep_their_order_whether_or_not_they_wait_for_replicas() {
    let message = |wait| keyed("k1").with_wait_store_ok(wait);
    let messages = [message(true), message(false), message(false), message(true)];
    let expected = [(Some(queue("b", 0)), vec![vec![0], vec![1, 2], vec![3]])];
    assert_eq!(shares(&messages, &Choice::default()), expected);
}

#[test]
fn a_given_queue_takes_them_all() {
    let messages = [keyed("order-1001"), Message::new("T", "x").with_key("k1"), keyed("k1")];
    let elsewhere = queue("elsewhere", 7);
    let expected = [(Some(elsewhere.clone()), vec![vec![0, 1, 2]])];
    assert_eq!(shares(&messages, &Choice::Queue(elsewhere)), expected);
}

#[test]
fn a_selector_is_asked_about_each_message() {
    let by_size = selector(|message: &Message, queues: &[MessageQueue]| {
        message.body().len().checked_rem(queues.len())
    });
    let messages = ["four", "a", "seven..", "five."].map(|body| Message::new("T", body));
    let expected = [
        (Some(queue("a", 0)), vec![vec![0]]),
        (Some(queue("a", 1)), vec![vec![1, 3]]),
        (Some(queue("b", 1)), vec![vec![2]]),
    ];
    assert_eq!(shares(&messages, &by_size), expected);
}

#[test]
fn a_selector_that_chooses_no_queue_for_one_message_ends_the_whole_batch() {
    for chosen in [None, Some(4)] {
        let refusing = selector(
            move |message: &Message, _: &[MessageQueue]| {
                if message.body() == "bad" { chosen } else { Some(0) }
            },
        );
        let messages = ["good", "bad", "good"].map(|body| Message::new("T", body));
        let choice = |_: &Message| refusing.clone();
        let bad = share_out(&config(), &messages, choice, Some(&route())).unwrap_err();
        assert_eq!((bad.chosen, bad.queues), (chosen, 4));
    }
}

#[test]
fn messages_without_a_sharding_key_go_wherever_their_turn_is() {
    let messages = ["a", "b", "c"].map(|key| Message::new("T", "x").with_key(key));
    for strategy in [RoutingStrategy::RoundRobin, RoutingStrategy::Random] {
        let expected = [(None, vec![vec![0, 1, 2]])];
        assert_eq!(shares(&messages, &Choice::Strategy(strategy)), expected, "{strategy:?}");
    }
}

#[test]
fn a_message_hash_keeps_together_what_has_the_same_queue_by_its_first_key() {
    // To the third queue, the second, none, and the third once more.
    let with_key = |key: &str| Message::new("T", "x").with_key(key).with_key("ignored");
    let messages =
        [with_key("k1"), with_key("a"), Message::new("T", "x"), with_key("b"), keyed("k1")];
    let by_hash = Choice::Strategy(RoutingStrategy::MessageHash);
    let expected = [
        (None, vec![vec![2]]),
        (None, vec![vec![1]]),
        (None, vec![vec![0, 3]]),
        (Some(queue("b", 0)), vec![vec![4]]),
    ];
    assert_eq!(shares(&messages, &by_hash), expected, "a sharding key alone fixes the queue");
}

#[test]
fn each_message_may_have_a_choice_of_its_own() {
    let messages = [keyed("k1"), keyed("order-1002"), keyed("k1")];
    let choice = |message: &Message| match message.sharding_key() {
        Some("k1") => Choice::Queue(queue("a", 1)),
        _ => Choice::default(),
    };
    let shares = share_out(&config(), &messages, choice, Some(&route())).unwrap();
    let queues: Vec<_> = shares.into_iter().map(|share| (share.queue, share.requests)).collect();
    let expected = [(Some(queue("a", 0)), vec![vec![1]]), (Some(queue("a", 1)), vec![vec![0, 2]])];
    assert_eq!(queues, expected);
}

fn receipt(ids: &str) -> SendReceipt {
    SendReceipt {
        message_id: "the first one's".into(),
        offset_message_id: ids.into(),
        message_queue: queue("a", 1),
        queue_offset: 40,
        status: SendStatus::FlushDiskTimeout,
        transaction_id: None,
        region_id: Some("DefaultRegion".into()),
        send_timestamp: UnixMillis(7),
        attempts: 2,
    }
}

fn told(receipt: &SendReceipt, messages: &[Message]) -> Vec<(ByteString, ByteString, i64)> {
    let told = split_receipt(receipt, messages);
    told.map(|told| (told.message_id, told.offset_message_id, told.queue_offset)).collect()
}

#[test]
fn every_message_of_a_batch_has_a_receipt_of_its_own() {
    let messages = ["k0", "k1", "k2"].map(|key| Message::new("T", "x").with_uniq_key(key));
    let whole = receipt("0A,0B,0C");
    let expected = [("k0", "0A", 40), ("k1", "0B", 41), ("k2", "0C", 42)];
    let expected = expected.map(|(key, id, offset)| (key.into(), id.into(), offset));
    assert_eq!(told(&whole, &messages), expected);
    for told in split_receipt(&whole, &messages) {
        assert_eq!(told.message_queue, whole.message_queue);
        assert_eq!((told.status, told.attempts), (whole.status, whole.attempts));
        assert_eq!(told.send_timestamp, whole.send_timestamp);
        assert_eq!(told.region_id, whole.region_id);
    }
}

#[test]
fn a_batch_that_its_broker_keeps_together_has_one_id_for_all() {
    let messages = ["k0", "k1", "k2"].map(|key| Message::new("T", "x").with_uniq_key(key));
    // One for all; or as many as nobody can make sense of.
    for ids in ["0A", "0A,0B", "0A,0B,0C,0D", ""] {
        let told = told(&receipt(ids), &messages);
        let places: Vec<_> = told.iter().map(|(key, id, at)| (&**key, &**id, *at)).collect();
        assert_eq!(places, [("k0", ids, 40), ("k1", ids, 41), ("k2", ids, 42)]);
    }
}

#[test]
fn ids_are_told_apart_whatever_their_lengths() {
    for (text, ids) in [
        ("0A,0B,0C", vec!["0A", "0B", "0C"]),
        ("A,0B,00C", vec!["A", "0B", "00C"]),
        ("00C,0B,A", vec!["00C", "0B", "A"]),
        ("é,0B", vec!["é", "0B"]),
        ("0A,é", vec!["0A", "é"]),
        ("0A,", vec!["0A", ""]),
        (",", vec!["", ""]),
        ("", vec![""]),
        ("AA,,A", vec!["AA", "", "A"]),
        ("aaa,b,c", vec!["aaa", "b", "c"]),
        (",,", vec!["", "", ""]),
    ] {
        assert_eq!(split_ids(text, ids.len()), ids, "{text:?}");
        for other in (0..ids.len() + 3).filter(|other| *other != ids.len()) {
            assert_ne!(split_ids(text, other).len(), other, "{text:?}");
        }
    }
}

proptest! {
    #[test]
    fn row_15_nothing_of_a_batch_is_lost_sent_twice_or_overtaken(
        kinds in prop::collection::vec(
            (prop::option::of(0..6_u8), any::<bool>(), 1..200_usize),
            0..40,
        ),
        by_count in any::<bool>(),
        limit in 100..1_000_usize,
    ) {
        let message = |(key, wait, size): &(Option<u8>, bool, usize)| {
            let message = Message::new("T", vec![b'x'; *size]).with_wait_store_ok(*wait);
            key.iter().fold(message, |message, key| message.with_sharding_key(format!("k{key}")))
        };
        let messages: Vec<_> = kinds.iter().map(message).collect();
        let split = if by_count { BatchSplitType::ByCount } else { BatchSplitType::BySize };
        let config = config()
            .with_batch_split_type(split)
            .with_batch_size(3)
            .with_max_message_size(limit);
        let shares =
            share_out(&config, &messages, |_| Choice::default(), Some(&route())).unwrap();

        let mut sent: Vec<_> = shares.iter().flat_map(|share| share.requests.concat()).collect();
        sent.sort_unstable();
        prop_assert_eq!(sent, (0..messages.len()).collect::<Vec<_>>(), "each once");

        let mut homes = BTreeMap::new();
        for (home, Share { queue, requests }) in shares.iter().enumerate() {
            let members = requests.concat();
            prop_assert!(members.is_sorted(), "in the order of the call: {:?}", requests);
            if let Some(queue) = queue {
                prop_assert!(homes.insert(queue, home).is_none(), "one line for each queue");
            }
            for index in members {
                let key = messages[index].sharding_key();
                let home = key.and_then(|key| route().queue_for_key(key).cloned());
                prop_assert_eq!(&home, queue);
            }
            for request in requests {
                prop_assert!(!request.is_empty());
                let waits = |index: &usize| messages[*index].wait_store_ok();
                prop_assert!(request.iter().all(|index| waits(index) == waits(&request[0])));
                let bytes: usize = request.iter().map(|index| messages[*index].encoded_len()).sum();
                prop_assert!(request.len() == 1 || bytes <= limit, "{} bytes", bytes);
                prop_assert!(!by_count || request.len() <= 3);
            }
        }
    }
}
