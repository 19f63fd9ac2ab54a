//! Apache RocketMQ producer for tokio, smol, and programs without any async runtime.
//!
//! One sans-IO core encodes and decodes commands, routes messages and tracks connections; thin
//! adapters drive it. Name this one crate, and the runtime that is yours:
//!
//! | module | feature | for |
//! |---|---|---|
//! | `blocking` | `blocking` (default) | threads that may block; no async crate in the tree |
//! | `blocking`, by `Producer::polled` | `mio` | the same, with one thread in all |
//! | `smol` | `smol` (default) | smol and everything else on async-io |
//! | `tokio` | `tokio` | tokio |
//!
//! Each has the same `Producer` and `TransactionProducer`. See the front page of each module for its tasks and
//! threads. To bring an event loop, simulator or fuzzer of your own, depend on `rocketmq-producer-core` instead.
//!
//! [`errors`] is the page to look an error up on. [`coming_from`] maps the names of the Java and Python clients.
//!
//! # Quick start
//!
//! ```no_run
#![cfg_attr(feature = "blocking", doc = include_str!("../examples/blocking.rs"))]
//! ```
//!
//! On tokio and smol the same with `.await`; the README shows them.
//!
//! # What is guaranteed
//!
//! * A send ends by its deadline (`send_msg_timeout`), with a receipt or with an error that says what was tried
//!   and gives the message back.
//! * [`Outcome::NotSent`]: no broker can have stored the message. [`Outcome::Rejected`]: every broker that was
//!   asked has said that it has not. Anything less is [`Outcome::Unknown`].
//! * A retry keeps the message's UNIQ_KEY, so that consumers can recognise a duplicate.
//! * Messages of one sharding key keep their order.
//! * What is in flight is bounded, by number and bytes; nothing waits without a bound.
//! * No panic on any input, no `unsafe`, nothing printed, no file written, no global set; what a `tracing`
//!   subscriber gets to see is in [`logging`].
//!
//! # Cancel safety
//!
//! Every future may be dropped at any point, on every runtime: no half frame is written, nothing leaks, other sends are
//! not affected. A message that was queued on its connection by then may still be stored.
//!
//! # Tasks and threads
//!
//! | module | housekeeping | each connection | callers |
//! |---|---|---|---|
//! | `blocking` | one thread | one thread | send and wait on their own threads |
//! | `blocking`, polled | one thread | the same thread | the same |
//! | `smol`, `tokio` | one task | one task | await futures that need no reactor |
//!
//! Transaction producers have `check_concurrency` more of them, and async ones up to `listener_threads` threads for blocking
//! listeners.
//!
//! # Features
//!
//! | feature | default | gives |
//! |---|---|---|
//! | `blocking` | yes | the module `blocking` |
//! | `mio` | no | `blocking`, and in it `Producer::polled` and `TransactionProducer::polled` |
//! | `smol` | yes | the module `smol` |
//! | `tokio` | no | the module `tokio` |
//! | `tracing` | yes | events and spans, see [`logging`] |
//! | `compression-zlib` | yes | zlib, which every consumer reads |
//! | `compression-lz4` | no | lz4 |
//! | `compression-zstd` | no | zstd, through its C library |
//! | `metrics` | no | statistics for exporters, by the crate `metrics` |

pub mod coming_from;
pub mod errors;
pub mod logging;

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
    error::WithCauses,
    link::{CallError, LinkError},
    model::{
        Address, AddressTranslation, BatchSplitType, CompressionType, ConfigError, EnvError,
        InvalidMessage, InvalidName, Message, MessageQueue, ProducerConfig, RoutingStrategy,
        Schedule, SendReceipt, SendStatus, Template, UnknownTemplate,
    },
    route::{
        BadSelection, BrokerHealthStats, BrokerState, HeartbeatStats, QueueSelector, RouteError,
    },
    stats::{
        BrokerStats, FailureClass, InFlightStats, LatencyStats, OnewayStats, ProducerStats,
        RouterStats,
    },
    time::UnixMillis,
    trace::TraceStats,
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
