//! Every kind of send, on real clusters: what consumers would get is read back, by our own reader and
//! by RocketMQ's Java client.
//!
//! Ignored by default, since it needs Java and Maven: `cargo test -- --ignored` runs it.

#![cfg(all(
    feature = "mio",
    feature = "smol",
    feature = "tokio",
    feature = "compression-zlib",
    feature = "compression-lz4",
    feature = "compression-zstd"
))]

#[path = "contract/subject.rs"]
#[allow(dead_code, reason = "each suite uses a part of it")]
mod subject;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use rocketmq_producer::{CompressionType, Message, ProducerConfig, SendErrorKind, SendReceipt};
use rocketmq_producer_testkit::{
    Reader, StoredMessage,
    real::{RealCluster, Version},
};
use subject::{Blocking, Mio, Sent, Smol, Subject, Tokio};

const PATIENCE: Duration = Duration::from_secs(30);

fn config(cluster: &RealCluster) -> ProducerConfig {
    ProducerConfig::new("real-kinds", cluster.namesrv_addr()).with_timeout(PATIENCE)
}

/// What is stored under a topic, once there is so much of it.
fn read(cluster: &RealCluster, topic: &str, count: usize) -> Vec<StoredMessage> {
    let mut reader = Reader::connect(&cluster.namesrv_addr()).unwrap();
    let stored =
        reader.await_topic(topic, count).unwrap_or_else(|error| panic!("{topic}: {error}"));
    assert!(stored.len() >= count, "{topic}: {} of {count} messages", stored.len());
    stored
}

fn receipts(sent: Vec<Sent>) -> Vec<SendReceipt> {
    sent.into_iter().map(|one| one.unwrap_or_else(|error| panic!("{error}"))).collect()
}

fn numbered(topic: &str, count: usize, size: usize) -> Vec<Message> {
    let dress = |number: usize| {
        let body = format!("{number:0size$}");
        Message::new(topic.to_owned(), body)
            .with_tags("batched")
            .with_key(format!("key-{number}"))
            .with_property("größe", "中文 \u{1F600}")
            .with_flag(number as i32)
    };
    (0..count).map(dress).collect()
}

/// Batches of all sizes come out message by message as they went in.
fn batches<S: Subject>(cluster: &RealCluster, runtime: &str) {
    let producer = S::started(config(cluster));
    for (count, size) in [(1, 10), (2, 10), (32, 500), (10_000, 1_000)] {
        let topic = format!("{runtime}Batch{count}");
        let _ = producer.send(Message::new(topic.clone(), "the topic is there")).unwrap();
        let sent = numbered(&topic, count, size);
        let receipts = receipts(producer.send_batch(sent.clone()));
        let stored = read(cluster, &topic, count + 1);
        assert_eq!(stored.len(), count + 1, "{topic}");
        let by_id: BTreeMap<_, _> = stored.iter().map(|one| (one.uniq_key(), one)).collect();
        for (message, receipt) in sent.iter().zip(&receipts) {
            let stored = by_id[&Some(&*receipt.message_id)];
            assert_eq!(stored.body, message.body());
            assert_eq!(stored.flag, message.flag());
            assert_eq!(stored.queue_id, receipt.message_queue.queue_id);
            assert_eq!(stored.queue_offset, receipt.queue_offset);
            let mut properties = stored.properties.clone();
            // Brokers may add some of their own.
            properties.retain(|name, _| !matches!(&**name, "CLUSTER" | "TRACE_ON" | "MSG_REGION"));
            let expected = [
                ("UNIQ_KEY", &*receipt.message_id),
                ("TAGS", "batched"),
                ("KEYS", message.keys().next().unwrap()),
                ("größe", "中文 \u{1F600}"),
                ("WAIT", "true"),
            ];
            for (name, value) in expected {
                let found = properties.remove(name);
                // 4.9.5 obeys WAIT and does not store it.
                assert!(found.as_deref() == Some(value) || name == "WAIT", "{name}: {found:?}");
            }
            assert_eq!(properties, BTreeMap::new(), "nothing of a neighbour's");
        }
        let queues: BTreeSet<_> = receipts.iter().map(|one| one.message_queue.clone()).collect();
        // Ten thousand of these are more than two requests, to a queue each.
        assert_eq!(queues.len(), if count == 10_000 { 3 } else { 1 }, "{topic}");
    }
    producer.shutdown().unwrap();
}

fn oneway<S: Subject>(cluster: &RealCluster, runtime: &str) {
    let producer = S::started(config(cluster));
    let topic = format!("{runtime}Oneway");
    let _ = producer.send(Message::new(topic.clone(), "the topic is there")).unwrap();
    producer.oneway(Message::new(topic.clone(), "alone")).unwrap();
    let batch = numbered(&topic, 20, 10);
    assert!(producer.oneway_batch(batch.clone()).into_iter().all(|one| one.is_ok()));
    let stored = read(cluster, &topic, 22);
    for message in batch {
        assert!(stored.iter().any(|stored| stored.body == message.body()));
    }
    assert_eq!(producer.oneway_stats().handed_over, 21);
    producer.shutdown().unwrap();
}

