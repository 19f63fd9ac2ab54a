//! What a producer counts, from the moment it is made.

mod brokers;
#[cfg_attr(not(feature = "metrics"), path = "unexported.rs")]
mod export;
mod oneways;
mod table;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rocketmq_producer_core::{
    delivery::{AttemptFate, Delivered, Delivery, SendError, SendErrorKind},
    route::{BrokerState, Decider, HeartbeatCounters},
    stats::{
        BrokerStats, FailureClass, Histogram, OnewayStats, ProducerStats, Reading, RouterStats,
    },
};

use brokers::BrokerCounters;
pub(crate) use oneways::OnewayCounters;
use table::Table;

/// Brokers that are told apart. Each takes about 7 KiB.
const BROKERS_MAX: usize = 256;

/// One producer's counters: written at the end of every send, without a lock and, but for the first
/// send to a broker, without an allocation.
///
/// Each message is counted in by [`entered`](Self::entered), and out by one of [`sent`](Self::sent),
/// [`failed`](Self::failed) and [`dropped`](Self::dropped): by whoever holds it for its caller, be that
/// a send of its own, its seat in a lot or its batch. Requests and their attempts are counted by
/// [`request_over`](Self::request_over).
#[derive(Debug)]
pub struct Statistics {
    in_flight: AtomicU64,
    /// Of messages that are stored; their number is its count.
    latency: Histogram,
    failures: [AtomicU64; FailureClass::ALL.len()],
    dropped: AtomicU64,
    in_batches: AtomicU64,
    halves: AtomicU64,
    retries: AtomicU64,
    possible_duplicates: AtomicU64,
    unrouted: AtomicU64,
    deciders: [AtomicU64; Decider::NAMES.len()],
    brokers: Table<BrokerCounters>,
    pub(crate) oneways: Arc<OnewayCounters>,
    pub(crate) heartbeats: Arc<HeartbeatCounters>,
    exports: export::Exports,
}

/// How a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A broker has stored it, so long after the call.
    Stored(Duration),
    /// A socket has taken it.
    HandedOver,
}

impl Default for Statistics {
    fn default() -> Self {
        Self {
            in_flight: AtomicU64::new(0),
            latency: Histogram::default(),
            failures: Default::default(),
            dropped: AtomicU64::new(0),
            in_batches: AtomicU64::new(0),
            halves: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            possible_duplicates: AtomicU64::new(0),
            unrouted: AtomicU64::new(0),
            deciders: Default::default(),
            brokers: Table::new(BROKERS_MAX),
            oneways: Arc::default(),
            heartbeats: Arc::default(),
            exports: export::Exports::default(),
        }
    }
}

fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

impl Statistics {
    /// A session begins under this client id.
    pub(crate) fn started(&self, client_id: &str) {
        self.exports.started(client_id, self.in_flight.load(Ordering::Relaxed));
    }

    /// Messages are in flight from now on.
    pub fn entered(&self, messages: u64) {
        add(&self.in_flight, messages);
        self.exports.entered(messages);
    }

    fn left(&self, messages: u64) {
        self.in_flight.fetch_sub(messages, Ordering::Relaxed);
        self.exports.left(messages);
    }

    /// A message that is counted elsewhere was never in flight.
    pub(crate) fn disowned(&self) {
        self.left(1);
    }

    /// So many messages to a topic have come to a good end, in company or alone.
    pub fn sent(&self, topic: &str, how: Sent, messages: u64, in_company: bool) {
        match how {
            Sent::Stored(latency) => self.latency.record(latency, messages),
            Sent::HandedOver => self.oneways.handed_over(messages),
        }
        if in_company {
            add(&self.in_batches, messages);
        }
        self.in_flight.fetch_sub(messages, Ordering::Relaxed);
        self.exports.sent(topic, how, messages);
    }

    /// So many messages to a topic have come to a bad end, so long after the call.
    pub fn failed(
        &self,
        topic: &str,
        why: &SendErrorKind,
        messages: u64,
        after: impl FnOnce() -> Duration,
    ) {
        self.count_failures(why, messages);
        self.left(messages);
        self.exports.failed(topic, messages, after);
    }

    /// A message was refused before it was in flight.
    pub fn refused(&self, error: &SendError) {
        self.count_failures(error.kind(), 1);
    }

    fn count_failures(&self, why: &SendErrorKind, messages: u64) {
        let class = FailureClass::of(why);
        if let Some(counter) = self.failures.get(class as usize) {
            add(counter, messages);
        }
        self.exports.failures(class, messages);
    }

