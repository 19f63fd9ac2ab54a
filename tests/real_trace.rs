//! The message trace on real clusters: for the same sends, our records are those of RocketMQ's own
//! Java client, field by field.
//!
//! Ignored by default, since it needs Java and Maven: `cargo test -- --ignored` runs it.

#![cfg(all(feature = "mio", feature = "smol", feature = "tokio", feature = "compression-zlib"))]

#[path = "contract/transactor.rs"]
#[allow(dead_code, unused_macros, unused_imports, reason = "each suite uses a part of it")]
mod transactor;

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

use rocketmq_producer::{
    LocalTransactionState::{CommitMessage, RollbackMessage, Unknown},
    Message, ProducerConfig, blocking, smol as on_smol, tokio as on_tokio,
};
use rocketmq_producer_testkit::{
    Reader, TraceRecord,
    real::{RealCluster, Version},
};
use transactor::{Blocking, Listener, Mio, Smol, Tokio, Transactor, Transacts};

const PATIENCE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
/// What the names of Java's topics begin with.
const JAVA: &str = "Java";

/// One whose brokers ask soon, and not so soon that they ask about what has ended and is not marked
/// so yet.
fn cluster(version: Version) -> RealCluster {
    let cluster = RealCluster::builder(version)
        .transaction_checks(6 * SECOND, 10 * SECOND)
        .ready_within(5 * PATIENCE)
        .start();
    cluster.unwrap_or_else(|error| panic!("{error}"))
}

fn config(cluster: &RealCluster, group: &str) -> ProducerConfig {
    ProducerConfig::new(group, cluster.namesrv_addr())
        .with_timeout(PATIENCE / 2)
        .with_trace_message(true)
}

/// As `Produce.java` dresses them.
fn dressed(side: &str, kind: &str) -> Message {
    Message::new(format!("{side}{kind}"), "dressed").with_tags("TagA").with_key("k1").with_key("k2")
}

fn plain(side: &str, kind: &str, body: String) -> Message {
    Message::new(format!("{side}{kind}"), body)
}

/// A record's kind, what it is of, and all else that is to be equal; then what differs from one run
/// to the next.
type Told = BTreeMap<(String, [String; 3]), BTreeMap<&'static str, String>>;

/// What all runs have in common.
const SAME: [&str; 7] =
    ["regionId", "tags", "keys", "storeHost", "bodyLength", "msgType", "success"];

/// What one side has left in the trace, once there is nothing missing.
fn told(cluster: &RealCluster, side: &str, count: usize) -> Told {
    let until = Instant::now() + PATIENCE;
    loop {
        let records = records(cluster, side);
        if records.len() >= count {
            assert_eq!(records.len(), count, "{records:?}");
            return records.iter().map(|record| told_by(side, record)).collect();
        }
        assert!(Instant::now() < until, "{} of {count}: {records:?}", records.len());
        thread::sleep(SECOND / 5);
    }
}

fn records(cluster: &RealCluster, side: &str) -> Vec<TraceRecord> {
    let mut reader = Reader::connect(&cluster.namesrv_addr()).unwrap();
    let stored = reader.await_topic(TraceRecord::TOPIC, 1).unwrap();
    let bodies = stored.iter().map(|message| message.decompressed_body().unwrap());
    let records = bodies.flat_map(|body| TraceRecord::parse_all(&body).unwrap());
    records.filter(|record| record.get("topic").starts_with(side)).collect()
}

fn told_by(
    side: &str,
    record: &TraceRecord,
) -> ((String, [String; 3]), BTreeMap<&'static str, String>) {
    let kind = record.get("topic").strip_prefix(side).unwrap().to_owned();
    let of = record.all(["type", "transactionState", "fromTransactionCheck"]).map(str::to_owned);
    let mut fields: BTreeMap<_, _> =
        SAME.into_iter().map(|name| (name, record.get(name).to_owned())).collect();
    assert_eq!(record.get("group"), format!("group-{side}"));
    let ids: Vec<_> = record.get("msgId").split(',').collect();
    if kind == "Batch" {
        // Ids are in the body, and Java's are longer where hosts have IPv6 addresses.
        let length: usize = record.get("bodyLength").parse().unwrap();
        let rest = length - ids.iter().map(|id| id.len()).sum::<usize>();
        fields.insert("bodyLength", rest.to_string());
    }
    if kind == "Large" {
        // Compressed, by two libraries.
        let length: usize = record.get("bodyLength").parse().unwrap();
        fields.insert("bodyLength", format!("{}?", length / 10));
    }
    fields.insert("ids", ids.len().to_string());
    if record.is_of_a_send() {
        // Java's ids are of the same form, and name a place in the same broker's log.
        let offset_ids = record.get("offsetMsgId").split(',');
        let form = offset_ids.map(|id| if id == "null" { "null" } else { id.get(..16).unwrap() });
        fields.insert("offsetMsgId", form.collect::<Vec<_>>().join(","));
        let cost: u64 = record.get("costTime").parse().unwrap();
        assert!(cost < 30_000, "{record:?}");
    } else {
        assert_eq!(record.get("transactionId"), record.get("msgId"));
    }
    let at: u64 = record.get("timestamp").parse().unwrap();
    assert!(at > 1_700_000_000_000, "{record:?}");
    ((kind, of), fields)
}

