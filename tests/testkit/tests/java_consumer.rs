//! The Java consumer of real clusters: it hands out what was sent, or says why it cannot.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use lz4_flex::frame::{BlockMode, FrameEncoder, FrameInfo};
use rocketmq_producer_testkit::Reader;
use rocketmq_producer_testkit::real::{ConsumeError, ConsumedMessage, RealCluster, Version};
use serde_json::{Value, json};

const COMPRESSED: i32 = 0x1;
const LZ4: i32 = COMPRESSED | 0x100;
const ZSTD: i32 = COMPRESSED | 0x200;
const ZLIB: i32 = COMPRESSED | 0x300;

#[test]
#[ignore = "needs a real cluster"]
fn version_5_5_0_reads_bodies_as_they_were() {
    reads_bodies_as_they_were(Version::V5_5_0);
}

#[test]
#[ignore = "needs a real cluster"]
fn version_4_9_5_reads_bodies_as_they_were() {
    reads_bodies_as_they_were(Version::V4_9_5);
}

/// Bodies in every form a producer may give them, one that fits into no block of any of them
/// included.
fn reads_bodies_as_they_were(version: Version) {
    let cluster = RealCluster::start(version).expect("a cluster");
    let broker = cluster.broker_addr("broker-a").expect("the only broker");
    let bodies = [b"a short one".to_vec(), text(5_000), text(3_000_000)];
    for body in &bodies {
        Message::new("bodies", body.clone()).send(broker);
        Message::new("bodies", zlib(body)).flagged(ZLIB).send(broker);
        // As producers did that knew no other compression.
        Message::new("bodies", zlib(body)).flagged(COMPRESSED).send(broker);
        Message::new("bodies", lz4(body)).flagged(LZ4).send(broker);
        Message::new("bodies", zstd(body)).flagged(ZSTD).send(broker);
    }
    let messages = consume(&cluster, "bodies", 5 * bodies.len());
    for (forms, body) in messages.chunks(5).zip(&bodies) {
        for (message, sent_as) in forms.iter().zip([0, ZLIB, COMPRESSED, LZ4, ZSTD]) {
            assert!(message.body == *body, "{} bytes of flag {sent_as:#x}", body.len());
            // 5.x takes the bit away with the compression.
            assert_eq!(message.sys_flag | COMPRESSED, sent_as | COMPRESSED);
        }
    }
}

#[test]
#[ignore = "needs a real cluster"]
fn everything_about_a_message_is_handed_out() {
    for version in Version::ALL {
        let cluster = RealCluster::start(version).expect("a cluster");
        let broker = cluster.broker_addr("broker-a").expect("the only broker");
        let properties = [
            ("UNIQ_KEY", "7F00000100002A139A0000000000ABCD"),
            ("TAGS", "blau"),
            ("KEYS", "eins zwei"),
            ("größe", "三"),
        ];
        Message::new("details", b"body".to_vec()).with(&properties).send(broker);
        Message::new("details", b"nameless".to_vec()).send(broker);

        let messages = consume(&cluster, "details", 2);
        let [message, nameless] = &messages[..] else { panic!("{messages:?}") };
        assert_eq!((&*message.topic, &*message.broker_name), ("details", "broker-a"));
        assert_eq!((message.queue_id, message.queue_offset, message.flag), (0, 0, 77));
        assert_eq!(message.born_timestamp, BORN);
        assert!(message.store_timestamp > BORN);
        assert_eq!(message.message_id, "7F00000100002A139A0000000000ABCD");
        assert_eq!(message.tags.as_deref(), Some("blau"));
        assert_eq!(message.keys.as_deref(), Some("eins zwei"));
        for (name, value) in properties {
            assert_eq!(message.properties.get(name).map(String::as_str), Some(value));
        }
        assert_eq!(nameless.queue_offset, 1);
        // Brokers since 5 name what their producers have not.
        let name = nameless.properties.get("UNIQ_KEY").unwrap_or(&nameless.offset_message_id);
        assert_eq!(nameless.message_id, *name);
        assert_eq!((&nameless.tags, &nameless.keys), (&None, &None));

        let offset = nameless.commit_log_offset;
        let stored = Reader::view(&broker.to_string(), "details", offset).expect("a message");
        assert_eq!(&stored.body[..], nameless.body);
    }
}

