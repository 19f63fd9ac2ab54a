//! What is done to bodies on their way, and when messages are delivered.

use std::time::{Duration, Instant, SystemTime};

use rocketmq_producer::{CompressionType, Message, Outcome, SendErrorKind};
use rocketmq_producer_testkit::model::{Fault, Flavour};

use crate::{subject::Subject, world::*};

const TYPES: [(CompressionType, i32); 3] =
    [(CompressionType::Lz4, 0x101), (CompressionType::Zstd, 0x201), (CompressionType::Zlib, 0x301)];

fn text() -> String {
    "all work and no play makes a dull body ".repeat(1_000)
}

fn row_44_large_bodies_travel_compressed_and_can_be_read<S: Subject>() {
    for (kind, flag) in TYPES {
        let cluster = one_broker();
        let config = config(&cluster).with_compress_msg_body_over_howmuch(4_096);
        let producer = S::started(config.with_compress_type(kind));
        let _ = producer.send(message(&text())).unwrap();
        let stored = cluster.stored("Contract").remove(0);
        assert_eq!(stored.sys_flag, flag, "{kind:?}");
        assert!(stored.body.len() < text().len() / 10);
        assert_eq!(stored.decompressed_body().unwrap(), text(), "{kind:?}");
    }
}

fn row_44_small_bodies_and_noise_travel_as_they_are<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster).with_compress_msg_body_over_howmuch(4_096));
    let mut noise = 1_u64;
    let mut noise = || {
        noise =
            noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (noise >> 56) as u8
    };
    let noise: Vec<u8> = (0..10_000).map(|_| noise()).collect();
    for body in [text()[..4_095].to_owned().into_bytes(), noise] {
        let _ = producer.send(Message::new("Contract", body.clone())).unwrap();
        let stored = cluster.stored("Contract");
        let stored = stored.iter().find(|stored| stored.body == body);
        assert_eq!(stored.expect("it is stored as it is").sys_flag, 0);
    }
}

fn row_20_a_retry_sends_what_the_first_attempt_sent<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster).with_compress_msg_body_over_howmuch(100));
    let _ = producer.send(message("first")).unwrap();
    cluster.set_fault(&broker_a(), Fault::CloseInsteadOfReply(2));
    let sent = message(&text()).with_tags("t").with_property("colour", "blue");
    let receipt = producer.send(sent.clone()).expect("the third attempt is answered");
    assert_eq!(receipt.attempts, 3);
    let copies: Vec<_> = cluster
        .stored("Contract")
        .into_iter()
        .filter(|stored| stored.uniq_key() == Some(&receipt.message_id))
        .collect();
    assert_eq!(copies.len(), 3);
    for copy in &copies {
        assert_eq!(copy.decompressed_body().unwrap(), sent.body());
        assert_eq!((&copy.body, copy.sys_flag), (&copies[0].body, copies[0].sys_flag));
        assert_eq!(copy.properties, copies[0].properties);
    }
}

fn a_checksum_of_the_body_travels_where_it_is_asked_for<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    let _ = producer.send(message("123456789").with_body_crc(true)).unwrap();
    let stored = cluster.stored("Contract").remove(0);
    assert_eq!(stored.properties.get("BODY_CRC").map(String::as_str), Some("1274296614"));
}

fn delayed_messages_are_delivered_later<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    let begun = Instant::now();
    let _ = producer.send(message("by level").with_delay_level(1)).unwrap();
    let _ = producer.send(message("after").with_delay_for(Duration::from_millis(1_200))).unwrap();
    let at = SystemTime::now() + Duration::from_millis(1_200);
    let _ = producer.send(message("at").with_deliver_at(at)).unwrap();
    assert_eq!(cluster.stored("Contract").len(), 0);
    eventually("all are delivered", || cluster.stored("Contract").len() == 3);
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
}

fn timers_are_refused_where_the_broker_would_deliver_at_once<S: Subject>() {
    let cluster = one_broker();
    cluster.model(|model| model.broker("broker-a").set_flavour(Flavour::V4));
    let producer = S::started(config(&cluster));
    let later = message("later").with_delay_for(Duration::from_secs(3));
    let error = producer.send(later.clone()).unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::BrokerTooOld { .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(producer.oneway(later).is_err());
    let _ = producer.send(message("by level").with_delay_level(1)).expect("it knows levels");
}

fn timers_go_to_a_broker_that_is_new_enough<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| {
        model.create_topic("Contract", 4);
        model.broker("broker-a").set_flavour(Flavour::V4);
    });
    let producer = S::started(config(&cluster));
    for _ in 0..4 {
        let later = message("later").with_delay_for(Duration::from_millis(1_100));
        let receipt = producer.send(later).unwrap();
        assert_eq!(receipt.message_queue.broker_name, "broker-b");
    }
    eventually("all are delivered", || cluster.stored("Contract").len() == 4);
}

on_every_runtime!(
    row_44_large_bodies_travel_compressed_and_can_be_read,
    row_44_small_bodies_and_noise_travel_as_they_are,
    row_20_a_retry_sends_what_the_first_attempt_sent,
    a_checksum_of_the_body_travels_where_it_is_asked_for,
    delayed_messages_are_delivered_later,
    timers_are_refused_where_the_broker_would_deliver_at_once,
    timers_go_to_a_broker_that_is_new_enough,
);
