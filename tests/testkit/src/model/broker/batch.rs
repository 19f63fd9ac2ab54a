//! Batches: one request, many messages, one queue.
//!
//! Source: `SendMessageProcessor.sendBatchMessage` and `MessageExtEncoder` of Apache RocketMQ.

use bytes::{Buf as _, Bytes, TryGetError};
use rocketmq_producer_core::{
    codec::Frame,
    model::{PROPERTIES_SIZE_MAX, encode_properties},
    time::Now,
};

use super::{
    Broker, Flavour, delay,
    send::{BODY_SIZE_MAX, MESSAGE_ILLEGAL, SYSTEM_ERROR, place, properties},
};
use crate::{
    StoredMessage,
    model::{Response, journal::Journal},
};

const TOPIC_SIZE_MAX: usize = 127;
/// What is 0 in a message of its own: prepared, commit, or both, which is rollback.
const TRANSACTION_BITS: i32 = 0xC;

impl Broker {
    /// Stores each of a batch's messages at offsets that follow one another, or none of them.
    /// `like` is what the header says about all of them.
    pub(super) fn send_batch(
        &mut self,
        now: Now,
        like: StoredMessage,
        frame: &Frame,
        journal: &mut Journal,
    ) -> Result<Vec<(&'static str, String)>, Response> {
        check(&like)?;
        self.refuse_as_slave()?;
        let messages = items(frame.body.clone(), &like, self.flavour)?;
        let queue_id = like.queue_id;
        let places: Vec<_> =
            messages.into_iter().map(|message| self.publish(now, message, journal)).collect();
        let first = places.first().map_or(0, |(_, queue_offset)| *queue_offset);
        let ids: Vec<String> = places.into_iter().map(|(id, _)| id).collect();
        Ok(place(ids.join(","), queue_id, first, self.trace_on))
    }
}

fn check(like: &StoredMessage) -> Result<(), Response> {
    let illegal = |remark: &str| Err(Response::code(MESSAGE_ILLEGAL, remark));
    match like {
        _ if like.topic.len() > TOPIC_SIZE_MAX => illegal("message topic length too long"),
        _ if like.topic.starts_with("%RETRY%") => {
            illegal("batch request does not support retry group")
        }
        _ if like.sys_flag & TRANSACTION_BITS != 0 => illegal("a batch is no transaction"),
        _ if delay::level(like) > 0 => illegal("a batch does not wait"),
        // Where a newer broker does without a word, it throws.
        _ if like.body.len() > BODY_SIZE_MAX => {
            Err(Response::code(SYSTEM_ERROR, "message body size exceeded"))
        }
        _ => Ok(()),
    }
}

fn items(
    mut body: Bytes,
    like: &StoredMessage,
    flavour: Flavour,
) -> Result<Vec<StoredMessage>, Response> {
    let mut messages = Vec::new();
    while body.has_remaining() || messages.is_empty() {
        let cut = |_| Response::code(SYSTEM_ERROR, "java.nio.BufferUnderflowException");
        let mut message = item(&mut body, like).map_err(cut)?;
        if flavour == Flavour::V4 {
            // Appended as text, and of two values the last one counts.
            message.properties.extend(like.properties.clone());
        }
        let texts = message.properties.iter().map(|(name, value)| (&**name, &**value));
        if encode_properties(texts).len() > PROPERTIES_SIZE_MAX {
            return Err(Response::code(MESSAGE_ILLEGAL, "message properties length too long"));
        }
        messages.push(message);
    }
    Ok(messages)
}

/// Takes one message off the front. Its size as a whole is not looked at, as in real brokers.
fn item(body: &mut Bytes, like: &StoredMessage) -> Result<StoredMessage, TryGetError> {
    let _size = body.try_get_u32()?;
    let _magic = body.try_get_u32()?;
    let _crc = body.try_get_u32()?;
    let flag = body.try_get_i32()?;
    let length = body.try_get_u32()?;
    let own = take(body, length as usize)?;
    // Read as signed there; a length beyond what that can hold is not one.
    let length = body.try_get_u16()?;
    let text = take(body, usize::from(length))?;
    let properties = properties(&String::from_utf8_lossy(&text));
    // Copied, lest one message keep the whole batch in memory.
    Ok(StoredMessage { flag, body: Bytes::copy_from_slice(&own), properties, ..like.clone() })
}

fn take(body: &mut Bytes, length: usize) -> Result<Bytes, TryGetError> {
    match length <= body.len() {
        true => Ok(body.split_to(length)),
        false => Err(TryGetError { requested: length, available: body.len() }),
    }
}
