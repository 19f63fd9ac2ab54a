//! Settings that go together.

use std::{fmt, str::FromStr, time::Duration};

use super::ProducerConfig;
use crate::model::RoutingStrategy;

/// Where configurations start from.
///
/// ```
/// use rocketmq_producer_core::model::{ProducerConfig, Template};
///
/// let config = ProducerConfig::from(Template::Production)
///     .with_producer_group("orders")
///     .with_namesrv_addr("10.0.0.1:9876");
/// assert_eq!(config.retry_times, 3);
///
/// assert_eq!("prod".parse(), Ok(Template::Production));
/// ```
///
/// | field | development | production | order_sequenced | high_performance | testing |
/// |---|---|---|---|---|---|
/// | `producer_group` | | | | | `TEST_PRODUCER` |
/// | `send_msg_timeout` | 5 s | | 5 s | 1 s | 10 s |
/// | `retry_times` | 1 | 3 | 5 | 1 | 0 |
/// | `retry_another_broker_when_not_store_ok` | | true | true | | |
/// | `compress_msg_body_over_howmuch` | | | | 1 MiB | |
/// | `max_message_size` | | | | 2 MiB | |
/// | `batch_size` | 16 | | 1 | 64 | 8 |
/// | `async_send_semaphore` | | | | 50,000 | |
/// | `send_latency_enable` | | true | true | true | |
/// | `routing_strategy` | | | `message_hash` | `random` | |
/// | `strict_order` | | | true | | |
/// | `trace_message` | true | | true | | true |
/// | `debug_enabled` | true | | | | true |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Template {
    /// [`ProducerConfig::default`].
    #[default]
    Default,
    /// Patient, and tells what it does.
    Development,
    /// Tries harder to have each message stored, and avoids slow brokers.
    Production,
    /// Order before all else, availability included.
    OrderSequenced,
    /// Many messages at once, and little patience with each.
    HighPerformance,
    /// Shows the first failure, and does not cover it up.
    Testing,
}

/// Each by the name that is its own, then by its short one.
const NAMES: [(&str, Template); 10] = [
    ("default", Template::Default),
    ("development", Template::Development),
    ("dev", Template::Development),
    ("production", Template::Production),
    ("prod", Template::Production),
    ("order_sequenced", Template::OrderSequenced),
    ("high_performance", Template::HighPerformance),
    ("high-perf", Template::HighPerformance),
    ("testing", Template::Testing),
    ("test", Template::Testing),
];

impl From<Template> for ProducerConfig {
    fn from(template: Template) -> Self {
        let config = Self::default();
        match template {
            Template::Default => config,
            Template::Development => config
                .with_timeout(Duration::from_secs(5))
                .with_retry(1)
                .with_batch_size(16)
                .with_trace_message(true)
                .with_debug_enabled(true),
            Template::Production => config
                .with_retry(3)
                .with_retry_another_broker_when_not_store_ok(true)
                .with_send_latency_enable(true),
            Template::OrderSequenced => config
                .with_timeout(Duration::from_secs(5))
                .with_retry(5)
                .with_retry_another_broker_when_not_store_ok(true)
                .with_batch_size(1)
                .with_send_latency_enable(true)
                .with_routing_strategy(RoutingStrategy::MessageHash)
                .with_strict_order(true)
                .with_trace_message(true),
            Template::HighPerformance => config
                .with_timeout(Duration::from_secs(1))
                .with_retry(1)
                .with_compress_msg_body_over_howmuch(1024 * 1024)
                .with_max_message_size(2 * 1024 * 1024)
                .with_batch_size(64)
                .with_async_send_semaphore(50_000)
                .with_send_latency_enable(true)
                .with_routing_strategy(RoutingStrategy::Random),
            Template::Testing => config
                .with_producer_group("TEST_PRODUCER")
                .with_timeout(Duration::from_secs(10))
                .with_retry(0)
                .with_batch_size(8)
                .with_trace_message(true)
                .with_debug_enabled(true),
        }
    }
}

impl FromStr for Template {
    type Err = UnknownTemplate;

    /// `default`; `development`, `dev`; `production`, `prod`; `order_sequenced`;
    /// `high_performance`, `high-perf`; `testing`, `test`; in any case.
    fn from_str(name: &str) -> Result<Self, UnknownTemplate> {
        let known = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known
            .map(|(_, template)| *template)
            .ok_or_else(|| UnknownTemplate { name: name.to_owned() })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = NAMES.iter().find(|(_, template)| template == self);
        f.pad(own.map_or("", |(name, _)| name))
    }
}

/// No template has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no template {name:?}: there are {}", NAMES.map(|(known, _)| known).join(", "))]
#[non_exhaustive]
pub struct UnknownTemplate {
    /// What was asked for.
    pub name: String,
}
