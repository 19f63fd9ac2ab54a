//! A name server: who has which topic.

use std::collections::BTreeMap;

use rocketmq_producer_core::codec::Frame;
use serde_json::json;

use super::{Answer, Response, broker::Registration};

const GET_ROUTEINFO_BY_TOPIC: i32 = 105;
const TOPIC_NOT_EXIST: i32 = 17;
const REQUEST_CODE_NOT_SUPPORTED: i32 = 3;
/// From this version on, clients get JSON whose keys are quoted.
const QUOTES_KEYS_FROM: i32 = 401;
const VERSION: i32 = 513;

/// Knows what the brokers have told it, and counts what it is asked.
#[derive(Debug, Default)]
pub struct NameServer {
    brokers: BTreeMap<String, Registration>,
    queries: BTreeMap<String, u64>,
    /// Bodies to answer with instead of the truth.
    overrides: BTreeMap<String, String>,
}

impl NameServer {
    pub(super) fn register(&mut self, broker: &str, registration: Registration) {
        self.brokers.insert(broker.to_owned(), registration);
    }

    /// How often the route of this topic was asked for.
    #[must_use]
    pub fn queries(&self, topic: &str) -> u64 {
        self.queries.get(topic).copied().unwrap_or(0)
    }

    /// Answers queries for this topic with these bytes, or the truth again.
    pub fn set_route_body(&mut self, topic: &str, body: impl Into<Option<String>>) {
        match body.into() {
            Some(body) => self.overrides.insert(topic.to_owned(), body),
            None => self.overrides.remove(topic),
        };
    }

    pub(super) fn handle(&mut self, frame: &Frame) -> Answer {
        if frame.header.code != GET_ROUTEINFO_BY_TOPIC {
            let remark = format!(" request type {} not supported", frame.header.code);
            return Some(Response::code(REQUEST_CODE_NOT_SUPPORTED, remark));
        }
        let topic =
            frame.header.ext.get("topic").map(|topic| topic.to_string()).unwrap_or_default();
        *self.queries.entry(topic.clone()).or_default() += 1;
        let standard = frame.header.version >= QUOTES_KEYS_FROM
            || frame.header.ext.get("acceptStandardJsonOnly").is_some_and(|only| *only == "true");
        let route = self.overrides.get(&topic).cloned().or_else(|| self.route(&topic, standard));
        Some(match route {
            Some(route) => Response { body: route.into(), version: VERSION, ..Response::default() },
            None => {
                let remark = format!("No topic route info in name server for the topic: {topic}");
                Response { version: VERSION, ..Response::code(TOPIC_NOT_EXIST, remark) }
            }
        })
    }

    fn route(&self, topic: &str, standard: bool) -> Option<String> {
        let having = self.brokers.iter().filter_map(|(name, registration)| {
            Some((name, registration.address?, registration.topics.get(topic)?))
        });
        let having: Vec<_> = having.collect();
        if having.is_empty() {
            return None;
        }
        let brokers = having.iter().map(|(name, address, _)| {
            json!({
                "brokerAddrs": { "0": address.to_string() }, "brokerName": name,
                "cluster": "DefaultCluster", "enableActingMaster": false,
            })
        });
        let queues = having.iter().map(|(name, _, queues)| {
            json!({
                "brokerName": name, "perm": queues.perm, "readQueueNums": queues.count,
                "topicSysFlag": 0, "writeQueueNums": queues.count,
            })
        });
        let route = json!({
            "brokerDatas": brokers.collect::<Vec<_>>(), "filterServerTable": {},
            "queueDatas": queues.collect::<Vec<_>>(),
        });
        let text = route.to_string();
        Some(if standard { text } else { text.replace("{\"0\":", "{0:") })
    }
}
