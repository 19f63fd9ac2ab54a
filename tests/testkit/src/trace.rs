//! Records of the message trace, read back.

use std::collections::BTreeMap;

/// What the fields of a record are called in RocketMQ, in their order.
const PUBLISHED: [&str; 14] = [
    "type",
    "timestamp",
    "regionId",
    "group",
    "topic",
    "msgId",
    "tags",
    "keys",
    "storeHost",
    "bodyLength",
    "costTime",
    "msgType",
    "offsetMsgId",
    "success",
];
const ENDED: [&str; 13] = [
    "type",
    "timestamp",
    "regionId",
    "group",
    "topic",
    "msgId",
    "tags",
    "keys",
    "storeHost",
    "msgType",
    "transactionId",
    "transactionState",
    "fromTransactionCheck",
];

/// One record of the message trace, as whoever looks at the trace finds it.
///
/// Source: `TraceDataEncoder.decoderFromTraceDataString`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceRecord(BTreeMap<&'static str, String>);

/// A body that is not one of the trace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no record of the message trace: {0:?}")]
pub struct NotTraced(String);

impl TraceRecord {
    /// The topic that producers write records to.
    pub const TOPIC: &str = rocketmq_producer_core::trace::TRACE_TOPIC;

    /// All records of one message, from its body as its sender gave it.
    ///
    /// # Errors
    ///
    /// [`NotTraced`] shows what is none.
    pub fn parse_all(body: &[u8]) -> Result<Vec<Self>, NotTraced> {
        let lossy = || String::from_utf8_lossy(body).into_owned();
        let text = std::str::from_utf8(body).map_err(|_| NotTraced(lossy()))?;
        let records = text.strip_suffix('\u{2}').ok_or_else(|| NotTraced(lossy()))?;
        records.split('\u{2}').map(Self::parse).collect()
    }

    fn parse(text: &str) -> Result<Self, NotTraced> {
        let values: Vec<_> = text.split('\u{1}').collect();
        let names: &[_] = match values.first() {
            Some(&"Pub") => &PUBLISHED,
            Some(&"EndTransaction") => &ENDED,
            _ => return Err(NotTraced(text.to_owned())),
        };
        if values.len() != names.len() {
            return Err(NotTraced(text.to_owned()));
        }
        Ok(Self(names.iter().copied().zip(values.into_iter().map(str::to_owned)).collect()))
    }

    /// A field, by the name that it has in RocketMQ; nothing where the record's type has none of that
    /// name.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Several of them.
    #[must_use]
    pub fn all<const COUNT: usize>(&self, names: [&str; COUNT]) -> [&str; COUNT] {
        names.map(|name| self.get(name))
    }

    /// True for a send's, false for a transaction's end.
    #[must_use]
    pub fn is_of_a_send(&self) -> bool {
        self.get("type") == "Pub"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(name: &str) -> String {
        let vectors = include_str!("../../../core/tests/vectors.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).expect("it is JSON");
        vectors[name]["text"].as_str().expect("it is there").to_owned()
    }

    #[test]
    fn records_that_stand_back_to_back_are_told_apart() {
        let both = vector("trace_pub") + &vector("trace_end_transaction");
        let records = TraceRecord::parse_all(both.as_bytes()).expect("two records");
        let [sent, ended] = &records[..] else { panic!("{records:?}") };
        assert!(sent.is_of_a_send() && !ended.is_of_a_send());
        assert_eq!(sent.all(["topic", "bodyLength", "success"]), ["TopicTest", "14", "true"]);
        assert_eq!(ended.all(["transactionState", "keys"]), ["COMMIT_MESSAGE", "k1"]);
    }

    #[test]
    fn what_is_none_is_told() {
        for text in ["", "Pub", "Pub\u{1}1\u{2}", "SubBefore\u{1}1\u{2}"] {
            assert!(TraceRecord::parse_all(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
