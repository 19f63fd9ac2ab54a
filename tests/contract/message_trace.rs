//! The message trace: what is told of each send, and that nobody is disturbed by it.

use std::time::{Duration, Instant};

use rocketmq_producer::{
    LocalTransactionState::{CommitMessage, RollbackMessage, Unknown},
    Message, ProducerConfig, TraceStats,
};
use rocketmq_producer_testkit::{
    TraceRecord,
    model::{Fault, ModelCluster},
    serve::EmbeddedCluster,
};

use crate::{
    subject::Subject,
    transactor::{Listener, Transacts},
    world::*,
};

fn traced(cluster: &EmbeddedCluster) -> ProducerConfig {
    config(cluster).with_trace_message(true)
}

/// All records that are stored, by the topics that they tell of, then in the order of the sends.
fn records(cluster: &EmbeddedCluster) -> Vec<TraceRecord> {
    let stored = cluster.stored(TraceRecord::TOPIC);
    let mut records = Vec::new();
    for message in stored {
        let body = message.decompressed_body().expect("it is compressed as it says");
        records.extend(TraceRecord::parse_all(&body).unwrap_or_else(|error| panic!("{error}")));
    }
    records.sort_by_key(|record| record.get("topic").to_owned());
    records
}

fn dressed(topic: &'static str) -> Message {
    Message::new(topic, "dressed").with_tags("TagA").with_key("k1").with_key("k2")
}

fn every_kind_of_send_leaves_a_record<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(traced(&cluster));
    let alone = producer.send(dressed("A-alone")).unwrap();
    let plain = producer.send(Message::new("B-plain", "plain")).unwrap();
    producer.oneway(dressed("C-oneway")).unwrap();
    let batch = producer.send_batch((0..3).map(|_| dressed("D-batch")).collect());
    let _ = producer.send(dressed("E-delayed").with_delay_level(1)).unwrap();
    let ids: Vec<_> = batch.into_iter().map(|one| one.unwrap().message_id).collect();
    producer.shutdown().unwrap();

    let host = cluster.address(&broker_a()).to_string();
    let records = records(&cluster);
    let told: Vec<_> = records
        .iter()
        .map(|record| record.all(["topic", "msgId", "tags", "keys", "bodyLength", "msgType"]))
        .collect();
    let joined = ids.join(",");
    let oneway = records[2].get("msgId");
    let length = records[3].get("bodyLength");
    assert_eq!(
        told,
        [
            ["A-alone", &alone.message_id, "TagA", "k1 k2", "7", "0"],
            ["B-plain", &plain.message_id, "null", "null", "5", "0"],
            ["C-oneway", oneway, "TagA", "k1 k2", "7", "0"],
            ["D-batch", &joined, "null", "null", length, "0"],
            ["E-delayed", records[4].get("msgId"), "TagA", "k1 k2", "7", "3"],
        ]
    );
    for record in &records {
        let found = record.all(["regionId", "group", "storeHost", "success"]);
        assert_eq!(found, ["DefaultRegion", "contract", &host, "true"]);
    }
    assert_eq!(alone.offset_message_id, records[0].get("offsetMsgId"));
    assert_eq!(records[2].get("offsetMsgId"), "null");
    let stats = producer.trace_stats();
    assert_eq!((stats.recorded, stats.sent), (5, 5), "{stats:?}");
    let keys = cluster.stored(TraceRecord::TOPIC).into_iter().map(|m| m.properties["KEYS"].clone());
    let keys: Vec<_> = keys.collect();
    assert!(keys.contains(&format!("{} k1 k2", alone.message_id)), "{keys:?}");
    assert!(keys.contains(&ids.join(" ")), "each of a batch is found by its own id: {keys:?}");
}

fn row_54_a_send_that_fails_is_told_too<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| {
        model.broker("broker-a").create_topic("Contract", 4);
        model.broker("broker-b").create_topic(TraceRecord::TOPIC, 1);
        for name in ["broker-a", "broker-b"] {
            model.register_broker(name, 0);
        }
    });
    let producer = S::started(traced(&cluster).with_retry(0));
    cluster.set_fault(&broker_a(), Fault::Deny(13));
    let error = producer.send(message("refused")).unwrap_err();
    producer.shutdown().unwrap();
    let records = records(&cluster);
    assert_eq!(records.len(), 1, "{records:?}");
    let host = cluster.address(&broker_a()).to_string();
    let id = error.message().uniq_key().unwrap();
    let told = records[0].all(["msgId", "storeHost", "offsetMsgId", "success"]);
    assert_eq!(told, [id, &host, "null", "false"]);
}

