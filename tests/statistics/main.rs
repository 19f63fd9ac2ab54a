//! What producers say of themselves, against what others have counted.

#![cfg(all(feature = "mio", feature = "smol", feature = "tokio"))]

mod count;
mod dropped;
#[path = "../contract/subject.rs"]
#[allow(dead_code, reason = "each suite uses a part of it")]
mod subject;
mod tally;
mod trouble;
