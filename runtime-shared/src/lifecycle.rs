//! Start, shut down, start again.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use arc_swap::ArcSwap;
use rocketmq_producer_core::{
    client::{Client, Input},
    command::DEFAULT_TOPIC,
    delivery::{Ask, Parcel, Routing, SendError, SendErrorKind, SendOptions},
    model::{ConfigError, Identity, Message, MessageQueue, ProducerConfig},
    route::{BrokerHealth, BrokerHealthStats, Choice, HeartbeatStats, Routes},
    stats::{OnewayStats, ProducerStats, Reading, RouterStats},
    trace::TraceStats,
    transaction::{TransactionMetadata, TransactionStats, Transactions},
};

use crate::{
    Answered, AnsweredBatch, Clock, Dialer, HalfSending, Hub, Journey, Oneway, OnewayBatch,
    Preparing, RouteUpdate, Session, StartError, Wire, batch::BatchOrNone, desk::Desk,
    identity::identity, lock, statistics::Statistics, tracer::Tracer,
};

/// One producer's sessions, at most one at a time. Dropped, it lets the current one end by itself.
#[derive(Debug)]
pub struct Lifecycle<W: Wire> {
    config: Arc<ProducerConfig>,
    role: Role,
    /// What transactions go by, from now on and across starts, if not the configuration.
    limits: Mutex<Limits>,
    /// How messages get their queues, from now on and across starts.
    choice: ArcSwap<Choice>,
    current: Mutex<Option<Arc<Session<W>>>>,
    /// Of all sessions together.
    statistics: Arc<Statistics>,
}

/// What a producer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// To send.
    Plain,
    /// To send half messages too, and to answer for them when brokers ask.
    Transactional,
}

/// What was set while the producer ran.
#[derive(Clone, Copy, Debug, Default)]
struct Limits {
    transaction_timeout: Option<Duration>,
    max_check_times: Option<u32>,
}

impl Limits {
    fn apply(self, table: &mut Transactions) {
        if let Some(timeout) = self.transaction_timeout {
            table.set_timeout(timeout);
        }
        if let Some(times) = self.max_check_times {
            table.set_max_check_times(times);
        }
    }
}

/// How a start begins.
#[derive(Debug)]
pub enum Begun<D: Dialer> {
    /// A hub to be run.
    Hub(Box<Hub<D>>),
    /// It is running already.
    Running,
    /// The session before is still ending: wait for it, then begin again.
    Ending(Arc<Session<D::Wire>>),
}

