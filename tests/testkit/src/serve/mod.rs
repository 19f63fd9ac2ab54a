//! The model cluster on real sockets, inside this process.

mod node;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rocketmq_producer_core::time::{Instant as Moment, Now, UnixMillis};

use crate::{
    StoredMessage,
    model::{Fault, ModelCluster, Node},
};
use node::Listening;

/// A RocketMQ cluster inside this process: name servers and brokers on free loopback ports.
///
/// It stores what it is sent in memory, and can be told to misbehave. Dropping it closes every
/// socket and ends every thread.
///
/// ```
/// use rocketmq_producer_testkit::serve::EmbeddedCluster;
///
/// let cluster = EmbeddedCluster::start();
/// println!("name server at {}", cluster.namesrv_addr());
/// ```
#[derive(Debug)]
pub struct EmbeddedCluster {
    shared: Arc<Shared>,
    nodes: Vec<(Node, Listening)>,
}

/// What all nodes' threads share.
#[derive(Debug)]
struct Shared {
    model: Mutex<ModelCluster>,
    started: Instant,
    connections: AtomicU64,
}

impl Shared {
    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            instant: Moment::from_nanos(self.started.elapsed().as_nanos() as u64),
            wall: UnixMillis(wall.as_millis() as i64),
        }
    }

    fn model(&self) -> std::sync::MutexGuard<'_, ModelCluster> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }
}

impl EmbeddedCluster {
    /// One name server and one broker, `broker-a`, that creates topics on demand.
    ///
    /// # Panics
    ///
    /// When there is no free port on loopback.
    #[must_use]
    pub fn start() -> Self {
        Self::serve(ModelCluster::new(1, ["broker-a"]))
    }

    /// This cluster.
    ///
    /// # Panics
    ///
    /// When there is no free port on loopback.
    #[must_use]
    pub fn serve(model: ModelCluster) -> Self {
        let nodes = model.nodes();
        let shared = Arc::new(Shared {
            model: Mutex::new(model),
            started: Instant::now(),
            connections: AtomicU64::new(0),
        });
        let nodes = nodes.into_iter().map(|node| {
            let listening = Listening::start(Arc::clone(&shared), node.clone());
            if let Node::Broker(name) = &node {
                shared.model().set_broker_address(name, listening.address());
            }
            (node, listening)
        });
        let nodes = nodes.collect();
        Self { shared, nodes }
    }

    /// Looks at the model, or changes it.
    pub fn model<R>(&self, look: impl FnOnce(&mut ModelCluster) -> R) -> R {
        look(&mut self.shared.model())
    }

    /// The name servers, as a producer is told them: `host:port;host:port`.
    #[must_use]
    pub fn namesrv_addr(&self) -> String {
        let name_servers =
            self.nodes.iter().filter(|(node, _)| matches!(node, Node::NameServer(_)));
        let addresses = name_servers.map(|(_, listening)| listening.address().to_string());
        addresses.collect::<Vec<_>>().join(";")
    }

    /// Where a node listens, or did.
    ///
    /// # Panics
    ///
    /// When there is no such node.
    #[must_use]
    pub fn address(&self, node: &Node) -> SocketAddr {
        self.node(node).address()
    }

    /// Everything stored under a topic.
    #[must_use]
    pub fn stored(&self, topic: &str) -> Vec<StoredMessage> {
        self.model(|model| model.stored(topic))
    }

    /// Lets a node misbehave, or behave again.
    pub fn set_fault(&self, node: &Node, fault: impl Into<Option<Fault>>) {
        self.model(|model| model.set_fault(node.clone(), fault));
    }

    /// Stops listening and cuts the node's connections: the port refuses.
    pub fn refuse(&self, node: &Node) {
        self.node(node).stop();
    }

    /// Listens again, on the same port.
    ///
    /// # Panics
    ///
    /// When somebody has taken the port in the meantime.
    pub fn accept_again(&self, node: &Node) {
        self.node(node).resume();
    }

    /// Cuts the node's connections; it goes on listening.
    pub fn cut_connections(&self, node: &Node) {
        self.node(node).cut();
    }

    /// Lets the node pause before it reads further (64 KiB at a time), on all its connections.
    pub fn pause_before_reads(&self, node: &Node, pause: Duration) {
        self.node(node).pause_before_reads(pause);
    }

    /// How many connections the node has taken, ever.
    #[must_use]
    pub fn accepted(&self, node: &Node) -> u64 {
        self.node(node).accepted()
    }

    /// How many connections the node has now.
    #[must_use]
    pub fn connected(&self, node: &Node) -> usize {
        self.node(node).connected()
    }

    fn node(&self, node: &Node) -> &Listening {
        let found = self.nodes.iter().find(|(known, _)| known == node);
        found.map(|(_, listening)| listening).unwrap_or_else(|| panic!("no node {node:?}"))
    }
}
