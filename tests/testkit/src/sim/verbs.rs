//! What can be done to the world, in words.

use std::{net::SocketAddr, time::Duration};

use super::{
    network::{Door, Side},
    peers::{BROKERS, NAME_SERVERS, Peer},
    pipe::End,
    world::{Happening, World},
};
use crate::model::Fault;

impl World {
    /// The process is killed: its host ends all its connections, some with a reset, and refuses
    /// new ones.
    pub fn crash(&mut self, peer: Peer) {
        self.note("crash", peer);
        self.network.borrow_mut().doors[peer.0] = Door::Refusing;
        self.servers[peer.0].running = false;
        let conns = self.servers[peer.0].lose_all();
        for conn in conns {
            let end = if self.rng.bool() { End::Reset } else { End::Finished };
            self.network.borrow_mut().close(conn, Side::Node, end);
            let node = self.servers[peer.0].node.clone();
            self.cluster.handle_closed(&node, conn);
        }
        if peer.is_broker() {
            let soon = self.now + Duration::from_millis(100);
            self.agenda.add(soon, Happening::Miss { broker: peer });
        }
    }

    /// The host loses power: it is silent from now on.
    pub fn cut_power(&mut self, peer: Peer) {
        self.note("power cut", peer);
        self.network.borrow_mut().doors[peer.0] = Door::Silent;
        self.servers[peer.0].running = false;
        let conns = self.servers[peer.0].lose_all();
        for conn in conns {
            self.network.borrow_mut().vanish(conn);
            let node = self.servers[peer.0].node.clone();
            self.cluster.handle_closed(&node, conn);
        }
        if peer.is_broker() {
            let late = self.now + Duration::from_secs(120);
            self.agenda.add(late, Happening::Miss { broker: peer });
        }
    }

    /// Starts a process that was killed, on the same store; a name server has forgotten the
    /// brokers.
    pub fn restart(&mut self, peer: Peer) {
        self.note("restart", peer);
        self.network.borrow_mut().doors[peer.0] = Door::Open;
        self.servers[peer.0].running = true;
        if peer.is_broker() {
            self.cluster.broker(peer.name()).restart();
            self.spread_news();
        } else {
            self.cluster.name_server(peer.0).forget_all();
            for broker in BROKERS {
                // Brokers notice that their connection is gone when they register next.
                let soon = Duration::from_millis(self.rng.u64(100..5_000));
                let tell = Happening::Register { broker, name_server: peer.0, again: false };
                self.agenda.add(self.now + soon, tell);
            }
        }
    }

    /// Gives a broker that is down another address for its next start.
    pub fn move_broker(&mut self, broker: Peer) {
        let old = self.servers[broker.0].address;
        let host = [10, 2, self.rng.u8(1..), broker.0 as u8 + 1];
        let mut network = self.network.borrow_mut();
        let new = SocketAddr::new(network.family.ip(host), old.port());
        network.addresses.remove(&old);
        network.addresses.insert(new, broker.0);
        drop(network);
        self.servers[broker.0].address = new;
        self.cluster.set_broker_address(broker.name(), new);
    }

    /// A node takes this long to make up its mind about each request.
    pub fn slow_down(&mut self, peer: Peer, by: Duration) {
        self.note("slow", peer);
        self.servers[peer.0].service = (by, by);
    }

    /// Where a node listens.
    #[must_use]
    pub fn address(&self, peer: Peer) -> SocketAddr {
        self.servers[peer.0].address
    }

    /// A broker tells name servers that it listens there, which may not be true.
    pub fn advertise(&mut self, broker: Peer, address: SocketAddr) {
        self.cluster.set_broker_address(broker.name(), address);
        self.spread_news();
    }

    /// A name server's name leads to another node from now on.
    pub fn rename(&mut self, name_server: Peer, to: Peer) {
        let address = self.servers[to.0].address;
        let name = format!("ns{}", name_server.0 + 1);
        self.network.borrow_mut().name(&name, address);
    }

    /// Lets a node misbehave in this way too.
    pub fn misbehave(&mut self, peer: Peer, fault: Fault) {
        let node = self.servers[peer.0].node.clone();
        self.trace.note(self.now, "fault", &[peer.0 as u64], || format!("{node:?}: {fault:?}"));
        self.cluster.add_fault(node, fault);
    }