/// Sends that gather arrive one by one all the same.
fn gathered<S: Subject>(cluster: &RealCluster, runtime: &str) {
    let producer = S::started(config(cluster).with_auto_batch(true));
    let topic = format!("{runtime}Gathered");
    let _ = producer.send(Message::new(topic.clone(), "the topic is there")).unwrap();
    let sent = numbered(&topic, 100, 20);
    let receipts = receipts(producer.send_all(sent.clone()));
    let stored = read(cluster, &topic, 101);
    assert_eq!(stored.len(), 101);
    for (message, receipt) in sent.iter().zip(&receipts) {
        let stored = stored.iter().find(|one| one.uniq_key() == Some(&receipt.message_id)).unwrap();
        assert_eq!(stored.body, message.body());
        assert_eq!(stored.queue_offset, receipt.queue_offset);
    }
    producer.shutdown().unwrap();
}

fn delayed<S: Subject>(cluster: &RealCluster, runtime: &str, version: Version) {
    let producer = S::started(config(cluster));
    let topic = format!("{runtime}Delayed");
    let _ = producer.send(Message::new(topic.clone(), "the topic is there")).unwrap();
    let begun = Instant::now();
    let later = |body: &'static str| Message::new(topic.clone(), body);
    let _ = producer.send(later("by level").with_delay_level(1)).unwrap();
    let timer = producer.send(later("by timer").with_delay_for(Duration::from_secs(3)));
    assert_eq!(read(cluster, &topic, 1).len(), 1, "not yet");
    read(cluster, &topic, 2);
    let took = begun.elapsed();
    assert!((0.9..4.0).contains(&took.as_secs_f64()), "one second took {took:?}");
    match (version, timer) {
        (Version::V5_5_0, Ok(_)) => {
            let stored = read(cluster, &topic, 3);
            let took = begun.elapsed();
            assert!((2.0..6.0).contains(&took.as_secs_f64()), "three seconds took {took:?}");
            assert!(stored.iter().any(|stored| stored.body == "by timer"));
        }
        (_, Err(error)) => {
            let kind = error.kind();
            assert!(matches!(kind, SendErrorKind::BrokerTooOld { .. }), "{error}");
            assert_ne!(version, Version::V5_5_0, "{error}");
        }
        (version, Ok(receipt)) => panic!("{version} has taken a timer: {receipt:?}"),
    }
    producer.shutdown().unwrap();
}

/// Java reads what was compressed, and what went in batches.
fn read_by_java<S: Subject>(cluster: &RealCluster, runtime: &str) {
    let text = "all work and no play makes a dull body ".repeat(3_000);
    let topic = format!("{runtime}Java");
    let types = [CompressionType::Zlib, CompressionType::Lz4, CompressionType::Zstd];
    for compress_type in types {
        let producer = S::started(config(cluster).with_compress_type(compress_type));
        let body = format!("{compress_type:?}{text}");
        let _ = producer.send(Message::new(topic.clone(), body)).unwrap();
        producer.shutdown().unwrap();
    }
    let producer = S::started(config(cluster));
    let batch = numbered(&topic, 10, 10);
    let batched = receipts(producer.send_batch(batch.clone()));
    producer.shutdown().unwrap();

    read(cluster, &topic, 13);
    let consumed = cluster.consume(&topic).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(consumed.len(), 13);
    for compress_type in types {
        let body = format!("{compress_type:?}{text}").into_bytes();
        assert!(consumed.iter().any(|message| message.body == body), "{compress_type:?}");
    }
    for (message, receipt) in batch.iter().zip(batched) {
        let read = consumed.iter().find(|read| receipt.message_id == read.message_id).unwrap();
        assert_eq!(read.body, message.body().to_vec());
        assert_eq!(receipt.offset_message_id, read.offset_message_id);
        assert_eq!(read.tags.as_deref(), Some("batched"));
    }
}

fn every_kind<S: Subject>(cluster: &RealCluster, runtime: &str, version: Version) {
    batches::<S>(cluster, runtime);
    oneway::<S>(cluster, runtime);
    gathered::<S>(cluster, runtime);
    delayed::<S>(cluster, runtime, version);
    read_by_java::<S>(cluster, runtime);
}

fn every_kind_is_stored_as_it_was_sent(version: Version) {
    let cluster = RealCluster::start(version).unwrap_or_else(|error| panic!("{error}"));
    every_kind::<Blocking>(&cluster, "Blocking", version);
    every_kind::<Mio>(&cluster, "Mio", version);
    every_kind::<Smol>(&cluster, "Smol", version);
    every_kind::<Tokio>(&cluster, "Tokio", version);
}

#[test]
#[ignore = "needs a real cluster"]
fn row_57_rocketmq_5_5_0_every_kind_is_stored_as_it_was_sent() {
    every_kind_is_stored_as_it_was_sent(Version::V5_5_0);
}

#[test]
#[ignore = "needs a real cluster"]
fn row_57_rocketmq_4_9_5_every_kind_is_stored_as_it_was_sent() {
    every_kind_is_stored_as_it_was_sent(Version::V4_9_5);
}
