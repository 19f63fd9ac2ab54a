//! The producers that a broker knows, by their heartbeats.

use std::collections::{BTreeMap, BTreeSet};

use rocketmq_producer_core::codec::Frame;
use serde_json::Value;

use crate::model::{ConnectionId, Response};

/// Who is there, and whose turn it is to be asked something.
#[derive(Debug, Default)]
pub(super) struct Producers {
    /// Client id and groups of each connection that has sent a heartbeat.
    known: BTreeMap<ConnectionId, (String, BTreeSet<String>)>,
    /// How often each group was asked something.
    asked: BTreeMap<String, usize>,
}

impl Producers {
    pub(super) fn heartbeat(&mut self, connection: ConnectionId, body: &[u8]) -> Response {
        let data: Value = serde_json::from_slice(body).unwrap_or_default();
        let client = data["clientID"].as_str();
        let (Some(client), Some(_)) = (client, data["consumerDataSet"].as_array()) else {
            return Response::code(1, "java.lang.NullPointerException");
        };
        for producer in data["producerDataSet"].as_array().into_iter().flatten() {
            let group = producer["groupName"].as_str().unwrap_or_default();
            let (id, groups) = self.known.entry(connection).or_default();
            client.clone_into(id);
            groups.insert(group.to_owned());
        }
        Response::default()
    }

    /// A client leaves one group, or all when it names none.
    pub(super) fn unregister(&mut self, frame: &Frame) -> Response {
        let text = |name: &str| frame.header.ext.get(name).map(|value| value.to_string());
        let (client, group) = (text("clientID"), text("producerGroup"));
        let leaves = |name: &String| group.as_ref().is_none_or(|group| group == name);
        self.known.retain(|_, (id, groups)| {
            if Some(&*id) == client.as_ref() {
                groups.retain(|name| !leaves(name));
            }
            !groups.is_empty()
        });
        Response::default()
    }

    pub(super) fn handle_closed(&mut self, connection: ConnectionId) {
        self.known.remove(&connection);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Client id and group of everyone.
    pub(super) fn all(&self) -> Vec<(String, String)> {
        let each = |(id, groups): &(String, BTreeSet<String>)| {
            groups.iter().map(|group| (id.clone(), group.clone())).collect::<Vec<_>>()
        };
        self.known.values().flat_map(each).collect()
    }

    /// The connection of a group whose turn it is.
    pub(super) fn next_of(&mut self, group: &str) -> Option<ConnectionId> {
        let members = self.known.iter().filter(|(_, (_, groups))| groups.contains(group));
        let members: Vec<ConnectionId> = members.map(|(connection, _)| *connection).collect();
        let asked = self.asked.entry(group.to_owned()).or_default();
        let member = members.get(asked.checked_rem(members.len())?);
        *asked += 1;
        member.copied()
    }
}
