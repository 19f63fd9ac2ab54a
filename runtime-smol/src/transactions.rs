//! The producer of transactions.

use std::sync::Arc;

use rocketmq_producer_core::model::{ConfigError, ProducerConfig};
use rocketmq_producer_shared::{AsyncTransactionListener, OnThreads, TransactionListener};
use smol::Executor;

use crate::Producer;

/// A producer of messages that are delivered if a local transaction commits, and only then. Cheap to
/// clone; all clones are one producer.
///
/// Its listener executes local transactions, and answers for them when brokers ask: one that
/// [blocks](TransactionListener), on threads of its own, or one that
/// [awaits](AsyncTransactionListener).
///
/// A message whose transaction is committed is delivered **at least once**. While the connection lives
/// that a commit was confirmed on, late questions of the broker do not deliver it again; after a crash
/// or a lost connection, or when another producer of the group is asked, they may.
///
/// Brokers ask who is connected to them and has said that it is of the group. A producer that has not
/// sent anything yet is connected to the brokers that create topics, and to those of the topics that it
/// was told to [prepare](Self::prepare).
#[derive(Debug)]
pub struct TransactionProducer<L> {
    producer: Producer,
    listener: Arc<L>,
}

impl<L> Clone for TransactionProducer<L> {
    fn clone(&self) -> Self {
        Self { producer: self.producer.clone(), listener: Arc::clone(&self.listener) }
    }
}

impl<L: TransactionListener> TransactionProducer<OnThreads<L>> {
    /// A producer that is not yet running, with a listener that blocks; does no I/O. The listener
    /// executes on `listener_threads` threads at most, and is asked on others; they are started when
    /// they are needed.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the field that breaks a rule. The group must be one of your own:
    /// brokers ask groups.
    pub fn new(config: ProducerConfig, listener: L) -> Result<Self, ConfigError> {
        let threads = config.listener_threads;
        Self::with_async_listener(config, OnThreads::new(listener, threads))
    }
}

impl<L: AsyncTransactionListener> TransactionProducer<L> {
    /// The same, but it will run on this executor, as
    /// [`Producer::with_executor`].
    #[must_use]
    pub fn on_executor(self, executor: &Arc<Executor<'static>>) -> Self {
        Self { producer: self.producer.on(executor), ..self }
    }

    rocketmq_producer_shared::async_transaction_producer!();
}
