//! The world: one virtual clock, one seed, everything that happens.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::Duration,
};

use fastrand::Rng;
use rocketmq_producer_core::{
    delivery::{Delivered, SendError},
    model::Address,
    time::{Instant, Now, UnixMillis},
    transaction::TransactionReceipt,
};
use rocketmq_producer_shared::{Hub, ManualClock};

use super::{
    agenda::{Agenda, Timers},
    chaos::Chaos,
    coverage::Coverage,
    driver::{Dialing, Order, Orders, Surroundings, Watched, run_hub, run_link},
    executor::{Executor, TaskId},
    network::{Family, Network},
    oracle::{Counts, Oracle, SendId, Violation},
    peers::{BROKER_NAMES, BROKERS, NAME_SERVERS, Peer, Producer, TOPIC, home},
    producer::{Doing, SimProducer},
    server::{Received, Server},
    told::Told,
    trace::Trace,
    transactions::{CHECKED_AFTER, CHECKED_EVERY},
    trouble::Trouble,
    workload::Workload,
};
use crate::model::{ModelCluster, Node};

/// How often brokers tell name servers about themselves: `registerNameServerPeriod`.
const REGISTER_EVERY: Duration = Duration::from_secs(30);
/// More polls than any number of tasks needs without time going on.
const POLLS_MAX: u32 = 100_000;
/// Every so-many-th world has hosts with IPv6 addresses.
const SEEDS_ON_IPV6: u64 = 8;
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// 2026-11-23T00:00:00Z.
pub(super) const WALL_START: i64 = 1_795_392_000_000;

/// Something that happens at a time, outside of the producers and the network.
#[derive(Debug)]
pub(super) enum Happening {
    /// A node has made up its mind about a request.
    Handle(Received),
    /// A broker tells one name server about itself; again after a while, if it is to.
    Register { broker: Peer, name_server: usize, again: bool },
    /// Name servers notice that a broker is gone.
    Miss { broker: Peer },
    /// Nodes end connections that are silent.
    Sweep,
    /// A shutdown must be over.
    MustHaveStopped(u64),
    /// A send must be over.
    Due(SendId),
    /// A caller does not wait any longer.
    Drop(SendId),
    /// A trouble ends.
    Lift(Trouble),
    /// The random traffic goes on.
    Traffic(Producer),
    /// The random faults go on.
    Chaos,
    /// One of them begins.
    Strike,
}

/// What a task of a caller has to tell.
#[derive(Debug)]
pub(super) enum Answer {
    /// A send is over.
    Sent(SendId, Result<Delivered, SendError>),
    /// Its caller does not wait any longer.
    Dropped(SendId),
    /// A half message is stored; its transaction goes on.
    Prepared(SendId, Delivered),
    /// The local transaction has ended, and the broker is about to be told.
    Executed(SendId),
    /// A transaction is over.
    Ended(SendId, TransactionReceipt),
}

impl Answer {
    /// None is a send that was dropped.
    pub(super) fn of_send(id: SendId, result: Option<Result<Delivered, SendError>>) -> Self {
        result.map_or(Self::Dropped(id), |result| Self::Sent(id, result))
    }
}

pub(super) type Answers = Rc<RefCell<VecDeque<Answer>>>;
type Hubs = Rc<RefCell<Vec<(usize, Box<Hub<Orders>>)>>>;

