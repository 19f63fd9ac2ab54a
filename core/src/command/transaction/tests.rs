//! Questions of brokers, well-meant and hostile, and the answers to them.

use bytes::{BufMut as _, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::{
    codec::{ExtFields, FrameDecoder, SerializeType, encode_request},
    model::{MessageQueue, SendStatus},
    time::UnixMillis,
};

fn vector(name: &str) -> serde_json::Value {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/vectors.json")).unwrap();
    all[name].clone()
}

fn bytes(hex: &str) -> Bytes {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

fn frame(name: &str) -> Frame {
    let mut bytes = BytesMut::from(&bytes(vector(name)["hex"].as_str().unwrap())[..]);
    FrameDecoder::default().decode(&mut bytes).unwrap().unwrap()
}

#[test]
fn check_backs_are_read_as_java_writes_them() {
    let frame = frame("check_transaction_state_json_frame");
    let ext = |name: &str| frame.header.ext.get(name).map(|value| value.to_string());
    let check = CheckBack::parse(&frame, 1 << 20).unwrap();
    assert_eq!(Some(check.half.commit_log_offset.to_string()), ext("commitLogOffset"));
    assert_eq!(Some(check.half.half_queue_offset.to_string()), ext("tranStateTableOffset"));
    assert_eq!(Some(check.half.transaction_id.to_string()), ext("transactionId"));
    assert_ne!(check.half.topic, "RMQ_SYS_TRANS_HALF_TOPIC", "the real one is answered with");
    assert!(!check.message.body().is_empty());
}

#[test]
fn a_check_back_cut_anywhere_is_an_error() {
    let whole = frame("check_transaction_state_json_frame");
    for end in 0..whole.body.len() {
        let cut = Frame { body: whole.body.slice(..end), ..whole.clone() };
        assert!(CheckBack::parse(&cut, 1 << 20).is_err(), "cut at {end}");
    }
}

#[test]
fn ids_name_the_place_in_the_commit_log() {
    let vector = vector("offset_msg_id");
    let offset = vector["commitLogOffset"].as_i64();
    assert_eq!(commit_log_offset(vector["id"].as_str().unwrap()), offset);
    assert_eq!(commit_log_offset(vector["ipv6_id"].as_str().unwrap()), offset);
    assert_eq!(commit_log_offset("0A"), None);
    assert_eq!(commit_log_offset("größegrößegröße!"), None);
}

const UNIQ_KEY: &str = "7F0000011234014AE5A55EB85A9B0000";

/// A half message as its broker has stored it.
#[derive(Clone, Debug)]
struct Half {
    magic: u32,
    sys_flag: i32,
    flag: i32,
    body: Vec<u8>,
    topic: String,
    properties: String,
}

impl Half {
    /// What a broker makes of this message.
    fn of(message: &Message) -> Self {
        let marks = "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}PG_TEST\u{2}REAL_QID\u{1}2\u{2}";
        Self {
            magic: MAGIC_V1,
            sys_flag: 0,
            flag: message.flag(),
            body: message.body().to_vec(),
            topic: message.topic().to_owned(),
            properties: message.encode_properties() + marks,
        }
    }

    /// `MessageDecoder.encode`.
    fn encode(&self) -> Vec<u8> {
        let host = |out: &mut Vec<u8>, bit| {
            out.resize(out.len() + if self.sys_flag & bit == 0 { 4 } else { 16 }, 127);
            out.put_i32(10_911);
        };
        let mut out = Vec::new();
        out.put_u32(self.magic);
        // Checksum and queue.
        out.put_i32(0);
        out.put_i32(2);
        out.put_i32(self.flag);
        // Offsets.
        out.put_i64(41);
        out.put_i64(123_456_788);
        out.put_i32(self.sys_flag);
        out.put_i64(1_758_273_940_123);
        host(&mut out, BORN_HOST_V6);
        out.put_i64(1_758_273_940_124);
        host(&mut out, STORE_HOST_V6);
        out.put_i32(0);
        out.put_i64(0);
        out.put_u32(self.body.len() as u32);
        out.put_slice(&self.body);
        match self.magic {
            MAGIC_V2 => out.put_u16(self.topic.len() as u16),
            _ => out.put_u8(self.topic.len() as u8),
        }
        out.put_slice(self.topic.as_bytes());
        out.put_u16(self.properties.len() as u16);
        out.put_slice(self.properties.as_bytes());
        let mut whole = (out.len() as u32 + 4).to_be_bytes().to_vec();
        whole.append(&mut out);
        whole
    }

    fn ask(&self) -> Frame {
        question(&HEADER, self.encode())
    }
}

const HEADER: [(&str, &str); 2] =
    [("tranStateTableOffset", "42"), ("commitLogOffset", "123456789")];

/// A broker's question with these fields and this body.
fn question(fields: &[(&str, &str)], body: impl Into<Bytes>) -> Frame {
    let mut frame = frame("check_transaction_state_json_frame");
    frame.header.ext = fields.iter().copied().collect();
    frame.body = body.into();
    frame
}

fn message() -> Message {
    Message::new("TopicTest", "Hello RocketMQ").with_uniq_key(UNIQ_KEY)
}

fn parse(frame: &Frame) -> Result<CheckBack, BadCheckBack> {
    CheckBack::parse(frame, 1 << 20)
}

#[test]
fn row_13_a_check_back_says_what_is_asked_by_whom_and_about_what() {
    let check = parse(&frame("check_transaction_state_json_frame")).unwrap();
    assert_eq!((&*check.group, &*check.broker_name), ("PG_TEST", "broker-a"));
    let half = HalfMessage {
        topic: "TopicTest".into(),
        transaction_id: UNIQ_KEY.into(),
        half_queue_offset: 42,
        commit_log_offset: 123_456_789,
    };
    assert_eq!(check.half, half, "the header's offsets: those of the copy that it is about");
    assert_eq!(check.message.uniq_key(), Some(UNIQ_KEY));
}

#[test]
fn row_13_brokers_of_4_x_leave_out_their_name_and_the_topic() {
    let check = parse(&Half::of(&message()).ask()).unwrap();
    assert_eq!((&*check.broker_name, &*check.half.topic), ("", "TopicTest"));
    assert_eq!(&*check.half.transaction_id, UNIQ_KEY, "the message's own id");
    let answer = EndTransaction {
        producer_group: &check.group,
        half: &check.half,
        state: LocalTransactionState::Unknown,
        from_check: true,
        broker_name: &check.broker_name,
    };
    let written = written(&answer);
    assert!(!written.windows(5).any(|name| name == b"bname"), "there is none to send back");
    assert_eq!(fields(&answer).get("topic"), Some("TopicTest"));
}

#[test]
fn row_13_a_check_back_tells_how_often_it_was_asked() {
    for (text, times) in [("", 1), ("1", 1), ("15", 15), ("-1", 1), ("many", 1), ("99999999999", 1)]
    {
        let mut half = Half::of(&message());
        half.properties += &format!("TRANSACTION_CHECK_TIMES\u{1}{text}\u{2}");
        assert_eq!(parse(&half.ask()).unwrap().check_times, times, "{text:?}");
    }
}

#[test]
fn row_13_the_listener_is_shown_the_message_as_its_producer_sent_it() {
    let sent = message()
        .with_tags("TagA")
        .with_keys(["k1", "k2"])
        .with_sharding_key("order-1001")
        .with_property("colour", "grün")
        .with_flag(7)
        .with_wait_store_ok(false)
        .with_body_crc(true);
    let check = parse(&Half::of(&sent).ask()).unwrap();
    assert_eq!(check.message, sent, "and nothing that was added to it");
}

#[test]
fn row_13_keys_of_other_producers_may_have_more_than_one_space_between_them() {
    let mut half = Half::of(&message());
    half.properties += "KEYS\u{1} k1  k2 \u{2}";
    let check = parse(&half.ask()).unwrap();
    assert_eq!(check.message.keys().collect::<Vec<_>>(), ["k1", "k2"]);
}

#[test]
fn row_13_both_layouts_and_addresses_of_both_lengths_are_read() {
    let long = "T".repeat(300);
    for (magic, topic) in [(MAGIC_V1, "TopicTest"), (MAGIC_V2, "TopicTest"), (MAGIC_V2, &*long)] {
        for sys_flag in [0, BORN_HOST_V6, STORE_HOST_V6, BORN_HOST_V6 | STORE_HOST_V6] {
            let half = Half { magic, sys_flag, topic: topic.into(), ..Half::of(&message()) };
            let check = parse(&half.ask()).unwrap();
            assert_eq!((&*check.half.topic, check.message.body()), (topic, message().body()));
        }
    }
    for name in ["stored_message_v1", "stored_message_v2_long_topic"] {
        let stored = bytes(vector(name)["hex"].as_str().unwrap());
        let stored = Stored::parse(stored).expect(name);
        assert_eq!((stored.flag, &stored.body[..]), (5, &b"Hello RocketMQ"[..]), "{name}");
        assert!(stored.properties.contains(UNIQ_KEY), "{name}");
    }
}

#[cfg(feature = "compression-zlib")]
#[test]
fn row_44_a_compressed_half_message_is_shown_as_it_was() {
    let stored = bytes(vector("stored_message_v1_zlib")["hex"].as_str().unwrap());
    let Stored { sys_flag, body, .. } = Stored::parse(stored).unwrap();
    assert_eq!(sys_flag, 0x301);
    let half = Half { sys_flag, body: body.to_vec(), ..Half::of(&message()) };
    let check = parse(&half.ask()).unwrap();
    assert_eq!(check.message.body(), &"A".repeat(5_000));
}

#[test]
fn what_a_check_back_lacks_is_named() {
    let body = Half::of(&message()).encode();
    for missing in ["tranStateTableOffset", "commitLogOffset"] {
        let fields: Vec<_> = HEADER.into_iter().filter(|(name, _)| *name != missing).collect();
        assert_eq!(parse(&question(&fields, body.clone())), Err(BadCheckBack::Field(missing)));
        for malformed in ["", "x", "99999999999999999999", "1.5"] {
            let fields = HEADER.map(|(name, value)| match name == missing {
                true => (name, malformed),
                false => (name, value),
            });
            let refused = parse(&question(&fields, body.clone()));
            assert_eq!(refused, Err(BadCheckBack::Field(missing)), "{malformed:?}");
        }
    }
    let without = |name: &str| {
        let mut half = Half::of(&message());
        let kept = decode_properties(&half.properties).filter(|(known, _)| *known != name);
        half.properties = crate::model::encode_properties(kept);
        half
    };
    assert_eq!(parse(&without("PGROUP").ask()), Err(BadCheckBack::Field("PGROUP")));
    assert_eq!(parse(&without("UNIQ_KEY").ask()), Err(BadCheckBack::Field("transactionId")));
    let [offset, place] = HEADER;
    let told = [offset, place, ("transactionId", "told")];
    let check = parse(&question(&told, without("UNIQ_KEY").encode())).unwrap();
    assert_eq!(check.half.transaction_id, "told");
}

#[test]
fn lengths_that_lie_are_errors() {
    let whole = Half::of(&message()).encode();
    let body_length = 84;
    assert_eq!(whole[body_length..body_length + 4], 14_u32.to_be_bytes());
    for lie in [-1, i32::MIN, i32::MAX, 10_000] {
        let mut bytes = whole.clone();
        bytes[body_length..body_length + 4].copy_from_slice(&lie.to_be_bytes());
        let error = parse(&question(&HEADER, bytes)).unwrap_err();
        assert!(matches!(error, BadCheckBack::Message(_)), "{lie}: {error}");
    }
    let topic_length = body_length + 4 + 14;
    for place in [topic_length, topic_length + 1 + "TopicTest".len()] {
        let mut bytes = whole.clone();
        bytes[place] = 0xFF;
        let error = parse(&question(&HEADER, bytes)).unwrap_err();
        assert!(matches!(error, BadCheckBack::Message(_)), "at {place}: {error}");
    }
}

#[test]
fn what_is_no_stored_message_is_an_error() {
    for magic in [0, 0xCBD4_3194, MAGIC_V1 ^ 1, u32::MAX] {
        let error = parse(&Half { magic, ..Half::of(&message()) }.ask()).unwrap_err();
        assert_eq!(error, BadCheckBack::Message("its magic number is unknown"));
    }
    let mut bytes = Half::of(&message()).encode();
    let end = bytes.len() - 1;
    bytes[end] = 0xFF;
    let error = parse(&question(&HEADER, bytes)).unwrap_err();
    assert_eq!(error, BadCheckBack::Message("a text in it is not UTF-8"));
    assert!(parse(&question(&HEADER, "")).is_err());
}

#[test]
fn a_compressed_body_that_is_not_or_is_too_large_is_an_error() {
    let large = Bytes::from(vec![b'A'; 1_000_001]);
    for format in [CompressionType::Zlib, CompressionType::Lz4, CompressionType::Zstd] {
        if !format.is_available() {
            continue;
        }
        let (body, sys_flag) = format.compress(&large, 5).unwrap();
        let frame = Half { sys_flag, body: body.to_vec(), ..Half::of(&message()) }.ask();
        assert_eq!(CheckBack::parse(&frame, 1_000_001).unwrap().message.body(), &large);
        let malformed = BadCheckBack::Compression(BadCompression::Malformed(format));
        assert_eq!(CheckBack::parse(&frame, 1_000_000), Err(malformed.clone()), "a bomb");
        let plain = Half { sys_flag, ..Half::of(&message()) };
        assert_eq!(parse(&plain.ask()), Err(malformed), "not compressed at all");
    }
    let unknown = Half { sys_flag: 0x701, ..Half::of(&message()) };
    let unsupported = BadCompression::Unsupported { sys_flag: 0x701 };
    assert_eq!(parse(&unknown.ask()), Err(BadCheckBack::Compression(unsupported)));
}

fn written(request: &EndTransaction<'_>) -> BytesMut {
    let mut out = BytesMut::new();
    encode_request(&mut out, SerializeType::Json, 1, false, request, 0).unwrap();
    out
}

/// The header's fields, as a broker reads them.
fn fields(request: &EndTransaction<'_>) -> ExtFields {
    let frame = FrameDecoder::default().decode(&mut written(request));
    frame.unwrap().unwrap().header.ext
}

#[test]
fn row_14_the_end_of_a_transaction_is_written_as_java_writes_it() {
    let vector: serde_json::Value = serde_json::from_str(
        vector("end_transaction_commit_json_frame")["header"].as_str().unwrap(),
    )
    .unwrap();
    let receipt = SendReceipt {
        message_id: UNIQ_KEY.into(),
        offset_message_id: "7F00000100002A9F00000000075BCD15".into(),
        message_queue: MessageQueue {
            topic: "TopicTest".into(),
            broker_name: "broker-a".into(),
            queue_id: 1,
        },
        queue_offset: 42,
        status: SendStatus::SendOk,
        // Brokers of 4.x do not tell: it is the message's own id.
        transaction_id: None,
        region_id: None,
        send_timestamp: UnixMillis(0),
        attempts: 1,
    };
    let half = HalfMessage::of_receipt(&receipt).unwrap();
    let commit = EndTransaction {
        producer_group: "PG_TEST",
        half: &half,
        state: LocalTransactionState::CommitMessage,
        from_check: false,
        broker_name: "broker-a",
    };
    assert_eq!(commit.code(), 37);
    let ours: serde_json::Map<_, _> = fields(&commit)
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned().into()))
        .collect();
    assert_eq!(serde_json::Value::from(ours), vector["extFields"]);

    for (state, code) in [
        (LocalTransactionState::CommitMessage, "8"),
        (LocalTransactionState::RollbackMessage, "12"),
        (LocalTransactionState::Unknown, "0"),
    ] {
        let fields = fields(&EndTransaction { state, from_check: true, ..commit });
        assert_eq!(fields.get("commitOrRollback"), Some(code));
        assert_eq!(fields.get("fromTransactionCheck"), Some("true"));
    }

    let nowhere = SendReceipt { offset_message_id: "0A".into(), ..receipt };
    assert_eq!(HalfMessage::of_receipt(&nowhere), None);
}

