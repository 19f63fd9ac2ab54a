//! What goes to the recorder of the crate `metrics`.

use std::{sync::Arc, time::Duration};

use arc_swap::{ArcSwapOption, Guard};
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use rocketmq_producer_core::{delivery::AttemptFate, stats::FailureClass};

use super::{BROKERS_MAX, Sent, table::Table};

/// Topics that are told apart.
const TOPICS_MAX: usize = 1_000;

/// As the clients of RocketMQ 5 call it: `rocketmq_send_cost_time`, in milliseconds.
const COST: &str = "rocketmq_send_cost_time";
const MESSAGES: &str = "rocketmq_producer_messages_total";
const FAILURES: &str = "rocketmq_producer_failures_total";
const ATTEMPTS: &str = "rocketmq_producer_attempts_total";
const RETRIES: &str = "rocketmq_producer_retries_total";
const DUPLICATES: &str = "rocketmq_producer_possible_duplicates_total";
const IN_FLIGHT: &str = "rocketmq_producer_inflight_messages";

/// How something has ended, as RocketMQ's clients label it.
const STATUS: &str = "invocation_status";
const SUCCESS: &str = "success";
const FAILURE: &str = "failure";

/// One session's handles; none before the first start. Handles go to the recorder that was installed
/// when they were made, so those of a producer are made when it starts, not when it is made.
#[derive(Debug, Default)]
pub(super) struct Exports(ArcSwapOption<Handles>);

#[derive(Debug)]
struct Handles {
    client_id: Arc<str>,
    sent: Counter,
    failed: Counter,
    dropped: Counter,
    failures: Vec<Counter>,
    retries: Counter,
    possible_duplicates: Counter,
    in_flight: Gauge,
    topics: Table<OfTopic>,
    brokers: Table<OfBroker>,
}

#[derive(Debug)]
struct OfTopic {
    succeeded: Histogram,
    failed: Histogram,
}

#[derive(Debug)]
struct OfBroker {
    succeeded: Counter,
    failed: Counter,
    abandoned: Counter,
}

impl Handles {
    fn new(client_id: &str) -> Self {
        describe();
        let client_id: Arc<str> = client_id.into();
        let id = || metrics::SharedString::from(Arc::clone(&client_id));
        let messages = |status| counter!(MESSAGES, "client_id" => id(), STATUS => status);
        let failure =
            |class: FailureClass| counter!(FAILURES, "client_id" => id(), "reason" => class.name());
        Self {
            sent: messages(SUCCESS),
            failed: messages(FAILURE),
            dropped: messages("dropped"),
            failures: FailureClass::ALL.into_iter().map(failure).collect(),
            retries: counter!(RETRIES, "client_id" => id()),
            possible_duplicates: counter!(DUPLICATES, "client_id" => id()),
            in_flight: gauge!(IN_FLIGHT, "client_id" => id()),
            topics: Table::new(TOPICS_MAX),
            brokers: Table::new(BROKERS_MAX),
            client_id,
        }
    }

    fn cost(&self, topic: &str, cost: Duration, messages: u64, succeeded: bool) {
        let id = || metrics::SharedString::from(Arc::clone(&self.client_id));
        let of_status = |topic: &str, status| histogram!(COST, "topic" => topic.to_owned(), "client_id" => id(), STATUS => status);
        let new = |topic: &str| OfTopic {
            succeeded: of_status(topic, SUCCESS),
            failed: of_status(topic, FAILURE),
        };
        self.topics.with(topic, new, |topic| {
            let histogram = if succeeded { &topic.succeeded } else { &topic.failed };
            histogram.record_many(cost.as_secs_f64() * 1_000.0, messages as usize);
        });
    }

    fn attempts(&self, broker: &str, end: AttemptFate, times: u64) {
        let id = || metrics::SharedString::from(Arc::clone(&self.client_id));
        let of_status = |broker: &str, status| counter!(ATTEMPTS, "broker" => broker.to_owned(), "client_id" => id(), STATUS => status);
        let new = |broker: &str| OfBroker {
            succeeded: of_status(broker, SUCCESS),
            failed: of_status(broker, FAILURE),
            abandoned: of_status(broker, "abandoned"),
        };
        self.brokers.with(broker, new, |broker| {
            let counter = match end {
                AttemptFate::Stored(_) | AttemptFate::HandedOver => &broker.succeeded,
                AttemptFate::Failed | AttemptFate::Unrouted => &broker.failed,
                AttemptFate::Abandoned => &broker.abandoned,
            };
            counter.increment(times);
        });
    }
}

fn describe() {
    describe_histogram!(
        COST,
        Unit::Milliseconds,
        "From the call of a send that is answered to its end"
    );
    describe_counter!(
        MESSAGES,
        "Messages that were sent, have failed or were dropped by their callers"
    );
    describe_counter!(FAILURES, "Messages that have failed, by the reason");
    describe_counter!(ATTEMPTS, "Requests to brokers");
    describe_counter!(RETRIES, "Attempts beyond the first one of a request");
    describe_counter!(DUPLICATES, "Messages sent again after an attempt that may have stored them");
    describe_gauge!(IN_FLIGHT, "Messages in flight");
}

impl Exports {
    fn handles(&self) -> Guard<Option<Arc<Handles>>> {
        self.0.load()
    }

    fn with(&self, act: impl FnOnce(&Handles)) {
        if let Some(handles) = &*self.handles() {
            act(handles);
        }
    }

    /// What is still in flight since an earlier start goes by the new handles from now on.
    pub(super) fn started(&self, client_id: &str, in_flight: u64) {
        let handles = Handles::new(client_id);
        handles.in_flight.set(in_flight as f64);
        self.0.store(Some(Arc::new(handles)));
    }

    pub(super) fn entered(&self, messages: u64) {
        self.with(|handles| handles.in_flight.increment(messages as f64));
    }

    pub(super) fn left(&self, messages: u64) {
        self.with(|handles| handles.in_flight.decrement(messages as f64));
    }

    /// So many messages have left, too.
    pub(super) fn sent(&self, topic: &str, how: Sent, messages: u64) {
        self.with(|handles| {
            handles.in_flight.decrement(messages as f64);
            handles.sent.increment(messages);
            if let Sent::Stored(latency) = how {
                handles.cost(topic, latency, messages, true);
            }
        });
    }

    pub(super) fn failed(&self, topic: &str, messages: u64, after: impl FnOnce() -> Duration) {
        self.with(|handles| handles.cost(topic, after(), messages, false));
    }

    pub(super) fn failures(&self, class: FailureClass, messages: u64) {
        self.with(|handles| {
            handles.failed.increment(messages);
            if let Some(counter) = handles.failures.get(class as usize) {
                counter.increment(messages);
            }
        });
    }

    pub(super) fn dropped(&self, messages: u64) {
        self.with(|handles| handles.dropped.increment(messages));
    }

    pub(super) fn retried(&self, times: u64) {
        self.with(|handles| handles.retries.increment(times));
    }

    pub(super) fn possible_duplicates(&self, messages: u64) {
        self.with(|handles| handles.possible_duplicates.increment(messages));
    }

    pub(super) fn attempts(&self, broker: &str, end: AttemptFate, times: u64) {
        self.with(|handles| handles.attempts(broker, end, times));
    }
}
