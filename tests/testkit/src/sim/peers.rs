//! Who is in the world.

use std::net::SocketAddr;

use super::network::Family;
use crate::model::Node;

/// One of the cluster's nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer(pub(super) usize);

/// One of the world's producers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Producer(pub(super) usize);

/// The first name server.
pub const NAME_SERVER_1: Peer = Peer(0);
/// The second name server.
pub const NAME_SERVER_2: Peer = Peer(1);
/// A broker.
pub const BROKER_A: Peer = Peer(2);
/// Another.
pub const BROKER_B: Peer = Peer(3);
/// A third.
pub const BROKER_C: Peer = Peer(4);

pub(super) static NAME_SERVERS: [Peer; 2] = [NAME_SERVER_1, NAME_SERVER_2];
pub(super) static BROKERS: [Peer; 3] = [BROKER_A, BROKER_B, BROKER_C];
pub(super) const BROKER_NAMES: [&str; 3] = ["broker-a", "broker-b", "broker-c"];

/// The topic that exists from the start, with four queues on each broker.
pub const TOPIC: &str = "orders";

impl Peer {
    /// All of them, name servers first.
    pub const ALL: [Self; 5] = [NAME_SERVER_1, NAME_SERVER_2, BROKER_A, BROKER_B, BROKER_C];

    /// The broker's name.
    pub(super) fn name(self) -> &'static str {
        BROKER_NAMES[self.0 - NAME_SERVERS.len()]
    }

    pub(super) fn is_broker(self) -> bool {
        self.0 >= NAME_SERVERS.len()
    }
}

/// Where a node listens at first.
pub(super) fn home(family: Family, index: usize, node: &Node) -> SocketAddr {
    let (net, port) = match node {
        Node::NameServer(_) => (1, 9876),
        Node::Broker(_) => (2, 10911),
    };
    SocketAddr::new(family.ip([10, net, 0, index as u8 + 1]), port)
}