    /// Lets a node behave again.
    pub fn behave(&mut self, peer: Peer) {
        self.note("behave", peer);
        let node = self.servers[peer.0].node.clone();
        self.cluster.set_fault(node, None);
    }

    /// The node's process stands still: it reads nothing and answers nothing, and its host goes on
    /// taking bytes while there is room.
    pub fn freeze(&mut self, peer: Peer) {
        self.note("freeze", peer);
        self.servers[peer.0].stopped = true;
    }

    /// The process goes on where it stood.
    pub fn thaw(&mut self, peer: Peer) {
        self.note("thaw", peer);
        self.servers[peer.0].stopped = false;
        for conn in self.servers[peer.0].conns() {
            self.read(peer.0, conn);
        }
    }

    /// Nothing gets through between a node and all producers, either way, until
    /// [`reconnect`](Self::reconnect).
    pub fn partition(&mut self, peer: Peer) {
        self.hold(peer, true, true);
    }

    /// Holds up what goes to a node, what comes from it, or both.
    pub fn hold(&mut self, peer: Peer, to: bool, from: bool) {
        self.note("hold", peer);
        self.network.borrow_mut().hold(peer.0, to, from);
        for producer in 0..self.producers.len() {
            let mut network = self.network.borrow_mut();
            let path = network.path(producer, peer.0);
            (path.up_held, path.down_held) = (to, from);
        }
    }

    /// Lets everything through again: what was held up arrives late.
    pub fn reconnect(&mut self, peer: Peer) {
        self.note("reconnect", peer);
        self.network.borrow_mut().hold(peer.0, false, false);
        for producer in 0..self.producers.len() {
            self.network.borrow_mut().open_path(producer, peer.0);
        }
    }

    /// Something on the way forgets all connections to a node, and tells nobody.
    pub fn lose_connections(&mut self, peer: Peer) {
        self.note("lost", peer);
        let mut network = self.network.borrow_mut();
        for conn in network.conns_of(peer.0) {
            network.lose(conn);
        }
    }

    /// A node ends all its connections.
    pub fn cut_connections(&mut self, peer: Peer, reset: bool) {
        self.note("cut", peer);
        let end = if reset { End::Reset } else { End::Finished };
        for conn in self.servers[peer.0].conns() {
            self.servers[peer.0].forget(&mut self.network.borrow_mut(), conn, end);
            let node = self.servers[peer.0].node.clone();
            self.cluster.handle_closed(&node, conn);
        }
    }

    /// A node says no more on its connections, but goes on reading and acting.
    pub fn half_close(&mut self, peer: Peer) {
        self.note("half close", peer);
        for conn in self.servers[peer.0].conns() {
            self.servers[peer.0].half_close(&mut self.network.borrow_mut(), conn);
        }
    }

    /// How a node's host treats new connections.
    pub fn refuse(&mut self, peer: Peer) {
        self.note("refuse", peer);
        self.network.borrow_mut().doors[peer.0] = Door::Refusing;
    }

    /// The host answers no request for a connection; those that there are live on.
    pub fn swallow(&mut self, peer: Peer) {
        self.note("swallow", peer);
        self.network.borrow_mut().doors[peer.0] = Door::Silent;
    }

    /// New connections are taken again.
    pub fn admit(&mut self, peer: Peer) {
        self.note("admit", peer);
        self.network.borrow_mut().doors[peer.0] = Door::Open;
    }

    /// Sets the wall clocks of producers this far from the truth, ms.
    pub fn set_wall_offset(&mut self, millis: i64) {
        self.trace.note(self.now, "wall", &[millis as u64], || format!("off by {millis} ms"));
        self.wall_offset = millis;
        self.has_stepped_clocks |= millis != 0;
    }

    /// Ends every fault at once, and lets the cluster tell its name servers the truth.
    pub fn heal(&mut self) {
        self.trace.note(self.now, "heal", &[], String::new);
        self.end_chaos();
        for peer in NAME_SERVERS.into_iter().chain(BROKERS) {
            self.behave(peer);
            self.reconnect(peer);
            if !self.servers[peer.0].running {
                self.restart(peer);
            }
            self.admit(peer);
            if self.servers[peer.0].stopped {
                self.thaw(peer);
            }
        }
    }

    pub(super) fn note(&mut self, what: &'static str, peer: Peer) {
        let node = self.servers[peer.0].node.clone();
        self.trace.note(self.now, what, &[peer.0 as u64], || format!("{node:?}"));
    }
}
