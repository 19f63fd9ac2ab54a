//! Which connections exist, and which should.

use std::{collections::BTreeMap, time::Duration};

use super::{
    heartbeats::{Beat, Heartbeat},
    telling::Told,
};
use crate::{
    event::Event,
    ids::LinkId,
    link::LinkError,
    model::Address,
    mutants::{Mutant::OneDialAtATime, is_on},
    route::{HeartbeatCounters, Reach},
    time::{Deadline, Instant, Now},
};

/// The first pause after a failure; each further one is twice as long.
const BACKOFF: Duration = Duration::from_millis(100);
/// The longest pause while somebody waits: recovery should not go unnoticed for long.
const BACKOFF_IN_DEMAND_MAX: Duration = Duration::from_secs(1);
/// A connection that ends sooner than this counts as a failure to connect.
pub(super) const SETTLED_AFTER: Duration = Duration::from_secs(5);

/// One address and the connection to it, if any.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) state: State,
    /// Failed attempts to connect, ever.
    pub(super) failures: u64,
    /// Failures in a row.
    streak: u32,
    pub(super) error: Option<LinkError>,
    /// Somebody waits for this connection until then.
    wanted_until: Instant,
    /// A broker that sends go to: it gets heartbeats, and is reconnected without being asked for.
    pub(super) broker: bool,
    heartbeat: Heartbeat,
    pub(super) heartbeats: HeartbeatCounters,
    /// `MQVersion` of the broker, from its answer to a heartbeat on this connection: it knows the
    /// group then.
    pub(super) version: Option<i32>,
    pub(super) told: Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    Dialing { link: LinkId, until: Instant },
    Up { link: LinkId, since: Instant },
    Resting { until: Instant },
}

/// All connections, one for each address.
#[derive(Debug)]
pub(super) struct Connections {
    pub(super) table: BTreeMap<Address, Connection>,
    addresses: BTreeMap<LinkId, Address>,
    /// The last generation of each slot, and the slots not in use.
    generations: Vec<u32>,
    free: Vec<u32>,
    backoff_max: Duration,
    jitter: fastrand::Rng,
    /// What is to be told.
    pub(super) news: Vec<Event>,
}

impl Connections {
    pub(super) fn new(backoff_max: Duration, seed: u64) -> Self {
        Self {
            table: BTreeMap::new(),
            addresses: BTreeMap::new(),
            generations: Vec::new(),
            free: Vec::new(),
            backoff_max,
            jitter: fastrand::Rng::with_seed(seed),
            news: Vec::new(),
        }
    }

    pub(super) fn get(&self, address: &Address) -> Option<&Connection> {
        self.table.get(address)
    }

    pub(super) fn address_of(&self, link: LinkId) -> Option<&Address> {
        self.addresses.get(&link)
    }

    pub(super) fn links(&self) -> impl Iterator<Item = LinkId> {
        self.addresses.keys().copied()
    }

    /// The link to `address`, when it is up.
    pub(super) fn up(&self, address: &Address) -> Option<LinkId> {
        self.table.get(address)?.up()
    }

    /// Notes that somebody waits for a connection to `address`, and says whether to dial now.
    pub(super) fn want(
        &mut self,
        now: Now,
        address: &Address,
        until: Instant,
        broker: bool,
    ) -> bool {
        let connection = self.table.entry(address.clone()).or_insert_with(Connection::new);
        connection.wanted_until = connection.wanted_until.max(until);
        connection.broker |= broker;
        if let State::Resting { until } = &mut connection.state {
            *until = (*until).min(now.instant + self.backoff_max.min(BACKOFF_IN_DEMAND_MAX));
        }
        connection.state == State::Idle && !self.is_blocked()
    }

    /// As a client that opens one connection at a time.
    fn is_blocked(&self) -> bool {
        let dialing = |c: &Connection| matches!(c.state, State::Dialing { .. });
        is_on(OneDialAtATime) && self.table.values().any(dialing)
    }

    /// Begins to dial; the caller orders it.
    pub(super) fn dial(&mut self, address: &Address, until: Instant) -> LinkId {
        let link = self.allocate();
        self.addresses.insert(link, address.clone());
        let connection = self.table.entry(address.clone()).or_insert_with(Connection::new);
        connection.state = State::Dialing { link, until };
        link
    }

