//! What tasks wait for, on whatever runtime: an answer needs no reactor and no timer of its caller.

use rocketmq_producer_core::{
    command::LocalTransactionState,
    delivery::SendError,
    model::{Message, SendReceipt},
    transaction::TransactionReceipt,
};

use crate::{AsyncTransactionListener, DriverBell, Half, Lifecycle, ShutdownError, settled};

impl Lifecycle<DriverBell> {
    /// Ends the current session and waits for its end.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] when sends had to be cut off.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the shutdown goes on.
    pub async fn shutdown(&self) -> Result<(), ShutdownError> {
        let Some(session) = self.close() else { return Ok(()) };
        // The end of the wait is all that matters.
        let _ = session.end().await;
        session.result()
    }

    /// Sends a half message, has the listener execute the local transaction, and tells the broker.
    ///
    /// # Errors
    ///
    /// As [`begin_half`](Self::begin_half), and as the half message's send.
    ///
    /// # Cancel safety
    ///
    /// Dropped after the half message was stored, the transaction is *unknown*, and brokers ask.
    pub async fn run_transaction<L: AsyncTransactionListener>(
        &self,
        message: Message,
        listener: &L,
        arg: L::Arg,
    ) -> Result<TransactionReceipt, SendError> {
        let half = self.begin_half(message)?.await?;
        let state = if half.receipt().may_execute() {
            let (message, id) = (half.message(), half.transaction_id());
            let execute = async { listener.execute_local_transaction(message, id, arg).await };
            settled(execute).await
        } else {
            LocalTransactionState::RollbackMessage
        };
        Ok(half.end(state).await)
    }

    /// Sends a half message, for its transaction to be ended by hand.
    ///
    /// # Errors
    ///
    /// The same, and
    /// [`SendErrorKind::HalfInDoubt`](rocketmq_producer_core::delivery::SendErrorKind::HalfInDoubt).
    pub async fn begin_transaction(&self, message: Message) -> Result<Transaction, SendError> {
        match self.begin_half(message)?.await?.sound() {
            Ok(half) => Ok(Transaction(half)),
            Err(doubt) => {
                let (ending, error) = *doubt;
                // The error tells all that the caller has to know.
                let _ = ending.await;
                Err(error)
            }
        }
    }
}

/// A transaction whose half message is stored: to be committed or rolled back.
///
/// Dropped, it is *unknown*: the broker asks the producers of the group, and their listeners answer
/// for it. While it is held, a shutdown waits for it, up to `shutdown_timeout`.
#[derive(Debug)]
#[must_use = "the message is delivered when its transaction is committed, and not before"]
pub struct Transaction(Half<DriverBell>);

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
    ///
    /// # Cancel safety
    ///
    /// The commit stands from the first poll on. Dropped after that, the broker may not be told before
    /// it asks.
    pub async fn commit(self) -> TransactionReceipt {
        self.0.end(LocalTransactionState::CommitMessage).await
    }

    /// Has the message forgotten. Else as [`commit`](Self::commit).
    ///
    /// # Cancel safety
    ///
    /// As [`commit`](Self::commit).
    pub async fn rollback(self) -> TransactionReceipt {
        self.0.end(LocalTransactionState::RollbackMessage).await
    }
}
