//! A broker: topics, producers, and what it has stored.

mod send;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
};

use rocketmq_producer_core::{
    codec::{Frame, SerializeType},
    time::Now,
};
use serde_json::Value;

use super::{Answer, ConnectionId, Response, journal::Journal, store::Store};
use crate::StoredMessage;

const DEFAULT_TOPIC: &str = "TBW102";
const DEFAULT_TOPIC_QUEUES: u32 = 8;
const PERM_READ_WRITE: i32 = 6;
const PERM_INHERIT: i32 = 1;
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
    /// Where its slave listens, which tells the name servers so itself.
    pub(super) slave: Option<SocketAddr>,
    pub(super) topics: BTreeMap<String, Queues>,
    /// Tells one state of the topics from the next: name servers compare this, not the topics.
    pub(super) version: u64,
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
    read_only: bool,
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
            read_only: false,
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
        self.note_change();
    }

    pub(super) fn set_slave_address(&mut self, address: Option<SocketAddr>) {
        self.registration.slave = address;
        self.changed = true;
    }

    pub(super) fn set_auto_create(&mut self, create: bool) {
        let perm = PERM_READ_WRITE | PERM_INHERIT;
        let default = Queues { count: DEFAULT_TOPIC_QUEUES, perm };
        match create {
            true => self.registration.topics.insert(DEFAULT_TOPIC.to_owned(), default),
            false => self.registration.topics.remove(DEFAULT_TOPIC),
        };
        self.note_change();
    }

    pub(super) fn create_topic(&mut self, topic: &str, count: u32) {
        let queues = Queues { count, perm: PERM_READ_WRITE };
        self.registration.topics.insert(topic.to_owned(), queues);
        self.note_change();
    }

    /// Sets a topic's permission bits (4 read, 2 write). The name servers are told with the broker's
    /// next request, or when the driver says so.
    pub fn set_perm(&mut self, topic: &str, perm: i32) {
        if let Some(queues) = self.registration.topics.get_mut(topic) {
            queues.perm = perm;
            self.note_change();
        }
    }

    /// Sets how many queues a topic has, up or down. What the queues beyond that number have stored
    /// is kept, and a topic that there is not is left so. The name servers are told with the
    /// broker's next request, or when the driver says so.
    pub fn set_queue_count(&mut self, topic: &str, count: u32) {
        if let Some(queues) = self.registration.topics.get_mut(topic) {
            queues.count = count;
            self.note_change();
        }
    }

    /// Makes it a slave, or a master again: as a slave it stores no sends. It refuses them in its
    /// release's way, [`Flavour::V5`] with code 2 and `[REJECTREQUEST]`, [`Flavour::V4`] with code
    /// 14. The name servers are not told: this is the master that has lost its part unnoticed.
    pub fn set_read_only(&mut self, read_only: bool) {
        self.read_only = read_only;
    }

    /// A new process on the same disk: topics and messages are there, connections are not. It is
    /// due to register again.
    pub fn restart(&mut self) {
        self.producers.clear();
        self.note_change();
    }

    fn note_change(&mut self) {
        self.registration.version += 1;
        self.changed = true;
    }

    pub(super) fn registration(&self) -> &Registration {
        &self.registration
    }

    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
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
        journal: &mut Journal,
    ) -> Answer {
        *self.requests.entry(frame.header.code).or_default() += 1;
        let version = match self.flavour {
            Flavour::V5 => 513,
            Flavour::V4 => 403,
        };
        let response = match frame.header.code {
            310 => self.send(now, peer, frame, journal),
            34 => self.heartbeat(connection, &frame.body),
            35 => self.unregister(frame),
            11 => self.pull(frame),
            33 => self.view(frame),
            code => Response::code(3, format!(" request type {code} not supported")),
        };
        Some(Response { version, ..response })
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
