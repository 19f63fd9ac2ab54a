//! Routes: from a name server's answer to the queue that a message goes to.

mod broker;
mod choice;
mod decode;
mod error;
mod health;
mod heartbeats;
mod routes;
mod table;
mod topic;

pub(crate) use broker::Broker;
pub(crate) use choice::Circumstances;
pub use choice::{BadSelection, Choice, Decider, QueueSelector, RoutingError, RoutingResult};
pub use decode::{BadRoute, BrokerData, QueueData, RouteData};
pub use error::RouteError;
pub(crate) use error::{Causes, List, Remark};
pub use health::{BrokerHealth, BrokerHealthStats, BrokerState};
pub use heartbeats::{HeartbeatCounters, HeartbeatStats};
pub use routes::{News, Phase, Reach, Routes, TopicEntry};
pub(crate) use table::TopicTable;
pub(crate) use topic::Place;
pub use topic::{QUEUES_MAX, TopicRoute, TopicUse};
