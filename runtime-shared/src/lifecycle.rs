//! Start, shut down, start again.

use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use rocketmq_producer_core::{
    client::{Client, Input},
    delivery::{SendError, SendErrorKind, SendOptions},
    model::{ConfigError, Identity, Message, MessageQueue, ProducerConfig},
    route::{BrokerHealthStats, Choice, HeartbeatStats, Routes},
};

use crate::{
    Clock, Dialer, Hub, RouteUpdate, Sending, Session, StartError, Wire, identity::identity, lock,
};

/// One producer's sessions, at most one at a time. Dropped, it lets the current one end by itself.
#[derive(Debug)]
pub struct Lifecycle<W> {
    config: Arc<ProducerConfig>,
    /// How messages get their queues, from now on and across starts.
    choice: ArcSwap<Choice>,
    current: Mutex<Option<Arc<Session<W>>>>,
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
        let choice = ArcSwap::from_pointee(Choice::Strategy(config.routing_strategy));
        Ok(Self { config: Arc::new(config), choice, current: Mutex::new(None) })
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
        let session = Arc::new(Session::new(Arc::clone(&self.config), &identity, clock));
        let mut current = lock(&self.current);
        if let Some(other) = current.as_ref().filter(|session| !session.is_over()) {
            // Somebody else was faster.
            return Ok(Self::begun_before(Arc::clone(other)));
        }
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

    /// Begins a send, which waits for room.
    ///
    /// # Errors
    ///
    /// Nothing has been sent then: [`SendErrorKind::NotRunning`], [`SendErrorKind::InvalidMessage`]
    /// or [`SendErrorKind::TooLarge`].
    pub fn begin_send(
        &self,
        message: Message,
        options: SendOptions,
    ) -> Result<Sending<W>, SendError> {
        self.begin_any(message, options, true)
    }

    /// Begins a send, if there is room for it.
    ///
    /// # Errors
    ///
    /// The same, and [`SendErrorKind::Full`].
    pub fn try_begin_send(&self, message: Message) -> Result<Sending<W>, SendError> {
        self.begin_any(message, SendOptions::new(), false)
    }

    fn begin_any(
        &self,
        message: Message,
        options: SendOptions,
        patient: bool,
    ) -> Result<Sending<W>, SendError> {
        match self.session() {
            Some(session) => session.begin(message, options, &self.choice.load(), patient),
            None => Err(SendError::not_sent(SendErrorKind::NotRunning, message)),
        }
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
        let health = self.routes().and_then(|routes| routes.health(name).cloned());
        health.map(|health| health.suspend()).is_some()
    }

    /// Lets a broker count as healthy, whatever was before; false when no route names it.
    pub fn force_broker_recovery(&self, name: &str) -> bool {
        let health = self.routes().and_then(|routes| routes.health(name).cloned());
        health.map(|health| health.recover()).is_some()
    }

    /// The heartbeats to all brokers since the last start.
    pub fn heartbeats(&self) -> HeartbeatStats {
        self.routes().map(|routes| routes.heartbeats()).unwrap_or_default()
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

impl<W> Drop for Lifecycle<W> {
    fn drop(&mut self) {
        if let Some(session) = &*lock(&self.current) {
            session.close();
        }
    }
}