/// See the module, and [`sim`](super) for how to use it.
pub struct World {
    pub(super) now: Instant,
    /// What the wall clocks of producers show beyond the true time, ms.
    pub(super) wall_offset: i64,
    /// They have not shown the truth all the time.
    pub(super) has_stepped_clocks: bool,
    pub(super) clock: ManualClock,
    pub(super) around: Surroundings,
    pub(super) executor: Executor,
    /// Decides what the scheduler could do one way or the other.
    pub(super) rng: Rng,
    pub(super) network: Rc<RefCell<Network>>,
    pub(super) cluster: ModelCluster,
    pub(super) servers: Vec<Server>,
    pub(super) agenda: Agenda<Happening>,
    pub(super) producers: Vec<SimProducer>,
    pub(super) tasks_of_sends: BTreeMap<SendId, TaskId>,
    pub(super) answers: Answers,
    pub(super) hubs: Hubs,
    /// Shutdowns under way, and whose they are.
    pub(super) shutdowns: Rc<RefCell<BTreeMap<u64, usize>>>,
    dials: u64,
    /// Shutdowns that have just cut sends off: whose, and how many.
    pub(super) shortened: Rc<RefCell<Vec<(usize, usize)>>>,
    /// The brokers that a producer knew of when a send was made.
    pub(super) known_brokers: BTreeMap<SendId, Vec<Peer>>,
    /// When each producer dialled each address last.
    last_dials: BTreeMap<(usize, Address), Instant>,
    /// In which order the producers heard of sends.
    pub(super) first_polls: Rc<RefCell<BTreeMap<SendId, u64>>>,
    pub(super) oracle: Oracle,
    pub(super) told: Told,
    pub(super) trace: Trace,
    pub(super) coverage: Coverage,
    pub(super) chaos: Chaos,
    pub(super) workload: Workload,
    /// Answers that nobody has fetched.
    pub(super) results: BTreeMap<SendId, Result<Delivered, SendError>>,
    /// How transactions have ended that nobody has asked about.
    pub(super) ends: BTreeMap<SendId, TransactionReceipt>,
    /// How long a listener looks into the database for each transaction.
    pub(super) looks: Rc<RefCell<BTreeMap<SendId, Duration>>>,
}

/// A failed dial is followed by a pause of this long at least.
const DIALS_APART: Duration = Duration::from_millis(40);

