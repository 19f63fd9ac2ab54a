//! Connections between producers and nodes: TCP as far as its users can see it.

use std::{
    collections::BTreeMap,
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    task::Waker,
    time::Duration,
};

use bytes::BytesMut;
use fastrand::Rng;
use rocketmq_producer_core::time::Instant;

use super::{
    agenda::Agenda,
    dialing::{Dial, Name},
    pipe::{End, Pipe, Way},
};

/// One connection, ever.
pub(super) type ConnId = u64;
/// One attempt to connect, ever.
pub(super) type DialId = u64;
/// A node's place in the world's table.
pub(super) type NodeIndex = usize;
/// A producer's place in the world's table.
pub(super) type ProducerIndex = usize;

/// The network between one producer and one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub(super) way: Way,
    /// Nothing gets from the producer to the node.
    pub(super) up_held: bool,
    /// Nothing gets from the node to the producer.
    pub(super) down_held: bool,
}

impl Default for Path {
    fn default() -> Self {
        let way = Way {
            latency: Duration::from_micros(500),
            jitter: Duration::from_micros(500),
            bytes_per_second: 100_000_000,
        };
        Self { way, up_held: false, down_held: false }
    }
}

/// Which addresses the world's hosts have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    /// A host's address.
    pub(super) fn ip(self, [a, b, c, d]: [u8; 4]) -> IpAddr {
        match self {
            Self::V4 => IpAddr::from([a, b, c, d]),
            Self::V6 => IpAddr::from([0xfd00, 0, 0, 0, a.into(), b.into(), c.into(), d.into()]),
        }
    }
}

/// How a host treats those who knock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Door {
    #[default]
    Open,
    /// The host is there, and nobody listens.
    Refusing,
    /// Nobody answers.
    Silent,
}

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Producer,
    Node,
}

/// What has happened at the nodes' end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Notice {
    Accepted(ConnId),
    Readable(ConnId),
    Writable(ConnId),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Resolve(DialId),
    Knock(DialId),
    Arrive(ConnId, Side),
}

/// One connection.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) producer: ProducerIndex,
    pub(super) node: NodeIndex,
    pub(super) peer: SocketAddr,
    /// Where the producer has found the node.
    pub(super) remote: SocketAddr,
    /// To the node.
    pub(super) up: Pipe,
    /// To the producer.
    pub(super) down: Pipe,
    /// Forgotten by something on the way: nothing passes any more, and nobody is told.
    pub(super) lost: bool,
    pub(super) producer_open: bool,
    pub(super) node_open: bool,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) family: Family,
    pub(super) now: Instant,
    pub(super) rng: Rng,
    pub(super) agenda: Agenda<Event>,
    pub(super) conns: BTreeMap<ConnId, Conn>,
    pub(super) dials: BTreeMap<DialId, Dial>,
    pub(super) paths: BTreeMap<(ProducerIndex, NodeIndex), Path>,
    /// What is held up for everybody, to and from a node.
    pub(super) held: BTreeMap<NodeIndex, (bool, bool)>,
    pub(super) doors: Vec<Door>,
    /// Where each node listens.
    pub(super) addresses: BTreeMap<SocketAddr, NodeIndex>,
    pub(super) names: BTreeMap<String, Name>,
    pub(super) notices: VecDeque<Notice>,
    pub(super) next_id: u64,
    pub(super) next_port: u16,
}

impl Network {
    pub(super) fn new(rng: Rng, nodes: usize, family: Family) -> Self {
        Self {
            family,
            now: Instant::default(),
            rng,
            agenda: Agenda::default(),
            conns: BTreeMap::new(),
            dials: BTreeMap::new(),
            paths: BTreeMap::new(),
            held: BTreeMap::new(),
            doors: vec![Door::Open; nodes],
            addresses: BTreeMap::new(),
            names: BTreeMap::new(),
            notices: VecDeque::new(),
            next_id: 0,
            next_port: 10_000,
        }
    }

    pub(super) fn soonest(&self) -> Option<Instant> {
        self.agenda.soonest()
    }

    /// Lets happen what is due.
    pub(super) fn advance(&mut self, now: Instant) {
        self.now = now;
        while let Some(event) = self.agenda.pop(now) {
            match event {
                Event::Resolve(dial) => self.resolve(dial),
                Event::Knock(dial) => self.knock(dial),
                Event::Arrive(conn, to) => self.arrive(conn, to),
            }
        }
    }

    pub(super) fn take_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    pub(super) fn path(&mut self, producer: ProducerIndex, node: NodeIndex) -> &mut Path {
        let held = self.held.get(&node).copied().unwrap_or_default();
        let new = || Path { up_held: held.0, down_held: held.1, ..Path::default() };
        self.paths.entry((producer, node)).or_insert_with(new)
    }

    /// Holds up what goes to a node, what comes from it, or both: for producers to come as well.
    pub(super) fn hold(&mut self, node: NodeIndex, to: bool, from: bool) {
        self.held.insert(node, (to, from));
    }

    // Streams.

