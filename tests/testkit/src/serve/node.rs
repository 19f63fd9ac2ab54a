//! One node's listener and its connections.

use std::{
    collections::BTreeMap,
    io::Read as _,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use bytes::BytesMut;
use rocketmq_producer_core::codec::FrameDecoder;

use super::{Shared, connection::Connection, lock};
use crate::model::{Node, Output};

/// How much is read at once.
const READ_SIZE: usize = 64 * 1024;
/// Connections that one node takes; further ones are closed at once.
const CONNECTIONS_MAX: usize = 4_096;

/// A port, the thread that accepts on it, and a thread for each connection.
#[derive(Debug)]
pub(super) struct Listening {
    address: SocketAddr,
    shared: Arc<Shared>,
    node: Node,
    state: Arc<State>,
    acceptor: Mutex<Option<Acceptor>>,
}

#[derive(Debug)]
struct Acceptor {
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    accepted: AtomicU64,
    /// What every read is preceded by.
    pause_micros: AtomicU64,
    connections: Mutex<BTreeMap<u64, Conversation>>,
}

/// A connection, and the thread that reads from it.
#[derive(Debug)]
struct Conversation {
    connection: Arc<Connection>,
    thread: JoinHandle<()>,
}

impl Listening {
    pub(super) fn start(shared: Arc<Shared>, node: Node) -> Self {
        let listener = bind((Ipv4Addr::LOCALHOST, 0).into());
        let address = listener.local_addr().expect("a bound listener has an address");
        let this = Self {
            address,
            shared,
            node,
            state: Arc::new(State::default()),
            acceptor: Mutex::new(None),
        };
        this.accept_on(listener);
        this
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn pause_before_reads(&self, pause: Duration) {
        let micros = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
        self.state.pause_micros.store(micros, Ordering::SeqCst);
    }

    pub(super) fn accepted(&self) -> u64 {
        self.state.accepted.load(Ordering::SeqCst)
    }

    pub(super) fn connected(&self) -> usize {
        lock(&self.state.connections).len()
    }

    /// Listens again after [`stop`](Self::stop).
    pub(super) fn resume(&self) {
        if lock(&self.acceptor).is_none() {
            self.accept_on(bind(self.address));
        }
    }

    /// Stops listening and cuts all connections.
    pub(super) fn stop(&self) {
        if let Some(acceptor) = lock(&self.acceptor).take() {
            acceptor.stopping.store(true, Ordering::SeqCst);
            // The acceptor waits in `accept`: a connection of our own ends that.
            let _ = TcpStream::connect(self.address);
            let _ = acceptor.thread.join();
        }
        self.cut();
    }

    /// Cuts all connections and waits for their threads.
    pub(super) fn cut(&self) {
        let connections = std::mem::take(&mut *lock(&self.state.connections));
        for conversation in connections.values() {
            conversation.connection.end();
        }
        for conversation in connections.into_values() {
            let _ = conversation.thread.join();
        }
    }

    fn accept_on(&self, listener: TcpListener) {
        let stopping = Arc::new(AtomicBool::new(false));
        let (shared, node) = (Arc::clone(&self.shared), self.node.clone());
        let (state, stop) = (Arc::clone(&self.state), Arc::clone(&stopping));
        let thread = thread::spawn(move || {
            for socket in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(socket) = socket {
                    accept(&shared, &node, &state, socket);
                }
            }
        });
        *lock(&self.acceptor) = Some(Acceptor { stopping, thread });
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop();
    }
}

fn bind(address: SocketAddr) -> TcpListener {
    TcpListener::bind(address).unwrap_or_else(|error| panic!("cannot listen on {address}: {error}"))
}

fn accept(shared: &Arc<Shared>, node: &Node, state: &Arc<State>, socket: TcpStream) {
    let mut connections = lock(&state.connections);
    if connections.len() == CONNECTIONS_MAX {
        return;
    }
    let id = shared.next_connection();
    let Ok(connection) = Connection::new(id, socket).map(Arc::new) else { return };
    state.accepted.fetch_add(1, Ordering::SeqCst);
    shared.open().insert(id, Arc::clone(&connection));
    let (shared, node, others) = (Arc::clone(shared), node.clone(), Arc::clone(state));
    let own = Arc::clone(&connection);
    let thread = thread::spawn(move || {
        // A connection that fails is over; the client notices by itself.
        let _ = converse(&shared, &node, &others, &own);
        own.end();
        shared.open().remove(&id);
        shared.change(|model| model.handle_closed(&node, id));
        // Nobody needs the second handle to the connection any more.
        lock(&others.connections).remove(&id);
    });
    connections.insert(id, Conversation { connection, thread });
}

/// Answers one connection until it ends. The answers to what one read brought go out in one write.
fn converse(
    shared: &Shared,
    node: &Node,
    state: &State,
    connection: &Connection,
) -> std::io::Result<()> {
    let asker = (connection.id, connection.peer);
    let decoder = FrameDecoder::default();
    let mut chunk = vec![0; READ_SIZE];
    let mut buffer = BytesMut::new();
    let mut answers = BytesMut::new();
    loop {
        let pause = state.pause_micros.load(Ordering::SeqCst);
        if pause > 0 {
            thread::sleep(Duration::from_micros(pause));
        }
        let count = (&connection.socket).read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        buffer.extend_from_slice(&chunk[..count]);
        let mut open = true;
        while open {
            let frame = match decoder.decode(&mut buffer) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(_) => return Ok(()),
            };
            // The clock is read with the model in hand: what the model is told never runs backwards.
            let outputs =
                shared.change(|model| model.handle_frame(shared.now(), node, asker, &frame));
            for output in outputs {
                match output {
                    Output::Send(_, bytes) => answers.extend_from_slice(&bytes),
                    Output::Close(_) => open = false,
                }
            }
        }
        connection.write(&answers)?;
        answers.clear();
        if !open {
            return Ok(());
        }
    }
}
