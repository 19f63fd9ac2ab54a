//! Bytes that Apache RocketMQ's own classes have written or read: `vectors.json`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that finds something missing has failed"
)]

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rocketmq_producer_core::{
    codec::{
        Frame, FrameDecoder, Header, Language, Request, SerializeType, encode_request,
        encode_response,
    },
    command::{ClientCommand, Properties, SendMessage, SendReply},
    model::{Message, SendStatus, decode_properties, encode_properties},
    route::{RouteData, TopicRoute},
    time::UnixMillis,
};
use serde_json::{Value, json};

const UNIQ_KEY: &str = "7F0000011234014AE5A55EB85A9B0000";

#[test]
fn a_send_is_written_as_java_writes_it() {
    let vector = vector("send_v2_binary_frame");
    let body = text(&vector["body"]).into();
    let properties = properties();
    assert_eq!(
        written(SerializeType::Binary, 7, false, &send(&properties, &body)),
        bytes("send_v2_binary_frame"),
    );
    let frame = decoded("send_v2_binary_frame");
    assert_eq!((frame.form, &frame.body), (SerializeType::Binary, &body));
    let fields: Vec<_> =
        frame.header.ext.iter().map(|(name, value)| json!([name, value])).collect();
    assert_eq!(Value::from(fields), vector["ext_in_order"]);

    for (name, oneway) in [("send_v2_json_frame", false), ("send_v2_oneway_json_frame", true)] {
        let opaque = decoded(name).header.opaque;
        let ours = written(SerializeType::Json, opaque, oneway, &send(&properties, &body));
        assert_eq!(json_header(&ours), meant(name), "{name}");
        assert_eq!(decode(ours).body, body, "{name}");
    }
}

#[test]
fn a_route_request_is_written_as_java_writes_it() {
    let query = ClientCommand::RouteQuery { topic: "TopicTest".into() };
    assert_eq!(
        written(SerializeType::Binary, 2, false, &query),
        bytes("route_request_binary_frame"),
    );
    let json = written(SerializeType::Json, 2, false, &query);
    assert_eq!(json, bytes("route_request_json_frame"), "one field has but one order");
}

#[test]
fn a_heartbeat_is_written_to_the_byte_as_java_writes_it() {
    let (client_id, group) = client();
    let heartbeat = ClientCommand::Heartbeat { client_id, group };
    let ours = written(SerializeType::Json, 1, false, &heartbeat);
    assert_eq!(ours, bytes("heartbeat_json_frame"));
}

#[test]
fn a_goodbye_is_written_as_java_writes_it() {
    let (client_id, group) = client();
    let goodbye = ClientCommand::Unregister { client_id, group };
    let ours = written(SerializeType::Json, 12, false, &goodbye);
    assert_eq!(json_header(&ours), meant("unregister_client_json_frame"));
    assert_eq!(decode(ours).body, Bytes::new());
}

#[test]
fn the_answer_to_a_send_is_read_in_both_forms() {
    for name in ["send_response_json_frame", "send_response_binary_frame"] {
        let frame = decoded(name);
        let reply = SendReply::parse(&frame).expect(name);
        assert_eq!(reply.status, SendStatus::SendOk);
        assert_eq!(reply.offset_message_id, "7F00000100002A9F00000000075BCD15");
        assert_eq!((reply.queue_id, reply.queue_offset), (2, 42));
        assert_eq!(reply.transaction_id, Some(UNIQ_KEY));
        assert_eq!(reply.region_id, Some("DefaultRegion"));
    }
}

#[test]
fn every_json_header_that_java_writes_means_the_same_here_and_survives_being_written_again() {
    for name in [
        "heartbeat_json_frame",
        "send_v2_json_frame",
        "send_v1_json_frame",
        "send_v2_oneway_json_frame",
        "route_request_json_frame",
        "send_response_json_frame",
        "end_transaction_commit_json_frame",
        "check_transaction_state_json_frame",
        "unregister_client_json_frame",
        "create_topic_json_frame",
        "pull_message_json_frame",
        "push_reply_message_json_frame",
    ] {
        let Frame { form, header, .. } = decoded(name);
        assert_eq!(form, SerializeType::Json);
        assert_eq!(as_json(&header), meant(name), "{name}");
        for form in [SerializeType::Json, SerializeType::Binary] {
            let mut out = BytesMut::new();
            encode_response(&mut out, form, &header, 0).expect(name);
            // What is written so is a response, whatever it was.
            let response = Header { flag: header.flag | 1, ..header.clone() };
            assert_eq!(decode(out).header, response, "{name}");
        }
    }
}

