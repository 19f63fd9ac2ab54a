//! What the adapters of `rocketmq-producer` have in common: everything between the machines of the
//! core and the sockets, except waiting.
//!
//! An implementation detail of the crates `rocketmq-producer-{blocking,smol,tokio}`; it promises
//! no stability of its own.
//!
//! | here | what it is |
//! |---|---|
//! | [`Lifecycle`] | start, shut down, start again: one [`Session`] at a time |
//! | [`Session`] | one start's world: configuration, clock, published [`View`], [`Inbox`] |
//! | [`Hub`] | owns the client; its `turn` never blocks, the adapter waits between turns |
//! | [`SharedLink`] | one connection's machine behind a short lock, and the completion of its calls |
//! | [`Journey`] | an errand of the core as a future that needs nothing of its executor but to be polled |
//! | [`Sending`] | one send: its way through the gate, then its journey |
//! | `Tracer` | records of the message trace, and the messages of its own that the hub moves on |
//! | [`Half`] | a half message that is stored, and what ends its transaction |
//!
//! # Quick start
//!
//! There is none: use `rocketmq-producer`, or one of the adapters. For an adapter of your own, read that of tokio: it is
//! the shortest, and `Dialer` and `Wire` are all that it implements.
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
//! * No panic on any input, no `unsafe`, nothing printed, no file written, no global set.
//!
//! These hold for whoever runs what is here as the adapters do. No lock is held across a syscall, a decode or user
//! code.
//!
//! # Cancel safety
//!
//! Every future here may be dropped at any point; what is in flight then is counted until its call ends. None needs a
//! timer or a reactor: deadlines are kept by whoever runs the [`Hub`] and the drivers.
//!
//! # Tasks and threads
//!
//! None of its own, but for [`Threads`]: up to `listener_threads` of them run blocking listeners of async producers.
//!
//! # Features
//!
//! | feature | default | gives |
//! |---|---|---|
//! | `tracing` | no | events and spans for the program's subscriber; without it, all that is about them compiles to nothing |
//! | `metrics` | no | statistics for exporters, by the crate `metrics` |
//!
//! [`Outcome::NotSent`]: rocketmq_producer_core::delivery::Outcome::NotSent
//! [`Outcome::Rejected`]: rocketmq_producer_core::delivery::Outcome::Rejected
//! [`Outcome::Unknown`]: rocketmq_producer_core::delivery::Outcome::Unknown

mod async_face;
mod batch;
mod check;
mod clock;
mod controls;
mod desk;
mod driver;
mod entering;
mod error;
mod gate;
mod gathering;
mod hub;
mod identity;
mod inbox;
mod journey;
mod lifecycle;
mod link;
mod links;
mod listener;
mod preparing;
mod read_size;
mod sending;
mod session;
mod slot;
mod statistics;
mod tasks;
mod telling;
mod threads;
mod tracer;
mod transaction;
mod update;
mod waker;

#[doc(hidden)]
pub use rocketmq_producer_core as core;

pub use batch::{AnsweredBatch, OnewayBatch};
pub use check::{Check, CheckAnswer};
pub use clock::{Clock, ManualClock};
pub use driver::{Driver, DriverBell, Incoming};
pub use error::{ShutdownError, StartError};
pub use hub::{Dialer, Hub, Turn};
pub use inbox::Inbox;
pub use journey::{Journey, Timed};
pub use lifecycle::{Begun, Lifecycle, Role};
pub use link::{Completion, SharedLink, Token, Wire};
pub use listener::{
    AsyncTransactionListener, OnThreads, TransactionListener, check, execute, settled,
};
pub use preparing::{PrepareError, Preparing};
pub use read_size::ReadSize;
pub use rocketmq_producer_core::stats::OnewayStats;
pub use sending::{Answered, Oneway, Sending};
pub use session::{Load, Session, View};
pub use slot::{Bell, Caller};
pub use statistics::{Sent, Statistics};
pub use tasks::Transaction;
pub use threads::Threads;
pub use transaction::{Ending, Half, HalfSending};
pub use update::RouteUpdate;
pub use waker::WakerSlot;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, whether or not a holder has panicked: what is guarded here is consistent between any two
/// statements that can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
