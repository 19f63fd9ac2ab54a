//! What callers count: nothing but what they are told.

use std::collections::BTreeMap;

use rocketmq_producer::{Outcome, RouteError, SendError, SendErrorKind, SendReceipt};

/// One caller's count, or that of several together.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Messages that have come back with a receipt.
    pub(crate) stored: u64,
    /// One-way messages that have come back well.
    pub(crate) handed_over: u64,
    /// Messages that have come back with an error, by its kind.
    pub(crate) failures: BTreeMap<&'static str, u64>,
    /// Messages that went in a request with others, and came back well.
    pub(crate) in_company: u64,
    /// Attempts of all requests that are answered.
    pub(crate) attempts: u64,
    /// Those beyond a request's first.
    pub(crate) retries: u64,
    /// Attempts that say that the broker has not seen them, by broker.
    pub(crate) unseen: BTreeMap<String, u64>,
    /// Messages that may be stored, though their callers got an error.
    pub(crate) unknown: Vec<String>,
}

impl Tally {
    /// One request that is answered, with the results of its messages.
    pub(crate) fn count(&mut self, results: &[Result<SendReceipt, SendError>]) {
        let attempts = match &results[0] {
            Ok(receipt) => u64::from(receipt.attempts),
            Err(error) => error.attempts().len() as u64,
        };
        self.attempts += attempts;
        self.retries += attempts.saturating_sub(1);
        if let Err(error) = &results[0] {
            self.count_unseen(error);
        }
        for result in results {
            match result {
                Ok(_) => self.stored += 1,
                Err(error) => self.count_error(error),
            }
            let in_company = result.is_ok() && results.len() > 1;
            self.in_company += u64::from(in_company);
        }
    }

    /// One-way messages, which make one attempt where nothing goes wrong.
    pub(crate) fn count_oneway(&mut self, results: &[Result<(), SendError>]) {
        for result in results {
            result.as_ref().expect("nothing goes wrong on the way of one-way messages");
        }
        self.handed_over += results.len() as u64;
        self.attempts += 1;
        if results.len() > 1 {
            self.in_company += results.len() as u64;
        }
    }

    fn count_unseen(&mut self, error: &SendError) {
        // More than these would not be told one by one.
        assert!(error.attempts().len() < 32, "{error}");
        for attempt in error.attempts() {
            if attempt.failure.outcome() == Outcome::NotSent {
                *self.unseen.entry(attempt.queue.broker_name.to_string()).or_default() += 1;
            }
        }
    }

    fn count_error(&mut self, error: &SendError) {
        *self.failures.entry(name_of(error.kind())).or_default() += 1;
        if error.outcome() == Outcome::Unknown {
            self.unknown.extend(error.message().uniq_key().map(str::to_owned));
        }
    }

    /// Both together.
    pub(crate) fn join(mut self, other: Self) -> Self {
        self.stored += other.stored;
        self.handed_over += other.handed_over;
        self.in_company += other.in_company;
        self.attempts += other.attempts;
        self.retries += other.retries;
        for (name, count) in other.failures {
            *self.failures.entry(name).or_default() += count;
        }
        for (name, count) in other.unseen {
            *self.unseen.entry(name).or_default() += count;
        }
        self.unknown.extend(other.unknown);
        self
    }
}

/// Written anew, and not asked of the product.
fn name_of(kind: &SendErrorKind) -> &'static str {
    match kind {
        SendErrorKind::NotStarted => "not_started",
        SendErrorKind::AlreadyShutDown => "already_shut_down",
        SendErrorKind::InvalidMessage(_) => "invalid_message",
        SendErrorKind::Route(RouteError::TopicNotFound { .. }) => "topic_not_found",
        SendErrorKind::BrokerNotAvailable { .. } => "broker_not_available",
        SendErrorKind::Rejected { .. } => "rejected",
        SendErrorKind::TimedOut { .. } => "timed_out",
        SendErrorKind::OrderUnavailable { .. } => "order_unavailable",
        other => panic!("this run brings about no {other}"),
    }
}
