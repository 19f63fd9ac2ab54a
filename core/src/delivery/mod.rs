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
//! [`Permits`] and [`Lanes`] say when a send may begin at all; an [`Accumulator`] makes one send of
//! several. See [`Delivery`] for its contract.

mod accumulator;
mod attempt;
mod batch;
mod choosing;
mod error;
mod io;
mod lanes;
mod lot;
mod machine;
mod options;
mod outcome;
mod pacing;
mod parcel;
mod permits;
mod report;
mod routing;
mod tally;
#[cfg(test)]
mod tests;
mod traced;
mod unusual;

pub use accumulator::Accumulator;
pub use attempt::{Attempt, AttemptFailure};
pub use batch::{Share, share_out, split_receipt, validate_batch};
pub(crate) use error::CodeName;
pub use error::{Outcome, SendError, SendErrorKind, TimeoutPhase};
pub use io::{Ask, Delivered, Errand, Step};
pub use lanes::{LaneKey, Lanes};
pub use lot::{Lot, LotKey, lot_key};
pub use machine::Delivery;
pub use options::SendOptions;
pub use parcel::Parcel;
pub use permits::{Asked, Permits};
pub use report::{AttemptEnd, AttemptReport};
pub use routing::Routing;
pub use tally::AttemptFate;
