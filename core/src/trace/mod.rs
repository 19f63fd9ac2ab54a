//! The message trace: one record a send, written to a topic of its own.
//!
//! ```text
//!   a send ends ──▶ TraceRecord ──▶ TraceQueue ──▶ TracePackage: a message ──▶ a Delivery of its own
//!                        │ full, late     ▲                                         │
//!                        ▼                └──── success, or failure and a pause ◀───┘
//!                     dropped, and counted
//! ```
//!
//! Records are those of RocketMQ's Java client, byte by byte, so that its tools read them, with these
//! differences, all of which tell more:
//!
//! * **Sends that fail are recorded**, with *success* `false`; Java records none. So are those that
//!   were dropped by their callers when a broker may have had them.
//! * **One-way sends are recorded**; Java records none. *Success* says that a socket has taken them,
//!   nobody knows more.
//! * What is not known is `null`: *offsetMsgId* of one-way and failed sends, *storeHost* of those that
//!   met no broker. The region is `DefaultRegion` then.
//! * *Timestamp* and *costTime* are those of the whole send, retries included; in Java those of its
//!   last attempt.
//! * A trace message's index keys name each message of a batch by itself, so that it is found by the
//!   id that its receipt has; in Java all ids are one key.
//!
//! As in Java: a batch is one record, with all ids in it and neither tags nor keys; a broker that
//! answers `TRACE_ON=false` has its messages left out; what is sent to the trace's own topic is never
//! traced; tags and keys that are missing are the text `null`.

mod queue;
mod record;
mod stats;

pub use queue::{TracePackage, TraceQueue};
pub use record::{TraceRecord, TracedEnd};
pub use stats::TraceStats;

/// The topic that records go to: brokers create it when told to (`traceTopicEnable`), or as they
/// create others.
pub const TRACE_TOPIC: &str = "RMQ_SYS_TRACE_TOPIC";
