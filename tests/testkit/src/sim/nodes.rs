//! The nodes' part in what happens: reading, answering, telling each other.

use std::{net::SocketAddr, time::Duration};

use rocketmq_producer_core::time::{Instant, Now, UnixMillis};

use super::{
    network::Notice,
    peers::{BROKERS, NAME_SERVERS, Peer},
    pipe::End,
    server::{Received, Server},
    world::{Happening, WALL_START, World},
};
use crate::model::{Ended, Entry, Output};

impl World {
    pub(super) fn heed(&mut self, notice: Notice) {
        let (conn, readable) = match notice {
            Notice::Accepted(conn) => {
                let known = self.network.borrow().conns.get(&conn).map(|conn| conn.node);
                if let Some(node) = known {
                    self.servers[node].accept(self.now, conn);
                }
                return;
            }
            Notice::Readable(conn) => (conn, true),
            Notice::Writable(conn) => (conn, false),
        };
        let node = self.network.borrow().conns.get(&conn).map(|conn| conn.node);
        let Some(node) = node else { return };
        match readable {
            true => self.read(node, conn),
            false => _ = self.servers[node].flush(&mut self.network.borrow_mut(), conn),
        }
    }

    /// A node reads what has come on a connection.
    pub(super) fn read(&mut self, node: usize, conn: u64) {
        let read = self.servers[node].read(self.now, &mut self.network.borrow_mut(), conn);
        match read {
            Ok((frames, over)) => {
                for frame in frames {
                    let (least, most) = self.servers[node].service;
                    let service = self.rng.u64(least.as_nanos() as u64..=most.as_nanos() as u64);
                    let handle = Happening::Handle(Received { node, conn, frame });
                    self.agenda.add(self.now + Duration::from_nanos(service), handle);
                }
                if over {
                    self.lose_connection(node, conn);
                }
            }
            Err(error) => {
                let story = format!("{:?} was sent no frame: {error}", self.servers[node].node);
                self.oracle.violate("the stream stays whole", story);
            }
        }
    }

    fn lose_connection(&mut self, node: usize, conn: u64) {
        let server = &mut self.servers[node];
        server.forget(&mut self.network.borrow_mut(), conn, End::Finished);
        self.cluster.handle_closed(&server.node, conn);
    }

    pub(super) fn handle_request(&mut self, Received { node, conn, frame }: Received) {
        let server = &self.servers[node];
        if !server.running {
            return;
        }
        let peer = self.network.borrow().conns.get(&conn).map(|conn| conn.peer);
        // The request was read whole: it is acted on, whatever has become of its connection.
        let peer = peer.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
        let now = self.true_now();
        let name = server.node.clone();
        let numbers = [node as u64, frame.header.code as u64, frame.header.opaque as u64];
        self.trace.note(self.now, "request", &numbers, || {
            format!("{name:?} handles code {} on connection {conn}", frame.header.code)
        });
        let outputs = self.cluster.handle_frame(now, &name, (conn, peer), &frame);
        if !self.servers[node].conns().contains(&conn) {
            // What it has said of itself by then does not hold any more.
            self.cluster.handle_closed(&name, conn);
        }
        self.judge_journal();
        self.put_out(node, outputs);
        self.spread_news();
    }

    fn put_out(&mut self, node: usize, outputs: Vec<Output>) {
        let mut network = self.network.borrow_mut();
        for output in outputs {
            match output {
                Output::Send(to, bytes) => {
                    self.servers[node].send(&mut network, to, bytes);
                }
                Output::Close(to) => self.servers[node].finish(&mut network, to),
            }
        }
    }

    /// When a node that is up wants to act by itself.
    pub(super) fn soonest_of_nodes(&self) -> Option<Instant> {
        let up = self.servers.iter().filter(|server| server.running && !server.stopped);
        up.filter_map(|server| self.cluster.deadline(&server.node)).min()
    }

    /// Nodes do what is due by themselves. One that is down or stands still does it later.
    pub(super) fn let_nodes_act(&mut self) {
        let now = self.true_now();
        for index in 0..self.servers.len() {
            let Server { node, running: true, stopped: false, .. } = &self.servers[index] else {
                continue;
            };
            if self.cluster.deadline(node).is_none_or(|at| at > self.now) {
                continue;
            }
            let name = node.clone();
            self.trace.note(self.now, "act", &[index as u64], || format!("{name:?} acts unasked"));
            let outputs = self.cluster.handle_timeout(now, &name);
            self.judge_journal();
            self.put_out(index, outputs);
        }
    }

    /// Servers' clocks are right.
    fn true_now(&self) -> Now {
        let wall = UnixMillis(WALL_START + (self.now.as_nanos() / 1_000_000) as i64);
        Now { instant: self.now, wall }
    }

