//! The property string: `name 0x01 value 0x02`, repeated, a trailing 0x02 included.
//!
//! Source: `MessageDecoder.messageProperties2String` and `string2messageProperties`.

use bytes::BufMut;

/// Names that RocketMQ gives a meaning: `MessageConst`.
pub mod names {
    /// Index keys, separated by a space.
    pub const KEYS: &str = "KEYS";
    /// The tag that consumers filter by.
    pub const TAGS: &str = "TAGS";
    /// Whether the broker answers only after flush and replication.
    pub const WAIT: &str = "WAIT";
    /// The message id that the producer gives.
    pub const UNIQ_KEY: &str = "UNIQ_KEY";
    /// The order key on the wire.
    pub const SHARDING_KEY: &str = "__SHARDINGKEY";
    /// The order key as users of other clients spell it.
    pub const SHARDING_KEY_ALIAS: &str = "SHARDING_KEY";
    /// The body's checksum, where the producer was asked to send it along: no name of RocketMQ's.
    pub const BODY_CRC: &str = "BODY_CRC";
    /// The delay level.
    pub const DELAY: &str = "DELAY";
    /// When to deliver, ms since 1970.
    pub const TIMER_DELIVER_MS: &str = "TIMER_DELIVER_MS";
    /// How long to wait with the delivery, ms.
    pub const TIMER_DELAY_MS: &str = "TIMER_DELAY_MS";
    /// Marks a half message.
    pub const TRAN_MSG: &str = "TRAN_MSG";
    /// The group whose producers know about a half message.
    pub const PGROUP: &str = "PGROUP";
    /// How often a broker has asked about a half message.
    pub const TRANSACTION_CHECK_TIMES: &str = "TRANSACTION_CHECK_TIMES";
    /// The region of the broker that has stored a message.
    pub const MSG_REGION: &str = "MSG_REGION";
    /// Separates the keys in [`KEYS`].
    pub const KEY_SEPARATOR: char = ' ';

    /// What a user may not set: `MessageConst.STRING_HASH_SET` and the names that brokers write.
    pub(crate) const RESERVED: [&str; 57] = [
        "KEYS",
        "TAGS",
        "WAIT",
        "DELAY",
        "UNIQ_KEY",
        "INSTANCE_ID",
        "TRAN_MSG",
        "PGROUP",
        "TRAN_PREPARED_QUEUE_OFFSET",
        "REAL_TOPIC",
        "REAL_QID",
        "TIMER_DELIVER_MS",
        "TIMER_DELAY_MS",
        "TIMER_DELAY_SEC",
        "TIMER_OUT_MS",
        "TIMER_ENQUEUE_MS",
        "TIMER_DEQUEUE_MS",
        "TIMER_ROLL_TIMES",
        "TIMER_DEL_UNIQKEY",
        "TIMER_DELAY_LEVEL",
        "CORRELATION_ID",
        "REPLY_TO_CLIENT",
        "TTL",
        "MSG_TYPE",
        "ARRIVE_TIME",
        "PUSH_REPLY_TIME",
        "CLUSTER",
        "MSG_REGION",
        "TRACE_ON",
        "INNER_MULTI_QUEUE_OFFSET",
        "RETRY_TOPIC",
        "RECONSUME_TIME",
        "MAX_RECONSUME_TIMES",
        "ORIGIN_MESSAGE_ID",
        "DLQ_ORIGIN_TOPIC",
        "DLQ_ORIGIN_MESSAGE_ID",
        "CONSUME_START_TIME",
        "MIN_OFFSET",
        "MAX_OFFSET",
        "POP_CK",
        "POP_CK_OFFSET",
        "1ST_POP_TIME",
        "BUYER_ID",
        "TRANSFER_FLAG",
        "CORRECTION_FLAG",
        "MQ2_FLAG",
        "DUP_INFO",
        "EXTEND_UNIQ_INFO",
        "__BORNHOST",
        "BORN_TIMESTAMP",
        "__CRC32#",
        "__transactionId__",
        "TRANSACTION_CHECK_TIMES",
        "INNER_NUM",
        "INNER_BASE",
        "__SHARDINGKEY",
        "BODY_CRC",
    ];
}

const NAME_VALUE_SEPARATOR: char = '\u{1}';
const PROPERTY_SEPARATOR: char = '\u{2}';

/// Writes properties in the order given. Names and values must be free of the separators, which
/// validation sees to: the format has no escape.
pub fn encode_properties<'a>(properties: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::with_capacity(128);
    for (name, value) in properties {
        push_property(&mut out, name, value);
    }
    out
}

/// Writes one more.
#[inline]
pub(super) fn push_property(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push(NAME_VALUE_SEPARATOR);
    out.push_str(value);
    out.push(PROPERTY_SEPARATOR);
}

/// The same among other bytes.
#[inline]
pub(super) fn put_property(out: &mut impl BufMut, name: &str, value: &str) {
    out.put_slice(name.as_bytes());
    out.put_u8(NAME_VALUE_SEPARATOR as u8);
    out.put_slice(value.as_bytes());
    out.put_u8(PROPERTY_SEPARATOR as u8);
}

/// The bytes that [`push_property`] writes.
pub(super) const fn property_len(name: &str, value: &str) -> usize {
    name.len() + NAME_VALUE_SEPARATOR.len_utf8() + value.len() + PROPERTY_SEPARATOR.len_utf8()
}

/// Reads a property string with Java's rules: the trailing separator is optional, the first 0x01
/// of a piece splits it, pieces without a name or value are dropped.
pub fn decode_properties(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(PROPERTY_SEPARATOR)
        .filter_map(|piece| piece.split_once(NAME_VALUE_SEPARATOR))
        .filter(|(name, value)| !name.is_empty() && !value.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decoding_follows_javas_rules() {
        let decode = |text| decode_properties(text).collect::<Vec<_>>();
        assert_eq!(decode("a\u{1}b"), [("a", "b")], "the trailing separator is optional");
        assert_eq!(decode("a\u{1}\u{2}"), [], "empty values vanish");
        assert_eq!(decode("a\u{1}b\u{1}c\u{2}"), [("a", "b\u{1}c")], "the first 0x01 splits");
        assert_eq!(decode("\u{2}\u{1}b\u{2}junk\u{2}"), [], "pieces without a name are dropped");
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(
            pairs in prop::collection::vec(("[^\u{1}\u{2}]{1,20}", "[^\u{1}\u{2}]{1,20}"), 0..10),
        ) {
            let pairs: Vec<(&str, &str)> =
                pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
            let text = encode_properties(pairs.iter().copied());
            prop_assert_eq!(decode_properties(&text).collect::<Vec<_>>(), pairs);
        }
    }
}
