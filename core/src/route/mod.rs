//! Routes: from a name server's answer to the queue that a message goes to.

mod decode;
mod error;
mod routes;
mod topic;

pub use decode::{BadRoute, BrokerData, QueueData, RouteData};
pub(crate) use error::Remark;
pub use error::RouteError;
pub use routes::{Phase, Reach, Routes, TopicEntry};
pub use topic::{QUEUES_MAX, TopicRoute};