/// The sends of `Produce.java`, by one of ours.
fn produce<T: Transacts>(
    cluster: &RealCluster,
    side: &str,
    version: Version,
    alone: impl FnOnce(ProducerConfig, Vec<Message>, Message, Vec<Message>),
) {
    let group = format!("group-{side}");
    let mut messages = vec![
        dressed(side, "Dressed"),
        plain(side, "Plain", "plain".to_owned()),
        plain(side, "Large", "0123456789".repeat(1_000)),
        dressed(side, "Delayed").with_delay_level(1),
        dressed(side, "Ordered").with_sharding_key("order-1001"),
    ];
    if version == Version::V5_5_0 {
        messages.push(dressed(side, "Timed").with_delay_for(SECOND));
    }
    let batch = (0..3).map(|_| dressed(side, "Batch")).collect();
    alone(config(cluster, &group), messages, dressed(side, "Oneway"), batch);

    let producer: Box<dyn Transactor> =
        T::started(config(cluster, &group), Listener::checking(|_| CommitMessage));
    for (kind, state) in
        [("Commit", CommitMessage), ("Rollback", RollbackMessage), ("Unknown", Unknown)]
    {
        let _ = producer.run(dressed(side, kind), state).unwrap();
    }
    let until = Instant::now() + PATIENCE;
    while producer.stats().committed_transactions < 2 {
        assert!(Instant::now() < until, "the broker has not asked");
        thread::sleep(SECOND / 10);
    }
    producer.shutdown();
}

fn on_blocking(
    config: ProducerConfig,
    messages: Vec<Message>,
    oneway: Message,
    batch: Vec<Message>,
) {
    on_threads(&blocking::Producer::new(config).unwrap(), messages, oneway, batch);
}

fn on_mio(config: ProducerConfig, messages: Vec<Message>, oneway: Message, batch: Vec<Message>) {
    on_threads(&blocking::Producer::polled(config).unwrap(), messages, oneway, batch);
}

fn on_threads(
    producer: &blocking::Producer,
    messages: Vec<Message>,
    oneway: Message,
    batch: Vec<Message>,
) {
    producer.start().unwrap();
    for message in messages {
        let _ = producer.send(message).unwrap_or_else(|error| panic!("{error}"));
    }
    producer.oneway(oneway).unwrap();
    assert!(producer.send_batch(batch).into_iter().all(|one| one.is_ok()));
    producer.shutdown().unwrap();
    let stats = producer.trace_stats();
    assert_eq!((stats.sent, stats.failed, stats.dropped), (stats.recorded, 0, 0), "{stats:?}");
}

/// The same text for both, awaited.
macro_rules! awaited {
    ($producer:ty, $config:ident, $messages:ident, $oneway:ident, $batch:ident) => {{
        let producer = <$producer>::new($config).unwrap();
        producer.start().await.unwrap();
        for message in $messages {
            let _ = producer.send(message).await.unwrap_or_else(|error| panic!("{error}"));
        }
        producer.oneway($oneway).await.unwrap();
        assert!(producer.send_batch($batch).await.into_iter().all(|one| one.is_ok()));
        producer.shutdown().await.unwrap();
        let stats = producer.trace_stats();
        assert_eq!((stats.sent, stats.failed, stats.dropped), (stats.recorded, 0, 0), "{stats:?}");
    }};
}

fn smol_sends(
    config: ProducerConfig,
    messages: Vec<Message>,
    oneway: Message,
    batch: Vec<Message>,
) {
    smol::block_on(async { awaited!(on_smol::Producer, config, messages, oneway, batch) });
}

fn tokio_sends(
    config: ProducerConfig,
    messages: Vec<Message>,
    oneway: Message,
    batch: Vec<Message>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async { awaited!(on_tokio::Producer, config, messages, oneway, batch) });
}

