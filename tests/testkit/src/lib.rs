//! What tests of a RocketMQ producer need, this project's own and its users'.
//!
//! | here | what it is |
//! |---|---|
//! | [`serve::EmbeddedCluster`] | a cluster inside this process, on free loopback ports |
//! | [`model`] | the same without sockets: name servers and brokers as state machines |
//! | [`real::RealCluster`] | Apache RocketMQ itself, from Maven Central |
//! | [`fuzzing`] | what the fuzz targets run |
//! | [`TraceRecord`] | a record of the message trace, field by field |
//! | [`Reader`] | reads back what was stored, from any of them |

pub mod fuzzing;
pub mod model;
pub mod real;
pub mod serve;
pub mod sim;

mod reader;
mod stored;
mod trace;

pub use reader::{ReadError, Reader};
pub use stored::{BadCompression, NotStored, StoredMessage, offset_message_id};
pub use trace::{NotTraced, TraceRecord};
