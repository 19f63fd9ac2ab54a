//! One message on its way: pick a queue, encode, wait, judge, try elsewhere.
//!
//! ```text
//!            ┌───────────── another attempt ──────────────┐
//!            ▼                                            │
//!        Choosing ──▶ Connecting ──▶ Calling ──▶ (judge) ─┼──▶ Pausing ──▶ Choosing
//!            │             │                              │
//!            └─────────────┴──────────────────────────────┴──▶ Lingering ──▶ Over
//! ```
//!
//! [`Permits`] and [`Lanes`] say when a send may begin at all. See [`Delivery`] for its contract.

mod attempt;
mod choosing;
mod error;
mod io;
mod lanes;
mod machine;
mod options;
mod outcome;
mod pacing;
mod permits;
#[cfg(test)]
mod tests;

pub use attempt::{Attempt, AttemptFailure};
pub use error::{Outcome, SendError, SendErrorKind, TimeoutPhase};
pub use io::{Ask, Step};
pub use lanes::{LaneKey, Lanes};
pub use machine::Delivery;
pub use options::SendOptions;
pub use permits::{Asked, Permits};
