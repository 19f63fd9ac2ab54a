//! The producer of transactions.

use std::{pin::pin, sync::Arc, thread};

use rocketmq_producer_core::{
    command::LocalTransactionState,
    delivery::SendError,
    model::{ConfigError, Message, ProducerConfig, SendReceipt},
    transaction::TransactionReceipt,
};
use rocketmq_producer_shared::{
    Half, Lifecycle, PrepareError, Session, ShutdownError, StartError, TransactionListener, check,
    execute,
};

use crate::{
    Producer,
    producer::DrivenBy,
    wait::{block_on, wait},
    wire::SocketWire,
};

/// A producer of messages that are delivered if a local transaction commits, and only then. Cheap to
/// clone; all clones are one producer.
///
/// Its listener executes local transactions, each on the thread that sends it, and answers for them
/// when brokers ask, on `check_concurrency` threads of the producer's own.
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

impl<L: TransactionListener> TransactionProducer<L> {
    /// A producer that is not yet running; does no I/O.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the field that breaks a rule. The group must be one of your own:
    /// brokers ask groups.
    pub fn new(config: ProducerConfig, listener: L) -> Result<Self, ConfigError> {
        Self::of(config, listener, DrivenBy::Threads)
    }

    /// A producer that is not yet running, whose sockets are all polled by one thread, as those of
    /// [`Producer::polled`] are. The threads that answer brokers are as many as ever.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[cfg(feature = "mio")]
    pub fn polled(config: ProducerConfig, listener: L) -> Result<Self, ConfigError> {
        Self::of(config, listener, DrivenBy::Poller)
    }

    fn of(config: ProducerConfig, listener: L, driven: DrivenBy) -> Result<Self, ConfigError> {
        let producer = Producer::of(Lifecycle::transactional(config)?, driven);
        Ok(Self { producer, listener: Arc::new(listener) })
    }

    /// Starts the producer, as [`Producer::start`], and its `check_concurrency` threads that answer
    /// brokers.
    ///
    /// # Errors
    ///
    /// As [`Producer::start`].
    pub fn start(&self) -> Result<(), StartError> {
        let workers = self.producer.config().check_concurrency;
        self.producer.launch(|session| {
            for number in 0..workers {
                let (session, listener) = (Arc::clone(session), Arc::clone(&self.listener));
                let thread = thread::Builder::new().name(format!("rmq-check-{number}"));
                let spawned = thread.spawn(move || answer_checks(&session, &*listener));
                let refused = |error| StartError::Runtime(format!("no thread to be had: {error}"));
                spawned.map_err(refused)?;
            }
            Ok(())
        })
    }

    /// Warms up, as [`Producer::prepare`]: brokers of these topics can ask this producer about half
    /// messages of its group from then on.
    ///
    /// # Errors
    ///
    /// As [`Producer::prepare`].
    pub fn prepare(&self, topics: &[&str]) -> Result<(), PrepareError> {
        self.producer.prepare(topics)
    }

    /// Sends a half message; once that is stored, executes the local transaction on this thread, and
    /// tells the broker how it has ended. A half message stored with a status other than `SendOk` is
    /// rolled back, and nothing is executed.
    ///
    /// That the broker could not be told is no failure of the send: see
    /// [`confirmation`](TransactionReceipt::confirmation).
    ///
    /// # Errors
    ///
    /// As [`Producer::send`]: the half message is not stored, or nobody knows, and nothing was
    /// executed.
    /// [`TransactionOpen`](rocketmq_producer_core::delivery::SendErrorKind::TransactionOpen) when
    /// a transaction of this very message is under way,
    /// [`TransactionEnded`](rocketmq_producer_core::delivery::SendErrorKind::TransactionEnded) when
    /// there was one.
    pub fn send_message_in_transaction(
        &self,
        message: Message,
        arg: L::Arg,
    ) -> Result<TransactionReceipt, SendError> {
        let half = wait(self.producer.lifecycle.begin_half(message)?)?;
        let state = if half.receipt().may_execute() {
            execute(&*self.listener, half.message(), half.transaction_id(), arg)
        } else {
            LocalTransactionState::RollbackMessage
        };
        Ok(wait(half.end(state)))
    }

    /// Sends a half message, for its transaction to be executed here and committed or rolled back by
    /// hand. The listener is asked only if a broker does not learn the end.
    ///
    /// # Errors
    ///
    /// As [`send_message_in_transaction`](Self::send_message_in_transaction), and
    /// [`HalfInDoubt`](rocketmq_producer_core::delivery::SendErrorKind::HalfInDoubt) when the half
    /// message is stored with a status other than `SendOk`.
    pub fn begin(&self, message: Message) -> Result<Transaction, SendError> {
        match wait(self.producer.lifecycle.begin_half(message)?)?.sound() {
            Ok(half) => Ok(Transaction(half)),
            Err(doubt) => {
                let (ending, error) = *doubt;
                // The error tells all that the caller has to know.
                let _ = wait(ending);
                Err(error)
            }
        }
    }

    /// Stops, as [`Producer::shutdown`]. Brokers that have not learnt the end of a transaction ask
    /// other producers of the group, or this one after its next start.
    ///
    /// # Errors
    ///
    /// As [`Producer::shutdown`].
    pub fn shutdown(&self) -> Result<(), ShutdownError> {
        self.producer.shutdown()
    }

    rocketmq_producer_shared::transaction_controls!();
}

/// Sees to check-backs, one after the other, until the session is over.
fn answer_checks(session: &Arc<Session<SocketWire>>, listener: &impl TransactionListener) {
    while let Some(mut asked) = block_on(pin!(session.next_check())) {
        if let Some((message, id)) = asked.question() {
            let state = check(listener, message, id);
            asked.decide(state);
        }
        if let Some(answer) = asked.answer() {
            // Brokers that are not told ask again.
            let _ = wait(answer);
        }
    }
}

/// A transaction whose half message is stored: to be committed or rolled back.
///
/// Dropped, it is *unknown*: the broker asks the producers of the group, and their listeners answer
/// for it. While it is held, a shutdown waits for it, up to `shutdown_timeout`.
#[derive(Debug)]
#[must_use = "the message is delivered when its transaction is committed, and not before"]
pub struct Transaction(Half<SocketWire>);

impl Transaction {
    /// The message.
    pub fn message(&self) -> &Message {
        self.0.message()
    }

    /// Where the half message is stored.
    pub fn receipt(&self) -> &SendReceipt {
        self.0.receipt()
    }

    /// The transaction's id: the message's UNIQ_KEY.
    pub fn transaction_id(&self) -> &str {
        self.0.transaction_id()
    }

    /// Has the message delivered. Whether the broker has confirmed that, the receipt tells; if it has
    /// not, it asks, and is told the same.
    pub fn commit(self) -> TransactionReceipt {
        wait(self.0.end(LocalTransactionState::CommitMessage))
    }

    /// Has the message forgotten. Else as [`commit`](Self::commit).
    pub fn rollback(self) -> TransactionReceipt {
        wait(self.0.end(LocalTransactionState::RollbackMessage))
    }
}
