//! Those who decide transactions.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use rocketmq_producer_core::{command::LocalTransactionState, model::Message};

use crate::Threads;

/// Executes local transactions, and answers for them when brokers ask. It may block.
///
/// Runs on threads of its own (or, with the blocking producer, local transactions on the caller's),
/// never where messages or heartbeats would wait for it. A panic in it counts as *unknown*.
///
/// Brokers may ask any producer of the group, also about transactions that were committed and
/// confirmed long ago: what has become of a transaction has to be found where all of them can see it,
/// in the database that the local transaction changes.
///
/// What is not there was rolled back, or is still under way: a listener that cannot tell says
/// *unknown*, until it can.
pub trait TransactionListener: Send + Sync + 'static {
    /// What [`execute_local_transaction`](Self::execute_local_transaction) is told besides the
    /// message.
    type Arg: Send + 'static;

    /// The half message is stored: do what it tells others about.
    fn execute_local_transaction(
        &self,
        message: &Message,
        transaction_id: &str,
        arg: Self::Arg,
    ) -> LocalTransactionState;

    /// A broker has a half message and does not know what became of it.
    fn check_local_transaction(
        &self,
        message: &Message,
        transaction_id: &str,
    ) -> LocalTransactionState;
}

/// As [`TransactionListener`], for tasks: it may await, and must not block.
///
/// Local transactions are awaited in the caller's own future: dropped with it, the transaction is
/// *unknown*, and brokers will ask.
pub trait AsyncTransactionListener: Send + Sync + 'static {
    /// What [`execute_local_transaction`](Self::execute_local_transaction) is told besides the
    /// message.
    type Arg: Send;

    /// The half message is stored: do what it tells others about.
    fn execute_local_transaction(
        &self,
        message: &Message,
        transaction_id: &str,
        arg: Self::Arg,
    ) -> impl Future<Output = LocalTransactionState> + Send;

    /// A broker has a half message and does not know what became of it.
    fn check_local_transaction(
        &self,
        message: &Message,
        transaction_id: &str,
    ) -> impl Future<Output = LocalTransactionState> + Send;
}

/// A listener that blocks, for producers that must not: it runs on a bounded number of threads.
///
/// Brokers' questions have threads of their own: local transactions that wait for each other, or
/// for what holds them all up, do not keep them from being answered.
#[derive(Debug)]
pub struct OnThreads<L> {
    listener: Arc<L>,
    executing: Threads,
    checking: Threads,
}

impl<L: TransactionListener> OnThreads<L> {
    /// Local transactions on so many threads at most, check-backs on as many others; they are
    /// started when they are needed, so no more for check-backs than are asked at one time.
    pub fn new(listener: L, threads: usize) -> Self {
        let on = |name| Threads::new(name, threads);
        let (executing, checking) = (on("rmq-listener"), on("rmq-checking"));
        Self { listener: Arc::new(listener), executing, checking }
    }
}

impl<L: TransactionListener> AsyncTransactionListener for OnThreads<L> {
    type Arg = L::Arg;

    async fn execute_local_transaction(
        &self,
        message: &Message,
        transaction_id: &str,
        arg: L::Arg,
    ) -> LocalTransactionState {
        let (listener, message) = (Arc::clone(&self.listener), message.clone());
        let id = transaction_id.to_owned();
        let work = move || execute(&*listener, &message, &id, arg);
        self.executing.run(work).await.unwrap_or(LocalTransactionState::Unknown)
    }

    async fn check_local_transaction(
        &self,
        message: &Message,
        transaction_id: &str,
    ) -> LocalTransactionState {
        let (listener, message) = (Arc::clone(&self.listener), message.clone());
        let id = transaction_id.to_owned();
        let work = move || check(&*listener, &message, &id);
        self.checking.run(work).await.unwrap_or(LocalTransactionState::Unknown)
    }
}

/// Executes a local transaction here and now; a panic counts as *unknown*.
pub fn execute<L: TransactionListener>(
    listener: &L,
    message: &Message,
    transaction_id: &str,
    arg: L::Arg,
) -> LocalTransactionState {
    caught(|| listener.execute_local_transaction(message, transaction_id, arg))
}

/// Asks a listener here and now; a panic counts as *unknown*.
pub fn check<L: TransactionListener>(
    listener: &L,
    message: &Message,
    transaction_id: &str,
) -> LocalTransactionState {
    caught(|| listener.check_local_transaction(message, transaction_id))
}

fn caught(ask: impl FnOnce() -> LocalTransactionState) -> LocalTransactionState {
    // What the listener has left half done is its own to find: it is asked about by id.
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or(LocalTransactionState::Unknown)
}

/// Awaits a listener; a panic counts as *unknown*.
pub async fn settled(ask: impl Future<Output = LocalTransactionState>) -> LocalTransactionState {
    let mut ask = pin!(ask);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| ask.as_mut().poll(context)));
        polled.unwrap_or(Poll::Ready(LocalTransactionState::Unknown))
    })
    .await
}
