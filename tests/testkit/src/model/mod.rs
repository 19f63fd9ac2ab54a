//! A RocketMQ cluster without a socket: name servers and brokers as state machines.
//!
//! Frames in, bytes out; addresses and time are arguments. [`serve`](crate::serve) puts it behind
//! real sockets.

mod broker;
mod codes;
mod faults;
mod journal;
mod name_server;
mod response;
mod route;
mod store;
#[cfg(test)]
mod tests;

pub use broker::{Broker, Flavour};
pub use codes::{FLOW_CONTROL_REMARKS, RESPONSE_CODES, STORED_CODES};
pub use faults::Fault;
use journal::Journal;
pub use journal::{Ended, Entry, Half, Stored};
pub use name_server::NameServer;
use response::{Answer, Response};

use std::{collections::BTreeMap, net::SocketAddr};

use bytes::Bytes;
use rocketmq_producer_core::{
    codec::{Frame, SerializeType},
    time::{Instant, Now},
};

use crate::StoredMessage;

const SEND_MESSAGE_V2: i32 = 310;
const SEND_BATCH_MESSAGE: i32 = 320;
const PERM_WRITE: i32 = 2;

/// One connection to one node, as the driver names it.
pub type ConnectionId = u64;

/// One server of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// The n-th name server.
    NameServer(usize),
    /// The broker of that name.
    Broker(String),
}

/// What a node wants done with a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Write this.
    Send(ConnectionId, Bytes),
    /// Write what was asked so far, then close.
    Close(ConnectionId),
}

/// Name servers that know each broker's topics, and brokers that store what they are sent.
#[derive(Debug)]
pub struct ModelCluster {
    name_servers: Vec<NameServer>,
    brokers: BTreeMap<String, Broker>,
    faults: BTreeMap<Node, Vec<Fault>>,
    journal: Journal,
    registrations_held: bool,
}