fn sends_that_gather_are_told_by_lot<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(traced(&cluster).with_auto_batch(true));
    let sent = producer.send_all((0..50).map(|_| message("gathered")).collect());
    let ids: Vec<_> = sent.into_iter().map(|one| one.unwrap().message_id).collect();
    producer.shutdown().unwrap();
    let records = records(&cluster);
    let mut told: Vec<_> =
        records.iter().flat_map(|record| record.get("msgId").split(',')).collect();
    told.sort_unstable();
    let mut ids: Vec<_> = ids.iter().map(|id| &**id).collect();
    ids.sort_unstable();
    assert_eq!(told, ids, "each is told once");
}

fn records_do_not_wait_for_a_shutdown<S: Subject>() {
    let cluster = one_broker();
    let config = traced(&cluster).with_trace_linger(Duration::from_millis(100));
    let producer = S::started(config);
    let _ = producer.send(message("lingers")).unwrap();
    eventually("it is stored after its linger", || records(&cluster).len() == 1);
    producer.shutdown().unwrap();

    let patient = Duration::from_secs(3_600);
    let producer = S::started(traced(&cluster).with_trace_linger(patient).with_trace_batch_size(4));
    for _ in 0..4 {
        let _ = producer.send(message("with company")).unwrap();
    }
    eventually("a full batch is stored at once", || records(&cluster).len() == 5);
    producer.shutdown().unwrap();
}

fn a_broker_may_forbid_to_trace_its_messages<S: Subject>() {
    let cluster = one_broker();
    cluster.model(|model| model.broker("broker-a").set_trace_on(false));
    let producer = S::started(traced(&cluster));
    let _ = producer.send(message("not to be traced")).unwrap();
    producer.shutdown().unwrap();
    assert_eq!((records(&cluster), producer.trace_stats()), (vec![], TraceStats::default()));
}

fn nothing_is_traced_unless_asked_for<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    let _ = producer.send(message("quiet")).unwrap();
    producer.shutdown().unwrap();
    assert_eq!((records(&cluster), producer.trace_stats()), (vec![], TraceStats::default()));
}

/// What a user sends to the trace's topic is sent, and not traced.
fn the_trace_is_not_traced<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(traced(&cluster));
    let _ = producer.send(Message::new(TraceRecord::TOPIC, "mine")).unwrap();
    producer.shutdown().unwrap();
    assert_eq!(cluster.stored(TraceRecord::TOPIC).len(), 1);
    assert_eq!(producer.trace_stats(), TraceStats::default());
}

fn row_54_a_cluster_without_the_topic_is_hardly_asked_and_disturbs_nobody<S: Subject>() {
    let cluster = one_broker();
    cluster.model(|model| {
        model.create_topic("Contract", 4);
        model.set_auto_create(false);
    });
    let config = traced(&cluster).with_trace_batch_size(1).with_trace_queue_max(20);
    let producer = S::started(config);
    for number in 0..200 {
        let _ = producer.send(message(&number.to_string())).unwrap();
    }
    let begun = Instant::now();
    producer.shutdown().unwrap();
    assert!(begun.elapsed() < SLACK, "{:?}", begun.elapsed());
    let stats = producer.trace_stats();
    assert_eq!(stats.recorded, 200);
    assert_eq!((stats.sent, stats.failed + stats.dropped), (0, 200), "{stats:?}");
    let asked = cluster.model(|model| model.name_server(0).queries(TraceRecord::TOPIC));
    // A second's pause after each failure, and as many at once as may be on their way.
    assert!(asked <= 20, "the name server was asked {asked} times");
}

