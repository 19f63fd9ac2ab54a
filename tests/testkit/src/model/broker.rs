//! A broker: topics, producers, and what it has stored.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
};

use bytes::Bytes;
use rocketmq_producer_core::{
    codec::{Frame, SerializeType},
    model::{PROPERTIES_SIZE_MAX, decode_properties},
    time::Now,
};
use serde_json::Value;

use super::{Answer, ConnectionId, Response, store::Store};
use crate::StoredMessage;

const DEFAULT_TOPIC: &str = "TBW102";
const DEFAULT_TOPIC_QUEUES: u32 = 8;
const PERM_READ_WRITE: i32 = 6;
const PERM_INHERIT: i32 = 1;
const PERM_WRITE: i32 = 2;
const BODY_SIZE_MAX: usize = 4 * 1024 * 1024;
const PULL_MAX: usize = 32;

/// Which release the broker behaves like, where they differ on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// Answers in JSON; every send's answer has a transaction id.
    #[default]
    V5,
    /// Answers in the request's form; no transaction id.
    V4,
}

/// A topic's queues on one broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queues {
    pub(super) count: u32,
    pub(super) perm: i32,
}

/// What a broker tells name servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Registration {
    pub(super) address: Option<SocketAddr>,
    pub(super) topics: BTreeMap<String, Queues>,
}

/// One master.
#[derive(Debug)]
pub struct Broker {
    name: String,
    flavour: Flavour,
    registration: Registration,
    /// The registration has changed since the name servers were told.
    changed: bool,
    store: Store,
    /// Client id and group of each connection that has sent a heartbeat.
    producers: BTreeMap<ConnectionId, (String, String)>,
    requests: BTreeMap<i32, u64>,
}

impl Broker {
    pub(super) fn new(name: &str) -> Self {
        let mut broker = Self {
            name: name.to_owned(),
            flavour: Flavour::default(),
            registration: Registration::default(),
            changed: true,
            store: Store::default(),
            producers: BTreeMap::new(),
            requests: BTreeMap::new(),
        };
        broker.set_auto_create(true);
        broker
    }

    /// Behaves like another release.
    pub fn set_flavour(&mut self, flavour: Flavour) {
        self.flavour = flavour;
    }

    pub(super) fn set_address(&mut self, address: SocketAddr) {
        self.registration.address = Some(address);
        self.changed = true;
    }

    pub(super) fn set_auto_create(&mut self, create: bool) {
        let perm = PERM_READ_WRITE | PERM_INHERIT;
        let default = Queues { count: DEFAULT_TOPIC_QUEUES, perm };
        match create {
            true => self.registration.topics.insert(DEFAULT_TOPIC.to_owned(), default),
            false => self.registration.topics.remove(DEFAULT_TOPIC),
        };
        self.changed = true;
    }

    pub(super) fn create_topic(&mut self, topic: &str, count: u32) {
        let queues = Queues { count, perm: PERM_READ_WRITE };
        self.registration.topics.insert(topic.to_owned(), queues);
        self.changed = true;
    }

    /// Sets a topic's permission bits (4 read, 2 write); the name servers are told.
    pub fn set_perm(&mut self, topic: &str, perm: i32) {
        if let Some(queues) = self.registration.topics.get_mut(topic) {
            queues.perm = perm;
            self.changed = true;
        }
    }

    pub(super) fn take_registration(&mut self) -> Option<Registration> {
        std::mem::take(&mut self.changed).then(|| self.registration.clone())
    }

