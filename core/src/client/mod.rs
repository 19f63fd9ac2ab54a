//! The brain: name servers, topics in use, which connections should exist, heartbeats, requests
//! from brokers, leaving. See [`Client`] for its contract.

mod brokers;
mod connections;
mod heartbeats;
mod io;
mod machine;
mod mailbox;
mod names;
mod queries;
mod rounds;
mod shutdown;
mod telling;
#[cfg(test)]
mod tests;
mod topic;
mod topics;
mod waiting;

pub use io::{Input, Output};
pub use machine::Client;
pub use mailbox::{Mailbox, Wait};
pub use waiting::Waiting;
