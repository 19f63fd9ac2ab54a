//! The client's state machine: inputs to their places, outputs in order.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytestring::ByteString;

use super::{Input, Output, connections::Connections, shutdown::Life, topics::Topics};
use crate::{
    codec::{ExtFields, Frame, Header, Language, VERSION},
    command::{CHECK_TRANSACTION_STATE, ClientCommand, ResponseCode},
    delivery::Ask,
    event::{Budget, Event},
    ids::{ChoreId, LinkId},
    link::{CallError, LinkError},
    model::{Address, ConfigError, Identity, ProducerConfig},
    mutants::{
        Mutant::{ChecksAreDropped, RetiredByName},
        is_on,
    },
    route::{HeartbeatCounters, News, Phase, Routes},
    time::{Deadline, Instant, Now},
};

/// One producer's brain. It runs a few times a second, on one task or thread; no message passes
/// through it.
///
/// * *Inputs*: [`handle`](Self::handle) for what has happened, [`handle_timeout`](Self::handle_timeout)
///   when [`deadline`](Self::deadline) has come. Both are infallible: a fault belongs to a
///   connection or a call, and comes out as an output.
/// * *Outputs*: [`poll`](Self::poll) until it gives `None`. Any number of inputs may come before;
///   one [`Output::Publish`] then covers them all.
/// * Time never goes back between two inputs.
///
/// After [`Output::Stopped`] it does nothing any more.
#[derive(Debug)]
pub struct Client {
    pub(super) config: Arc<ProducerConfig>,
    pub(super) client_id: ByteString,
    pub(super) group: ByteString,
    pub(super) name_servers: Vec<Address>,
    /// Index of the name server that answered last.
    pub(super) current_server: usize,
    pub(super) connections: Connections,
    pub(super) topics: Topics,
    /// When to look for topics that no send uses any more.
    pub(super) sweep_at: Instant,
    /// Route queries that are out, by call.
    pub(super) queries: BTreeMap<ChoreId, ByteString>,
    /// Heartbeats that are out, by call.
    pub(super) heartbeats: BTreeMap<ChoreId, (LinkId, Address)>,
    pub(super) heartbeats_counted: Arc<HeartbeatCounters>,
    /// Connections to name servers, and when to look where their names lead.
    pub(super) name_checks: BTreeMap<LinkId, Instant>,
    /// Connections out of use, and when they are closed.
    retired: BTreeMap<LinkId, Instant>,
    pub(super) life: Life,
    /// It was told that no name server answers, and nothing better since.
    pub(super) name_servers_lost: bool,
    pub(super) name_servers_told: Budget,
    /// Brokers ask this producer about half messages, its own and those of its group: the topics that
    /// it has used are not forgotten, and it stays connected with all their brokers.
    pub(super) answers_checks: bool,
    pub(super) outputs: VecDeque<Output>,
    /// What senders can see of topics has changed, or anything else.
    pub(super) topics_changed: bool,
    pub(super) others_changed: bool,
    /// The last output is due, with what it has to say.
    pub(super) last_word: Option<Output>,
    version: u64,
    next_chore: u64,
    seed: u64,
    pub(super) jitter: fastrand::Rng,
}

impl Client {
    /// A client for this configuration; does nothing until it is asked to, but to say that it is
    /// there.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the configuration breaks a rule.
    pub fn new(config: Arc<ProducerConfig>, identity: &Identity) -> Result<Self, ConfigError> {
        let mut name_servers = config.validate()?;
        let mut random = fastrand::Rng::with_seed(identity.nonce);
        // Not every producer of a fleet should ask the first name server of the list.
        random.shuffle(&mut name_servers);
        let client_id = config.client_id.clone().unwrap_or_else(|| identity.client_id());
        let client_id = ByteString::from(client_id);
        let group = ByteString::from(config.producer_group.as_str());
        let started = Event::Started {
            client_id: client_id.clone(),
            group: group.clone(),
            name_servers: name_servers.clone(),
        };
        Ok(Self {
            client_id,
            group,
            name_servers,
            current_server: 0,
            connections: Connections::new(config.reconnect_backoff_max, random.u64(..)),
            topics: Topics::default(),
            sweep_at: Instant::default(),
            queries: BTreeMap::new(),
            heartbeats: BTreeMap::new(),
            heartbeats_counted: Arc::default(),
            name_checks: BTreeMap::new(),
            retired: BTreeMap::new(),
            life: Life::Running,
            name_servers_lost: false,
            name_servers_told: Budget::default(),
            answers_checks: false,
            outputs: VecDeque::from([Output::Notify(started)]),
            topics_changed: false,
            others_changed: false,
            last_word: None,
            version: 0,
            next_chore: 0,
            seed: random.u64(..),
            jitter: random.fork(),
            config,
        })
    }

