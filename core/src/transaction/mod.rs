//! Half messages: what has been decided about each, and what brokers are told.
//!
//! ```text
//!               begin                stored               the listener has answered
//!   (nothing) ─────────▶ Sending ─────────────▶ Executing ──────────────────────────┐
//!                           │ not sent             │ Unknown, or nobody waits        │ Commit,
//!                           ▼                      ▼                                 │ Rollback
//!                       (nothing)  ◀─timeout──  Unresolved ──▶ Asking ──────────────▶│
//!                                                  ▲  a broker   │ Unknown           │
//!                                                  └──asks───────┘                   ▼
//!                                                                 Final: told ──▶ confirmed
//! ```
//!
//! [`Transactions`] is the table of that; [`Confirmation`] takes a final state to its broker.
//! **Decided is decided**: whatever is told about a transaction after its first final state is that
//! state, but for the answer to a late check-back on the very connection on which it was confirmed
//! (see [`Transactions::handle_check`]).

mod confirmation;
mod finals;
#[cfg(test)]
mod model_check;
mod receipt;
mod table;

pub use confirmation::{Confirmation, Unconfirmed};
pub use receipt::{Confirmed, TransactionReceipt};
pub use table::{Answer, Decision, TransactionMetadata, TransactionStats, Transactions};
