//! A topic's route as name servers write it.

use std::{collections::BTreeMap, net::SocketAddr};

use serde_json::{Value, json};

use super::{PERM_WRITE, broker::Queues, name_server::Known};

/// The route of a topic, none when no broker has it. Without `standard` the ids of brokers are
/// written as bare numbers, which is no JSON.
pub(super) fn encode(
    brokers: &BTreeMap<String, Known>,
    topic: &str,
    order: Option<&str>,
    acting_master: bool,
    standard: bool,
) -> Option<String> {
    let having = brokers.iter().filter_map(|(name, known)| {
        let queues = *known.registration.topics.get(topic)?;
        let master = known.registration.address?;
        Some(Having { name, known, queues, master, acting_master })
    });
    let having: Vec<_> = having.collect();
    if having.is_empty() {
        return None;
    }
    let mut route = json!({
        "brokerDatas": having.iter().map(Having::broker).collect::<Vec<_>>(),
        "filterServerTable": {},
        "queueDatas": having.iter().map(Having::queue).collect::<Vec<_>>(),
    });
    if let Some(order) = order {
        route["orderTopicConf"] = order.into();
    }
    let text = route.to_string();
    Some(match standard {
        true => text,
        false => text.replace("{\"0\":", "{0:").replace("{\"1\":", "{1:").replace(",\"1\":", ",1:"),
    })
}

/// A broker that has the topic.
struct Having<'a> {
    name: &'a str,
    known: &'a Known,
    queues: Queues,
    master: SocketAddr,
    acting_master: bool,
}

impl Having<'_> {
    fn perm(&self) -> i32 {
        let taken = if self.known.wiped { PERM_WRITE } else { 0 };
        self.queues.perm & !taken
    }

    /// By broker id: 0 is the master, or who acts for it where nothing can be written anyway.
    fn addresses(&self) -> BTreeMap<&'static str, SocketAddr> {
        let slave = self.known.registration.slave;
        if !self.known.masterless {
            return slave
                .map(|slave| ("1", slave))
                .into_iter()
                .chain([("0", self.master)])
                .collect();
        }
        let acts = self.acting_master && self.perm() & PERM_WRITE == 0;
        slave.map(|slave| (if acts { "0" } else { "1" }, slave)).into_iter().collect()
    }

    fn broker(&self) -> Value {
        json!({
            "brokerAddrs": self.addresses(), "brokerName": self.name,
            "cluster": "DefaultCluster", "enableActingMaster": self.acting_master,
        })
    }

    fn queue(&self) -> Value {
        json!({
            "brokerName": self.name, "perm": self.perm(), "readQueueNums": self.queues.count,
            "topicSysFlag": 0, "writeQueueNums": self.queues.count,
        })
    }
}
