//! The sans-IO core of `rocketmq-producer`: pure state machines, no socket, clock, thread, lock or
//! log.
//!
//! Most people want the crate `rocketmq-producer` and one of its runtimes. This crate is for those
//! who bring their own event loop, simulator or fuzzer, and for the adapters themselves.
//!
//! # Quick start
//!
//! Nothing happens by itself: a machine is told what has happened and when, and says what is to be done.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//!
//! use rocketmq_producer_core::{
//!     client::{Client, Input, Output},
//!     delivery::Ask,
//!     model::{Identity, ProducerConfig},
//!     time::{Instant, Now, UnixMillis},
//! };
//!
//! let config = Arc::new(ProducerConfig::new("orders", "127.0.0.1:9876"));
//! let identity = Identity { host: [127, 0, 0, 1].into(), pid: 1, nonce: 7 };
//! let mut client = Client::new(config, &identity)?;
//!
//! // A send wants to know where its topic is, and will wait for three seconds.
//! let now = Now { instant: Instant::from_nanos(0), wall: UnixMillis(0) };
//! let until = now.instant + Duration::from_secs(3);
//! client.handle(now, Input::Ask { ask: Ask::Route("TopicTest".into()), until });
//!
//! // So a connection to the name server is to be opened.
//! let opened = std::iter::from_fn(|| client.poll()).find_map(|output| match output {
//!     Output::Open { address, .. } => Some(address.to_string()),
//!     _ => None,
//! });
//! assert_eq!(opened.as_deref(), Some("127.0.0.1:9876"));
//! # Ok::<(), rocketmq_producer_core::model::ConfigError>(())
//! ```
//!
//! # The machines
//!
//! | machine | what it is | how often it runs |
//! |---|---|---|
//! | [`client::Client`] | the brain: name servers, topics, which connections should exist, heartbeats | a few times a second |
//! | [`link::Link`] | one connection: opaque → token, deadlines, bytes to be written | every frame |
//! | [`delivery::Delivery`] | one message or batch on its way: queue, attempts, outcome | every message |
//! | [`delivery::Accumulator`] | messages that wait for company, and leave as one batch | every message |
//! | [`trace::TraceQueue`] | records of the message trace, and the messages that they travel in | every message, where they are traced |
//! | [`transaction::Transactions`] | all transactions: states, check-backs, final states | every transaction |
//! | [`transaction::Confirmation`] | the end of one transaction on its way to its broker | every transaction |
//!
//! Nothing here logs: what changes is handed out as an [`event::Event`].
//! [`codec`] turns bytes into frames and back; [`route`] turns name servers' answers into queues;
//! [`model`] and [`command`] are the vocabulary. Dependencies point one way:
//! `time, ids, counting ← codec ← model ← command ← route ← link ← event ← delivery ← trace, transaction, client,
//! stats`.
//!
//! # The loop
//!
//! Whoever drives the machines owns the sockets and the clocks, and does this:
//!
//! 1. **Hub** (one task or thread): pass what has happened to [`Client::handle`], call
//!    [`Client::handle_timeout`] when [`Client::deadline`] has come, then carry out
//!    [`Client::poll`]'s outputs until there are none.
//! 2. **Driver** (one for each socket): write what [`Link::lend`] gives; decode what was read with
//!    [`FrameDecoder`] and pass it to [`Link::handle_frames`]; call [`Link::handle_timeout`] when
//!    [`Link::deadline`] has come; hand on [`Link::poll`]'s events to callers and hub.
//! 3. **Caller** (the user's own task or thread): [`Errand::step`] of a [`Delivery`], a
//!    [`Confirmation`] or a [`Routing`] says what is next: wait for newer routes, call on a link, or
//!    done.
//!
//! [`Client::handle`]: client::Client::handle
//! [`Client::handle_timeout`]: client::Client::handle_timeout
//! [`Client::deadline`]: client::Client::deadline
//! [`Client::poll`]: client::Client::poll
//! [`Link::lend`]: link::Link::lend
//! [`Link::handle_frames`]: link::Link::handle_frames
//! [`Link::handle_timeout`]: link::Link::handle_timeout
//! [`Link::deadline`]: link::Link::deadline
//! [`Link::poll`]: link::Link::poll
//! [`FrameDecoder`]: codec::FrameDecoder
//! [`Errand::step`]: delivery::Errand::step
//! [`Delivery`]: delivery::Delivery
//! [`Confirmation`]: transaction::Confirmation
//! [`Routing`]: delivery::Routing
//!
//! # What is guaranteed
//!
//! * Time, wall clock and randomness are arguments ([`time::Now`], [`model::Identity`]); a lint
//!   forbids reading them.
//! * Nothing here panics on any input from outside; lints deny `unwrap`, indexing and their kin.
//! * Whatever is handed in (a token, a waiter, a message) comes out exactly once.
//! * A late event for a connection that is gone is ignored: ids are generational.
//!
//! # Cancel safety
//!
//! A machine that is dropped gives nothing back: its driver answers for what it was handed. A [`Delivery`] whose
//! caller goes away leaves its call on the link, which ends as if it were waited for.
//!
//! # Tasks and threads
//!
//! None. All machines are `Send`, none of them locks: share them as suits you.
//!
//! # Features
//!
//! | feature | default | gives |
//! |---|---|---|
//! | `compression-zlib` | yes | zlib, in Rust, which every consumer reads |
//! | `compression-lz4` | no | lz4, in Rust |
//! | `compression-zstd` | no | zstd, through its C library |
//! | `mutants` | no | known bugs for this project's own suites; never for a product |

pub mod client;
pub mod codec;
pub mod command;
mod counting;
pub mod delivery;
pub mod error;
pub mod event;
pub mod ids;
pub mod link;
pub mod model;
#[cfg(feature = "mutants")]
pub mod mutants;
#[cfg(not(feature = "mutants"))]
mod mutants;
pub mod route;
pub mod stats;
pub mod time;
pub mod trace;
pub mod transaction;
mod waiter;

pub use waiter::Waiter;