    /// The same, for a producer that brokers ask about half messages: it stays connected with all
    /// brokers of the topics that it has used.
    #[must_use]
    pub fn answering_checks(mut self) -> Self {
        self.answers_checks = true;
        self
    }

    /// The same, counting its heartbeats here: where those of the producer's earlier sessions are
    /// counted.
    #[must_use]
    pub fn counting_heartbeats(mut self, counters: Arc<HeartbeatCounters>) -> Self {
        self.heartbeats_counted = counters;
        self
    }

    /// The id that brokers know this producer by.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Takes in what has happened.
    pub fn handle(&mut self, now: Now, input: Input) {
        if matches!(self.life, Life::Stopped) {
            return;
        }
        match input {
            Input::Ask { ask: Ask::Route(topic), until } => self.want_topic(now, topic, until),
            Input::Ask { ask: Ask::Refresh(topic), until } => self.want_refresh(now, topic, until),
            Input::Ask { ask: Ask::Update(topic), until } => self.want_update(now, topic, until),
            Input::Ask { ask: Ask::Connection(address), until } => {
                self.want_broker(now, address, until);
            }
            Input::Ask { ask: Ask::Notice(broker), .. } => self.notice(now, &broker),
            Input::Opened(link) => self.handle_opened(now, link),
            Input::Closed { link, cause } => self.handle_closed(now, link, cause),
            Input::Answer { chore, outcome } => self.handle_answer(now, chore, outcome),
            Input::Queued { chore, outcome } => _ = self.heartbeat_over(chore, outcome.is_ok()),
            Input::Resolved { link, moved } => self.handle_resolved(now, link, moved),
            Input::Heard { link, at } => self.handle_heard(now, link, at),
            Input::Request { link, frame } => self.handle_request(link, frame),
            Input::Silent(link) => self.handle_silent(now, link),
            Input::GoAway(link) => _ = self.retire(now, link, LinkError::GoAway),
            Input::ClearExpiredRoutes => self.clear_expired_routes(now),
            Input::Shutdown => self.begin_shutdown(now),
            Input::Drained => self.begin_leaving(now),
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        if matches!(self.life, Life::Stopped) {
            return;
        }
        if matches!(self.life, Life::Leaving { .. }) {
            return self.stop_when_left(now);
        }
        for link in self.connections.overdue(now) {
            self.close(now, link, LinkError::DialTimeout);
        }
        for address in self.connections.due(now) {
            self.dial(now, &address);
        }
        self.connections.tell_settled(now);
        self.tell_news();
        let over = self.retired.iter().filter(|(_, ends)| **ends <= now.instant);
        let over = over
            .filter(|(link, _)| !is_on(RetiredByName) || self.retired.keys().next() == Some(link));
        for link in over.map(|(link, _)| *link).collect::<Vec<_>>() {
            self.close(now, link, LinkError::Retired);
        }
        self.check_names(now);
        self.handle_topic_timeouts(now);
        self.send_heartbeats(now);
        self.tell_of_brokers(now);
        self.stop_when_left(now);
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        let others = std::mem::take(&mut self.others_changed);
        if std::mem::take(&mut self.topics_changed) || others {
            self.version += 1;
            return Some(Output::Publish(Arc::new(self.routes(others))));
        }
        self.last_word.take()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn deadline(&self) -> Option<Deadline> {
        if matches!(self.life, Life::Leaving { .. } | Life::Stopped) {
            return self.life_deadline();
        }
        let retired = self.retired.values().min();
        let retired = retired.map(|at| Deadline { at: *at, why: "a retired connection ends" });
        let (topics, names) = (self.topics_deadline(), self.names_deadline());
        let brokers = self.topics.brokers.deadline();
        [self.connections.deadline(), topics, names, retired, brokers, self.life_deadline()]
            .into_iter()
            .fold(None, Deadline::sooner)
    }

    fn routes(&mut self, others: bool) -> Routes {
        let (topics, news) = self.topics.publish();
        Routes {
            version: self.version,
            phase: match self.life {
                Life::Stopped => Phase::Closed(LinkError::ShuttingDown),
                _ => Phase::Running,
            },
            news: News { topics: news, others },
            topics,
            brokers: self.connections.reach(),
            versions: self.connections.versions(),
            health: self.topics.brokers.health(),
            heartbeats: Arc::clone(&self.heartbeats_counted),
        }
    }

    pub(super) fn want_broker(&mut self, now: Now, address: Address, until: Instant) {
        // Senders do not see a name server's connection until it is a broker's as well.
        self.others_changed |= self.connections.get(&address).is_some_and(|known| !known.broker);
        if self.connections.want(now, &address, until, true) {
            self.dial(now, &address);
        }
        // A connection that a name server shares has had no heartbeat yet.
        self.send_heartbeats(now);
    }

    pub(super) fn dial(&mut self, now: Now, address: &Address) {
        let timeout = self.config.connect_timeout;
        let link = self.connections.dial(address, now.instant + timeout);
        self.outputs.push_back(Output::Open { link, address: address.clone(), timeout });
    }

    fn handle_opened(&mut self, now: Now, link: LinkId) {
        if let Some(address) = self.connections.opened(now, link) {
            self.tell_news();
            self.others_changed = true;
            self.broker_connected(now, &address);
            self.watch_name(now, link, &address);
            self.send_heartbeats(now);
            self.advance_connecting(now);
        }
    }

    fn handle_closed(&mut self, now: Now, link: LinkId, cause: LinkError) {
        self.retired.remove(&link);
        self.name_checks.remove(&link);
        if self.connections.closed(now, link, cause).is_some() {
            self.tell_news();
            self.others_changed = true;
            for address in self.connections.due(now) {
                self.dial(now, &address);
            }
            self.advance_connecting(now);
        }
    }

    /// Ends a connection from this side.
    pub(super) fn close(&mut self, now: Now, link: LinkId, cause: LinkError) {
        if self.connections.address_of(link).is_some() {
            self.outputs.push_back(Output::Close { link, cause: cause.clone() });
            self.handle_closed(now, link, cause);
        }
    }

    /// Takes a connection out of use; what is in flight on it may still be answered.
    pub(super) fn retire(&mut self, now: Now, link: LinkId, cause: LinkError) -> bool {
        let retired = self.connections.retire(now, link, cause).is_some();
        if retired {
            self.tell_news();
            self.others_changed = true;
            self.retired.insert(link, now.instant + self.config.send_msg_timeout);
        }
        retired
    }

    fn handle_answer(&mut self, now: Now, chore: ChoreId, outcome: Result<Frame, CallError>) {
        if let Some(topic) = self.queries.remove(&chore) {
            self.handle_route_answer(now, topic, outcome);
        } else if let Some(link) = self.heartbeat_over(chore, outcome.is_ok()) {
            self.handle_heartbeat_answer(now, link, outcome);
        } else {
            self.handle_goodbye(now, chore);
        }
    }

    /// Brokers ask about half messages. Whatever else they ask is answered as Java does: not
    /// supported.
    fn handle_request(&mut self, link: LinkId, frame: Frame) {
        if frame.header.code == CHECK_TRANSACTION_STATE {
            if self.connections.address_of(link).is_some() && !is_on(ChecksAreDropped) {
                self.outputs.push_back(Output::CheckBack { link, frame });
            }
            return;
        }
        if frame.header.is_oneway() || self.connections.address_of(link).is_none() {
            return;
        }
        let remark = format!("request type {} not supported", frame.header.code);
        let header = Header {
            code: ResponseCode::REQUEST_CODE_NOT_SUPPORTED.0,
            language: Language::RUST,
            version: VERSION,
            opaque: frame.header.opaque,
            flag: 0,
            remark: Some(remark.into()),
            ext: ExtFields::default(),
        };
        self.outputs.push_back(Output::Respond { link, header });
    }

    pub(super) fn notify(&mut self, event: Event) {
        self.outputs.push_back(Output::Notify(event));
    }

    /// Tells of what has become of connections.
    pub(super) fn tell_news(&mut self) {
        self.outputs.extend(self.connections.news.drain(..).map(Output::Notify));
    }

    pub(super) fn call(
        &mut self,
        link: LinkId,
        command: ClientCommand,
        deadline: Instant,
    ) -> ChoreId {
        let chore = self.next_chore();
        self.outputs.push_back(Output::Call { link, chore, command, deadline });
        chore
    }

    pub(super) fn next_chore(&mut self) -> ChoreId {
        let chore = ChoreId(self.next_chore);
        self.next_chore += 1;
        chore
    }

    /// Where a topic's rotation starts: not at the same queue in every producer.
    pub(super) fn jitter_cursor(&self, topic: &str) -> u32 {
        let hash = crate::model::java_string_hash(topic);
        fastrand::Rng::with_seed(self.seed ^ u64::from(hash.unsigned_abs())).u32(..)
    }
}
