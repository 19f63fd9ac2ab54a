//! Names, and attempts to connect: resolving, knocking, being let in or not.

use std::{net::SocketAddr, ops::RangeInclusive, task::Waker, time::Duration};

use rocketmq_producer_core::model::Address;

use super::{
    network::{
        Conn, ConnId, DialId, Door, Event, Network, NodeIndex, Notice, ProducerIndex, Side, wake,
    },
    pipe::{End, Pipe},
};

/// What a socket takes before its peer reads, at least and at most.
const WINDOW: RangeInclusive<usize> = 16 * 1024..=1024 * 1024;
/// How long until a connection request that was lost is repeated.
const SYN_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Dial {
    producer: ProducerIndex,
    to: Address,
    address: Option<SocketAddr>,
    outcome: Option<Result<ConnId, String>>,
    waker: Option<Waker>,
    /// Its producer has been started anew since.
    stale: bool,
}

/// What a name leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) address: SocketAddr,
    pub(super) fails: bool,
}

impl Network {
    /// Gives an address a name.
    pub(super) fn name(&mut self, name: &str, address: SocketAddr) {
        self.names.insert(name.to_owned(), Name { address, fails: false });
    }

    pub(super) fn dial(&mut self, producer: ProducerIndex, to: Address) -> DialId {
        let id = self.id();
        let delay = Duration::from_micros(self.rng.u64(100..20_000));
        self.agenda.add(self.now + delay, Event::Resolve(id));
        let (outcome, waker) = (None, None);
        let dial = Dial { producer, to, address: None, outcome, waker, stale: false };
        self.dials.insert(id, dial);
        id
    }

    /// The outcome, once there is one; none leaves the waker.
    pub(super) fn dialed(&mut self, id: DialId, waker: &Waker) -> Option<Result<ConnId, String>> {
        let dial = self.dials.get_mut(&id)?;
        if dial.outcome.is_none() {
            dial.waker = Some(waker.clone());
        }
        dial.outcome.take()
    }

    /// Nobody waits for this dial any more.
    pub(super) fn hang_up(&mut self, id: DialId) {
        if let Some(Dial { outcome: Some(Ok(conn)), .. }) = self.dials.remove(&id) {
            self.close(conn, Side::Producer, End::Finished);
        }
    }

    /// Connection attempts of a producer that are under way.
    pub(super) fn dials_of(&self, producer: ProducerIndex) -> usize {
        let own = |dial: &&Dial| dial.producer == producer && dial.outcome.is_none();
        self.dials.values().filter(own).count()
    }

    /// A producer begins a new life: attempts of its last one are about to be dropped.
    pub(super) fn disown_dials(&mut self, producer: ProducerIndex) {
        for dial in self.dials.values_mut() {
            dial.stale |= dial.producer == producer;
        }
    }

    /// True while a producer has an attempt to connect to this address under way.
    pub(super) fn is_dialing(&self, producer: ProducerIndex, to: &Address) -> bool {
        let same = |dial: &Dial| dial.producer == producer && dial.to == *to && !dial.stale;
        self.dials.values().any(|dial| same(dial) && dial.outcome.is_none())
    }

    /// Where an address leads at the moment.
    pub(super) fn look_up(&self, to: &Address) -> Result<SocketAddr, &'static str> {
        match self.names.get(&*to.host) {
            Some(Name { fails: true, .. }) => Err("temporary failure in name resolution"),
            Some(name) => Ok(SocketAddr::new(name.address.ip(), to.port)),
            None => match to.host.parse() {
                Ok(ip) => Ok(SocketAddr::new(ip, to.port)),
                Err(_) => Err("name or service not known"),
            },
        }
    }

    pub(super) fn resolve(&mut self, id: DialId) {
        let Some(dial) = self.dials.get(&id) else { return };
        let to = dial.to.clone();
        let found = self.look_up(&to);
        let Some(dial) = self.dials.get_mut(&id) else { return };
        match found {
            Ok(address) => {
                dial.address = Some(address);
                self.knock(id);
            }
            Err(reason) => self.settle(id, Err(format!("cannot resolve: {reason}"))),
        }
    }

    pub(super) fn knock(&mut self, id: DialId) {
        let Some(Dial { producer, address: Some(address), .. }) = self.dials.get(&id) else {
            return;
        };
        let (producer, address) = (*producer, *address);
        let Some(node) = self.addresses.get(&address).copied() else {
            // An address that nobody has (any more).
            return self.agenda.add(self.now + SYN_AGAIN, Event::Knock(id));
        };
        let path = *self.path(producer, node);
        match self.doors[node] {
            _ if path.up_held || path.down_held => {
                self.agenda.add(self.now + SYN_AGAIN, Event::Knock(id));
            }
            Door::Silent => self.agenda.add(self.now + SYN_AGAIN, Event::Knock(id)),
            Door::Refusing => self.settle(id, Err("connection refused".to_owned())),
            Door::Open => {
                let conn = self.connect(producer, node, address);
                self.settle(id, Ok(conn));
            }
        }
    }

    fn connect(&mut self, producer: ProducerIndex, node: NodeIndex, remote: SocketAddr) -> ConnId {
        let conn = self.id();
        let window = self.rng.usize(WINDOW);
        self.next_port = self.next_port.checked_add(1).unwrap_or(10_000);
        let peer = SocketAddr::new(self.family.ip([10, 0, 0, producer as u8 + 1]), self.next_port);
        self.conns.insert(
            conn,
            Conn {
                producer,
                node,
                peer,
                remote,
                up: Pipe::new(window),
                down: Pipe::new(window),
                lost: false,
                producer_open: true,
                node_open: true,
                reader: None,
                writer: None,
            },
        );
        self.notices.push_back(Notice::Accepted(conn));
        conn
    }

    /// Where a connection leads.
    pub(super) fn remote(&self, id: ConnId) -> Option<SocketAddr> {
        self.conns.get(&id).map(|conn| conn.remote)
    }

    fn settle(&mut self, id: DialId, outcome: Result<ConnId, String>) {
        if let Some(dial) = self.dials.get_mut(&id) {
            dial.outcome = Some(outcome);
            wake(&mut dial.waker);
        }
    }
}
