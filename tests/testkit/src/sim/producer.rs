//! A producer in the simulated world: the production machines and the shared parts, on tasks of
//! the simulation.

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
    sync::Arc,
};

use rocketmq_producer_core::{model::ProducerConfig, time::Instant};
use rocketmq_producer_shared::{DriverBell, Hub, Lifecycle, Load};

use super::driver::{Orders, Watched};

pub(super) type SharedHub = Rc<RefCell<Box<Hub<Orders>>>>;

/// See the module.
pub(super) struct SimProducer {
    pub(super) config: ProducerConfig,
    /// It has a listener.
    pub(super) transactional: bool,
    /// Check-backs that its listener is at, or that are being answered.
    pub(super) checks: Rc<Cell<usize>>,
    /// Check-backs that its listener has answered.
    pub(super) asked: Rc<Cell<u64>>,
    /// Batches on their way.
    pub(super) batches: Rc<Cell<usize>>,
    /// None once its owner has dropped it.
    pub(super) lifecycle: Option<Arc<Lifecycle<DriverBell>>>,
    pub(super) orders: Orders,
    /// The current session's, or the last one's.
    pub(super) hub: Option<SharedHub>,
    pub(super) links: Vec<Watched>,
    /// Since the last start.
    pub(super) acknowledged: u64,
    /// When it was last shut down or dropped.
    pub(super) told_to_end: Option<Instant>,
}

/// What a producer is doing. It may be doing several of these things at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doing {
    /// It is not running.
    Stopped,
    /// It has not had an acknowledgement since it was started.
    Cold,
    /// It connects to somebody.
    Connecting,
    /// Nothing is in flight.
    Idle,
    /// Calls await their answers.
    Calling,
    /// A connection is full, and calls wait for room.
    Full,
    /// Sends wait for a route or a connection, or for their next attempt.
    Waiting,
    /// It is shutting down, and sends are in flight.
    Draining,
    /// It is shutting down, and says goodbye.
    Leaving,
    /// A batch is on its way.
    Batching,
    /// A half message is stored, and its local transaction under way.
    Executing,
    /// A broker is being told how a transaction has ended.
    Ending,
    /// A check-back is at the listener, or being answered.
    Checking,
}

impl Doing {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Stopped,
        Self::Cold,
        Self::Connecting,
        Self::Idle,
        Self::Calling,
        Self::Full,
        Self::Waiting,
        Self::Draining,
        Self::Leaving,
        Self::Batching,
        Self::Executing,
        Self::Ending,
        Self::Checking,
    ];
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}"))
    }
}

impl SimProducer {
    pub(super) fn new(config: ProducerConfig) -> Self {
        let lifecycle = Lifecycle::new(config.clone()).expect("a simulated configuration is valid");
        Self::of(config, lifecycle, false)
    }

    /// One with a listener.
    pub(super) fn transactional(config: ProducerConfig) -> Self {
        let lifecycle = Lifecycle::transactional(config.clone());
        Self::of(config, lifecycle.expect("a simulated configuration is valid"), true)
    }

    fn of(config: ProducerConfig, lifecycle: Lifecycle<DriverBell>, transactional: bool) -> Self {
        Self {
            config,
            transactional,
            checks: Rc::default(),
            asked: Rc::default(),
            batches: Rc::default(),
            lifecycle: Some(Arc::new(lifecycle)),
            orders: Orders::default(),
            hub: None,
            links: Vec::new(),
            acknowledged: 0,
            told_to_end: None,
        }
    }

    /// What it is doing; `dials` connections are being opened, `open` sends are not over,
    /// transactions are being executed and ended.
    pub(super) fn doing(
        &self,
        dials: usize,
        open: usize,
        (executing, ending): (usize, usize),
    ) -> Vec<Doing> {
        let session = self.lifecycle.as_ref().and_then(|lifecycle| lifecycle.session());
        let Some(session) = session.filter(|session| !session.is_over()) else {
            return vec![Doing::Stopped];
        };
        let (in_flight, held) = self.load();
        let running = session.is_open();
        [
            (Doing::Cold, running && self.acknowledged == 0),
            (Doing::Connecting, dials > 0),
            (Doing::Idle, running && self.acknowledged > 0 && open + in_flight + dials == 0),
            (Doing::Calling, in_flight > 0),
            (Doing::Full, held > 0),
            (Doing::Waiting, open > in_flight + held),
            (Doing::Draining, !running && session.in_flight() > 0),
            (Doing::Leaving, !running && session.in_flight() == 0),
            (Doing::Batching, self.batches.get() > 0),
            (Doing::Executing, executing > 0),
            (Doing::Ending, ending > 0),
            (Doing::Checking, self.checks.get() > 0),
        ]
        .into_iter()
        .filter_map(|(doing, is)| is.then_some(doing))
        .collect()
    }

    /// Transactions in its table.
    pub(super) fn open_transactions(&self) -> usize {
        let lifecycle = self.lifecycle.as_ref();
        lifecycle.map_or(0, |lifecycle| lifecycle.open_transactions().len())
    }

    fn load(&self) -> (usize, usize) {
        let links = self.links.iter().filter_map(|watched| watched.link.upgrade());
        let loads = links.map(|link| link.load());
        loads.fold((0, 0), |sum, load| (sum.0 + load.0, sum.1 + load.1))
    }

    /// What holds permits.
    pub(super) fn permits(&self) -> Load {
        let session = self.lifecycle.as_ref().and_then(|lifecycle| lifecycle.session());
        session.map(|session| session.load()).unwrap_or_default()
    }

    /// What is left in its tables: sends in flight, calls, held calls, waiting sends, permits, bytes
    /// of permits, lanes, messages that statistics say are in flight.
    pub(super) fn pending(&self) -> [usize; 8] {
        let session = self.lifecycle.as_ref().and_then(|lifecycle| lifecycle.session());
        let (in_flight, held) = self.load();
        let waiting = self.hub.as_ref().map_or(0, |hub| hub.borrow().waiting());
        let in_all = session.as_ref().map_or(0, |session| session.in_flight());
        let Load { sends, bytes, lanes } =
            session.map(|session| session.load()).unwrap_or_default();
        let counted = self.lifecycle.as_ref().map_or(0, |lifecycle| lifecycle.messages_in_flight());
        [in_all, in_flight, held, waiting, sends, bytes, lanes, counted as usize]
    }
}
