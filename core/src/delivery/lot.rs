//! Which messages gather, and what they make.

use bytestring::ByteString;

use super::{
    LaneKey, SendOptions,
    batch::{RETRY_TOPIC_PREFIX, request_bytes_max},
};
use crate::{
    Waiter,
    model::{Message, MessageQueue, ProducerConfig, RoutingStrategy, names},
    route::Choice,
    time::Now,
};

/// What messages of one lot have in common: all that a request says once for all of its messages,
/// and all that decides about their queue.
///
/// Tags are not part of it, as they are in Java, where a batch's header repeats them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LotKey {
    topic: ByteString,
    sharding_key: Option<ByteString>,
    queue: Option<MessageQueue>,
    /// What counts where there is neither of them.
    strategy: RoutingStrategy,
    wait_store_ok: bool,
}

impl LotKey {
    /// The topic.
    pub fn topic(&self) -> &ByteString {
        &self.topic
    }

    /// The lane of a lot of ordered messages.
    pub fn lane(&self) -> Option<LaneKey> {
        Some((self.topic.clone(), self.sharding_key.clone()?))
    }

    /// What the lot is to be sent with: the choice of a queue that was good when its messages came,
    /// whatever the producer's has become since.
    pub fn options(&self) -> SendOptions {
        match &self.queue {
            Some(queue) => SendOptions::new().with_queue(queue.clone()),
            None => SendOptions::new().with_strategy(self.strategy),
        }
    }
}

/// With what a message may gather; none when it is to go alone. `options` and `default` are those
/// of its send: its own, and the producer's way to choose queues.
///
/// These go alone:
///
/// * what brokers do not take in a batch: messages with a delay or a timer, to a retry topic, or
///   marked as part of a transaction;
/// * what is to be compressed, for batches never are, and what would be more than a lot by itself;
/// * what is sent with a timeout or a retry policy of its own;
/// * what a selector, or the hash of an index key, finds the queue for: they look at each message.
///
/// The message has its id, and has been [checked](crate::model::validate_message): one that breaks
/// a rule would take its lot along.
///
/// Source: `DefaultMQProducer.canBatch`.
pub fn lot_key(
    config: &ProducerConfig,
    message: &Message,
    options: &SendOptions,
    default: &Choice,
) -> Option<LotKey> {
    let is_alike = options.timeout.is_none()
        && options.retry_times.is_none()
        && options.retry_unknown.is_none();
    if !config.auto_batch || config.batch_size == 1 || !is_alike || !can_gather(config, message) {
        return None;
    }
    let sharding_key = message.sharding_key().map(ByteString::from);
    let (queue, strategy) = match options.deciding(default, sharding_key.is_some()) {
        Some(Choice::Selector(_)) => return None,
        Some(Choice::Queue(queue)) if queue.topic != *message.topic() => return None,
        Some(Choice::Queue(queue)) => (Some(queue.clone()), RoutingStrategy::default()),
        // A sharding key goes before any strategy.
        Some(Choice::Strategy(strategy)) if sharding_key.is_none() => (None, *strategy),
        Some(Choice::Strategy(_)) | None => (None, RoutingStrategy::default()),
    };
    let hashed = strategy == RoutingStrategy::MessageHash && message.keys().next().is_some();
    (!hashed).then(|| LotKey {
        topic: message.shared_topic(),
        sharding_key,
        queue,
        strategy,
        wait_store_ok: message.wait_store_ok(),
    })
}

fn can_gather(config: &ProducerConfig, message: &Message) -> bool {
    message.schedule().is_none()
        && !message.topic().starts_with(RETRY_TOPIC_PREFIX)
        && [names::TRAN_MSG, names::PGROUP].iter().all(|mark| message.property(mark).is_none())
        && message.body().len() < config.compress_msg_body_over_howmuch
        && message.encoded_len_max() <= bytes_max(config)
}

/// What a lot's messages may take, so that their request keeps every limit that it meets.
pub(super) fn bytes_max(config: &ProducerConfig) -> usize {
    config.batch_bytes_max.min(request_bytes_max(config))
}

/// Messages that leave together: one [`Parcel`](super::Parcel), sent by one
/// [`Delivery`](super::Delivery).
#[derive(Debug)]
#[must_use = "those who wait for it are told nothing otherwise"]
#[non_exhaustive]
pub struct Lot<W> {
    /// What they have in common.
    pub key: LotKey,
    /// The messages, in the order in which they came; never none.
    pub messages: Vec<Message>,
    /// Their callers, in the same order.
    pub waiters: Vec<W>,
    /// When the first came: its caller's time has run since then.
    pub since: Now,
}

impl<W> Lot<W> {
    pub(super) fn new(key: LotKey, since: Now) -> Self {
        Self { key, messages: Vec::new(), waiters: Vec::new(), since }
    }
}

impl<W: Waiter> Lot<W> {
    /// What is left without those who have gone; none when nobody is there any more.
    pub(super) fn without_gone(mut self) -> Option<Self> {
        if self.waiters.iter().any(Waiter::is_gone) {
            let all = self.messages.into_iter().zip(self.waiters);
            (self.messages, self.waiters) = all.filter(|(_, waiter)| !waiter.is_gone()).unzip();
        }
        (!self.waiters.is_empty()).then_some(self)
    }
}