#[test]
fn what_follows_the_header_is_the_body_whatever_is_in_it() {
    let body = |name: &str| decoded(name).body;
    assert_eq!(body("heartbeat_json_frame"), text(&vector("heartbeat_json_frame")["body"]));
    assert_eq!(body("send_v1_json_frame"), "Hello RocketMQ");
    assert!(body("create_topic_json_frame").is_empty());
    assert!(body("end_transaction_commit_json_frame").is_empty());
    let stored = body("check_transaction_state_json_frame");
    assert_eq!(stored[4..8], [0xda, 0xa3, 0x20, 0xa7], "a stored message and its magic number");
}

#[test]
fn requests_of_brokers_are_told_from_answers() {
    for (name, oneway) in
        [("check_transaction_state_json_frame", true), ("push_reply_message_json_frame", false)]
    {
        let header = decoded(name).header;
        assert!(!header.is_response(), "{name}");
        assert_eq!(header.is_oneway(), oneway, "{name}");
    }
    assert!(decoded("send_response_json_frame").header.is_response());
    assert_eq!(decoded("send_response_json_frame").header.language, Language::JAVA);
}

#[test]
fn row_22_properties_are_written_and_read_as_java_does() {
    let vector = vector("properties");
    let expected = text(&vector["string"]);
    let pairs: Vec<(&str, &str)> = vector["pairs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
        .collect();
    assert_eq!(encode_properties(pairs.iter().copied()), expected);
    assert_eq!(decode_properties(&expected).collect::<Vec<_>>(), pairs);
    assert_eq!(unhex(&text(&vector["hex"])), expected.as_bytes());

    let message = Message::new("TopicTest", "body");
    let message = message.with_key("k1").with_uniq_key(UNIQ_KEY).with_tags("TagA");
    assert_eq!(message.encode_properties(), expected);
}

#[test]
fn row_32_both_dialects_of_a_route_lead_to_the_same_queues() {
    let [quoted, bare] = ["route_body_quoted", "route_body_unquoted"].map(|name| {
        let data = RouteData::decode(text(&vector(name)["text"]).as_bytes()).expect(name);
        TopicRoute::build(&"TopicTest".into(), &data, Arc::default()).expect(name)
    });
    assert_eq!(quoted, bare);
    assert_eq!(quoted.queues().len(), 4);
    assert_eq!(quoted.master("broker-a").unwrap().to_string(), "127.0.0.1:10911");
}

fn vector(name: &str) -> Value {
    let vectors: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    vectors.get(name).expect(name).clone()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

/// The whole frame.
fn bytes(name: &str) -> BytesMut {
    BytesMut::from(&*unhex(&text(&vector(name)["hex"])))
}

fn decode(mut bytes: BytesMut) -> Frame {
    let frame = FrameDecoder::default().decode(&mut bytes).unwrap().expect("a whole frame");
    assert!(bytes.is_empty(), "nothing but one frame");
    frame
}

fn decoded(name: &str) -> Frame {
    decode(bytes(name))
}

/// What Java says the header is: an object, since the order of its members is no one's promise.
fn meant(name: &str) -> Value {
    serde_json::from_str(&text(&vector(name)["header"])).expect(name)
}

fn as_json(header: &Header) -> Value {
    let ext: serde_json::Map<String, Value> =
        header.ext.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    json!({
        "code": header.code,
        "extFields": ext,
        "flag": header.flag,
        "language": header.language.name(),
        "opaque": header.opaque,
        "serializeTypeCurrentRPC": "JSON",
        "version": header.version,
    })
}

/// The header as it stands in the frame, read by a JSON parser that knows nothing of frames.
fn json_header(frame: &[u8]) -> Value {
    assert_eq!(frame[4], 0, "JSON");
    let length = u32::from_be_bytes([0, frame[5], frame[6], frame[7]]) as usize;
    serde_json::from_slice(&frame[8..8 + length]).unwrap()
}

fn written(form: SerializeType, opaque: i32, oneway: bool, request: &dyn Request) -> BytesMut {
    let (mut out, body) = (BytesMut::new(), request.body());
    encode_request(&mut out, form, opaque, oneway, request, body.len()).expect("it fits");
    out.extend_from_slice(&body);
    out
}

fn client() -> (bytestring::ByteString, bytestring::ByteString) {
    ("127.0.0.1@4660#1".into(), "PG_TEST".into())
}

fn properties() -> String {
    text(&vector("properties")["string"])
}

fn send<'a>(properties: &'a str, body: &'a Bytes) -> SendMessage<'a> {
    SendMessage {
        producer_group: "PG_TEST",
        topic: "TopicTest",
        default_topic_queue_nums: 4,
        queue_id: 2,
        sys_flag: 0,
        born_timestamp: UnixMillis(1_758_273_940_123),
        flag: 0,
        properties: Properties::Text(properties),
        batch: false,
        broker_name: "broker-a",
        template: None,
        body,
    }
}