impl ModelCluster {
    /// A cluster of so many name servers and these brokers, all of them masters that create topics
    /// on demand.
    #[must_use]
    pub fn new<'a>(name_servers: usize, brokers: impl IntoIterator<Item = &'a str>) -> Self {
        let broker = |name: &str| (name.to_owned(), Broker::new(name));
        Self {
            name_servers: (0..name_servers).map(|_| NameServer::default()).collect(),
            brokers: brokers.into_iter().map(broker).collect(),
            faults: BTreeMap::new(),
            journal: Journal::default(),
            registrations_held: false,
        }
    }

    /// From now on a broker's change reaches no name server by itself, but when the driver says so
    /// with [`register_broker`](Self::register_broker). Real brokers register with each name
    /// server for itself, on change and every 30 s.
    pub fn hold_registrations(&mut self) {
        self.registrations_held = true;
    }

    /// A broker tells one name server its address and topics as they are now, and its slave does
    /// likewise. A frozen name server does not listen.
    ///
    /// # Panics
    ///
    /// When there is no broker of that name or no name server of that number.
    pub fn register_broker(&mut self, broker: &str, name_server: usize) {
        let known = self.brokers.get(broker).unwrap_or_else(|| panic!("no broker {broker:?}"));
        self.name_servers[name_server].register(broker, known.registration());
    }

    /// True when a broker's registration has changed since this was last asked: it is then due to
    /// register with all name servers. While registrations are not held there is no news, they
    /// are spread already.
    ///
    /// # Panics
    ///
    /// When there is no broker of that name.
    pub fn take_news(&mut self, broker: &str) -> bool {
        self.broker(broker).take_changed()
    }

    /// From now on everything stored is noted for [`take_journal`](Self::take_journal) and
    /// [`take_entries`](Self::take_entries). Whoever asks for this has to take it now and then: it
    /// grows.
    pub fn keep_journal(&mut self) {
        self.journal.keep();
    }

    /// Every message that any broker has stored for consumers to see since this was last asked,
    /// oldest first; none without [`keep_journal`](Self::keep_journal). A message that waits for its
    /// time, or for its transaction, is told when it is published. The journal's other entries stay.
    #[must_use]
    pub fn take_journal(&mut self) -> Vec<Stored> {
        self.journal.take_visible()
    }

    /// Every entry of the journal that was not taken yet, oldest first.
    #[must_use]
    pub fn take_entries(&mut self) -> Vec<Entry> {
        self.journal.take()
    }

    /// Messages that wait on any broker for the time to deliver them.
    #[must_use]
    pub fn scheduled_messages(&self) -> usize {
        self.brokers.values().map(Broker::scheduled_messages).sum()
    }

    /// Half messages on all brokers, copies of them included, that were neither committed nor rolled
    /// back nor discarded.
    #[must_use]
    pub fn open_half_messages(&self) -> usize {
        self.brokers.values().map(Broker::open_half_messages).sum()
    }

    /// Half messages that brokers have given up.
    #[must_use]
    pub fn discarded_half_messages(&self) -> u64 {
        self.brokers.values().map(Broker::discarded_half_messages).sum()
    }

    /// All nodes.
    #[must_use]
    pub fn nodes(&self) -> Vec<Node> {
        let name_servers = (0..self.name_servers.len()).map(Node::NameServer);
        name_servers.chain(self.brokers.keys().cloned().map(Node::Broker)).collect()
    }

    /// Tells a broker where it listens; the name servers learn it from there.
    pub fn set_broker_address(&mut self, name: &str, address: SocketAddr) {
        if let Some(broker) = self.brokers.get_mut(name) {
            broker.set_address(address);
            self.register(name);
        }
    }

    /// Gives a broker a slave, or takes it away: routes list it under id 1. It is no node of the
    /// cluster; a driver that lets clients reach it wants a broker of its own there, one that is
    /// [read-only](Broker::set_read_only).
    ///
    /// # Panics
    ///
    /// When there is no broker of that name.
    pub fn set_slave_address(&mut self, name: &str, address: impl Into<Option<SocketAddr>>) {
        self.broker(name).set_slave_address(address.into());
        self.register(name);
    }

    /// A broker's process has ended and a new one begun, at another address if one is given. It
    /// has what was stored and knows none of its connections and producers; it is due to register.
    /// Its faults stay.
    ///
    /// # Panics
    ///
    /// When there is no broker of that name.
    pub fn restart_broker(&mut self, name: &str, address: Option<SocketAddr>) {
        self.broker(name).restart();
        if let Some(address) = address {
            self.broker(name).set_address(address);
        }
        self.register(name);
    }

    /// A name server.
    ///
    /// # Panics
    ///
    /// When there is none of that number.
    pub fn name_server(&mut self, index: usize) -> &mut NameServer {
        &mut self.name_servers[index]
    }

    /// A broker.
    ///
    /// # Panics
    ///
    /// When there is none of that name.
    pub fn broker(&mut self, name: &str) -> &mut Broker {
        self.brokers.get_mut(name).unwrap_or_else(|| panic!("no broker {name:?}"))
    }

    /// Creates a topic with so many queues on every broker.
    pub fn create_topic(&mut self, topic: &str, queues: u32) {
        let names: Vec<String> = self.brokers.keys().cloned().collect();
        for name in names {
            self.broker(&name).create_topic(topic, queues);
            self.register(&name);
        }
    }

    /// Whether brokers create topics that they are sent to (they do by default).
    pub fn set_auto_create(&mut self, create: bool) {
        let names: Vec<String> = self.brokers.keys().cloned().collect();
        for name in names {
            self.broker(&name).set_auto_create(create);
            self.register(&name);
        }
    }

    /// Lets a node misbehave in this way only, or behave again.
    pub fn set_fault(&mut self, node: Node, fault: impl Into<Option<Fault>>) {
        self.clear_faults(&node);
        if let Some(fault) = fault.into() {
            self.add_fault(node, fault);
        }
    }

    /// Lets a node misbehave in one more way. The first fault that refuses a request answers it;
    /// then every fault changes the answer in turn, in the order in which they were added.
    pub fn add_fault(&mut self, node: Node, fault: Fault) {
        self.faults.entry(node).or_default().push(fault);
    }

    /// Lets a node behave again.
    pub fn clear_faults(&mut self, node: &Node) {
        self.faults.remove(node);
    }

    /// Everything stored under a topic, in the order of brokers, queues and offsets.
    #[must_use]
    pub fn stored(&self, topic: &str) -> Vec<StoredMessage> {
        self.brokers.values().flat_map(|broker| broker.stored(topic)).collect()
    }

    /// A connection has ended.
    pub fn handle_closed(&mut self, node: &Node, connection: ConnectionId) {
        if let Node::Broker(name) = node {
            self.broker(name).handle_closed(connection);
        }
    }

    /// When a node wants to act by itself: its [`handle_timeout`](Self::handle_timeout) is due then.
    #[must_use]
    pub fn deadline(&self, node: &Node) -> Option<Instant> {
        match node {
            Node::NameServer(_) => None,
            Node::Broker(name) => self.brokers.get(name)?.deadline(),
        }
    }

    /// When the first of all nodes wants to.
    #[must_use]
    pub fn soonest(&self) -> Option<Instant> {
        self.brokers.values().filter_map(Broker::deadline).min()
    }

    /// A node does what has become due: publishes messages that have waited for their time, checks
    /// transactions. A driver whose node stands still leaves this out until it goes on.
    pub fn handle_timeout(&mut self, now: Now, node: &Node) -> Vec<Output> {
        match node {
            Node::NameServer(_) => Vec::new(),
            Node::Broker(name) => {
                let broker = self.brokers.get_mut(name);
                broker.map_or_else(Vec::new, |known| known.handle_timeout(now, &mut self.journal))
            }
        }
    }

    /// A node has received a frame.
    pub fn handle_frame(
        &mut self,
        now: Now,
        node: &Node,
        (connection, peer): (ConnectionId, SocketAddr),
        frame: &Frame,
    ) -> Vec<Output> {
        if frame.header.is_response() {
            return Vec::new();
        }
        // Out of the map for as long as the node is asked: the two are borrowed apart.
        let mut faults = self.faults.get_mut(node).map(std::mem::take).unwrap_or_default();
        let outputs = self.answer(&mut faults, now, node, (connection, peer), frame);
        if let Some(kept) = self.faults.get_mut(node) {
            *kept = faults;
        }
        outputs
    }

    fn answer(
        &mut self,
        faults: &mut [Fault],
        now: Now,
        node: &Node,
        (connection, peer): (ConnectionId, SocketAddr),
        frame: &Frame,
    ) -> Vec<Output> {
        if let Node::Broker(name) = node {
            self.broker(name).note_request(frame.header.code);
        }
        let refusal = faults.iter_mut().find_map(|fault| fault.refusal(frame));
        let refused = refusal.is_some();
        let answer = match refusal {
            Some(refusal) => refusal,
            None => self.act(now, node, (connection, peer), frame),
        };
        let mut answer = answer.filter(|_| !frame.header.is_oneway());
        if let (Some(answer), true) = (&mut answer, is_send(frame)) {
            let stored = !refused && answer.code == 0;
            faults.iter_mut().for_each(|fault| fault.change_reply(stored, answer));
        }
        let form = match node {
            Node::NameServer(_) => SerializeType::Json,
            Node::Broker(name) => self.broker(name).reply_form(frame),
        };
        let bytes = answer.map(|answer| answer.encode(form, frame.header.opaque));
        let outputs = bytes.map(|bytes| Output::Send(connection, bytes)).into_iter().collect();
        faults.iter_mut().fold(outputs, |outputs, fault| fault.distort(connection, frame, outputs))
    }

    fn act(
        &mut self,
        now: Now,
        node: &Node,
        (connection, peer): (ConnectionId, SocketAddr),
        frame: &Frame,
    ) -> Answer {
        match node {
            Node::NameServer(index) => self.name_server(*index).handle(frame),
            Node::Broker(name) => {
                let broker = self.brokers.get_mut(name);
                let broker = broker.unwrap_or_else(|| panic!("no broker {name:?}"));
                let answer = broker.handle(now, connection, peer, frame, &mut self.journal);
                self.register(name);
                answer
            }
        }
    }

    /// A broker tells the name servers what has changed, unless that is held.
    fn register(&mut self, name: &str) {
        if !self.registrations_held && self.take_news(name) {
            for name_server in 0..self.name_servers.len() {
                self.register_broker(name, name_server);
            }
        }
    }
}

fn is_send(request: &Frame) -> bool {
    matches!(request.header.code, SEND_MESSAGE_V2 | SEND_BATCH_MESSAGE)
}
