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
//! | [`Half`] | a half message that is stored, and what ends its transaction |
//!
//! No lock is held across a syscall, a decode or user code.

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
mod sending;
mod session;
mod slot;
mod statistics;
mod tasks;
mod threads;
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
