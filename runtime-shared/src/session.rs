//! One start's world.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use arc_swap::ArcSwap;
use rocketmq_producer_core::{
    client::Input,
    model::{Identity, ProducerConfig, UniqKeys},
    route::Routes,
    stats::{ProducerStats, Reading},
    transaction::Transactions,
};

use crate::{
    Clock, Inbox, ShutdownError, Wire, desk::Desk, gate::Gate, gathering::Gatherer,
    links::LinkTable, lock, statistics::Statistics, tracer::Tracer,
};

/// What senders see: routes, and the links that they name.
#[derive(Debug)]
pub struct View<W> {
    pub(crate) routes: Arc<Routes>,
    pub(crate) links: LinkTable<W>,
}

/// Everything between one `start` and its end. Shared by senders, drivers and the hub.
#[derive(Debug)]
pub struct Session<W: Wire> {
    pub(crate) config: Arc<ProducerConfig>,
    pub(crate) clock: Clock,
    pub(crate) view: ArcSwap<View<W>>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) gate: Arc<Gate>,
    /// Of the producer, across its sessions.
    pub(crate) statistics: Arc<Statistics>,
    /// What brokers know the producer by.
    pub(crate) client_id: String,
    /// Where transactions are kept, and what brokers ask about them.
    pub(crate) desk: Desk,
    /// Where sends are recorded, if they are.
    pub(crate) tracer: Option<Tracer>,
    /// Where sends gather, if they do.
    pub(crate) gatherer: Option<Gatherer<W>>,
    pub(crate) uniq_keys: Mutex<UniqKeys>,
    seeds: AtomicUsize,
    in_flight: AtomicUsize,
    /// No more sends may begin.
    closing: AtomicBool,
    end: Mutex<End>,
}

/// What is in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Sends that hold a permit: in flight themselves, or with a call that is.
    pub sends: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Sharding keys with a message on its way.
    pub lanes: usize,
}

/// Whether the session is over, and who waits for that.
#[derive(Debug, Default)]
struct End {
    reached: bool,
    cut_off: usize,
    waiters: Vec<oneshot::Sender<()>>,
}

impl<W: Wire> Session<W> {
    pub(crate) fn new(
        config: Arc<ProducerConfig>,
        identity: &Identity,
        clock: Clock,
        desk: Desk,
        statistics: Arc<Statistics>,
    ) -> Self {
        Self {
            desk,
            statistics,
            client_id: config.client_id.clone().unwrap_or_else(|| identity.client_id()),
            clock,
            view: ArcSwap::from_pointee(View {
                routes: Arc::default(),
                links: LinkTable::default(),
            }),
            inbox: Arc::new(Inbox::open()),
            gate: Arc::new(Gate::new(&config)),
            tracer: Tracer::new(&config),
            gatherer: config.auto_batch.then(|| Gatherer::new(&config)),
            config,
            uniq_keys: Mutex::new(UniqKeys::new(identity)),
            seeds: AtomicUsize::new(identity.nonce as usize),
            in_flight: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            end: Mutex::default(),
        }
    }