/// The trace's broker takes everything and answers nothing.
fn row_54_a_trace_that_is_stuck_changes_no_send_and_bounds_a_shutdown<S: Subject>() {
    let cluster = EmbeddedCluster::serve(ModelCluster::new(1, ["broker-a", "broker-b"]));
    cluster.model(|model| {
        model.set_auto_create(false);
        model.broker("broker-a").create_topic("Contract", 4);
        model.broker("broker-b").create_topic(TraceRecord::TOPIC, 1);
        for name in ["broker-a", "broker-b"] {
            model.register_broker(name, 0);
        }
    });
    cluster.set_fault(&broker_b(), Fault::Hang);
    let config = traced(&cluster)
        .with_trace_batch_size(1)
        .with_trace_queue_max(10)
        .with_async_send_semaphore(1)
        .with_shutdown_timeout(Duration::from_secs(2));
    let producer = S::started(config);
    for number in 0..100 {
        let receipt = producer.send(message(&number.to_string())).unwrap();
        assert_eq!(receipt.attempts, 1);
    }
    let begun = Instant::now();
    producer.shutdown().expect("no send is cut off by it");
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(2) + SLACK, "{took:?}");
    let goodbyes = cluster.model(|model| model.broker("broker-a").requests(UNREGISTER_CLIENT));
    assert_eq!(goodbyes, 1, "brokers are told all the same");
    let stats = producer.trace_stats();
    assert_eq!((stats.recorded, stats.sent, stats.waiting, stats.in_flight), (100, 0, 0, 0));
    assert!(stats.failed > 0 && stats.dropped > 0, "{stats:?}");
    assert_eq!(stats.failed + stats.dropped, 100, "{stats:?}");
}

/// A user's limits are not for the trace.
fn row_54_the_trace_takes_no_permits_and_knows_no_small_limits<S: Subject>() {
    let cluster = one_broker();
    let config = traced(&cluster)
        .with_max_message_size(20)
        .with_in_flight_bytes_max(200)
        .with_async_send_semaphore(1)
        .with_trace_batch_size(50);
    let producer = S::started(config);
    for number in 0..50 {
        let _ = producer.send(message(&number.to_string())).unwrap();
    }
    producer.shutdown().unwrap();
    assert_eq!(records(&cluster).len(), 50);
}

on_every_runtime!(
    every_kind_of_send_leaves_a_record,
    row_54_a_send_that_fails_is_told_too,
    sends_that_gather_are_told_by_lot,
    records_do_not_wait_for_a_shutdown,
    a_broker_may_forbid_to_trace_its_messages,
    nothing_is_traced_unless_asked_for,
    the_trace_is_not_traced,
    row_54_a_cluster_without_the_topic_is_hardly_asked_and_disturbs_nobody,
    row_54_a_trace_that_is_stuck_changes_no_send_and_bounds_a_shutdown,
    row_54_the_trace_takes_no_permits_and_knows_no_small_limits,
);

mod transactions {
    use super::*;

    fn ends_of_transactions_leave_records<T: Transacts>() {
        let cluster = one_broker();
        let second = Duration::from_secs(1);
        cluster.model(|model| model.broker("broker-a").set_transaction_checks(second, second, 15));
        let producer = T::started(traced(&cluster), Listener::checking(|_| CommitMessage));
        for (topic, state) in
            [("A-commit", CommitMessage), ("B-rollback", RollbackMessage), ("C-unknown", Unknown)]
        {
            let _ = producer.run(dressed(topic), state).unwrap();
        }
        eventually("the broker has asked", || producer.stats().committed_transactions == 2);
        eventually("and was told", || cluster.model(|model| model.open_half_messages()) == 0);
        producer.shutdown();

        let records = records(&cluster);
        let names = ["topic", "type", "msgType", "transactionState", "fromTransactionCheck"];
        let told: Vec<_> = records.iter().map(|record| record.all(names)).collect();
        assert_eq!(
            told,
            [
                ["A-commit", "Pub", "1", "", ""],
                ["A-commit", "EndTransaction", "2", "COMMIT_MESSAGE", "false"],
                ["B-rollback", "Pub", "1", "", ""],
                ["B-rollback", "EndTransaction", "2", "ROLLBACK_MESSAGE", "false"],
                ["C-unknown", "Pub", "1", "", ""],
                ["C-unknown", "EndTransaction", "2", "UNKNOW", "false"],
                ["C-unknown", "EndTransaction", "2", "COMMIT_MESSAGE", "true"],
            ]
        );
        let host = cluster.address(&broker_a()).to_string();
        for record in &records {
            assert_eq!(record.all(["storeHost", "keys", "tags"]), [&host, "k1 k2", "TagA"]);
        }
    }

    crate::transactor::with_every_listener!(ends_of_transactions_leave_records);
}