impl World {
    /// A healthy cluster of two name servers and three brokers, and no producer yet. Nothing but
    /// the seed, and what is then done to the world, decides what happens in it.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with_timeline(seed, false)
    }

    /// The same; with a timeline it writes down for humans what happens.
    #[must_use]
    pub fn with_timeline(seed: u64, timeline: bool) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut cluster = ModelCluster::new(NAME_SERVERS.len(), BROKER_NAMES);
        cluster.keep_journal();
        cluster.hold_registrations();
        let nodes = cluster.nodes();
        let family = if seed.is_multiple_of(SEEDS_ON_IPV6) { Family::V6 } else { Family::V4 };
        let mut network = Network::new(rng.fork(), nodes.len(), family);
        let servers: Vec<_> = nodes
            .into_iter()
            .enumerate()
            .map(|(index, node)| Server::new(node.clone(), index, home(family, index, &node)))
            .collect();
        for server in &servers {
            network.addresses.insert(server.address, server.index);
            match &server.node {
                Node::NameServer(number) => {
                    network.name(&format!("ns{}", number + 1), server.address)
                }
                Node::Broker(name) => cluster.set_broker_address(name, server.address),
            }
        }
        let clock = ManualClock::default();
        let network = Rc::new(RefCell::new(network));
        let around = Surroundings {
            clock: clock.clone(),
            timers: Rc::new(Timers::default()),
            network: Rc::clone(&network),
        };
        let mut world = Self {
            now: Instant::from_nanos(1),
            wall_offset: 0,
            has_stepped_clocks: false,
            clock,
            around,
            executor: Executor::default(),
            network,
            cluster,
            servers,
            agenda: Agenda::default(),
            producers: Vec::new(),
            tasks_of_sends: BTreeMap::new(),
            answers: Rc::default(),
            hubs: Rc::default(),
            shutdowns: Rc::default(),
            dials: 0,
            shortened: Rc::default(),
            known_brokers: BTreeMap::new(),
            last_dials: BTreeMap::new(),
            first_polls: Rc::default(),
            oracle: Oracle::default(),
            told: Told::default(),
            trace: Trace::new(timeline),
            coverage: Coverage::default(),
            chaos: Chaos::new(rng.fork()),
            workload: Workload::new(rng.fork()),
            results: BTreeMap::new(),
            ends: BTreeMap::new(),
            looks: Rc::default(),
            rng,
        };
        world.set_time(world.now);
        world.cluster.create_topic(TOPIC, 4);
        world.let_brokers_check(CHECKED_AFTER, CHECKED_EVERY);
        for broker in BROKERS {
            for name_server in 0..NAME_SERVERS.len() {
                world.cluster.register_broker(broker.name(), name_server);
                let first = Duration::from_millis(world.rng.u64(..30_000));
                let again = Happening::Register { broker, name_server, again: true };
                world.agenda.add(world.now + first, again);
            }
        }
        world.agenda.add(world.now + SWEEP_EVERY, Happening::Sweep);
        world
    }

    /// Lets time pass; ends early at the first violation.
    ///
    /// # Errors
    ///
    /// What must not be.
    pub fn run_for(&mut self, time: Duration) -> Result<(), Violation> {
        let until = self.now + time;
        loop {
            self.settle();
            if let Some(violation) = self.oracle.violation() {
                return Err(violation.clone());
            }
            match self.soonest().filter(|at| *at <= until) {
                Some(at) => self.turn_to(at),
                None => {
                    self.turn_to(until);
                    self.settle();
                    return self.oracle.violation().cloned().map_or(Ok(()), Err);
                }
            }
        }
    }

    /// Lets time pass until something holds, at most so long; says whether it came to hold.
    ///
    /// # Errors
    ///
    /// What must not be.
    pub fn run_until(
        &mut self,
        at_most: Duration,
        mut holds: impl FnMut(&mut Self) -> bool,
    ) -> Result<bool, Violation> {
        let until = self.now + at_most;
        loop {
            self.run_for(Duration::ZERO)?;
            if holds(self) {
                return Ok(true);
            }
            match self.soonest().filter(|at| *at <= until) {
                Some(at) => self.turn_to(at),
                None => return Ok(false),
            }
        }
    }

    /// Virtual time since the world began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now.saturating_since(Instant::from_nanos(1))
    }

    /// What a producer is doing.
    #[must_use]
    pub fn doing(&self, producer: Producer) -> Vec<Doing> {
        let dials = self.network.borrow().dials_of(producer.0);
        let (open, transactions) =
            (self.oracle.open_of(producer.0), self.oracle.transactions_of(producer.0));
        self.producers[producer.0].doing(dials, open, transactions)
    }

    /// The model, to look at or to change.
    pub fn cluster(&mut self) -> &mut ModelCluster {
        &mut self.cluster
    }

    /// What has been written down, if it was to be.
    #[must_use]
    pub fn timeline(&self) -> &str {
        self.trace.timeline()
    }

    /// Tells this run from others: equal for the same seed and the same doings.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.trace.hash()
    }

    /// How the sends so far have ended.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.oracle.counts
    }

    /// Connections that producers have tried to open.
    #[must_use]
    pub fn dials(&self) -> u64 {
        self.dials
    }

    /// Tasks that are not over.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.executor.len()
    }

    /// Sends that are not over.
    #[must_use]
    pub fn open_sends(&self) -> usize {
        self.oracle.open()
    }

    fn soonest(&self) -> Option<Instant> {
        let others = [self.around.timers.soonest(), self.network.borrow().soonest()];
        let nodes = [self.agenda.soonest(), self.soonest_of_nodes()];
        others.into_iter().chain(nodes).flatten().min()
    }

    fn set_time(&mut self, now: Instant) {
        self.now = self.now.max(now);
        let true_wall = WALL_START + (self.now.as_nanos() / 1_000_000) as i64;
        let wall = UnixMillis(true_wall + self.wall_offset);
        self.clock.set(Now { instant: self.now, wall });
    }

    /// Goes on to that time, and lets happen what is due then.
    fn turn_to(&mut self, at: Instant) {
        self.set_time(at);
        self.network.borrow_mut().advance(self.now);
        self.around.timers.ring(self.now);
        while let Some(happening) = self.agenda.pop(self.now) {
            self.happen(happening);
        }
        self.let_nodes_act();
    }

    /// Lets tasks and nodes do all they can do without time going on.
    fn settle(&mut self) {
        let mut polls = 0;
        loop {
            if let Some(name) = self.executor.poll_one(&mut self.rng) {
                self.after_poll();
                polls += 1;
                if polls == POLLS_MAX {
                    let story = format!("a {name} task turns for ever without waiting");
                    return self.oracle.violate("nobody spins", story);
                }
                continue;
            }
            let notice = self.network.borrow_mut().take_notice();
            match notice {
                Some(notice) => self.heed(notice),
                None => break,
            }
        }
        self.judge_shutdowns();
        self.look_for_overlooked_bytes();
    }

    /// A shutdown that says it has cut sends off has: as many were answered with it.
    fn judge_shutdowns(&mut self) {
        for (producer, cut_off) in self.shortened.take() {
            // Transactions go on with what they are at, as far as they get.
            let (executing, ending) = self.oracle.transactions_of(producer);
            let answered = self.oracle.answered_at(producer, self.now) + executing + ending;
            if answered < cut_off {
                let story = format!(
                    "producer {producer} says it has cut off {cut_off} sends, and answers {answered}"
                );
                self.oracle.violate("sends in flight are counted", story);
            }
        }
    }

    /// Everybody waits: nobody may wait with bytes that a socket would take.
    fn look_for_overlooked_bytes(&mut self) {
        for (index, producer) in self.producers.iter().enumerate() {
            if producer.links.iter().any(Watched::is_overlooked) {
                let story = format!("producer {index} has queued what nobody writes");
                return self.oracle.violate("no wake-up is lost", story);
            }
        }
    }

    /// Runs the tasks of a session.
    pub(super) fn begin_session(&mut self, index: usize, hub: Box<Hub<Orders>>) {
        self.spawn_checkers(index, hub.session());
        self.run_hub(index, hub);
    }

    fn run_hub(&mut self, index: usize, hub: Box<Hub<Orders>>) {
        // A producer that starts anew need not wait for what it did in its life before.
        self.last_dials.retain(|(producer, _), _| *producer != index);
        self.network.borrow_mut().disown_dials(index);
        let hub = Rc::new(RefCell::new(hub));
        self.producers[index].hub = Some(Rc::clone(&hub));
        self.executor.spawn("hub", run_hub(hub, self.around.clone()));
    }

    /// Picks up what a task has left for the world.
    fn after_poll(&mut self) {
        let hubs = std::mem::take(&mut *self.hubs.borrow_mut());
        for (index, hub) in hubs {
            self.begin_session(index, hub);
        }
        for index in 0..self.producers.len() {
            for order in self.producers[index].orders.take() {
                match order {
                    Order::Connect(dialing) => self.begin_dial(index, dialing),
                    Order::LookUp(Dialing { link, address }) => {
                        link.resolved(self.network.borrow().look_up(&address));
                    }
                }
            }
            for event in self.producers[index].orders.take_told() {
                self.take_down(index, event);
            }
        }
        loop {
            let answer = self.answers.borrow_mut().pop_front();
            match answer {
                Some(Answer::Sent(id, result)) => self.answered(id, result),
                Some(Answer::Dropped(id)) => self.oracle.dropped(id),
                Some(Answer::Prepared(id, delivered)) => self.prepared(id, delivered),
                Some(Answer::Executed(id)) => self.executed(id),
                Some(Answer::Ended(id, receipt)) => self.ended(id, receipt),
                None => break,
            }
        }
    }

    fn begin_dial(&mut self, index: usize, dialing: Dialing) {
        self.dials += 1;
        let address = dialing.address.clone();
        let links = &mut self.producers[index].links;
        links.retain(|watched| watched.link.strong_count() > 0);
        let watched = Watched::new(&dialing.link);
        links.push(watched.clone());
        if self.network.borrow().is_dialing(index, &address) {
            let story = format!("producer {index} dials {address} twice at once");
            self.oracle.violate("one dial at a time", story);
        }
        let last = self.last_dials.insert((index, address.clone()), self.now);
        if last.is_some_and(|last| self.now < last + DIALS_APART) {
            let story = format!("producer {index} dials {address} twice in no time");
            self.oracle.violate("dials are paced", story);
        }
        self.trace.note(self.now, "dial", &[index as u64, address.port.into()], || {
            format!("producer {index} connects to {address}")
        });
        self.executor.spawn("link", run_link(dialing, index, watched, self.around.clone()));
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Handle(received) => self.handle_request(received),
            Happening::Register { broker, name_server, again } => {
                self.register(broker, name_server);
                if again {
                    let again = Happening::Register { broker, name_server, again };
                    self.agenda.add(self.now + REGISTER_EVERY, again);
                }
            }
            Happening::Miss { broker } => self.miss(broker),
            Happening::Sweep => {
                self.end_idle_connections();
                self.agenda.add(self.now + SWEEP_EVERY, Happening::Sweep);
            }
            Happening::MustHaveStopped(id) => {
                let late = self.shutdowns.borrow_mut().remove(&id);
                if let Some(producer) = late {
                    let story = format!("producer {producer} is still shutting down");
                    self.oracle.violate("a shutdown ends in time", story);
                }
            }
            Happening::Due(id) => self.oracle.check_overdue(self.now, id),
            Happening::Drop(id) => self.drop_send(id),
            Happening::Lift(trouble) => self.end_trouble(&trouble),
            Happening::Traffic(producer) => self.go_on_with_traffic(producer),
            Happening::Chaos => self.go_on_with_chaos(),
            Happening::Strike => self.strike(),
        }
    }
}
