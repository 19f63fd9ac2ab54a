//! Half messages: what has been decided about each, and what brokers are told.
//!
//! ```text
//!              begin            stored              Commit, Rollback
//!   (nothing) ───────▶ Sending ────────▶ Executing ────────────────────▶ Under way ◀──────┐
//!                         │ not sent         │ Unknown, or               ▲     │          │ a broker
//!                         ▼                  ▼ nobody waits              │     │ told     │ asks (*)
//!                     (nothing)          Unresolved                      │     ▼          │
//!                                  a broker │  ▲ Unknown,               │  Confirmed ────┤
//!                                      asks ▼  │ overlooked             │  Unconfirmed ──┘
//!                                         Asking ────────────────────────┤
//!             a broker asks                     Commit, Rollback         │
//!   (nothing) ────────────▶ Asking, another producer's ──────────────────┘
//!       ▲                              │ Unknown, overlooked
//!       └──────────────────────────────┘
//! ```
//!
//! On the left of *Under way* a transaction is open: it is decided by whichever of its local
//! transaction and its listener is first, whatever the table makes of the other, and dropped after
//! `transaction_timeout`. From there on it has a final state, which is forgotten after
//! `final_states_kept`, or when there are too many.
//!
//! (*) But for a confirmed one that is asked about on the connection of its confirmation: it stays
//! where it is, and the copy is rolled back.
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
mod stats;
mod table;

pub use confirmation::{Confirmation, Unconfirmed};
pub use receipt::{Confirmed, TransactionReceipt};
pub use stats::{TransactionMetadata, TransactionStats};
pub use table::{Answer, Beginning, Decision, TransactionNews, Transactions};
