//! What a `tracing` subscriber gets to see, on every runtime, over real sockets.
//!
//! A test binary of its own: what housekeeping threads and tasks tell goes to the one subscriber of
//! the process.

#![cfg(all(feature = "mio", feature = "smol", feature = "tokio", feature = "tracing"))]

mod collector;
mod events;
mod spans;
#[path = "../contract/subject.rs"]
#[allow(dead_code, reason = "each suite uses a part of it")]
mod subject;
#[path = "../contract/world.rs"]
#[allow(dead_code, reason = "each suite uses a part of it")]
mod world;
