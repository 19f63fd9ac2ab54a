//! What nodes do by themselves, over real sockets.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use rocketmq_producer_core::codec::{
    FieldWriter, Frame, FrameDecoder, Request, SerializeType, encode_request,
};

use super::EmbeddedCluster;
use crate::model::Node;

const PATIENCE: Duration = Duration::from_secs(10);

struct Question {
    code: i32,
    fields: Vec<(&'static str, String)>,
    body: &'static str,
}

impl Request for Question {
    fn code(&self) -> i32 {
        self.code
    }

    fn fields(&self, out: &mut FieldWriter<'_>) {
        self.fields.iter().for_each(|(name, value)| out.text(name, value));
    }

    fn body(&self) -> Bytes {
        Bytes::from_static(self.body.as_bytes())
    }
}

struct Client {
    socket: TcpStream,
    buffer: BytesMut,
}

impl Client {
    fn of(cluster: &EmbeddedCluster) -> Self {
        let broker = Node::Broker("broker-a".to_owned());
        let socket = TcpStream::connect(cluster.address(&broker)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, buffer: BytesMut::new() }
    }

    /// Asks, and expects success.
    fn ask(&mut self, question: &Question) {
        let (mut out, body) = (BytesMut::new(), question.body());
        encode_request(&mut out, SerializeType::Binary, 1, false, question, body.len()).unwrap();
        out.extend_from_slice(&body);
        self.socket.write_all(&out).unwrap();
        let answer = self.next();
        assert_eq!((answer.header.is_response(), answer.header.code), (true, 0), "{answer:?}");
    }

    fn next(&mut self) -> Frame {
        loop {
            if let Some(frame) = FrameDecoder::default().decode(&mut self.buffer).unwrap() {
                return frame;
            }
            let mut chunk = [0; 4_096];
            let count = self.socket.read(&mut chunk).unwrap();
            assert_ne!(count, 0, "the connection has ended");
            self.buffer.extend_from_slice(&chunk[..count]);
        }
    }
}

/// A send whose message has these properties, separated as they are on the wire.
fn send(cluster: &EmbeddedCluster, properties: &str) -> Question {
    let born = cluster.shared.now().wall.to_string();
    let fields = [("b", "T"), ("c", "TBW102"), ("d", "1"), ("e", "0"), ("g", &*born)];
    let fields = fields.into_iter().chain([("i", properties)]);
    let fields = fields.map(|(name, value)| (name, value.to_owned())).collect();
    Question { code: 310, fields, body: "hello" }
}

#[test]
fn a_delayed_message_is_published_without_anybody_asking() {
    let cluster = EmbeddedCluster::start();
    let began = Instant::now();
    Client::of(&cluster).ask(&send(&cluster, "DELAY\u{1}1\u{2}"));
    assert_eq!(cluster.stored("T"), []);
    while cluster.stored("T").is_empty() {
        assert!(began.elapsed() < PATIENCE, "it is published after a second");
        thread::sleep(Duration::from_millis(5));
    }
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_check_comes_on_the_connection_of_the_group() {
    let cluster = EmbeddedCluster::start();
    let often = Duration::from_millis(100);
    cluster.model(|model| {
        model.broker("broker-a").set_transaction_checks(Duration::ZERO, often, 15);
    });
    let mut producer = Client::of(&cluster);
    let body = r#"{"clientID":"c","consumerDataSet":[],"producerDataSet":[{"groupName":"g"}]}"#;
    producer.ask(&Question { code: 34, fields: Vec::new(), body });
    Client::of(&cluster).ask(&send(&cluster, "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}g\u{2}"));
    for _ in 0..3 {
        let check = producer.next();
        assert_eq!((check.header.is_response(), check.header.code), (false, 39));
    }
}

#[test]
fn the_clock_hears_of_new_settings_and_ends_with_the_cluster() {
    let cluster = EmbeddedCluster::start();
    Client::of(&cluster).ask(&send(&cluster, "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}g\u{2}"));
    let often = Duration::from_millis(1);
    cluster.model(|model| {
        model.broker("broker-a").set_transaction_checks(Duration::ZERO, often, 2);
    });
    let began = Instant::now();
    while cluster.model(|model| model.discarded_half_messages()) == 0 {
        assert!(began.elapsed() < PATIENCE, "30 s are not waited for");
        thread::sleep(Duration::from_millis(5));
    }
    let shared = std::sync::Arc::downgrade(&cluster.shared);
    drop(cluster);
    // The thread of a connection that has ended by itself is not waited for.
    while shared.strong_count() > 0 {
        assert!(began.elapsed() < PATIENCE, "no thread is left");
        thread::sleep(Duration::from_millis(5));
    }
}
