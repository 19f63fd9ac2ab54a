//! A message as RocketMQ's own client hands it to a consumer, and how it gets from there to here.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes, TryGetError};

/// One message as the Java client of the cluster's release has read it.
///
/// Where [`StoredMessage`](crate::StoredMessage) shows what a broker has stored, this shows what an
/// application gets: the body is decompressed, ids and keys are found by Java.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumedMessage {
    /// The topic.
    pub topic: String,
    /// The broker it was read from.
    pub broker_name: String,
    /// The queue on that broker.
    pub queue_id: i32,
    /// Position in the queue.
    pub queue_offset: i64,
    /// Position in the broker's commit log.
    pub commit_log_offset: i64,
    /// Compression, transaction state, address families; of a body that was compressed, the lowest
    /// bit is still set in 4.x only.
    pub sys_flag: i32,
    /// The user's flag.
    pub flag: i32,
    /// When the producer sent it, ms since the epoch.
    pub born_timestamp: i64,
    /// When the broker stored it, ms since the epoch.
    pub store_timestamp: i64,
    /// How often consumers have sent it back.
    pub reconsume_times: i32,
    /// What Java calls its id: the one in property `UNIQ_KEY`, else the broker's.
    pub message_id: String,
    /// The broker's id.
    pub offset_message_id: String,
    /// The transaction it was sent in.
    pub transaction_id: Option<String>,
    /// The tag, in Java's plural.
    pub tags: Option<String>,
    /// The keys, separated by spaces.
    pub keys: Option<String>,
    /// The body as the application sent it.
    pub body: Vec<u8>,
    /// All properties, those that broker and client added among them.
    pub properties: BTreeMap<String, String>,
}

/// Bytes that the Java program has not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotConsumed(&'static str);

impl From<TryGetError> for NotConsumed {
    fn from(_: TryGetError) -> NotConsumed {
        NotConsumed("they are cut off")
    }
}

impl ConsumedMessage {
    /// Decodes messages that stand back to back, as `Consume.java` writes them.
    pub(super) fn decode_all(mut bytes: Bytes) -> Result<Vec<ConsumedMessage>, NotConsumed> {
        let mut messages = Vec::new();
        while bytes.has_remaining() {
            messages.push(ConsumedMessage::decode(&mut bytes)?);
        }
        Ok(messages)
    }

    fn decode(input: &mut Bytes) -> Result<ConsumedMessage, NotConsumed> {
        // Fields are evaluated in the order they are written in.
        Ok(ConsumedMessage {
            topic: required_text(input)?,
            broker_name: required_text(input)?,
            queue_id: input.try_get_i32()?,
            queue_offset: input.try_get_i64()?,
            commit_log_offset: input.try_get_i64()?,
            sys_flag: input.try_get_i32()?,
            flag: input.try_get_i32()?,
            born_timestamp: input.try_get_i64()?,
            store_timestamp: input.try_get_i64()?,
            reconsume_times: input.try_get_i32()?,
            message_id: required_text(input)?,
            offset_message_id: required_text(input)?,
            transaction_id: text(input)?,
            tags: text(input)?,
            keys: text(input)?,
            body: take(input)?.unwrap_or_default().into(),
            properties: properties(input)?,
        })
    }
}

fn properties(input: &mut Bytes) -> Result<BTreeMap<String, String>, NotConsumed> {
    let count = input.try_get_i32()?;
    (0..count).map(|_| Ok((required_text(input)?, required_text(input)?))).collect()
}

fn required_text(input: &mut Bytes) -> Result<String, NotConsumed> {
    text(input)?.ok_or(NotConsumed("a text that every message has is null"))
}

fn text(input: &mut Bytes) -> Result<Option<String>, NotConsumed> {
    let text = take(input)?.map(|bytes| String::from_utf8(bytes.into())).transpose();
    text.map_err(|_| NotConsumed("a text in them is not UTF-8"))
}

/// A length and so many bytes, or −1 for Java's null.
fn take(input: &mut Bytes) -> Result<Option<Bytes>, NotConsumed> {
    match input.try_get_i32()? {
        -1 => Ok(None),
        length => match usize::try_from(length) {
            Ok(length) if length <= input.len() => Ok(Some(input.split_to(length))),
            _ => Err(NotConsumed("a length in them is impossible")),
        },
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, BytesMut};

    use super::*;

    fn put(out: &mut BytesMut, text: &str) {
        out.put_i32(text.len() as i32);
        out.put_slice(text.as_bytes());
    }

    /// As the Java program writes it.
    fn written() -> Bytes {
        let mut out = BytesMut::new();
        put(&mut out, "orders");
        put(&mut out, "broker-a");
        out.put_i32(3);
        out.put_i64(7);
        out.put_i64(4096);
        out.put_i32(0x301);
        out.put_i32(9);
        out.put_i64(1_700_000_000_000);
        out.put_i64(1_700_000_000_005);
        out.put_i32(0);
        put(&mut out, "UNIQ");
        put(&mut out, "OFFSET");
        out.put_i32(-1);
        put(&mut out, "blue");
        out.put_i32(-1);
        put(&mut out, "body");
        out.put_i32(1);
        put(&mut out, "TAGS");
        put(&mut out, "blue");
        out.freeze()
    }

    #[test]
    fn messages_that_stand_back_to_back_are_told_apart() {
        let twice = [written(), written()].concat();
        let messages = ConsumedMessage::decode_all(twice.into()).expect("two messages");
        let [message, other] = &messages[..] else { panic!("{messages:?}") };
        assert_eq!(message, other);
        assert_eq!((&*message.topic, &*message.broker_name), ("orders", "broker-a"));
        assert_eq!((message.queue_id, message.queue_offset, message.flag), (3, 7, 9));
        assert_eq!((message.tags.as_deref(), &message.keys), (Some("blue"), &None));
        assert_eq!((&*message.body, &*message.properties["TAGS"]), (&b"body"[..], "blue"));
    }

    #[test]
    fn a_message_cut_anywhere_is_an_error() {
        let whole = written();
        for end in 1..whole.len() {
            let result = ConsumedMessage::decode_all(whole.slice(..end));
            assert!(result.is_err(), "cut at {end}: {result:?}");
        }
    }
}
