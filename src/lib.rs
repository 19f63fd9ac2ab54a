//! Apache RocketMQ producer for tokio, smol, and programs without any async runtime.
//!
//! One sans-IO core encodes and decodes commands, routes messages and tracks connections; thin
//! adapters drive it. Name this one crate, and the runtime that is yours:
//!
//! | module | feature | for |
//! |---|---|---|
//! | `blocking` | `blocking` (default) | threads that may block; no async crate in the tree |
//! | `smol` | `smol` (default) | smol and everything else on async-io |
//! | `tokio` | `tokio` | tokio |
//!
//! Each has the same `Producer`: `new`, `start`, `send`, `shutdown`, `is_running`. See the front
//! page of each module's crate for its tasks, threads and cancel safety. To bring an event loop,
//! simulator or fuzzer of your own, depend on `rocketmq-producer-core` instead.
//!
//! # Without a runtime
//!
//! ```no_run
#![cfg_attr(feature = "blocking", doc = include_str!("../examples/blocking.rs"))]
//! ```
//!
//! # What is guaranteed
//!
//! * A send ends by its deadline, with a receipt or with an error that says what was tried and
//!   gives the message back.
//! * [`Outcome::NotSent`] means that no broker can have stored the message, [`Outcome::Rejected`]
//!   that every broker asked has said it did not. Anything less is [`Outcome::Unknown`].
//! * A retry keeps the message's UNIQ_KEY, so that consumers can recognise a duplicate.
//! * Dropping the future of a send is safe at every point.
//! * Nothing is printed, no file is written, no global is set.

#[cfg(feature = "blocking")]
pub use rocketmq_producer_blocking as blocking;
#[cfg(feature = "smol")]
pub use rocketmq_producer_smol as smol;
#[cfg(feature = "tokio")]
pub use rocketmq_producer_tokio as tokio;

pub use rocketmq_producer_core::{
    codec::SerializeType,
    command::LocalTransactionState,
    delivery::{
        Attempt, AttemptFailure, Outcome, SendError, SendErrorKind, SendOptions, TimeoutPhase,
    },
    link::{CallError, LinkError},
    model::{
        Address, AddressTranslation, BatchSplitType, CompressionType, ConfigError, InvalidMessage,
        InvalidName, Message, MessageQueue, ProducerConfig, RoutingStrategy, Schedule, SendReceipt,
        SendStatus,
    },
    route::{
        BadSelection, BrokerHealthStats, BrokerState, HeartbeatStats, QueueSelector, RouteError,
    },
    stats::{
        BrokerStats, FailureClass, InFlightStats, LatencyStats, OnewayStats, ProducerStats,
        RouterStats,
    },
    time::UnixMillis,
    transaction::{
        Confirmed, TransactionMetadata, TransactionReceipt, TransactionStats, Unconfirmed,
    },
};
pub use rocketmq_producer_shared::{
    AsyncTransactionListener, OnThreads, PrepareError, ShutdownError, StartError,
    TransactionListener,
};

/// The README's quick starts compile.
#[cfg(all(doctest, feature = "blocking", feature = "smol", feature = "tokio"))]
#[doc = include_str!("../README.md")]
struct Readme;