fn our_records_are_those_of_java(version: Version) {
    let cluster = cluster(version);
    let group = format!("group-{JAVA}");
    cluster.produce_traced(&group, JAVA).unwrap_or_else(|error| panic!("{error}"));
    // Seven sends, of which one is one-way and not told; a batch; three half messages; four ends.
    let mut java = told(&cluster, JAVA, 14);
    if version == Version::V4_9_5 {
        // Such a broker would deliver at once; we do not send it, and Java calls it a usual message.
        let timed = java.keys().find(|(kind, _)| kind == "Timed").unwrap().clone();
        assert_eq!(java.remove(&timed).unwrap()["msgType"], "0");
        // It leaves out what would end each message's properties.
        let (_, batch) = java.iter_mut().find(|((kind, _), _)| kind == "Batch").unwrap();
        let length: usize = batch["bodyLength"].parse().unwrap();
        batch.insert("bodyLength", (length + 3).to_string());
    }
    produce::<Blocking>(&cluster, "Blocking", version, on_blocking);
    produce::<Mio>(&cluster, "Mio", version, on_mio);
    produce::<Smol>(&cluster, "Smol", version, smol_sends);
    produce::<Tokio>(&cluster, "Tokio", version, tokio_sends);
    for side in ["Blocking", "Mio", "Smol", "Tokio"] {
        let mut ours = told(&cluster, side, java.len() + 1);
        // What Java does not tell.
        let oneway = ours.keys().find(|(kind, _)| kind == "Oneway").unwrap().clone();
        let told = ours.remove(&oneway).unwrap();
        assert_eq!((&*told["success"], &*told["offsetMsgId"]), ("true", "null"));
        assert_eq!(ours, java, "{side}");
    }
    let kinds: BTreeSet<_> = java.keys().map(|(kind, _)| kind.clone()).collect();
    println!("{version}: {} records of {} kinds equal on each runtime", java.len(), kinds.len());
}

#[test]
#[ignore = "needs a real cluster"]
fn row_54_rocketmq_5_5_0_our_records_are_those_of_java() {
    our_records_are_those_of_java(Version::V5_5_0);
}

#[test]
#[ignore = "needs a real cluster"]
fn row_54_rocketmq_4_9_5_our_records_are_those_of_java() {
    our_records_are_those_of_java(Version::V4_9_5);
}

/// Everything that is recorded arrives, and RocketMQ's own client reads it.
#[test]
#[ignore = "needs a real cluster"]
fn row_54_rocketmq_5_5_0_every_one_of_many_sends_is_told_once() {
    const SENDS: usize = 20_000;
    const AT_ONCE: usize = 100;
    let cluster = cluster(Version::V5_5_0);
    let config =
        config(&cluster, "group-Many").with_trace_queue_max(SENDS).with_shutdown_timeout(PATIENCE);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let ids: BTreeSet<String> = runtime.block_on(async {
        let producer = on_tokio::Producer::new(config).unwrap();
        producer.start().await.unwrap();
        let send = |_| {
            let producer = producer.clone();
            tokio::spawn(async move { producer.send(Message::new("Many", "x")).await })
        };
        let mut ids = BTreeSet::new();
        // All at once they would keep the broker busy for longer than the trace has patience.
        for _ in 0..SENDS / AT_ONCE {
            let sends: Vec<_> = (0..AT_ONCE).map(send).collect();
            for send in sends {
                ids.insert(send.await.unwrap().unwrap().message_id.to_string());
            }
        }
        producer.shutdown().await.unwrap();
        let stats = producer.trace_stats();
        println!("{stats:?}");
        assert_eq!((stats.sent, stats.failed, stats.dropped), (SENDS as u64, 0, 0), "{stats:?}");
        ids
    });
    let mut reader = Reader::connect(&cluster.namesrv_addr()).unwrap();
    reader.await_topic(TraceRecord::TOPIC, 1).unwrap();
    let consumed = cluster.consume(TraceRecord::TOPIC).unwrap_or_else(|error| panic!("{error}"));
    let records: Vec<_> = consumed
        .iter()
        .flat_map(|message| TraceRecord::parse_all(&message.body).unwrap())
        .map(|record| record.get("msgId").to_owned())
        .collect();
    println!("{} records in {} messages", records.len(), consumed.len());
    assert_eq!(records.len(), SENDS);
    assert_eq!(records.into_iter().collect::<BTreeSet<_>>(), ids);
}