    pub(super) fn stored<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = StoredMessage> + 'a {
        self.store.of_topic(topic).cloned()
    }

    /// How often a request code was received.
    #[must_use]
    pub fn requests(&self, code: i32) -> u64 {
        self.requests.get(&code).copied().unwrap_or(0)
    }

    /// Client id and group of every registered producer.
    #[must_use]
    pub fn producers(&self) -> Vec<(String, String)> {
        self.producers.values().cloned().collect()
    }

    pub(super) fn handle_closed(&mut self, connection: ConnectionId) {
        self.producers.remove(&connection);
    }

    pub(super) fn reply_form(&self, request: &Frame) -> SerializeType {
        match self.flavour {
            Flavour::V5 => SerializeType::Json,
            Flavour::V4 => request.form,
        }
    }

    pub(super) fn handle(
        &mut self,
        now: Now,
        connection: ConnectionId,
        peer: SocketAddr,
        frame: &Frame,
    ) -> Answer {
        *self.requests.entry(frame.header.code).or_default() += 1;
        let version = match self.flavour {
            Flavour::V5 => 513,
            Flavour::V4 => 403,
        };
        let response = match frame.header.code {
            310 => self.send(now, peer, frame),
            34 => self.heartbeat(connection, &frame.body),
            35 => self.unregister(frame),
            11 => self.pull(frame),
            33 => self.view(frame),
            code => Response::code(3, format!(" request type {code} not supported")),
        };
        Some(Response { version, ..response })
    }

    fn send(&mut self, now: Now, peer: SocketAddr, frame: &Frame) -> Response {
        let ext = &frame.header.ext;
        let text = |name: &str| ext.get(name).map(|value| value.to_string()).unwrap_or_default();
        let (topic, properties) = (text("b"), text("i"));
        let queue_id: i32 = ext.number("e").unwrap_or(-1);
        let queues = match self.queues_for(&topic, &text("c"), ext.number("d").unwrap_or(0)) {
            Ok(queues) => queues,
            Err(refusal) => return refusal,
        };
        if queue_id < 0 || queue_id >= queues.count as i32 {
            return match self.flavour {
                Flavour::V5 => {
                    Response::code(29, format!("request queueId[{queue_id}] is illegal"))
                }
                Flavour::V4 => Response::code(1, format!("request queueId[{queue_id}] is illegal")),
            };
        }
        let size = (frame.body.len(), properties.len());
        if size.0 == 0 || size.0 > BODY_SIZE_MAX || size.1 > PROPERTIES_SIZE_MAX {
            return Response::code(13, format!("the message is illegal, sizes {size:?}"));
        }
        let pairs = decode_properties(&properties);
        let message = StoredMessage {
            topic,
            queue_id,
            queue_offset: 0,
            commit_log_offset: 0,
            flag: ext.number("h").unwrap_or(0),
            sys_flag: ext.number("f").unwrap_or(0),
            born_timestamp: ext.number("g").unwrap_or(0),
            store_timestamp: now.wall.0,
            born_host: peer,
            store_host: self.address(),
            body_crc: 0,
            body: Bytes::copy_from_slice(&frame.body),
            properties: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        };
        self.store_message(message)
    }

    fn store_message(&mut self, message: StoredMessage) -> Response {
        let (queue_id, uniq_key) = (message.queue_id, message.uniq_key().map(str::to_owned));
        let (message_id, queue_offset) = self.store.append(message);
        let mut ext = vec![
            ("msgId", message_id),
            ("queueId", queue_id.to_string()),
            ("queueOffset", queue_offset.to_string()),
            ("MSG_REGION", "DefaultRegion".to_owned()),
            ("TRACE_ON", "true".to_owned()),
        ];
        if self.flavour == Flavour::V5 {
            ext.extend(uniq_key.map(|key| ("transactionId", key)));
        }
        Response { ext, ..Response::default() }
    }

    /// The topic's queues, created after the default topic if need be.
    fn queues_for(&mut self, topic: &str, like: &str, count: u32) -> Result<Queues, Response> {
        let topics = &self.registration.topics;
        let queues = match (topics.get(topic), topics.get(like)) {
            (Some(queues), _) => *queues,
            (None, Some(default)) if default.perm & PERM_INHERIT != 0 => {
                let perm = default.perm & !PERM_INHERIT;
                let queues = Queues { count: count.min(default.count), perm };
                self.create_topic(topic, queues.count);
                queues
            }
            _ => return Err(Response::code(17, format!("topic[{topic}] not exist"))),
        };
        match queues.perm & PERM_WRITE {
            0 => Err(Response::code(
                16,
                format!("the broker[{}] sending message is forbidden", self.name),
            )),
            _ => Ok(queues),
        }
    }

    fn heartbeat(&mut self, connection: ConnectionId, body: &[u8]) -> Response {
        let data: Value = serde_json::from_slice(body).unwrap_or_default();
        let client = data["clientID"].as_str();
        let (Some(client), Some(_)) = (client, data["consumerDataSet"].as_array()) else {
            return Response::code(1, "java.lang.NullPointerException");
        };
        for producer in data["producerDataSet"].as_array().into_iter().flatten() {
            let group = producer["groupName"].as_str().unwrap_or_default();
            self.producers.insert(connection, (client.to_owned(), group.to_owned()));
        }
        Response::default()
    }

    fn unregister(&mut self, frame: &Frame) -> Response {
        let client = frame.header.ext.get("clientID").map(|id| id.to_string());
        self.producers.retain(|_, (known, _)| Some(&*known) != client.as_ref());
        Response::default()
    }

    fn pull(&self, frame: &Frame) -> Response {
        let ext = &frame.header.ext;
        let topic = ext.get("topic").map(|topic| topic.to_string()).unwrap_or_default();
        let (queue, from) =
            (ext.number("queueId").unwrap_or(0), ext.number("queueOffset").unwrap_or(0));
        let max = ext.number("maxMsgNums").unwrap_or(PULL_MAX).min(PULL_MAX);
        let (body, next, end) = self.store.pull(&topic, queue, from, max);
        let (code, remark) =
            if body.is_empty() { (19, "OFFSET_OVERFLOW_ONE") } else { (0, "FOUND") };
        let ext = vec![
            ("suggestWhichBrokerId", "0".to_owned()),
            ("nextBeginOffset", next.to_string()),
            ("minOffset", "0".to_owned()),
            ("maxOffset", end.to_string()),
        ];
        Response { ext, body, ..Response::code(code, remark) }
    }

    fn view(&self, frame: &Frame) -> Response {
        let message = frame.header.ext.number("offset").and_then(|offset| self.store.view(offset));
        match message {
            Some(message) => Response { body: message.encode(), ..Response::default() },
            None => Response::code(1, "can not find message by the offset"),
        }
    }

    fn address(&self) -> SocketAddr {
        self.registration.address.unwrap_or((Ipv4Addr::LOCALHOST, 0).into())
    }
}
