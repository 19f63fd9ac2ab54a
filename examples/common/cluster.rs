//! The cluster that an example talks to: the one at `NAMESRV_ADDR`, or else one that it brings along,
//! inside its own process.

#![allow(dead_code, reason = "each example uses a part of it")]

use std::{
    env, fmt, thread,
    time::{Duration, Instant},
};

use rocketmq_producer::ProducerConfig;
use rocketmq_producer_testkit::{ReadError, Reader, StoredMessage, serve::EmbeddedCluster};

/// What name servers answer when they do not know a topic: brokers tell them of new ones by and by.
const TOPIC_NOT_EXIST: i32 = 17;

pub(crate) struct Cluster {
    namesrv_addr: String,
    /// Lives as long as this; a cluster that was given is somebody else's.
    embedded: Option<EmbeddedCluster>,
}

impl Cluster {
    pub(crate) fn given_or_embedded() -> Self {
        match env::var("NAMESRV_ADDR") {
            Ok(namesrv_addr) if !namesrv_addr.is_empty() => Self { namesrv_addr, embedded: None },
            _ => {
                let cluster = EmbeddedCluster::start();
                Self { namesrv_addr: cluster.namesrv_addr(), embedded: Some(cluster) }
            }
        }
    }

    /// A configuration for producers of this group.
    pub(crate) fn config(&self, group: &str) -> ProducerConfig {
        ProducerConfig::new(group, self.namesrv_addr.clone())
    }

    pub(crate) fn embedded(&self) -> Option<&EmbeddedCluster> {
        self.embedded.as_ref()
    }

    /// What consumers of a topic can see: nothing, when there is no such topic.
    pub(crate) fn stored(&self, topic: &str) -> Result<Vec<StoredMessage>, ReadError> {
        if let Some(cluster) = &self.embedded {
            return Ok(cluster.stored(topic));
        }
        match Reader::connect(&self.namesrv_addr)?.read_topic(topic) {
            Err(ReadError::Refused { code: TOPIC_NOT_EXIST, .. }) => Ok(Vec::new()),
            read => read,
        }
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if self.embedded.is_some() { "embedded cluster" } else { "cluster" };
        write!(f, "the {whose} {}", self.namesrv_addr)
    }
}

/// Looks now and then whether something is so; false when it is not for so long.
pub(crate) fn wait_until<E>(
    patience: Duration,
    mut so: impl FnMut() -> Result<bool, E>,
) -> Result<bool, E> {
    let until = Instant::now() + patience;
    while !so()? {
        if Instant::now() >= until {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(true)
}
