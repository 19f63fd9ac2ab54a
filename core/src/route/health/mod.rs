//! How well each broker serves, and who may be sent to it.
//!
//! ```text
//!             3 failures           5 failures
//!   Healthy ─────────────▶ Degraded ──────────▶ Unhealthy        suspend      ┌───────────┐
//!      ▲                      │                     │         ─────────────▶ │ Suspended │
//!      └──────── 5 successes ─┴─────────────────────┘         ◀───────────── └───────────┘
//!                                                                recover
//! ```
//!
//! Counts are of failures, and of successes, in a row. A degraded broker keeps a share of its
//! turns, an unhealthy one is tried by one send at a time after a pause: without either, neither
//! could ever recover.

mod broker;
mod latencies;
mod standing;
#[cfg(test)]
mod tests;

pub use broker::{BrokerHealth, BrokerHealthStats};
pub use standing::BrokerState;
