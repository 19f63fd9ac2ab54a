//! The model cluster's behaviour, by frames in and frames out.

mod batches;
mod brokers;
mod checks;
mod delays;
mod faults;
mod name_servers;
mod talk;
mod transactions;

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use rocketmq_producer_core::{
    codec::{Frame, FrameDecoder, Header, Language, SerializeType},
    time::{Instant, Now, UnixMillis},
};
use serde_json::Value;

use super::{ModelCluster, Node, Output};

const MASTER: &str = "127.0.0.1:10911";
const SLAVE: &str = "127.0.0.1:10921";
const CONNECTION: u64 = 7;
const OPAQUE: i32 = 77;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn broker_a() -> Node {
    Node::Broker("a".to_owned())
}

fn at(millis: u64) -> Now {
    Now { instant: Instant::from_nanos(millis * 1_000_000), wall: UnixMillis(millis as i64) }
}

/// Brokers `a` and `b` with topic `T` of four queues; two name servers that have been told.
fn cluster() -> ModelCluster {
    let mut cluster = ModelCluster::new(2, ["a", "b"]);
    cluster.set_broker_address("a", address(MASTER));
    cluster.set_broker_address("b", address("127.0.0.1:10931"));
    cluster.create_topic("T", 4);
    cluster
}

fn request<'a>(
    code: i32,
    version: i32,
    ext: impl IntoIterator<Item = (&'a str, &'a str)>,
    body: &'static str,
) -> Frame {
    let header = Header {
        code,
        language: Language::RUST,
        version,
        opaque: OPAQUE,
        flag: 0,
        remark: None,
        ext: ext.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    };
    Frame { form: SerializeType::Binary, header, body: Bytes::from_static(body.as_bytes()) }
}

fn message(queue: i32) -> Frame {
    let queue = queue.to_string();
    let properties = "UNIQ_KEY\u{1}KEY-1\u{2}";
    let fields = [("b", "T"), ("c", "TBW102"), ("d", "4"), ("e", &*queue), ("i", properties)];
    request(310, 479, fields, "hello")
}

fn handle(cluster: &mut ModelCluster, node: &Node, frame: &Frame) -> Vec<Output> {
    cluster.handle_frame(at(5), node, (CONNECTION, address("127.0.0.1:50000")), frame)
}

/// The one answer of a node.
fn ask(cluster: &mut ModelCluster, node: &Node, frame: &Frame) -> Frame {
    match &*handle(cluster, node, frame) {
        [Output::Send(CONNECTION, bytes)] => decode(bytes),
        other => panic!("not one answer: {other:?}"),
    }
}

fn decode(bytes: &Bytes) -> Frame {
    let frame = FrameDecoder::default().decode(&mut BytesMut::from(&**bytes)).unwrap().unwrap();
    assert_eq!(frame.header.opaque, OPAQUE);
    frame
}

/// The response code to a send.
fn send(cluster: &mut ModelCluster, broker: &str, queue: i32) -> i32 {
    ask(cluster, &Node::Broker(broker.to_owned()), &message(queue)).header.code
}

/// What a name server answers about topic `T`, null when it has no route.
fn route(cluster: &mut ModelCluster, name_server: usize) -> Value {
    let frame = request(105, 479, [("topic", "T")], "");
    let answer = ask(cluster, &Node::NameServer(name_server), &frame);
    match answer.header.code {
        17 => Value::Null,
        _ => serde_json::from_slice(&answer.body).unwrap(),
    }
}

/// The permission and number of queues with which a name server lists a broker.
fn listed(cluster: &mut ModelCluster, name_server: usize, broker: &str) -> Option<(i64, i64)> {
    let route = route(cluster, name_server);
    let queues = route["queueDatas"].as_array()?.iter().find(|queue| queue["brokerName"] == broker);
    Some((queues?["perm"].as_i64()?, queues?["writeQueueNums"].as_i64()?))
}

/// The addresses with which a name server lists a broker, by id.
fn addresses(cluster: &mut ModelCluster, name_server: usize, broker: &str) -> Value {
    let route = route(cluster, name_server);
    let brokers = route["brokerDatas"].as_array().cloned().unwrap_or_default();
    let found = brokers.into_iter().find(|known| known["brokerName"] == broker);
    found.map_or(Value::Null, |broker| broker["brokerAddrs"].clone())
}