    /// A dial has succeeded; returns the address unless the connection is not wanted any more.
    pub(super) fn opened(&mut self, now: Now, link: LinkId) -> Option<Address> {
        let address = self.addresses.get(&link)?.clone();
        let connection = self.table.get_mut(&address)?;
        if !matches!(connection.state, State::Dialing { link: dialed, .. } if dialed == link) {
            return None;
        }
        connection.state = State::Up { link, since: now.instant };
        connection.heartbeat = Heartbeat::new(now);
        connection.error = None;
        connection.version = None;
        self.news.extend(connection.tell_up(now, &address));
        Some(address)
    }

    /// A connection has failed or ended; returns the address it led to unless it is an old story.
    pub(super) fn closed(&mut self, now: Now, link: LinkId, cause: LinkError) -> Option<Address> {
        let address = self.addresses.remove(&link)?;
        self.free.push(link.slot);
        let connection = self.table.get_mut(&address)?;
        let rest = match connection.state {
            State::Dialing { link: dialed, .. } if dialed == link => {
                connection.failures += 1;
                self.news.extend(connection.tell_dial_failed(&address, &cause));
                true
            }
            State::Up { link: up, since } if up == link => {
                // Who was silent is to be avoided until there is a new sign of life.
                let silent = cause == LinkError::Unresponsive;
                let soon = now.instant.saturating_since(since) < SETTLED_AFTER;
                self.news.extend(connection.tell_ended(&address, &cause, soon));
                silent || soon
            }
            // A retired connection: its successor is already on its way.
            _ => return None,
        };
        connection.heartbeat.introduced = false;
        connection.error = Some(cause);
        self.rest(now, &address, rest);
        Some(address)
    }

    /// Takes the connection out of use without ending it.
    pub(super) fn retire(&mut self, now: Now, link: LinkId, cause: LinkError) -> Option<Address> {
        let address = self.addresses.get(&link)?.clone();
        let connection = self.table.get_mut(&address)?;
        if !matches!(connection.state, State::Up { link: up, .. } if up == link) {
            return None;
        }
        let failed = cause != LinkError::Moved;
        connection.failures += u64::from(failed);
        self.news.extend(connection.tell_ended(&address, &cause, false));
        connection.heartbeat.introduced = false;
        connection.error = Some(cause);
        self.rest(now, &address, failed);
        Some(address)
    }

    fn rest(&mut self, now: Now, address: &Address, failed: bool) {
        let Some(connection) = self.table.get_mut(address) else { return };
        if !failed {
            connection.streak = 0;
            connection.state = State::Idle;
            return;
        }
        let pause = BACKOFF * 2u32.pow(connection.streak.min(16));
        let pause = pause.min(self.backoff_max) * self.jitter.u32(50..=100) / 100;
        connection.streak = connection.streak.saturating_add(1);
        connection.state = State::Resting { until: now.instant + pause };
    }

    /// The addresses to dial now: rested or idle, and wanted.
    pub(super) fn due(&mut self, now: Now) -> Vec<Address> {
        let mut due = Vec::new();
        let blocked = self.is_blocked();
        let idle = |c: &Connection| c.state == State::Idle && !c.is_wanted(now.instant);
        self.table.retain(|_, connection| !idle(connection) || connection.forget());
        for (address, connection) in &mut self.table {
            if matches!(connection.state, State::Resting { until } if until <= now.instant) {
                connection.state = State::Idle;
            }
            let idle = connection.state == State::Idle && connection.is_wanted(now.instant);
            if idle && !blocked {
                due.push(address.clone());
            }
        }
        due
    }

    /// The links whose dial has taken too long.
    pub(super) fn overdue(&self, now: Now) -> Vec<LinkId> {
        let overdue = |connection: &Connection| match connection.state {
            State::Dialing { link, until } if until <= now.instant => Some(link),
            _ => None,
        };
        self.table.values().filter_map(overdue).collect()
    }

    /// Forgets brokers that no route names any more, once nobody waits for their connections;
    /// returns the links that nobody needs now.
    pub(super) fn keep_brokers(
        &mut self,
        now: Now,
        keep: impl Fn(&Address) -> bool,
    ) -> Vec<LinkId> {
        let mut unneeded = Vec::new();
        for (address, connection) in &mut self.table {
            let awaited = connection.up().is_none() && connection.wanted_until > now.instant;
            if connection.broker && !awaited && !keep(address) {
                connection.broker = false;
                connection.told.forget_failures();
                if let State::Up { link, .. } | State::Dialing { link, .. } = connection.state {
                    unneeded.push(link);
                }
            }
        }
        unneeded
    }