#[test]
#[ignore = "needs a real cluster"]
fn every_queue_of_every_broker_is_read_to_its_end() {
    for version in Version::ALL {
        let cluster = RealCluster::builder(version).brokers(2).start().expect("a cluster");
        let mut expected = Vec::new();
        for name in cluster.broker_names() {
            let broker = cluster.broker_addr(name).expect("a broker of the cluster");
            // More than a pull brings, and nothing in queue 1.
            for (queue, count) in [(0, 100), (2, 33), (3, 1)] {
                for number in 0..count {
                    let body = format!("{name} {queue} {number}");
                    Message::new("queues", body.clone().into_bytes()).in_queue(queue).send(broker);
                    expected.push(body);
                }
            }
        }
        let messages = consume(&cluster, "queues", expected.len());
        let bodies = messages.iter().map(|message| String::from_utf8_lossy(&message.body));
        assert_eq!(bodies.collect::<Vec<_>>(), expected);
        let place = |message: &ConsumedMessage| (message.queue_id, message.queue_offset);
        assert_eq!(place(&messages[99]), (0, 99));
    }
}

#[test]
#[ignore = "needs a real cluster"]
fn a_body_that_is_not_what_its_flag_says_is_an_error() {
    for version in Version::ALL {
        let cluster = RealCluster::start(version).expect("a cluster");
        let broker = cluster.broker_addr("broker-a").expect("the only broker");
        Message::new("broken", b"readable".to_vec()).send(broker);
        Message::new("broken", text(5_000)).flagged(ZLIB).send(broker);
        await_stored(&cluster, "broken", 2);
        let error = cluster.consume("broken").expect_err("the second is not compressed");
        let ConsumeError::Failed { topic, output, .. } = &error else { panic!("{error}") };
        assert_eq!(topic, "broken");
        assert!(output.contains("the client has decoded 1"), "{error}");
    }
}

#[test]
#[ignore = "needs a real cluster"]
fn failures_say_why_and_leave_nothing_behind() {
    for version in Version::ALL {
        let mut cluster = RealCluster::start(version).expect("a cluster");
        let error = cluster.consume("nowhere").expect_err("there is no such topic");
        let ConsumeError::Failed { topic, status, output } = &error else { panic!("{error}") };
        assert_eq!((&**topic, status.code()), ("nowhere", Some(1)));
        assert!(output.contains("MQClientException"), "{error}");

        let limit = Duration::from_millis(50);
        let error = cluster.consume_within("nowhere", limit).expect_err("Java is not that fast");
        assert!(matches!(&error, ConsumeError::TimedOut { topic, .. } if topic == "nowhere"));

        let leftovers = fs::read_dir(cluster.home()).expect("the cluster's folder");
        let mut names: Vec<_> =
            leftovers.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        assert_eq!(names, ["broker-a", "namesrv"]);
        cluster.check().expect("the servers did not notice");
    }
}

#[test]
#[ignore = "needs a real cluster"]
fn transaction_checks_are_as_chosen() {
    for version in Version::ALL {
        let (timeout, interval) = (Duration::from_secs(1), Duration::from_millis(2500));
        let builder = RealCluster::builder(version).transaction_checks(timeout, interval);
        let cluster = builder.start().expect("a cluster");
        let broker = cluster.broker_addr("broker-a").expect("the only broker");
        let (_, config) = ask(broker, &header(GET_BROKER_CONFIG, &json!({})), b"");
        assert!(config.contains("transactionTimeOut=1000\n"), "{config}");
        assert!(config.contains("transactionCheckInterval=2500\n"), "{config}");
    }
}

const SEND_MESSAGE: i32 = 10;
const GET_BROKER_CONFIG: i32 = 26;
const BORN: i64 = 1_700_000_000_000;

