//! One connection, from connect to close, without a socket: bytes ↔ frames, opaque → token.
//!
//! A [`Link`] never reconnects. It uses nothing but [`codec`](crate::codec), so it could carry any
//! protocol that correlates answers by an opaque number. See [`Link`] for its contract.

mod backlog;
mod calls;
mod error;
mod expiry;
mod io;
mod machine;
mod oneways;
mod outgoing;
mod room;
#[cfg(test)]
mod tests;
mod window;

pub use error::{CallError, CallRefused, LinkError, Refusal};
pub use io::{Call, LinkConfig, LinkEvent, LinkStats, Manner};
pub use machine::Link;
pub use outgoing::Outgoing;