fn text() -> impl Strategy<Value = String> {
    "[^\u{0}-\u{2} ]{1,20}"
}

proptest! {
    #[test]
    fn row_22_whatever_a_half_message_says_comes_back_with_the_question(
        body in prop::collection::vec(any::<u8>(), 1..100),
        tags in prop::option::of(text()),
        keys in prop::collection::vec(text(), 0..4),
        properties in prop::collection::btree_map("[a-z]{1,10}", text(), 0..5),
        flag in any::<i32>(),
        wait in any::<bool>(),
        hosts in 0..4_i32,
    ) {
        let mut sent = Message::new("TopicTest", body)
            .with_uniq_key(UNIQ_KEY)
            .with_keys(keys)
            .with_flag(flag)
            .with_wait_store_ok(wait);
        sent = tags.into_iter().fold(sent, Message::with_tags);
        for (name, value) in properties {
            sent = sent.with_property(name, value);
        }
        let half = Half { sys_flag: hosts << 4, ..Half::of(&sent) };
        prop_assert_eq!(parse(&half.ask()).unwrap().message, sent);
    }

    #[test]
    fn bytes_that_a_broker_would_never_send_are_errors_and_never_a_panic(
        body in prop::collection::vec(any::<u8>(), 0..300),
        fields in prop::collection::btree_map(
            prop::sample::select(vec![
                "tranStateTableOffset", "commitLogOffset", "transactionId", "bname",
            ]),
            ".{0,20}",
            0..5,
        ),
    ) {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        let _ = parse(&question(&fields, body.clone()));
        let _ = parse(&question(&HEADER, body));
    }

    #[test]
    fn a_question_that_was_damaged_on_its_way_is_read_or_refused_and_never_a_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
        sys_flag in prop::sample::select(vec![0, 0x30, 0x301, 0x101, 0x201, 0x001, 0x7FF]),
    ) {
        let mut bytes = Half { sys_flag, ..Half::of(&message()) }.encode();
        for (place, byte) in damage {
            *place.get_mut(&mut bytes) = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(check) = CheckBack::parse(&question(&HEADER, bytes), 1_000) {
            prop_assert!(check.message.body().len() <= 1_000);
        }
    }
}
