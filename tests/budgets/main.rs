//! What a send may cost, in figures that no other work on the machine can change: allocations and
//! bytes, counted, not timed.
//!
//! The server is a process of its own, so only the producer is counted. What is counted belongs to
//! this whole process, so the tests wait for each other. Instructions are counted by `.ci/budgets`.

#![cfg(all(feature = "mio", feature = "smol", feature = "tokio", target_os = "linux"))]

#[path = "../../examples/bench/answers.rs"]
mod answers;
#[path = "../../examples/bench/frames.rs"]
mod frames;
#[path = "../../examples/bench/null_server.rs"]
mod null_server;

mod allocations;
mod counting;
mod memory;
mod runtimes;
mod server;
mod sizes;
