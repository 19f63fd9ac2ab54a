//! A broker: topics, producers, and what it has stored.

mod batch;
mod checks;
mod delay;
mod place;
mod producers;
mod send;
mod timeouts;
mod transactions;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use rocketmq_producer_core::{
    codec::{Frame, SerializeType},
    time::Now,
};

use super::{
    Answer, ConnectionId, Response, SEND_BATCH_MESSAGE, SEND_MESSAGE_V2, journal::Journal,
    store::Store,
};
use crate::StoredMessage;
pub(super) use checks::checks;
use delay::Schedule;
use producers::Producers;
use transactions::Transactions;

const DEFAULT_TOPIC: &str = "TBW102";
const DEFAULT_TOPIC_QUEUES: u32 = 8;
const PERM_READ_WRITE: i32 = 6;
const PERM_INHERIT: i32 = 1;
const PULL_MAX: usize = 32;
const PULL_MESSAGE: i32 = 11;
const VIEW_MESSAGE_BY_ID: i32 = 33;
const HEART_BEAT: i32 = 34;
const UNREGISTER_CLIENT: i32 = 35;
const END_TRANSACTION: i32 = 37;

/// Which release the broker behaves like, where they differ on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// Answers in JSON; every single send's answer has a transaction id; delivers at any time asked
    /// for; writes down in batches which transactions have ended, and may ask about them until then.
    #[default]
    V5,
    /// Answers in the request's form; no transaction id; no timers but the delay levels; writes down
    /// at once which transactions have ended.
    V4,
}

impl Flavour {
    /// What such a broker writes into the headers of its frames.
    const fn version(self) -> i32 {
        match self {
            Self::V5 => 513,
            Self::V4 => 403,
        }
    }
}

/// A topic's queues on one broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queues {
    pub(super) count: u32,
    pub(super) perm: i32,
}

/// What a broker tells name servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Registration {
    pub(super) address: Option<SocketAddr>,
    /// Where its slave listens, which tells the name servers so itself.
    pub(super) slave: Option<SocketAddr>,
    pub(super) topics: BTreeMap<String, Queues>,
    /// Tells one state of the topics from the next: name servers compare this, not the topics.
    pub(super) version: u64,
}

/// One master.
#[derive(Debug)]
pub struct Broker {
    name: String,
    flavour: Flavour,
    registration: Registration,
    /// The registration has changed since the name servers were told.
    changed: bool,
    store: Store,
    schedule: Schedule,
    transactions: Transactions,
    producers: Producers,
    requests: BTreeMap<i32, u64>,
    read_only: bool,
    /// What it says about tracing its messages.
    trace_on: bool,
}

impl Broker {
    pub(super) fn new(name: &str) -> Self {
        let mut broker = Self {
            name: name.to_owned(),
            flavour: Flavour::default(),
            registration: Registration::default(),
            changed: true,
            store: Store::default(),
            schedule: Schedule::default(),
            transactions: Transactions::default(),
            producers: Producers::default(),
            requests: BTreeMap::new(),
            read_only: false,
            trace_on: true,
        };
        broker.set_auto_create(true);
        broker
    }

    /// Behaves like another release.
    pub fn set_flavour(&mut self, flavour: Flavour) {
        self.flavour = flavour;
    }

    pub(super) fn set_address(&mut self, address: SocketAddr) {
        self.registration.address = Some(address);
        self.note_change();
    }

    pub(super) fn set_slave_address(&mut self, address: Option<SocketAddr>) {
        self.registration.slave = address;
        self.changed = true;
    }

    pub(super) fn set_auto_create(&mut self, create: bool) {
        let perm = PERM_READ_WRITE | PERM_INHERIT;
        let default = Queues { count: DEFAULT_TOPIC_QUEUES, perm };
        match create {
            true => self.registration.topics.insert(DEFAULT_TOPIC.to_owned(), default),
            false => self.registration.topics.remove(DEFAULT_TOPIC),
        };
        self.note_change();
    }

    /// Creates a topic with so many queues on this broker. The name servers are told with the
    /// broker's next request, or when the driver says so.
    pub fn create_topic(&mut self, topic: &str, count: u32) {
        let queues = Queues { count, perm: PERM_READ_WRITE };
        self.registration.topics.insert(topic.to_owned(), queues);
        self.note_change();
    }

    /// Sets a topic's permission bits (4 read, 2 write). The name servers are told with the broker's
    /// next request, or when the driver says so.
    pub fn set_perm(&mut self, topic: &str, perm: i32) {
        if let Some(queues) = self.registration.topics.get_mut(topic) {
            queues.perm = perm;
            self.note_change();
        }
    }

    /// Sets how many queues a topic has, up or down. What the queues beyond that number have stored
    /// is kept, and a topic that there is not is left so. The name servers are told with the
    /// broker's next request, or when the driver says so.
    pub fn set_queue_count(&mut self, topic: &str, count: u32) {
        if let Some(queues) = self.registration.topics.get_mut(topic) {
            queues.count = count;
            self.note_change();
        }
    }