    /// The session's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What senders see at the moment.
    pub(crate) fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.view.load().routes)
    }

    /// The hub's letter box.
    pub fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    /// True while sends may begin.
    pub fn is_open(&self) -> bool {
        !self.closing.load(Ordering::SeqCst)
    }

    /// A seed for whatever is to differ from its like.
    pub(crate) fn next_seed(&self) -> u64 {
        self.seeds.fetch_add(1, Ordering::Relaxed) as u64
    }

    /// What holds permits and lanes.
    pub fn load(&self) -> Load {
        let ((sends, bytes), lanes) = (self.gate.held(), self.gate.lanes());
        Load { sends, bytes, lanes }
    }

    /// What is counted begins anew; what was counted until now.
    pub(crate) fn reset_stats(&self) -> ProducerStats {
        let mut stats = self.statistics.read(Reading::Take);
        stats.transactions = self.desk.with(Transactions::reset_stats);
        self.complete(stats)
    }

    /// The same for everything that is counted, and nobody wants to know.
    pub(crate) fn reset_all_stats(&self) {
        let _ = self.reset_stats();
        let _ = self.statistics.read_router(Reading::Take, |_| None);
    }

    pub(crate) fn stats(&self) -> ProducerStats {
        let mut stats = self.statistics.read(Reading::Look);
        stats.transactions = self.desk.with(|table| table.stats());
        self.complete(stats)
    }

    /// Brings in what is so at this moment.
    fn complete(&self, mut stats: ProducerStats) -> ProducerStats {
        stats.running = self.is_open();
        stats.client_id = Some(self.client_id.clone());
        stats.cached_topics = self.routes().cached_topics();
        (stats.in_flight.requests, stats.in_flight.bytes) = self.gate.held();
        stats
    }

    /// Sends that have begun and are not over.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Refuses new sends and tells the client to leave once those in flight are over.
    pub(crate) fn close(self: &Arc<Self>) {
        if !self.closing.swap(true, Ordering::SeqCst) {
            self.let_gathered_go();
            if let Some(tracer) = &self.tracer {
                tracer.close(self.clock.now());
            }
            self.inbox.push(Input::Shutdown);
            self.leave_if_drained();
        }
    }

    /// The sends that are in flight now will not be waited for.
    pub(crate) fn cut_off_now(&self) {
        lock(&self.end).cut_off = self.in_flight.load(Ordering::SeqCst);
    }

    /// How many those were.
    pub(crate) fn cut_off(&self) -> usize {
        lock(&self.end).cut_off
    }

    /// Marks the end, and tells all who wait for it.
    pub(crate) fn ended(self: &Arc<Self>) {
        self.closing.store(true, Ordering::SeqCst);
        self.let_gathered_go();
        let mut end = lock(&self.end);
        end.reached = true;
        let waiters = std::mem::take(&mut end.waiters);
        drop(end);
        self.desk.close();
        for waiter in waiters {
            let _ = waiter.send(());
        }
    }

    /// Comes back, with a message or with its end, when the session is over.
    #[must_use]
    pub fn end(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut end = lock(&self.end);
        if !end.reached {
            end.waiters.push(sender);
        }
        receiver
    }

    /// True when the session is over.
    pub fn is_over(&self) -> bool {
        lock(&self.end).reached
    }

    /// How an ended session has ended.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] when sends had to be cut off.
    pub fn result(&self) -> Result<(), ShutdownError> {
        match lock(&self.end).cut_off {
            0 => Ok(()),
            unfinished => Err(ShutdownError { unfinished }),
        }
    }
}

/// Counts one send, batch or transaction as in flight for as long as it lives.
#[derive(Debug)]
pub(crate) struct InFlight<W: Wire> {
    pub(crate) session: Arc<Session<W>>,
    is_counted: bool,
}

impl<W: Wire> InFlight<W> {
    /// Counts from now on.
    pub(crate) fn counted(session: Arc<Session<W>>) -> Self {
        session.in_flight.fetch_add(1, Ordering::SeqCst);
        Self { session, is_counted: true }
    }

    /// For what a shutdown need not wait for.
    pub(crate) fn uncounted(session: &Arc<Session<W>>) -> Self {
        Self { session: Arc::clone(session), is_counted: false }
    }

    /// For a part of what this counts, and which it outlives.
    pub(crate) fn share(&self) -> Self {
        Self { session: Arc::clone(&self.session), is_counted: false }
    }

    /// For what comes after this one.
    pub(crate) fn hand_over(&mut self) -> Self {
        let is_counted = std::mem::take(&mut self.is_counted);
        Self { session: Arc::clone(&self.session), is_counted }
    }
}

impl<W: Wire> Drop for InFlight<W> {
    fn drop(&mut self) {
        let session = &self.session;
        let last = self.is_counted && session.in_flight.fetch_sub(1, Ordering::SeqCst) == 1;
        if last && !session.is_open() {
            session.leave_if_drained();
        }
    }
}