/// A message to be sent by hand: what is tested here must not depend on the producer.
struct Message<'a> {
    topic: &'a str,
    queue: i32,
    sys_flag: i32,
    properties: String,
    body: Vec<u8>,
}

impl<'a> Message<'a> {
    fn new(topic: &'a str, body: Vec<u8>) -> Message<'a> {
        Message { topic, queue: 0, sys_flag: 0, properties: String::new(), body }
    }

    fn flagged(self, sys_flag: i32) -> Message<'a> {
        Message { sys_flag, ..self }
    }

    fn in_queue(self, queue: i32) -> Message<'a> {
        Message { queue, ..self }
    }

    fn with(self, properties: &[(&str, &str)]) -> Message<'a> {
        let pairs = properties.iter().map(|(name, value)| format!("{name}\u{1}{value}\u{2}"));
        Message { properties: pairs.collect(), ..self }
    }

    fn send(&self, broker: SocketAddr) {
        let fields = json!({
            "producerGroup": "by-hand", "topic": self.topic, "queueId": self.queue.to_string(),
            "defaultTopic": "TBW102", "defaultTopicQueueNums": "4", "flag": "77",
            "sysFlag": self.sys_flag.to_string(), "bornTimestamp": BORN.to_string(),
            "properties": self.properties, "reconsumeTimes": "0", "unitMode": "false",
        });
        let (answer, _) = ask(broker, &header(SEND_MESSAGE, &fields), &self.body);
        assert_eq!(answer["code"], 0, "{answer}");
    }
}

fn header(code: i32, fields: &Value) -> String {
    json!({
        "code": code, "extFields": fields, "flag": 0, "language": "RUST", "opaque": 1, "version": 479,
    })
    .to_string()
}

/// A server's answer, header and body.
fn ask(addr: SocketAddr, header: &str, body: &[u8]) -> (Value, String) {
    let mut stream = TcpStream::connect(addr).expect("a listening server");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a positive time");
    let length = (4 + header.len() + body.len()) as u32;
    let head = [length.to_be_bytes(), (header.len() as u32).to_be_bytes()].concat();
    stream.write_all(&[&head, header.as_bytes(), body].concat()).expect("an open connection");

    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("an answer");
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).expect("the whole answer");
    let (length, rest) = answer.split_first_chunk().expect("the header's length");
    let (header, body) = rest.split_at(u32::from_be_bytes(*length) as usize);
    let header = serde_json::from_slice(header).expect("a JSON header");
    (header, String::from_utf8_lossy(body).into_owned())
}

/// What Java reads once all `count` messages can be read.
fn consume(cluster: &RealCluster, topic: &str, count: usize) -> Vec<ConsumedMessage> {
    await_stored(cluster, topic, count);
    let begin = Instant::now();
    let messages = cluster.consume(topic).unwrap_or_else(|error| panic!("{error}"));
    println!("{count} messages of {} in {:.1?}", cluster.version(), begin.elapsed());
    assert_eq!(messages.len(), count);
    messages
}

/// A broker makes a message readable some time after it has acknowledged it.
fn await_stored(cluster: &RealCluster, topic: &str, count: usize) {
    let mut reader = Reader::connect(&cluster.namesrv_addr()).expect("a name server");
    let stored = reader.await_topic(topic, count).expect("the topic can be read");
    assert!(stored.len() >= count, "there were no {count} messages in {topic}");
}

fn text(length: usize) -> Vec<u8> {
    let words = (0u64..).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40);
    words.flat_map(|word| format!("word {word}, ").into_bytes()).take(length).collect()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(body, 5)
}

fn lz4(body: &[u8]) -> Vec<u8> {
    // Java's decoder knows no others.
    let info = FrameInfo::new().block_mode(BlockMode::Independent);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(body).expect("a Vec takes everything");
    encoder.finish().expect("a Vec takes everything")
}

fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, 3).expect("a Vec takes everything")
}