    /// Makes it a slave, or a master again: as a slave it stores no sends. It refuses them in its
    /// release's way, [`Flavour::V5`] with code 2 and `[REJECTREQUEST]`, [`Flavour::V4`] with code
    /// 14. The name servers are not told: this is the master that has lost its part unnoticed.
    pub fn set_read_only(&mut self, read_only: bool) {
        self.read_only = read_only;
    }

    /// Whether its messages may be traced: `traceOn`. It says so with every message that it stores.
    pub fn set_trace_on(&mut self, on: bool) {
        self.trace_on = on;
    }

    /// How it checks transactions that have not ended: every `interval` those that are older than
    /// `timeout`, each at most `max` times. At first that is 30 s, 6 s and 15:
    /// `transactionCheckInterval`, `transactionTimeOut`, `transactionCheckMax`.
    pub fn set_transaction_checks(&mut self, timeout: Duration, interval: Duration, max: u32) {
        self.transactions.set_checks(timeout, interval, max);
    }

    /// Half messages, copies of them included, that were neither committed nor rolled back nor
    /// discarded.
    #[must_use]
    pub fn open_half_messages(&self) -> usize {
        self.transactions.open()
    }

    /// Half messages that it has given up.
    #[must_use]
    pub fn discarded_half_messages(&self) -> u64 {
        self.transactions.discarded()
    }

    /// Messages that wait for their time.
    #[must_use]
    pub fn scheduled_messages(&self) -> usize {
        self.schedule.len()
    }

    /// A new process on the same disk: topics and messages are there, connections are not, nor is
    /// what was not written down yet of transactions that have ended. It is due to register again.
    pub fn restart(&mut self) {
        self.producers.clear();
        self.transactions.lose_unwritten_marks();
        self.note_change();
    }

    fn note_change(&mut self) {
        self.registration.version += 1;
        self.changed = true;
    }

    pub(super) fn registration(&self) -> &Registration {
        &self.registration
    }

    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    pub(super) fn stored<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = StoredMessage> + 'a {
        self.store.of_topic(topic).cloned()
    }

    /// A request has reached it, whatever becomes of that.
    pub(super) fn note_request(&mut self, code: i32) {
        *self.requests.entry(code).or_default() += 1;
    }

    /// How often a request code was received, what faults have refused included. 310 stands for sends of all kinds, those with code
    /// 320 among them.
    #[must_use]
    pub fn requests(&self, code: i32) -> u64 {
        let received = |code: i32| self.requests.get(&code).copied().unwrap_or(0);
        match code {
            SEND_MESSAGE_V2 => received(SEND_MESSAGE_V2) + received(SEND_BATCH_MESSAGE),
            _ => received(code),
        }
    }

    /// Client id and group of every registered producer.
    #[must_use]
    pub fn producers(&self) -> Vec<(String, String)> {
        self.producers.all()
    }

    pub(super) fn handle_closed(&mut self, connection: ConnectionId) {
        self.producers.handle_closed(connection);
    }

    pub(super) fn reply_form(&self, request: &Frame) -> SerializeType {
        match self.flavour {
            Flavour::V5 => SerializeType::Json,
            Flavour::V4 => request.form,
        }
    }

    pub(super) fn handle(
        &mut self,
        now: Now,
        connection: ConnectionId,
        peer: SocketAddr,
        frame: &Frame,
        journal: &mut Journal,
    ) -> Answer {
        let response = match frame.header.code {
            SEND_MESSAGE_V2 | SEND_BATCH_MESSAGE => self.send(now, peer, frame, journal),
            END_TRANSACTION => self.end_transaction(now, frame, journal)?,
            HEART_BEAT => self.producers.heartbeat(connection, &frame.body),
            UNREGISTER_CLIENT => self.producers.unregister(frame),
            PULL_MESSAGE => self.pull(frame),
            VIEW_MESSAGE_BY_ID => self.view(frame),
            code => Response::code(3, format!(" request type {code} not supported")),
        };
        Some(Response { version: self.flavour.version(), ..response })
    }

    fn pull(&self, frame: &Frame) -> Response {
        let ext = &frame.header.ext;
        let topic = ext.get("topic").map(|topic| topic.to_string()).unwrap_or_default();
        let (queue, from) =
            (ext.number("queueId").unwrap_or(0), ext.number("queueOffset").unwrap_or(0));
        let max = ext.number("maxMsgNums").unwrap_or(PULL_MAX).min(PULL_MAX);
        let (body, next, end) = self.store.pull(&topic, queue, from, max);
        let (code, remark) =
            if body.is_empty() { (19, "OFFSET_OVERFLOW_ONE") } else { (0, "FOUND") };
        let ext = vec![
            ("suggestWhichBrokerId", "0".to_owned()),
            ("nextBeginOffset", next.to_string()),
            ("minOffset", "0".to_owned()),
            ("maxOffset", end.to_string()),
        ];
        Response { ext, body, ..Response::code(code, remark) }
    }

    fn view(&self, frame: &Frame) -> Response {
        let message = frame.header.ext.number("offset").and_then(|offset| self.store.view(offset));
        match message {
            Some(message) => Response { body: message.encode(), ..Response::default() },
            None => Response::code(1, "can not find message by the offset"),
        }
    }

    fn address(&self) -> SocketAddr {
        self.registration.address.unwrap_or((Ipv4Addr::LOCALHOST, 0).into())
    }
}
