//! What every sender needs to know, as one immutable snapshot.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytestring::ByteString;

use super::{BrokerHealth, HeartbeatCounters, HeartbeatStats, RouteError, TopicRoute, TopicTable};
use crate::{counting::Reading, ids::LinkId, link::LinkError, model::Address};

/// Whether sends are still served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// They are.
    #[default]
    Running,
    /// They are not, and never will be again: why.
    Closed(LinkError),
}

/// What is known of one topic.
#[derive(Clone, Debug, Default)]
pub struct TopicEntry {
    /// The last good route. A name server that is down or confused does not empty it.
    pub route: Option<Arc<TopicRoute>>,
    /// Why the last question was not answered with a route.
    pub failure: Option<Arc<RouteError>>,
    /// Counts finished rounds of questions, so that a sender can tell an answer to its own question
    /// from an older one.
    pub rounds: u64,
}

/// What is known of the connection to one broker.
#[derive(Clone, Debug)]
pub enum Reach {
    /// Up and usable.
    Up(LinkId),
    /// Not, or not yet.
    Down {
        /// Counts failed attempts to connect.
        failures: u64,
        /// Why the last one failed, if one did since the connection was last up.
        error: Option<LinkError>,
        /// True while the next attempt is put off, or is under way after one that failed: another
        /// broker is the better choice.
        resting: bool,
    },
}

/// What a publication tells that the one before it did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// About these topics.
    pub topics: BTreeSet<ByteString>,
    /// About connections, or about everything.
    pub others: bool,
}

/// Routes and connections at one moment: published by the client, read by every
/// [`Delivery`](crate::delivery::Delivery).
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// Grows with every publication.
    pub version: u64,
    /// Whether sends are still served.
    pub phase: Phase,
    /// What is new in it.
    pub news: News,
    pub(crate) topics: TopicTable,
    pub(crate) brokers: BTreeMap<Address, Reach>,
    /// `MQVersion` of the brokers that have answered the first heartbeat on their connections.
    pub(crate) versions: BTreeMap<Address, i32>,
    /// By broker name; shared with the routes before and after.
    pub(crate) health: BTreeMap<ByteString, Arc<BrokerHealth>>,
    /// One for all publications.
    pub(crate) heartbeats: Arc<HeartbeatCounters>,
}

impl Routes {
    /// What is known of `topic`.
    pub fn topic(&self, topic: &str) -> Option<&TopicEntry> {
        self.topics.get(topic)
    }

    /// How many topics there are whose route is known. Looks at all of them.
    pub fn cached_topics(&self) -> usize {
        self.topics.routed()
    }

    /// What is known of the connection to `broker`.
    pub fn reach(&self, broker: &Address) -> Reach {
        let unknown = Reach::Down { failures: 0, error: None, resting: false };
        self.brokers.get(broker).cloned().unwrap_or(unknown)
    }

    /// `MQVersion` of the broker there, once it has answered the first heartbeat on the connection
    /// that is up: from then on it knows the producer's group.
    pub fn broker_version(&self, broker: &Address) -> Option<i32> {
        self.versions.get(broker).copied()
    }

    /// How the broker of this name serves; none when no route has named it.
    pub fn health(&self, broker_name: &str) -> Option<&Arc<BrokerHealth>> {
        self.health.get(broker_name)
    }

    /// The brokers that routes name, with their health.
    pub fn brokers(&self) -> impl Iterator<Item = (&str, &Arc<BrokerHealth>)> {
        self.health.iter().map(|(name, health)| (&**name, health))
    }

    /// The heartbeats to all brokers so far, those after this publication included.
    pub fn heartbeats(&self) -> HeartbeatStats {
        self.heartbeats.read(Reading::Look)
    }

    /// The same, closed: what a driver publishes when the client can no longer do so itself.
    pub fn closed(&self, why: LinkError) -> Self {
        let news = News { others: true, ..News::default() };
        let (version, heartbeats) = (self.version + 1, Arc::clone(&self.heartbeats));
        Self { version, phase: Phase::Closed(why), news, heartbeats, ..Self::default() }
    }
}