    /// Writes what the peer's window has room for; none leaves the waker.
    pub(super) fn write(
        &mut self,
        id: ConnId,
        from: Side,
        data: &[u8],
        waker: Option<&Waker>,
    ) -> Result<usize, End> {
        let Some(conn) = self.conns.get_mut(&id) else { return Err(End::Reset) };
        let path = self.paths.entry((conn.producer, conn.node)).or_default();
        let (pipe, back) = match from {
            Side::Producer => (&mut conn.up, &conn.down),
            Side::Node => (&mut conn.down, &conn.up),
        };
        if back.is_reset() {
            return Err(End::Reset);
        }
        let before = pipe.next_arrival();
        let count = pipe.write(self.now, path.way, &mut self.rng, data);
        if before.is_none()
            && let Some(at) = pipe.next_arrival()
        {
            self.agenda.add(at, Event::Arrive(id, other(from)));
        }
        if count == 0 && from == Side::Producer {
            conn.writer = waker.cloned();
        }
        Ok(count)
    }

    /// Reads up to `most` bytes; none leaves the waker.
    pub(super) fn read(
        &mut self,
        id: ConnId,
        to: Side,
        most: usize,
        waker: Option<&Waker>,
    ) -> Result<Option<BytesMut>, End> {
        let Some(conn) = self.conns.get_mut(&id) else { return Err(End::Reset) };
        let pipe = match to {
            Side::Producer => &mut conn.down,
            Side::Node => &mut conn.up,
        };
        let had_room = pipe.has_room();
        let read = pipe.read(most)?;
        if read.is_none() && to == Side::Producer {
            conn.reader = waker.cloned();
        }
        if !had_room && pipe.has_room() {
            match to {
                Side::Node => wake(&mut conn.writer),
                Side::Producer => self.notices.push_back(Notice::Writable(id)),
            }
        }
        Ok(read)
    }

    /// One side has no more to say and reads no further.
    pub(super) fn close(&mut self, id: ConnId, side: Side, end: End) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let path = self.paths.entry((conn.producer, conn.node)).or_default();
        let (open, pipe) = match side {
            Side::Producer => (&mut conn.producer_open, &mut conn.up),
            Side::Node => (&mut conn.node_open, &mut conn.down),
        };
        if !std::mem::take(open) {
            return;
        }
        let before = pipe.next_arrival();
        pipe.finish(self.now, path.way, &mut self.rng, end);
        if before.is_none()
            && let Some(at) = pipe.next_arrival()
        {
            self.agenda.add(at, Event::Arrive(id, other(side)));
        }
        if !conn.producer_open && !conn.node_open {
            self.conns.remove(&id);
        }
    }

    /// The node has no more to say, and reads on.
    pub(super) fn half_close(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let path = self.paths.entry((conn.producer, conn.node)).or_default();
        let before = conn.down.next_arrival();
        conn.down.finish(self.now, path.way, &mut self.rng, End::Finished);
        if before.is_none()
            && let Some(at) = conn.down.next_arrival()
        {
            self.agenda.add(at, Event::Arrive(id, Side::Producer));
        }
    }

    /// The node's host is gone without a word; whatever comes from now on meets a host that does
    /// not know the connection.
    pub(super) fn vanish(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.node_open = false;
        if !conn.producer_open {
            self.conns.remove(&id);
        }
    }

    /// Something on the way forgets the connection.
    pub(super) fn lose(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.lost = true;
        }
    }

    /// Lets through again what was held up on a path.
    pub(super) fn open_path(&mut self, producer: ProducerIndex, node: NodeIndex) {
        let path = self.path(producer, node);
        (path.up_held, path.down_held) = (false, false);
        let latency = path.way.latency;
        let at = self.now + latency;
        for (id, conn) in &mut self.conns {
            if conn.producer != producer || conn.node != node {
                continue;
            }
            for (pipe, to) in [(&mut conn.up, Side::Node), (&mut conn.down, Side::Producer)] {
                if pipe.next_arrival().is_some() {
                    pipe.delay_until(at);
                    self.agenda.add(at, Event::Arrive(*id, to));
                }
            }
        }
    }

    /// Everything between a node and all producers.
    pub(super) fn conns_of(&self, node: NodeIndex) -> Vec<ConnId> {
        let own = self.conns.iter().filter(|(_, conn)| conn.node == node);
        own.map(|(id, _)| *id).collect()
    }

    fn arrive(&mut self, id: ConnId, to: Side) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let path = self.paths.entry((conn.producer, conn.node)).or_default();
        let (pipe, held, open) = match to {
            Side::Node => (&mut conn.up, path.up_held, conn.node_open),
            Side::Producer => (&mut conn.down, path.down_held, conn.producer_open),
        };
        if held || conn.lost || !pipe.deliver(self.now) {
            // Comes again when the path opens; never, when the connection is lost.
            return;
        }
        if let Some(at) = pipe.next_arrival() {
            self.agenda.add(at, Event::Arrive(id, to));
        }
        match to {
            Side::Producer => {
                wake(&mut conn.reader);
                if conn.down.is_reset() {
                    wake(&mut conn.writer);
                }
            }
            Side::Node if open => self.notices.push_back(Notice::Readable(id)),
            Side::Node if self.doors[conn.node] == Door::Silent => {}
            Side::Node => self.reset_by_stranger(id),
        }
    }

    /// The node's host knows nothing of the connection, and says so.
    fn reset_by_stranger(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.node_open = true;
            self.close(id, Side::Node, End::Reset);
        }
    }

    pub(super) fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Producer => Side::Node,
        Side::Node => Side::Producer,
    }
}

pub(super) fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
