//! A name server's answer, which is nearly JSON.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;

/// `TopicRouteData` of Apache RocketMQ, as far as a producer needs it; other members are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RouteData {
    /// The brokers that have the topic.
    pub broker_datas: Vec<BrokerData>,
    /// How many queues it has on each.
    pub queue_datas: Vec<QueueData>,
    /// `broker:queues;broker:queues`, where the name server is told to give an order.
    pub order_topic_conf: Option<String>,
}

/// One broker set: a master and its slaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BrokerData {
    /// Broker id (0 is the master) to advertised address.
    pub broker_addrs: BTreeMap<String, String>,
    /// The set's name.
    pub broker_name: String,
}

/// A topic's queues on one broker set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct QueueData {
    /// The broker set's name.
    pub broker_name: String,
    /// Bits: 4 readable, 2 writable, 1 inherited.
    pub perm: i32,
    /// Queues to read.
    pub read_queue_nums: i32,
    /// Queues to write.
    pub write_queue_nums: i32,
}

/// Why a name server's answer is no route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("undecodable route: {reason}")]
pub struct BadRoute {
    /// What is wrong with it.
    pub reason: String,
}

impl BadRoute {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl RouteData {
    /// Reads either dialect: name servers write integer keys quoted, or bare (old ones, and all in
    /// zone mode).
    ///
    /// # Errors
    ///
    /// [`BadRoute`] says what is not as it should be.
    pub fn decode(body: &[u8]) -> Result<Self, BadRoute> {
        let text = std::str::from_utf8(body).map_err(|_| BadRoute::new("it is not UTF-8"))?;
        // The parser would take an array for a route whose members are all missing.
        if !text.trim_start().starts_with('{') {
            return Err(BadRoute::new("it is not a JSON object"));
        }
        serde_json::from_str(&quote_bare_keys(text))
            .map_err(|error| BadRoute::new(error.to_string()))
    }
}

/// Puts quotes around keys that are bare integers; text that has none is returned as it is.
fn quote_bare_keys(text: &str) -> Cow<'_, str> {
    let mut quoted = String::new();
    let mut copied = 0;
    let mut in_string = false;
    let mut key_may_follow = false;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' if in_string => drop(bytes.next()),
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b',' => {
                key_may_follow = true;
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'-' | b'0'..=b'9' if key_may_follow => {
                if let Some((key, before)) = bare_key(text, at, copied) {
                    quoted.push_str(before);
                    quoted.extend(["\"", key, "\""]);
                    copied = at + key.len();
                }
            }
            _ => {}
        }
        key_may_follow = false;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    quoted.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(quoted)
}

/// The integer that begins at `at`, if a colon follows it, and the text not yet copied before it.
fn bare_key(text: &str, at: usize, copied: usize) -> Option<(&str, &str)> {
    let rest = text.get(at..)?;
    let end = rest.find(|c: char| c != '-' && !c.is_ascii_digit())?;
    let (key, after) = rest.split_at(end);
    after.trim_start().starts_with(':').then_some(())?;
    Some((key, text.get(copied..at)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(vector: &str) -> String {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors.json")).unwrap();
        vectors[vector]["text"].as_str().unwrap().to_owned()
    }

    #[test]
    fn row_32_both_dialects_are_read_alike() {
        let quoted = RouteData::decode(body("route_body_quoted").as_bytes()).unwrap();
        let bare = RouteData::decode(body("route_body_unquoted").as_bytes()).unwrap();
        assert_eq!(quoted, bare);
        assert_eq!(quoted.broker_datas[0].broker_addrs["0"], "127.0.0.1:10911");
        assert_eq!(quoted.queue_datas[0].write_queue_nums, 4);
    }

    #[test]
    fn row_32_white_space_order_and_unknown_members_do_not_matter() {
        let text = r#" { "zone" : [1, {2:3}] , "queueDatas" : [ ] ,
            "brokerDatas":[{"brokerName":"b, 0:x","brokerAddrs":{ 0 : "a:1" ,-1:"b:2"}}]} "#;
        let route = RouteData::decode(text.as_bytes()).unwrap();
        assert_eq!(route.broker_datas[0].broker_addrs.len(), 2);
        assert_eq!(route.broker_datas[0].broker_name, "b, 0:x", "strings are left alone");
    }

    #[test]
    fn row_32_what_is_not_a_route_is_a_typed_error() {
        for text in [
            "",
            "[]",
            "{\"brokerDatas\":7}",
            "{0:",
            "\u{fffd}",
            "{\"queueDatas\":[{\"perm\":\"x\"}]}",
        ] {
            assert!(RouteData::decode(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(RouteData::decode(b"\xff").is_err());
    }
}
