//! A name server: who has which topic.

use std::collections::BTreeMap;

use rocketmq_producer_core::codec::Frame;

use super::{Answer, Response, broker::Registration, route};

const GET_ROUTEINFO_BY_TOPIC: i32 = 105;
const TOPIC_NOT_EXIST: i32 = 17;
const REQUEST_CODE_NOT_SUPPORTED: i32 = 3;
/// From this version on, clients get JSON whose keys are quoted.
const QUOTES_KEYS_FROM: i32 = 401;
const VERSION: i32 = 513;

/// Knows what the brokers have told it, and counts what it is asked.
#[derive(Debug, Default)]
pub struct NameServer {
    brokers: BTreeMap<String, Known>,
    queries: BTreeMap<String, u64>,
    /// Bodies to answer with instead of the truth.
    overrides: BTreeMap<String, String>,
    /// `orderTopicConf` of the topics that have one.
    orders: BTreeMap<String, String>,
    frozen: bool,
    acting_master: bool,
}

/// What a name server knows of one broker.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) registration: Registration,
    /// Only the slave is left of it.
    pub(super) masterless: bool,
    /// Its queues are listed without the write permission.
    pub(super) wiped: bool,
}

impl NameServer {
    /// A broker registers, its slave with it.
    pub(super) fn register(&mut self, broker: &str, registration: &Registration) {
        if self.frozen {
            return;
        }
        let known = self.brokers.entry(broker.to_owned()).or_default();
        // Real name servers look at a registration's topics only when its version or address is
        // new to them: one that says the same again does not undo a wiped permission.
        let same = known.registration.version == registration.version && !known.masterless;
        known.wiped &= same;
        known.masterless = false;
        known.registration = registration.clone();
    }

    /// The broker's connection is gone, or it has been silent for 120 s. A slave that is known
    /// goes on to be listed: the broker then has its queues, and an address of id 1 only.
    ///
    /// Does nothing when the broker is not known, or this name server is
    /// [frozen](Self::set_frozen).
    pub fn unregister(&mut self, broker: &str) {
        let Some(known) = self.brokers.get_mut(broker).filter(|_| !self.frozen) else { return };
        known.masterless = true;
        known.wiped |= self.acting_master;
        if known.registration.slave.is_none() {
            self.brokers.remove(broker);
        }
    }

    /// The slave's connection is gone: what [`unregister`](Self::unregister) is for the master.
    /// With the last of the two the broker is forgotten. The slave is back with the broker's next
    /// registration.
    pub fn lose_slave(&mut self, broker: &str) {
        let Some(known) = self.brokers.get_mut(broker).filter(|_| !self.frozen) else { return };
        known.registration.slave = None;
        if known.masterless {
            self.brokers.remove(broker);
        }
    }

    /// A restart: every broker has to register again. Order configurations are on disk and stay.
    pub fn forget_all(&mut self) {
        self.brokers.clear();
    }

    /// Takes the write permission from all queues of a broker in this name server's answers, as
    /// the command `wipeWritePerm` of the administration tools does.
    ///
    /// Given back by [`add_write_perm`](Self::add_write_perm), and by the broker when it registers
    /// something new: changed topics, another address, after a restart or after it was
    /// unregistered. A registration that repeats the last one gives nothing back.
    pub fn wipe_write_perm(&mut self, broker: &str) {
        if let Some(known) = self.brokers.get_mut(broker) {
            known.wiped = true;
        }
    }

    /// Gives back what [`wipe_write_perm`](Self::wipe_write_perm) took: the command
    /// `addWritePerm`.
    pub fn add_write_perm(&mut self, broker: &str) {
        if let Some(known) = self.brokers.get_mut(broker) {
            known.wiped = false;
        }
    }

    /// While frozen, it goes on to answer and learns nothing: no registration, no loss of one.
    pub fn set_frozen(&mut self, frozen: bool) {
        self.frozen = frozen;
    }

    /// Lets slaves act for lost masters (`supportActingMaster`, off by default): a broker that
    /// loses its master keeps its queues without the write permission, and its slave is listed
    /// under id 0.
    pub fn set_acting_master(&mut self, acting: bool) {
        self.acting_master = acting;
    }

    /// Sets or removes a topic's order configuration, `broker:queues;broker:queues`, which its
    /// route then carries as `orderTopicConf`.
    pub fn set_order_conf(&mut self, topic: &str, conf: impl Into<Option<String>>) {
        match conf.into() {
            Some(conf) => self.orders.insert(topic.to_owned(), conf),
            None => self.orders.remove(topic),
        };
    }

    /// How often the route of this topic was asked for.
    #[must_use]
    pub fn queries(&self, topic: &str) -> u64 {
        self.queries.get(topic).copied().unwrap_or(0)
    }

    /// How often it was asked for a route.
    #[must_use]
    pub fn queries_in_all(&self) -> u64 {
        self.queries.values().sum()
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
            || frame.header.ext.get("acceptStandardJsonOnly").is_some_and(|only| only == "true");
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
        let order = self.orders.get(topic).map(String::as_str);
        route::encode(&self.brokers, topic, order, self.acting_master, standard)
    }
}
