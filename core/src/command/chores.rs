//! The client's own requests: routes, heartbeats, leaving.

use bytes::Bytes;
use bytestring::ByteString;
use serde::Serialize;

use crate::codec::{FieldWriter, Request};

/// The topic whose route stands in for topics that do not exist yet: `TBW102`.
pub const DEFAULT_TOPIC: &str = "TBW102";

const HEART_BEAT: i32 = 34;
const UNREGISTER_CLIENT: i32 = 35;
const GET_ROUTEINFO_BY_TOPIC: i32 = 105;

/// A request that the client makes on its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientCommand {
    /// GET_ROUTEINFO_BY_TOPIC (105) to a name server.
    RouteQuery {
        /// The topic asked for.
        topic: ByteString,
    },
    /// HEART_BEAT (34) to a broker: registers the group on this very connection.
    Heartbeat {
        /// This producer's client id.
        client_id: ByteString,
        /// Its group.
        group: ByteString,
    },
    /// UNREGISTER_CLIENT (35) to a broker.
    Unregister {
        /// This producer's client id.
        client_id: ByteString,
        /// Its group.
        group: ByteString,
    },
}

impl ClientCommand {
    /// True when the answer matters only as a sign of life.
    pub const fn is_probe(&self) -> bool {
        matches!(self, Self::Heartbeat { .. })
    }
}

impl Request for ClientCommand {
    fn code(&self) -> i32 {
        match self {
            Self::RouteQuery { .. } => GET_ROUTEINFO_BY_TOPIC,
            Self::Heartbeat { .. } => HEART_BEAT,
            Self::Unregister { .. } => UNREGISTER_CLIENT,
        }
    }

    fn fields(&self, out: &mut FieldWriter<'_>) {
        match self {
            Self::RouteQuery { topic } => out.text("topic", topic),
            Self::Heartbeat { .. } => {}
            Self::Unregister { client_id, group } => {
                out.text("clientID", client_id);
                out.text("producerGroup", group);
            }
        }
    }

    fn body(&self) -> Bytes {
        match self {
            Self::Heartbeat { client_id, group } => HeartbeatData::new(client_id, group).to_json(),
            _ => Bytes::new(),
        }
    }
}

/// The heartbeat's body: `HeartbeatData` of Apache RocketMQ. Sets may not be null, and the
/// fingerprint is zero, which selects the plain kind of heartbeat that producers want.
#[derive(Serialize)]
struct HeartbeatData<'a> {
    #[serde(rename = "clientID")]
    client_id: &'a str,
    #[serde(rename = "consumerDataSet")]
    consumers: [(); 0],
    #[serde(rename = "heartbeatFingerprint")]
    fingerprint: i32,
    #[serde(rename = "producerDataSet")]
    producers: [ProducerData<'a>; 1],
    #[serde(rename = "withoutSub")]
    without_sub: bool,
}

#[derive(Serialize)]
struct ProducerData<'a> {
    #[serde(rename = "groupName")]
    group: &'a str,
}

impl<'a> HeartbeatData<'a> {
    fn new(client_id: &'a str, group: &'a str) -> Self {
        Self {
            client_id,
            consumers: [],
            fingerprint: 0,
            producers: [ProducerData { group }],
            without_sub: false,
        }
    }

    fn to_json(&self) -> Bytes {
        // Texts and numbers always serialise.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}
