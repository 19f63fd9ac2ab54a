//! Requests as the producer writes them, ready-made.

use bytes::{BufMut, Bytes, BytesMut};
use rocketmq_producer_core::{
    codec::{CodecError, SerializeType, encode_request},
    command::{Properties, SendMessage},
    model::encode_properties,
    time::UnixMillis,
};

use crate::args::{Mode, Plan};

/// Where a binary header has its opaque: behind the prefix, code, language and version.
const OPAQUE_AT: usize = 13;
/// What a batch says of a message besides its body and properties.
const BATCH_ITEM_HEAD: usize = 22;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Single,
    Oneway,
    Batch,
}

/// One message, to be answered.
pub(super) fn single(plan: &Plan) -> Result<Vec<u8>, CodecError> {
    encode(plan, Kind::Single)
}

/// What is sent over and over in the plan's mode.
pub(super) fn repeated(plan: &Plan) -> Result<Vec<u8>, CodecError> {
    match plan.mode {
        Mode::Sync | Mode::Async => encode(plan, Kind::Single),
        Mode::Oneway => encode(plan, Kind::Oneway),
        Mode::Batch => encode(plan, Kind::Batch),
    }
}

/// Gives a frame another opaque.
pub(super) fn patch(frame: &mut [u8], opaque: i32) {
    frame[OPAQUE_AT..OPAQUE_AT + 4].copy_from_slice(&opaque.to_be_bytes());
}

fn properties() -> String {
    encode_properties([("UNIQ_KEY", "7F0000011234014AE5A55EB85A9B0000"), ("WAIT", "true")])
}

fn batch(plan: &Plan) -> Bytes {
    let properties = properties();
    let mut out = BytesMut::new();
    for _ in 0..plan.batch {
        out.put_u32((BATCH_ITEM_HEAD + plan.body.len() + properties.len()) as u32);
        // Magic number, checksum and flag.
        out.put_bytes(0, 12);
        out.put_u32(plan.body.len() as u32);
        out.put_slice(&plan.body);
        out.put_u16(properties.len() as u16);
        out.put_slice(properties.as_bytes());
    }
    out.freeze()
}

fn encode(plan: &Plan, kind: Kind) -> Result<Vec<u8>, CodecError> {
    // Of a batch, the messages have the properties.
    let (body, properties) = match kind {
        Kind::Single | Kind::Oneway => (plan.body.clone(), properties()),
        Kind::Batch => (batch(plan), String::new()),
    };
    let request = SendMessage {
        batch: kind == Kind::Batch,
        producer_group: &plan.group,
        topic: &plan.topics[0],
        default_topic_queue_nums: 4,
        queue_id: 2,
        sys_flag: 0,
        born_timestamp: UnixMillis(1_758_273_940_123),
        flag: 0,
        properties: Properties::Text(&properties),
        broker_name: "broker-0",
        template: None,
        body: &body,
    };
    let mut frame = BytesMut::new();
    let oneway = kind == Kind::Oneway;
    encode_request(&mut frame, SerializeType::Binary, 0, oneway, &request, body.len())?;
    Ok([&frame, &body[..]].concat())
}
