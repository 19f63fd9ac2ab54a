//! What may differ from one send to the next.

use std::{sync::Arc, time::Duration};

use crate::{
    model::{MessageQueue, ProducerConfig, RoutingStrategy},
    route::{Choice, QueueSelector},
};

/// What one send does otherwise than the producer's configuration says.
///
/// ```
/// use std::time::Duration;
/// use rocketmq_producer_core::delivery::SendOptions;
///
/// let options = SendOptions::new().with_timeout(Duration::from_secs(10)).with_retry_unknown(false);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SendOptions {
    /// Instead of `send_msg_timeout`.
    pub timeout: Option<Duration>,
    /// Instead of `retry_times`.
    pub retry_times: Option<u32>,
    /// Instead of `retry_unknown`.
    pub retry_unknown: Option<bool>,
    /// Instead of the producer's selector or strategy.
    pub choice: Option<Choice>,
}

impl SendOptions {
    /// Nothing different.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bounds the whole send.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Further attempts after the first.
    #[must_use]
    pub fn with_retry(mut self, times: u32) -> Self {
        self.retry_times = Some(times);
        self
    }

    /// Whether it is tried again once a broker may have stored it.
    #[must_use]
    pub fn with_retry_unknown(mut self, retry: bool) -> Self {
        self.retry_unknown = Some(retry);
        self
    }

    /// To this queue and no other.
    #[must_use]
    pub fn with_queue(mut self, queue: MessageQueue) -> Self {
        self.choice = Some(Choice::Queue(queue));
        self
    }

    /// To the queue that the selector chooses, and no other.
    #[must_use]
    pub fn with_selector(mut self, selector: impl QueueSelector + 'static) -> Self {
        self.choice = Some(Choice::Selector(Arc::new(selector)));
        self
    }

    /// By this strategy, unless the message has a sharding key.
    #[must_use]
    pub fn with_strategy(mut self, strategy: RoutingStrategy) -> Self {
        self.choice = Some(Choice::Strategy(strategy));
        self
    }

    /// What decides about a message's queue; none when that is its sharding key.
    pub(super) fn deciding<'a>(
        &'a self,
        default: &'a Choice,
        has_order_key: bool,
    ) -> Option<&'a Choice> {
        deciding(self.choice.as_ref(), || default, has_order_key)
    }
}

/// A send's own choice goes before its message's sharding key, and that before the producer's choice.
fn deciding<C>(own: Option<C>, default: impl FnOnce() -> C, has_order_key: bool) -> Option<C> {
    own.or_else(|| (!has_order_key).then(default))
}

/// The options of one send, with the configuration's where they say nothing.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) retry_times: u32,
    pub(super) retry_unknown: bool,
    pub(super) choice: Choice,
}

impl Policy {
    /// `default` is the producer's choice at this moment, which a sharding key goes before.
    #[inline]
    pub(super) fn new(
        config: &ProducerConfig,
        options: SendOptions,
        default: &Choice,
        has_order_key: bool,
    ) -> Self {
        Self {
            retry_times: options.retry_times.unwrap_or(config.retry_times),
            retry_unknown: options.retry_unknown.unwrap_or(config.retry_unknown),
            choice: deciding(options.choice, || default.clone(), has_order_key).unwrap_or_default(),
        }
    }
}
