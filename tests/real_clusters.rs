//! What the wire says, believed because Apache RocketMQ has taken it: every producer sends to real
//! clusters, and what was stored is read back.
//!
//! Ignored by default, since it needs Java and Maven: `cargo test -- --ignored` runs it.

#![cfg(all(feature = "mio", feature = "smol", feature = "tokio"))]

#[path = "contract/subject.rs"]
#[allow(dead_code, reason = "each suite uses a part of it")]
mod subject;

use std::time::Duration;

use rocketmq_producer::{
    Message, ProducerConfig, RouteError, SendErrorKind, SendReceipt, SendStatus, SerializeType,
};
use rocketmq_producer_testkit::{
    Reader, StoredMessage, offset_message_id,
    real::{RealCluster, Version},
};
use subject::{Blocking, Mio, Smol, Subject, Tokio};

/// First contact with a cold JVM takes its time.
const PATIENCE: Duration = Duration::from_secs(30);

fn config(cluster: &RealCluster) -> ProducerConfig {
    ProducerConfig::new("real-clusters", cluster.namesrv_addr()).with_timeout(PATIENCE)
}

fn start(version: Version) -> RealCluster {
    RealCluster::start(version).unwrap_or_else(|error| panic!("{error}"))
}

/// Bytes that do not get smaller.
fn noise(size: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(size as u64);
    (0..size).map(|_| random.u8(..)).collect()
}

/// All that single messages can have.
fn messages(topic: &str) -> Vec<Message> {
    vec![
        Message::new(topic.to_owned(), "plain"),
        Message::new(topic.to_owned(), "dressed")
            .with_tags("TagA")
            .with_keys(["k1", "k2"])
            .with_property("colour", "blue")
            .with_property("größe", "中文 \u{1F600}")
            .with_flag(-7),
        Message::new(topic.to_owned(), "keyed").with_sharding_key("order-1001"),
        Message::new(topic.to_owned(), "careless").with_wait_store_ok(false),
        Message::new(topic.to_owned(), noise(100_000)),
        Message::new(topic.to_owned(), "with a checksum").with_body_crc(true),
        Message::new(topic.to_owned(), noise(4 * 1024 * 1024)),
        Message::new(topic.to_owned(), "again and again ".repeat(10_000)),
        Message::new(topic.to_owned(), "x").with_property("p", "v".repeat(32_000)),
    ]
}

/// Sends to a topic that does not exist, then compares what is stored with what was sent.
fn send_and_read_back<S: Subject>(cluster: &RealCluster, form: SerializeType, topic: &str) {
    let producer = S::started(config(cluster).with_serialize_type(form));
    let sent = producer.send_all(messages(topic));
    let receipts: Vec<SendReceipt> = sent.into_iter().map(Result::unwrap).collect();
    let too_large = Message::new(topic.to_owned(), vec![0; 4 * 1024 * 1024 + 1]);
    let error = producer.send(too_large).unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::InvalidMessage(_)), "{error}");
    producer.shutdown().unwrap();

    let mut reader = Reader::connect(&cluster.namesrv_addr()).unwrap();
    let stored = reader.await_topic(topic, receipts.len()).unwrap();
    assert_eq!(stored.len(), receipts.len(), "each message is stored once");
    for (message, receipt) in messages(topic).iter().zip(&receipts) {
        let stored = stored.iter().find(|stored| stored.uniq_key() == Some(&receipt.message_id));
        compare(message, receipt, stored.expect("the receipt's id is stored"));
    }
}

