//! What a producer tells of itself in numbers: what its counters come to, and how latencies are kept.
//!
//! **Messages** are what is counted: a batch of thirty that is stored has sent thirty. Every message
//! that was handed to a producer is at any time in exactly one of these places: *in flight*, *sent*,
//! *failed*, or *dropped* by its caller before its end.
//!
//! Counters belong to the producer, not to one of its starts. Many threads write them without a lock:
//! who reads while sends end may see one of two counters that change together already changed, and
//! the other not yet. Once sends are over, all of them agree to the last one.
//!
//! Times are serialised as milliseconds, with their fractions.

mod failures;
mod producer;
mod router;

pub use crate::counting::{Histogram, LatencyStats, Reading};
pub use failures::FailureClass;
pub use producer::{InFlightStats, OnewayStats, ProducerStats};
pub use router::{BrokerStats, RouterStats};

/// `part` of `all`; one where there is nothing.
fn rate(part: u64, all: u64) -> f64 {
    if all == 0 { 1.0 } else { part as f64 / all as f64 }
}
