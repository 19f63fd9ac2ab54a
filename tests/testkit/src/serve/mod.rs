//! The model cluster on real sockets, inside this process.

mod clock;
mod connection;
mod node;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rocketmq_producer_core::time::{Instant as Moment, Now, UnixMillis};

use crate::{
    StoredMessage,
    model::{Fault, ModelCluster, Node, Output},
};
use clock::Clock;
use connection::Connection;
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
    /// Ends after the nodes: it may be writing to a connection of theirs.
    _clock: Clock,
}

/// What all threads share.
#[derive(Debug)]
struct Shared {
    model: Mutex<ModelCluster>,
    /// Together with the model: the clock has to look at it again.
    deadline_changed: Condvar,
    stopping: Mutex<bool>,
    started: Instant,
    /// Connections so far.
    connections: AtomicU64,
    /// Those that there are, of all nodes.
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
}

impl Shared {
    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            instant: Moment::from_nanos(self.started.elapsed().as_nanos() as u64),
            wall: UnixMillis(wall.as_millis() as i64),
        }
    }

    fn model(&self) -> MutexGuard<'_, ModelCluster> {
        lock(&self.model)
    }

    /// Does something to the model, and tells the clock when it has other plans after that.
    fn change<R>(&self, act: impl FnOnce(&mut ModelCluster) -> R) -> R {
        let mut model = self.model();
        let before = model.soonest();
        let result = act(&mut model);
        if model.soonest() != before {
            self.deadline_changed.notify_all();
        }
        result
    }

    fn stopping(&self) -> MutexGuard<'_, bool> {
        lock(&self.stopping)
    }

    fn wake_clock(&self) {
        // The clock looks at everything with the model in hand: it sees this, or waits for it.
        let _model = self.model();
        self.deadline_changed.notify_all();
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Connection>>> {
        lock(&self.open)
    }

    /// Writes what nodes want to say unasked. A connection that has ended in the meantime is left
    /// out; one that nobody reads from holds up the others.
    fn put_out(&self, outputs: Vec<Output>) {
        for output in outputs {
            let (Output::Send(id, _) | Output::Close(id)) = output;
            let connection = self.open().get(&id).cloned();
            match (connection, output) {
                (None, _) => {}
                // A connection that fails is over: its own thread notices.
                (Some(connection), Output::Send(_, bytes)) => _ = connection.write(&bytes),
                (Some(connection), Output::Close(_)) => connection.end(),
            }
        }
    }

    fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
            deadline_changed: Condvar::new(),
            stopping: Mutex::new(false),
            started: Instant::now(),
            connections: AtomicU64::new(0),
            open: Mutex::default(),
        });
        let nodes = nodes.into_iter().map(|node| {
            let listening = Listening::start(Arc::clone(&shared), node.clone());
            if let Node::Broker(name) = &node {
                shared.model().set_broker_address(name, listening.address());
            }
            (node, listening)
        });
        let nodes = nodes.collect();
        let clock = Clock::start(&shared);
        Self { shared, nodes, _clock: clock }
    }

    /// Looks at the model, or changes it.
    pub fn model<R>(&self, look: impl FnOnce(&mut ModelCluster) -> R) -> R {
        self.shared.change(look)
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