    pub(super) fn judge_journal(&mut self) {
        for entry in self.cluster.take_entries() {
            if let Entry::Ended(end) = &entry {
                let numbers = [end.state as u64, end.from_check.into(), end.published.into()];
                self.trace.note(self.now, "end", &numbers, || {
                    let Ended { broker, uniq_key, state, from_check, published, .. } = end;
                    format!("{broker} of {uniq_key}: {state}, {from_check}, published: {published}")
                });
            }
            self.oracle.entry(self.now, &entry);
        }
    }

    /// Brokers that have news tell the name servers soon, each at its own time.
    pub(super) fn spread_news(&mut self) {
        for broker in BROKERS {
            if self.cluster.take_news(broker.name()) {
                for name_server in 0..NAME_SERVERS.len() {
                    let soon = self.now + Duration::from_millis(self.rng.u64(1..200));
                    let tell = Happening::Register { broker, name_server, again: false };
                    self.agenda.add(soon, tell);
                }
            }
        }
    }

    pub(super) fn register(&mut self, broker: Peer, name_server: usize) {
        let up = |peer: Peer| self.servers[peer.0].running && !self.servers[peer.0].stopped;
        if up(broker) && up(Peer(name_server)) {
            self.cluster.register_broker(broker.name(), name_server);
        }
    }

    /// Name servers have noticed that a broker is gone, if it still is.
    pub(super) fn miss(&mut self, broker: Peer) {
        if self.servers[broker.0].running {
            return;
        }
        for name_server in NAME_SERVERS {
            if self.servers[name_server.0].running {
                self.cluster.name_server(name_server.0).unregister(broker.name());
            }
        }
    }

    pub(super) fn end_idle_connections(&mut self) {
        for node in 0..self.servers.len() {
            if self.servers[node].running && !self.servers[node].stopped {
                for conn in self.servers[node].idle(self.now) {
                    self.lose_connection(node, conn);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use rocketmq_producer_core::codec::{Frame, Header, Language, SerializeType};

    use super::*;
    use crate::sim::peers::{BROKER_A, TOPIC};

    const HALF_TOPIC: &str = "RMQ_SYS_TRANS_HALF_TOPIC";

    /// A world in which broker a has one half message, whose producer is not there.
    fn world() -> World {
        let mut world = World::new(1);
        let born = WALL_START.to_string();
        let half = "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}g\u{2}";
        let fields = [("b", TOPIC), ("e", "0"), ("g", &*born), ("i", half)];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let header = Header {
            code: 310,
            language: Language::RUST,
            version: 479,
            opaque: 1,
            flag: 0,
            remark: None,
            ext: fields.into_iter().collect(),
        };
        let body = Bytes::from_static(b"half");
        let frame = Frame { form: SerializeType::Binary, header, body };
        let (now, node) = (world.true_now(), world.servers[BROKER_A.0].node.clone());
        let from = (1, SocketAddr::from(([10, 0, 0, 1], 1)));
        assert_eq!(world.cluster.handle_frame(now, &node, from, &frame).len(), 1);
        // No producer of this world has sent it.
        let _ = world.cluster.take_entries();
        world.let_brokers_check(Duration::from_secs(6), Duration::from_secs(30));
        world
    }

    fn copies(world: &World) -> usize {
        world.cluster.stored(HALF_TOPIC).len() - 1
    }

    #[test]
    fn a_broker_acts_when_its_time_has_come() {
        let mut world = world();
        world.run_for(Duration::from_secs(29)).unwrap();
        assert_eq!(copies(&world), 0);
        world.run_for(Duration::from_secs(1)).unwrap();
        assert_eq!(copies(&world), 1);
        world.run_for(Duration::from_secs(60)).unwrap();
        assert_eq!(copies(&world), 3);
    }

    #[test]
    fn a_broker_that_stands_still_or_is_gone_acts_later() {
        let mut world = world();
        world.freeze(BROKER_A);
        world.run_for(Duration::from_secs(100)).unwrap();
        assert_eq!(copies(&world), 0);
        world.thaw(BROKER_A);
        world.run_for(Duration::from_secs(1)).unwrap();
        assert_eq!(copies(&world), 1, "late, and once");
        world.crash(BROKER_A);
        world.run_for(Duration::from_secs(100)).unwrap();
        assert_eq!(copies(&world), 1);
        world.restart(BROKER_A);
        world.run_for(Duration::from_secs(1)).unwrap();
        assert_eq!(copies(&world), 2);
    }

    #[test]
    fn what_nodes_do_by_themselves_is_the_same_every_time() {
        let hash = || {
            let mut world = world();
            world.run_for(Duration::from_secs(100)).unwrap();
            world.hash()
        };
        assert_eq!(hash(), hash());
    }
}
