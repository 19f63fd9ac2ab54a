//! One message on its way: pick a queue, encode, wait, judge, try elsewhere.
//!
//! ```text
//!            ┌───────────── another attempt ──────────────┐
//!            ▼                                            │
//!        Choosing ──▶ Connecting ──▶ Calling ──▶ (judge) ─┼──▶ Pausing ──▶ Choosing
//!            │             │                              │
//!            └─────────────┴──────────────────────────────┴──▶ Over
//! ```
//!
//! See [`Delivery`] for its contract.

mod attempt;
mod error;
mod machine;
#[cfg(test)]
mod tests;

pub use attempt::{Attempt, AttemptFailure};
pub use error::{Outcome, SendError, SendErrorKind, TimeoutPhase};
pub use machine::{Ask, Delivery, Step};