fn compare(message: &Message, receipt: &SendReceipt, stored: &StoredMessage) {
    assert_eq!(receipt.status, SendStatus::SendOk);
    assert_eq!(stored.topic, message.topic());
    let body = stored.decompressed_body().unwrap();
    assert!(body == message.body(), "the body of {message:?} came out different");
    assert_eq!(stored.flag, message.flag());
    let compressed = stored.body != message.body();
    assert_eq!(stored.sys_flag, if compressed { 0x301 } else { 0 });
    assert_eq!(compressed, message.body().starts_with(b"again and again"));
    assert_eq!(stored.born_timestamp, receipt.send_timestamp.0);
    assert_eq!(stored.queue_id, receipt.message_queue.queue_id);
    assert_eq!(stored.queue_offset, receipt.queue_offset);
    let id = offset_message_id(stored.store_host, stored.commit_log_offset);
    assert_eq!(receipt.offset_message_id, id);

    let property = |name: &str| stored.properties.get(name).map(String::as_str);
    let keys: Vec<_> = message.keys().collect();
    assert_eq!(property("KEYS").unwrap_or_default(), keys.join(" "));
    assert_eq!(property("TAGS"), message.tags());
    assert_eq!(property("__SHARDINGKEY"), message.sharding_key());
    // 4.9.5 obeys it and does not store it.
    if let Some(wait) = property("WAIT") {
        assert_eq!(wait, message.wait_store_ok().to_string());
    }
    for (name, value) in message.properties() {
        assert_eq!(property(name), Some(value), "{name}");
    }
}

/// Every runtime in both header forms, each to a topic of its own.
fn everything_is_stored_as_it_was_sent(version: Version) {
    let cluster = start(version);
    for form in [SerializeType::Binary, SerializeType::Json] {
        send_and_read_back::<Blocking>(&cluster, form, &format!("Blocking{form:?}"));
        send_and_read_back::<Mio>(&cluster, form, &format!("Mio{form:?}"));
        send_and_read_back::<Smol>(&cluster, form, &format!("Smol{form:?}"));
        send_and_read_back::<Tokio>(&cluster, form, &format!("Tokio{form:?}"));
    }
}

fn what_a_broker_refuses_is_told(version: Version) {
    let cluster = RealCluster::builder(version).broker_property("autoCreateTopicEnable", "false");
    let cluster = cluster.start().unwrap_or_else(|error| panic!("{error}"));
    let producer = Blocking::started(config(&cluster));
    let error = producer.send(Message::new("NobodyMadeThis", "x")).unwrap_err();
    let kind = error.kind();
    let not_found = matches!(kind, SendErrorKind::Route(RouteError::TopicNotFound { .. }));
    assert!(not_found, "{error}");
    producer.shutdown().unwrap();
}

fn a_broker_that_comes_back_is_found_again(version: Version) {
    let mut cluster = start(version);
    let producer = Tokio::started(config(&cluster).with_retry(100));
    let _ = producer.send(Message::new("Outage", "before")).unwrap();
    cluster.kill_broker("broker-a").unwrap();
    let send = producer.send_in_background(Message::new("Outage", "during"));
    cluster.restart_broker("broker-a").unwrap();
    // However the one that was under way ended, the next one succeeds.
    let during = send.join().unwrap();
    let _ = producer.send(Message::new("Outage", "after")).unwrap();
    producer.shutdown().unwrap();

    let mut reader = Reader::connect(&cluster.namesrv_addr()).unwrap();
    let stored = reader.await_topic("Outage", 2 + usize::from(during.is_ok())).unwrap();
    let bodies: Vec<_> = stored.iter().map(|message| &message.body[..]).collect();
    assert!(bodies.contains(&&b"after"[..]));
    assert_eq!(bodies.contains(&&b"during"[..]), during.is_ok(), "{during:?}");
}

/// Makes every scenario a test of every version.
macro_rules! on_every_version {
    ($($scenario:ident),+ $(,)?) => {
        mod row_57_rocketmq_5_5_0 {
            $(#[test] #[ignore = "needs a real cluster"]
            fn $scenario() { super::$scenario(super::Version::V5_5_0); })+
        }
        mod row_57_rocketmq_4_9_5 {
            $(#[test] #[ignore = "needs a real cluster"]
            fn $scenario() { super::$scenario(super::Version::V4_9_5); })+
        }
    };
}

on_every_version!(
    everything_is_stored_as_it_was_sent,
    what_a_broker_refuses_is_told,
    a_broker_that_comes_back_is_found_again,
);
