//! A RocketMQ cluster without a socket: name servers and brokers as state machines.
//!
//! Frames in, bytes out; addresses and time are arguments. [`serve`](crate::serve) puts it behind
//! real sockets.

mod broker;
mod faults;
mod name_server;
mod store;

pub use broker::{Broker, Flavour};
pub use faults::Fault;
use faults::SEND_MESSAGE_V2;
pub use name_server::NameServer;

use std::{collections::BTreeMap, net::SocketAddr};

use bytes::{Bytes, BytesMut};
use rocketmq_producer_core::{
    codec::{ExtFields, Frame, Header, Language, SerializeType, encode_response},
    time::Now,
};

use crate::StoredMessage;

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
    faults: BTreeMap<Node, Fault>,
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
        }
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

    /// Lets a node misbehave, or behave again.
    pub fn set_fault(&mut self, node: Node, fault: impl Into<Option<Fault>>) {
        match fault.into() {
            Some(fault) => self.faults.insert(node, fault),
            None => self.faults.remove(&node),
        };
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
        let fault = self.faults.get_mut(node);
        let refusal = fault.and_then(|fault| fault.refusal(frame));
        let answer = match (refusal, node) {
            (Some(refusal), _) => refusal,
            (None, Node::NameServer(index)) => self.name_server(*index).handle(frame),
            (None, Node::Broker(name)) => {
                let answer = self.broker(name).handle(now, connection, peer, frame);
                self.register(name);
                answer
            }
        };
        let form = match node {
            Node::NameServer(_) => SerializeType::Json,
            Node::Broker(name) => self.broker(name).reply_form(frame),
        };
        let mut answer = answer.filter(|_| !frame.header.is_oneway());
        let code = self.faults.get(node).and_then(Fault::reply_code);
        if let (Some(answer), Some(code), SEND_MESSAGE_V2) = (&mut answer, code, frame.header.code)
        {
            answer.code = code;
        }
        let bytes = answer.map(|answer| answer.encode(form, frame.header.opaque));
        match self.faults.get_mut(node) {
            Some(fault) => fault.distort(connection, frame, bytes),
            None => bytes.map(|bytes| Output::Send(connection, bytes)).into_iter().collect(),
        }
    }

    /// A broker tells the name servers about its topics, when they have changed.
    fn register(&mut self, name: &str) {
        let Some(broker) = self.brokers.get_mut(name) else { return };
        if let Some(registration) = broker.take_registration() {
            for name_server in &mut self.name_servers {
                name_server.register(name, registration.clone());
            }
        }
    }
}

/// A response before it is encoded; none is no answer at all.
pub(crate) type Answer = Option<Response>;

/// What a node answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub(crate) code: i32,
    pub(crate) remark: String,
    pub(crate) ext: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    pub(crate) version: i32,
}

impl Response {
    pub(crate) fn code(code: i32, remark: impl Into<String>) -> Self {
        Self { code, remark: remark.into(), ..Self::default() }
    }

    fn encode(self, form: SerializeType, opaque: i32) -> Bytes {
        let remark = Some(self.remark).filter(|remark| !remark.is_empty());
        let header = Header {
            code: self.code,
            language: Language::JAVA,
            version: self.version,
            opaque,
            flag: 0,
            remark: remark.map(Into::into),
            ext: self.ext.into_iter().collect::<ExtFields>(),
        };
        let mut out = BytesMut::new();
        encode_response(&mut out, form, &header, self.body.len())
            .expect("a model's answer fits a frame");
        out.extend_from_slice(&self.body);
        out.freeze()
    }
}
