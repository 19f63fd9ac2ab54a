//! What the table of transactions tells of itself.

use std::time::Duration;

use crate::{command::LocalTransactionState, model::Message, time::UnixMillis};

/// A transaction, as the table has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransactionMetadata {
    /// Its id: the message's UNIQ_KEY.
    pub transaction_id: String,
    /// The message.
    pub message: Message,
    /// What is known of it so far.
    pub local_state: LocalTransactionState,
    /// When it was begun, by the producer's wall clock.
    pub create_time: UnixMillis,
    /// After so long it is dropped from the table.
    pub timeout: Duration,
    /// How often brokers have asked.
    pub check_times: u32,
    /// How often the listener is asked at most.
    pub max_check_times: u32,
}

/// What transactions have come to, since the producer was made or its statistics were last reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct TransactionStats {
    /// Half messages that were stored.
    pub total_transactions: u64,
    /// Decided: commit.
    pub committed_transactions: u64,
    /// Decided: rollback.
    pub rolled_back_transactions: u64,
    /// Local transactions that have come to no final state: brokers ask about these.
    pub unknown_transactions: u64,
    /// Check-backs for each transaction that was asked about while it was open, on average.
    pub avg_check_times: f64,
    /// Check-backs in all, late ones included.
    pub checks: u64,
    /// Check-backs that were answered *unknown* without the listener: there is none, too many were
    /// waiting, the producer was ending, or the question could not be read.
    pub overlooked_checks: u64,
    /// Transactions dropped from the table for want of a final state.
    pub timed_out: u64,
    /// Final states that no broker has confirmed when they were told.
    pub unconfirmed: u64,
    /// Transactions that are open. Not reset, nor is the next.
    pub open: usize,
    /// Final states that are remembered.
    pub remembered: usize,
}
