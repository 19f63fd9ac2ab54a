//! What every producer has to keep, whatever runs it: one text, expanded for blocking on threads and
//! on a poller (mio), smol and tokio, over real sockets against the model cluster.

#![cfg(all(feature = "mio", feature = "smol", feature = "tokio"))]

mod batches;
mod bodies;
mod cancellation;
mod congestion;
mod discovery;
mod errors;
mod faults;
mod gathering;
mod hostile;
mod life;
mod message_trace;
mod oneway;
mod routing;
mod statistics;
#[allow(dead_code, reason = "other suites use the rest of it")]
mod subject;
mod traces;
mod transactions;
#[allow(dead_code, reason = "other suites use the rest of it")]
mod transactor;
mod world;
