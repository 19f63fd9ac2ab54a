//! A node of the model cluster behind the simulated network: reads, takes its time, answers.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use bytes::{Buf as _, Bytes, BytesMut};
use rocketmq_producer_core::{
    codec::{CodecError, Frame, FrameDecoder},
    time::Instant,
};

use super::{
    network::{ConnId, Network, NodeIndex, Side},
    pipe::End,
};
use crate::model::Node;

/// How long a connection may be silent before its node ends it.
const IDLE_MAX: Duration = Duration::from_secs(120);

/// One node's process.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) node: Node,
    pub(super) index: NodeIndex,
    pub(super) address: SocketAddr,
    pub(super) running: bool,
    /// It does not even read.
    pub(super) stopped: bool,
    /// What it takes to answer, at least and at most.
    pub(super) service: (Duration, Duration),
    conns: BTreeMap<ConnId, ServerConn>,
}

#[derive(Debug)]
struct ServerConn {
    buffer: BytesMut,
    heard: Instant,
    /// What the window has no room for.
    unsent: VecDeque<Bytes>,
    /// To be ended when everything is sent.
    ending: bool,
    half_closed: bool,
}

/// A request that the node has read whole.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) node: NodeIndex,
    pub(super) conn: ConnId,
    pub(super) frame: Frame,
}

impl Server {
    pub(super) fn new(node: Node, index: NodeIndex, address: SocketAddr) -> Self {
        Self {
            node,
            index,
            address,
            running: true,
            stopped: false,
            service: USUAL_SERVICE,
            conns: BTreeMap::new(),
        }
    }

    pub(super) fn accept(&mut self, now: Instant, conn: ConnId) {
        let accepted = ServerConn {
            buffer: BytesMut::new(),
            heard: now,
            unsent: VecDeque::new(),
            ending: false,
            half_closed: false,
        };
        self.conns.insert(conn, accepted);
    }

    /// Reads what has come; gives whole requests, and says whether the connection is over.
    ///
    /// # Errors
    ///
    /// When the bytes are not frames: a producer must never do that.
    pub(super) fn read(
        &mut self,
        now: Instant,
        network: &mut Network,
        id: ConnId,
    ) -> Result<(Vec<Frame>, bool), CodecError> {
        let Some(conn) = self.conns.get_mut(&id).filter(|_| !self.stopped) else {
            return Ok((Vec::new(), false));
        };
        let over = loop {
            match network.read(id, Side::Node, usize::MAX, None) {
                Ok(Some(bytes)) => {
                    conn.heard = now;
                    conn.buffer.unsplit(bytes);
                }
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        let decoder = FrameDecoder::default();
        let mut frames = Vec::new();
        while let Some(frame) = decoder.decode(&mut conn.buffer)? {
            frames.push(frame);
        }
        Ok((frames, over))
    }

    /// Sends, behind what could not be sent yet.
    pub(super) fn send(&mut self, network: &mut Network, id: ConnId, bytes: Bytes) {
        if let Some(conn) = self.conns.get_mut(&id).filter(|conn| !conn.ending) {
            conn.unsent.push_back(bytes);
            self.flush(network, id);
        }
    }

    /// Sends what there is room for; true when the connection has been ended by that.
    pub(super) fn flush(&mut self, network: &mut Network, id: ConnId) -> bool {
        let Some(conn) = self.conns.get_mut(&id) else { return false };
        while let Some(bytes) = conn.unsent.front_mut() {
            match network.write(id, Side::Node, bytes, None) {
                Ok(0) | Err(_) => return false,
                Ok(count) => bytes.advance(count),
            }
            if bytes.is_empty() {
                conn.unsent.pop_front();
            }
        }
        if conn.ending && !conn.half_closed {
            self.forget(network, id, End::Finished);
        }
        self.conns.contains_key(&id)
    }

    /// Ends a connection once everything is sent.
    pub(super) fn finish(&mut self, network: &mut Network, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.ending = true;
            self.flush(network, id);
        }
    }

    /// Has no more to say on a connection, and reads on.
    pub(super) fn half_close(&mut self, network: &mut Network, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id).filter(|conn| !conn.ending) {
            (conn.ending, conn.half_closed) = (true, true);
            conn.unsent.clear();
            network.half_close(id);
        }
    }

    /// Ends a connection now.
    pub(super) fn forget(&mut self, network: &mut Network, id: ConnId, end: End) {
        if self.conns.remove(&id).is_some() {
            network.close(id, Side::Node, end);
        }
    }

    /// The process is gone, or its host: nothing is left of its connections.
    pub(super) fn lose_all(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.conns).into_keys().collect()
    }

    /// All connections.
    pub(super) fn conns(&self) -> Vec<ConnId> {
        self.conns.keys().copied().collect()
    }

    /// Connections that have been silent for too long.
    pub(super) fn idle(&self, now: Instant) -> Vec<ConnId> {
        let idle = |conn: &ServerConn| now.saturating_since(conn.heard) >= IDLE_MAX;
        self.conns.iter().filter(|(_, conn)| idle(conn)).map(|(id, _)| *id).collect()
    }
}

/// How long a node in good health takes.
pub(super) const USUAL_SERVICE: (Duration, Duration) =
    (Duration::from_micros(200), Duration::from_millis(3));