impl<W: Wire> Lifecycle<W> {
    /// Checks the configuration; no I/O.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the field.
    pub fn new(config: ProducerConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self::checked(config, Role::Plain))
    }

    /// The same, for one that sends half messages too.
    ///
    /// # Errors
    ///
    /// The same; the group must be one of the producer's own, for brokers ask groups.
    pub fn transactional(config: ProducerConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        config.validate_for_transactions()?;
        Ok(Self::checked(config, Role::Transactional))
    }

    fn checked(config: ProducerConfig, role: Role) -> Self {
        let choice = ArcSwap::from_pointee(Choice::Strategy(config.routing_strategy));
        let (limits, current) = (Mutex::default(), Mutex::new(None));
        let statistics = Arc::default();
        Self { config: Arc::new(config), role, limits, choice, current, statistics }
    }

    /// The configuration.
    pub fn config(&self) -> &ProducerConfig {
        &self.config
    }

    /// Begins a session, unless there is one. The caller runs the hub; dropping it ends the
    /// session.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the operating system gives no entropy.
    pub fn begin<D: Dialer<Wire = W>>(&self, dialer: D) -> Result<Begun<D>, StartError> {
        self.begin_in(dialer, || Ok((identity()?, Clock::start())))
    }

    /// The same in surroundings of the caller's choice, which are asked for when a session begins:
    /// for simulations.
    ///
    /// # Errors
    ///
    /// What `surroundings` says.
    pub fn begin_in<D: Dialer<Wire = W>>(
        &self,
        dialer: D,
        surroundings: impl FnOnce() -> Result<(Identity, Clock), StartError>,
    ) -> Result<Begun<D>, StartError> {
        if let Some(session) = self.session().filter(|session| !session.is_over()) {
            return Ok(Self::begun_before(session));
        }
        // Without the lock: this asks the operating system.
        let (identity, clock) = surroundings()?;
        let client = Client::new(Arc::clone(&self.config), &identity)?;
        let transactional = self.role == Role::Transactional;
        let client = if transactional { client.answering_checks() } else { client };
        let client = client.counting_heartbeats(Arc::clone(&self.statistics.heartbeats));
        let desk = Desk::new(&self.config, transactional);
        let limits = *lock(&self.limits);
        desk.with(|table| limits.apply(table));
        let (config, statistics) = (Arc::clone(&self.config), Arc::clone(&self.statistics));
        let session = Arc::new(Session::new(config, &identity, clock, desk, statistics));
        if transactional && self.config.auto_create_topic {
            // As in Java: brokers that create topics may have half messages of this group.
            let until = session.clock.now().instant + self.config.send_msg_timeout;
            session.inbox.push(Input::Ask { ask: Ask::Route(DEFAULT_TOPIC.into()), until });
        }
        let mut current = lock(&self.current);
        if let Some(other) = current.as_ref().filter(|session| !session.is_over()) {
            // Somebody else was faster.
            return Ok(Self::begun_before(Arc::clone(other)));
        }
        if let Some(before) = &*current {
            session.desk.count_on_from(&before.desk);
        }
        self.statistics.started(&session.client_id);
        *current = Some(Arc::clone(&session));
        Ok(Begun::Hub(Box::new(Hub::new(client, session, dialer))))
    }

    fn begun_before<D: Dialer<Wire = W>>(session: Arc<Session<W>>) -> Begun<D> {
        if session.is_open() { Begun::Running } else { Begun::Ending(session) }
    }

    /// True between a start and the next shutdown.
    pub fn is_running(&self) -> bool {
        lock(&self.current).as_ref().is_some_and(|session| session.is_open())
    }

    /// Begins a send, which waits for room. It is to be polled at once: its first attempt is timed
    /// from now on, and may expire unsent if the future is kept for later.
    ///
    /// # Errors
    ///
    /// Nothing has been sent then: [`SendErrorKind::NotStarted`], [`SendErrorKind::AlreadyShutDown`],
    /// [`SendErrorKind::InvalidMessage`] or [`SendErrorKind::TooLarge`].
    pub fn begin_send(
        &self,
        message: Message,
        options: SendOptions,
    ) -> Result<Answered<W>, SendError> {
        let choice = self.choice.load();
        self.begin_one(message, |session, message| {
            session.begin_answered(message, options, &choice)
        })
    }

    /// Begins a send, if there is room for it. It is to be polled at once, as that of
    /// [`begin_send`](Self::begin_send).
    ///
    /// # Errors
    ///
    /// The same, and [`SendErrorKind::Full`].
    pub fn try_begin_send(&self, message: Message) -> Result<Answered<W>, SendError> {
        let (options, choice) = (SendOptions::new(), self.choice.load());
        let sending = self.begin_one(message, |session, message| {
            session.begin(message, options, &choice, false, Parcel::new)
        });
        sending.map(Answered::Alone)
    }

    /// Begins a send that is not answered. It is to be polled at once, as that of
    /// [`begin_send`](Self::begin_send).
    ///
    /// # Errors
    ///
    /// As [`begin_send`](Self::begin_send).
    pub fn begin_oneway(&self, message: Message) -> Result<Oneway<W>, SendError> {
        let (options, choice) = (SendOptions::new(), self.choice.load());
        let wrap = |config: &_, message| Parcel::new(config, message).map(Parcel::oneway);
        let sending = self.begin_one(message, |session, message| {
            session.begin(message, options, &choice, true, wrap)
        });
        sending.map(Oneway)
    }

    /// Begins a batch.
    pub fn begin_batch(&self, messages: Vec<Message>, options: SendOptions) -> AnsweredBatch<W> {
        AnsweredBatch(self.begin_any_batch(messages, options, false))
    }

    /// Begins a batch that is not answered.
    pub fn begin_oneway_batch(&self, messages: Vec<Message>) -> OnewayBatch<W> {
        OnewayBatch(self.begin_any_batch(messages, SendOptions::new(), true))
    }

    fn begin_any_batch(
        &self,
        messages: Vec<Message>,
        options: SendOptions,
        oneway: bool,
    ) -> BatchOrNone<W> {
        let begun = match self.session() {
            Some(session) => session.begin_batch(messages, options, &self.choice.load(), oneway),
            None => BatchOrNone::refused(&SendErrorKind::NotStarted, messages, Clock::start()),
        };
        begun.refusals().iter().for_each(|error| self.statistics.refused(error));
        begun
    }

    /// Begins a transaction: sends its half message. It is to be polled at once, as the send of
    /// [`begin_send`](Self::begin_send).
    ///
    /// # Errors
    ///
    /// As [`begin_send`](Self::begin_send), [`SendErrorKind::TransactionOpen`] and
    /// [`SendErrorKind::TransactionEnded`].
    pub fn begin_half(&self, message: Message) -> Result<HalfSending<W>, SendError> {
        let choice = self.choice.load();
        self.begin_one(message, |session, message| session.begin_half(message, &choice))
    }

    /// Begins a send in the current session. One that has begun counts itself; one that was refused
    /// is counted here.
    #[inline]
    fn begin_one<T>(
        &self,
        message: Message,
        begin: impl FnOnce(Arc<Session<W>>, Message) -> Result<T, SendError>,
    ) -> Result<T, SendError> {
        let begun = match self.session() {
            Some(session) => begin(session, message),
            None => Err(SendError::not_sent(SendErrorKind::NotStarted, message)),
        };
        begun.inspect_err(|error| self.statistics.refused(error))
    }

    /// What there is to say when nothing can be begun.
    fn not_running(&self) -> SendErrorKind {
        match self.session() {
            Some(_) => SendErrorKind::AlreadyShutDown,
            None => SendErrorKind::NotStarted,
        }
    }

    /// Finds the routes of topics, and has their brokers connected.
    pub fn prepare<'a>(&self, topics: impl IntoIterator<Item = &'a str>) -> Preparing<W> {
        let session = self.session();
        let clock = session.as_ref().map_or_else(Clock::start, |session| session.clock.clone());
        let look = |topic: &str| {
            let (guard, now) = (session.clone()?.enter()?, clock.now());
            let until = now.instant + self.config.send_msg_timeout;
            let routing = Routing::new(now, topic.to_owned().into(), until).connecting();
            Some(Journey::new(Box::new(routing), Arc::default(), guard))
        };
        let topics: Vec<_> =
            topics.into_iter().map(|topic| (topic.to_owned(), look(topic))).collect();
        Preparing::new(clock, self.not_running(), topics)
    }

    /// From now on, and after further starts, transactions are dropped from the table after this
    /// long.
    pub fn set_transaction_timeout(&self, timeout: Duration) {
        self.set_limits(|limits| limits.transaction_timeout = Some(timeout));
    }

    /// From now on, and after further starts, the listener is asked so many times about one
    /// transaction at most.
    pub fn set_max_check_times(&self, times: u32) {
        self.set_limits(|limits| limits.max_check_times = Some(times));
    }

    fn set_limits(&self, change: impl FnOnce(&mut Limits)) {
        let mut limits = lock(&self.limits);
        change(&mut limits);
        if let Some(session) = self.session() {
            session.desk.with(|table| limits.apply(table));
        }
    }

    /// What the producer has done.
    pub fn stats(&self) -> ProducerStats {
        let session = self.session();
        let stats = || self.statistics.read(Reading::Look);
        self.complete(session.as_ref().map_or_else(stats, |session| session.stats()))
    }

    /// Lets all counters begin anew, and tells what they came to until now.
    pub fn reset_stats(&self) -> ProducerStats {
        let session = self.session();
        let stats = || self.statistics.read(Reading::Take);
        let stats = session.as_ref().map_or_else(stats, |session| session.reset_stats());
        let _ = self.statistics.read_router(Reading::Take, |_| None);
        self.complete(stats)
    }

    fn complete(&self, mut stats: ProducerStats) -> ProducerStats {
        stats.producer_group.clone_from(&self.config.producer_group);
        stats.client_id = stats.client_id.or_else(|| self.config.client_id.clone());
        stats
    }

    /// Messages that have entered and are not over, as [`stats`](Self::stats) says, and cheaper.
    pub fn messages_in_flight(&self) -> u64 {
        self.statistics.messages_in_flight()
    }

    /// Where messages went, and how brokers have served.
    pub fn router_stats(&self) -> RouterStats {
        let routes = self.routes();
        let state = |name: &str| Some(routes.as_ref()?.health(name)?.state());
        self.statistics.read_router(Reading::Look, state)
    }

    /// What transactions have come to.
    pub fn transaction_stats(&self) -> TransactionStats {
        self.session().map(|session| session.desk.with(|table| table.stats())).unwrap_or_default()
    }

    /// The transactions that are open.
    pub fn open_transactions(&self) -> Vec<TransactionMetadata> {
        self.session().map(|session| session.desk.with(|table| table.open())).unwrap_or_default()
    }

    /// One-way sends.
    pub fn oneway_stats(&self) -> OnewayStats {
        self.statistics.read_oneways()
    }

    /// Records of the message trace since the last start.
    pub fn trace_stats(&self) -> TraceStats {
        let session = self.session();
        let stats = session.as_ref().and_then(|session| session.tracer.as_ref()).map(Tracer::stats);
        stats.unwrap_or_default()
    }

    /// From now on messages get their queues this way, unless they or their options say otherwise.
    pub fn set_choice(&self, choice: Choice) {
        self.choice.store(Arc::new(choice));
    }

    /// The brokers that routes name, with their health.
    pub fn brokers(&self) -> Vec<(String, BrokerHealthStats)> {
        let Some(session) = self.session() else { return Vec::new() };
        let (routes, now) = (session.routes(), session.clock().now().instant);
        let brokers = routes.brokers();
        brokers.map(|(name, health)| (name.to_owned(), health.stats(now))).collect()
    }

    /// Keeps sends away from a broker; false when no route names it.
    pub fn suspend_broker(&self, name: &str) -> bool {
        self.change_health(name, BrokerHealth::suspend)
    }

    /// Lets a broker count as healthy, whatever was before; false when no route names it.
    pub fn force_broker_recovery(&self, name: &str) -> bool {
        self.change_health(name, BrokerHealth::recover)
    }

    /// False when no route names the broker.
    fn change_health(&self, name: &str, change: impl FnOnce(&BrokerHealth) -> bool) -> bool {
        let Some(session) = self.session() else { return false };
        let Some(health) = session.routes().health(name).cloned() else { return false };
        if change(&health) {
            let (ask, until) = (Ask::Notice(name.into()), session.clock.now().instant);
            session.inbox.push(Input::Ask { ask, until });
        }
        true
    }

    /// The heartbeats to all brokers.
    pub fn heartbeats(&self) -> HeartbeatStats {
        self.statistics.heartbeats.read(Reading::Look)
    }

    /// The queues that a topic can be sent to, as far as is known by now.
    pub fn publish_queues(&self, topic: &str) -> Vec<MessageQueue> {
        let routes = self.routes();
        let route = routes.as_ref().and_then(|routes| routes.topic(topic)?.route.clone());
        route.map_or_else(Vec::new, |route| route.queues().to_vec())
    }

    /// Asks the name servers about a topic; none when the producer is not running.
    pub fn update_route_info(&self, topic: &str) -> Option<RouteUpdate<W>> {
        let session = self.session().filter(|session| session.is_open())?;
        Some(RouteUpdate::new(session, topic.to_owned()))
    }

    /// Has the routes forgotten that are stale and that nobody uses.
    pub fn clear_expired_routes(&self) {
        if let Some(session) = self.session() {
            session.inbox.push(Input::ClearExpiredRoutes);
        }
    }

    fn routes(&self) -> Option<Arc<Routes>> {
        Some(self.session()?.routes())
    }

    /// The latest session, if there was one.
    pub fn session(&self) -> Option<Arc<Session<W>>> {
        lock(&self.current).clone()
    }

    /// Begins to end the current session, and gives it to be waited for; none when it has ended.
    pub fn close(&self) -> Option<Arc<Session<W>>> {
        let session = self.session().filter(|session| !session.is_over())?;
        session.close();
        Some(session)
    }
}

impl<W: Wire> Drop for Lifecycle<W> {
    fn drop(&mut self) {
        if let Some(session) = &*lock(&self.current) {
            session.close();
        }
    }
}