    /// Callers have dropped messages before their end.
    pub fn dropped(&self, messages: u64) {
        if messages > 0 {
            add(&self.dropped, messages);
            self.left(messages);
            self.exports.dropped(messages);
        }
    }

    /// A request of so many messages is over, or is dropped.
    pub fn request_over(
        &self,
        delivery: &Delivery,
        result: Option<&Result<Delivered, SendError>>,
        messages: u64,
    ) {
        let attempts = u64::from(delivery.attempts_made());
        if attempts > 1 {
            add(&self.retries, attempts - 1);
            self.exports.retried(attempts - 1);
            if delivery.is_possible_duplicate(result) {
                add(&self.possible_duplicates, messages);
                self.exports.possible_duplicates(messages);
            }
        }
        let mut routed = 0;
        delivery.tell_attempts(result, |broker, end, times| {
            routed += times * u64::from(end != AttemptFate::Unrouted);
            self.brokers.with(
                broker,
                |_| BrokerCounters::default(),
                |known| known.count(end, times),
            );
            self.exports.attempts(broker, end, times);
        });
        if let Some(counter) = self.deciders.get(delivery.decider().place()).filter(|_| routed > 0)
        {
            add(counter, routed);
        }
        match result {
            Some(Err(error)) if error.kind().is_unrouted() => add(&self.unrouted, 1),
            Some(Ok(_)) if delivery.is_half() => add(&self.halves, messages),
            _ => {}
        }
    }

    /// The messages of a batch have found no queue: the choice that was to be made for all of them.
    pub(crate) fn batch_unrouted(&self) {
        add(&self.unrouted, 1);
    }

    /// Messages that are in flight.
    pub(crate) fn messages_in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// One-way sends alone.
    pub(crate) fn read_oneways(&self) -> OnewayStats {
        self.oneways.read(Reading::Look)
    }

    /// What was counted here; the rest is for whoever knows it.
    pub fn read(&self, reading: Reading) -> ProducerStats {
        let mut stats = ProducerStats::default();
        let failed =
            |class: &FailureClass| Some((*class, reading.of(self.failures.get(*class as usize)?)));
        stats.failures = FailureClass::ALL.iter().filter_map(failed).collect();
        stats.total_failed = stats.failures.values().sum();
        stats.latency = self.latency.read(reading);
        stats.oneway = self.oneways.read(reading);
        stats.total_sent = stats.latency.count + stats.oneway.handed_over;
        stats.total_dropped = reading.of(&self.dropped);
        stats.in_flight.messages = self.in_flight.load(Ordering::Relaxed);
        stats.retries = reading.of(&self.retries);
        stats.possible_duplicates = reading.of(&self.possible_duplicates);
        stats.batch_sent = reading.of(&self.in_batches);
        stats.half_sent = reading.of(&self.halves);
        stats.heartbeats = self.heartbeats.read(reading);
        stats.with_success_rate()
    }

    /// How messages were routed, and how brokers have served; `state` is what is thought of them now.
    pub fn read_router(
        &self,
        reading: Reading,
        state: impl Fn(&str) -> Option<BrokerState>,
    ) -> RouterStats {
        let mut stats = RouterStats::default();
        stats.failed_routing = reading.of(&self.unrouted);
        for (name, counter) in Decider::NAMES.into_iter().zip(&self.deciders) {
            stats.strategy_usage.insert(name, reading.of(counter));
        }
        stats.successful_routing = stats.strategy_usage.values().sum();
        let read = |(name, counters): (&str, &BrokerCounters)| {
            let (broker, unrouted) = counters.read(reading);
            (name.to_owned(), broker.with_status(state(name)), unrouted)
        };
        let brokers: Vec<(String, BrokerStats, u64)> = self.brokers.all().map(read).collect();
        stats.failed_routing += brokers.iter().map(|(_, _, unrouted)| unrouted).sum::<u64>();
        let usage = |(name, broker, unrouted): &(String, BrokerStats, u64)| {
            (name.clone(), broker.total_requests - unrouted)
        };
        stats.broker_usage = brokers.iter().map(usage).collect();
        stats.total_routing = stats.successful_routing + stats.failed_routing;
        stats.broker_health =
            brokers.into_iter().map(|(name, broker, _)| (name, broker)).collect::<BTreeMap<_, _>>();
        stats
    }
}