    /// A connection to a broker on which a heartbeat is due.
    pub(super) fn next_beat(&self, now: Now) -> Option<(LinkId, Beat)> {
        let brokers = self.table.values().filter(|connection| connection.broker);
        let mut beats =
            brokers.filter_map(|broker| Some((broker.up()?, broker.heartbeat.beat(now)?)));
        beats.next()
    }

    /// Changes what is known of the heartbeats on a connection that is up.
    pub(super) fn change_heartbeat<R>(
        &mut self,
        link: LinkId,
        change: impl FnOnce(&mut Heartbeat) -> R,
    ) -> Option<R> {
        self.by_link(link).map(|connection| change(&mut connection.heartbeat))
    }

    /// The broker at the other end has said which version it is; true when that was not known.
    pub(super) fn set_version(&mut self, link: LinkId, version: i32) -> bool {
        let connection = self.by_link(link);
        connection.is_some_and(|connection| connection.version.replace(version).is_none())
    }

    /// The versions of the brokers that have answered a heartbeat on the connections that are up.
    pub(super) fn versions(&self) -> BTreeMap<Address, i32> {
        let up = self.table.iter().filter(|(_, connection)| connection.up().is_some());
        up.filter_map(|(address, connection)| Some((address.clone(), connection.version?)))
            .collect()
    }

    /// Connections on which a broker has heard of our group.
    pub(super) fn registered(&self) -> impl Iterator<Item = LinkId> {
        self.table
            .values()
            .filter(|connection| connection.heartbeat.introduced)
            .filter_map(Connection::up)
    }

    pub(super) fn by_link(&mut self, link: LinkId) -> Option<&mut Connection> {
        let connection = self.table.get_mut(self.addresses.get(&link)?)?;
        (connection.up() == Some(link)).then_some(connection)
    }

    /// What senders may know.
    pub(super) fn reach(&self) -> BTreeMap<Address, Reach> {
        let brokers = self.table.iter().filter(|(_, connection)| connection.broker);
        brokers.map(|(address, connection)| (address.clone(), connection.reach())).collect()
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        self.table.values().filter_map(Connection::deadline).reduce(
            |a, b| {
                if b.at < a.at { b } else { a }
            },
        )
    }

    fn allocate(&mut self) -> LinkId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.generations.push(0);
            (self.generations.len() - 1) as u32
        });
        let generation = self.generations.get_mut(slot as usize).map_or(0, |generation| {
            *generation = generation.wrapping_add(1);
            *generation
        });
        LinkId { slot, generation }
    }
}

impl Connection {
    fn new() -> Self {
        Self {
            state: State::Idle,
            failures: 0,
            streak: 0,
            error: None,
            wanted_until: Instant::default(),
            broker: false,
            heartbeat: Heartbeat::default(),
            heartbeats: HeartbeatCounters::default(),
            version: None,
            told: Told::default(),
        }
    }

    /// Nobody needs it; false when nothing is left of it. What was told of its failures is not to be
    /// told again.
    fn forget(&mut self) -> bool {
        let told = std::mem::take(&mut self.told);
        *self = Self { told, ..Self::new() };
        self.told.is_bad()
    }

    fn up(&self) -> Option<LinkId> {
        match self.state {
            State::Up { link, .. } => Some(link),
            _ => None,
        }
    }

    fn is_wanted(&self, now: Instant) -> bool {
        self.broker || self.wanted_until > now
    }

    fn reach(&self) -> Reach {
        match self.state {
            State::Up { link, .. } => Reach::Up(link),
            _ => Reach::Down {
                failures: self.failures,
                error: self.error.clone(),
                resting: self.streak > 0,
            },
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        match self.state {
            State::Dialing { until, .. } => Some(Deadline { at: until, why: "a dial is overdue" }),
            State::Resting { until } => Some(Deadline { at: until, why: "a redial is due" }),
            State::Up { since, .. } => {
                let settles = self.told.settles_at(since);
                let settles = settles.map(|at| Deadline { at, why: "a connection has lasted" });
                let beat = self.heartbeat.deadline().filter(|_| self.broker);
                Deadline::sooner(beat, settles)
            }
            State::Idle => None,
        }
    }
}
