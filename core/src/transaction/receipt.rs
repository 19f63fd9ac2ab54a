//! What a transactional send has come to.

use bytestring::ByteString;

use super::Unconfirmed;
use crate::{
    command::LocalTransactionState,
    model::{SendReceipt, SendStatus},
};

/// Whether the broker knows how a transaction has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confirmed {
    /// It has said so.
    Yes,
    /// There is nothing to tell: the state is *unknown*, and the broker is to ask.
    NotNeeded,
    /// It may not know, and will ask: the producer that is asked then says the same.
    No(Unconfirmed),
}

/// The end of [`send_message_in_transaction`], or of a transaction that was begun by hand.
///
/// [`send_message_in_transaction`]: crate::transaction
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the local state, and whether the broker knows of it, are told by this"]
#[non_exhaustive]
pub struct TransactionReceipt {
    /// Where the half message is stored.
    pub receipt: SendReceipt,
    /// The transaction's id: the message's UNIQ_KEY.
    pub transaction_id: ByteString,
    /// What the local transaction has come to.
    pub local_state: LocalTransactionState,
    /// How often brokers had asked about it by then.
    pub check_times: u32,
    /// Whether the broker knows.
    pub confirmation: Confirmed,
}

impl TransactionReceipt {
    /// A receipt.
    pub fn new(
        receipt: SendReceipt,
        local_state: LocalTransactionState,
        check_times: u32,
        confirmation: Confirmed,
    ) -> Self {
        let transaction_id = receipt.message_id.clone();
        Self { receipt, transaction_id, local_state, check_times, confirmation }
    }

    /// True when the message is to be delivered. Whether the broker knows is told by
    /// [`confirmation`](Self::confirmation).
    pub fn is_commit(&self) -> bool {
        self.local_state == LocalTransactionState::CommitMessage
    }

    /// True when the message is to be forgotten.
    pub fn is_rollback(&self) -> bool {
        self.local_state == LocalTransactionState::RollbackMessage
    }

    /// True when the broker is to ask.
    pub fn is_unknown(&self) -> bool {
        self.local_state == LocalTransactionState::Unknown
    }

    /// True when the broker has confirmed the final state.
    pub fn is_confirmed(&self) -> bool {
        self.confirmation == Confirmed::Yes
    }
}

impl SendReceipt {
    /// True when a half message is stored so well that its transaction may be executed; another is
    /// rolled back.
    ///
    /// Source: `DefaultMQProducerImpl.sendMessageInTransaction`.
    pub fn may_execute(&self) -> bool {
        self.status == SendStatus::SendOk
    }
}
