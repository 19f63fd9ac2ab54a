//! What a broker does with what it is sent.

use std::{collections::BTreeMap, net::SocketAddr};

use bytes::Bytes;
use rocketmq_producer_core::{
    codec::Frame,
    model::{PROPERTIES_SIZE_MAX, decode_properties},
    time::Now,
};

use super::{Broker, Flavour, PERM_INHERIT, Queues, place::FORBIDDEN_TOPICS};
use crate::{
    StoredMessage,
    model::{
        FLOW_CONTROL_REMARKS, PERM_WRITE, Response,
        journal::{Entry, Journal, Stored},
    },
};

pub(super) const SYSTEM_ERROR: i32 = 1;
const SYSTEM_BUSY: i32 = 2;
pub(super) const MESSAGE_ILLEGAL: i32 = 13;
const SERVICE_NOT_AVAILABLE: i32 = 14;
const NO_PERMISSION: i32 = 16;
const TOPIC_NOT_EXIST: i32 = 17;
const INVALID_PARAMETER: i32 = 29;
pub(super) const BODY_SIZE_MAX: usize = 4 * 1024 * 1024;

impl Broker {
    /// Whether it is a batch is what the header says, whatever the request's code.
    pub(super) fn send(
        &mut self,
        now: Now,
        peer: SocketAddr,
        frame: &Frame,
        journal: &mut Journal,
    ) -> Response {
        let message = match self.accept(now, peer, frame) {
            Ok(message) => message,
            Err(refusal) => return refusal,
        };
        let stored = match frame.header.ext.get("m").is_some_and(|batch| batch == "true") {
            true => self.send_batch(now, message, frame, journal),
            false => self.send_one(now, message, frame, journal),
        };
        stored.map_or_else(|refusal| refusal, |ext| Response { ext, ..Response::default() })
    }

    fn send_one(
        &mut self,
        now: Now,
        mut message: StoredMessage,
        frame: &Frame,
        journal: &mut Journal,
    ) -> Result<Vec<(&'static str, String)>, Response> {
        let size = (frame.body.len(), frame.header.ext.get("i").map_or(0, |text| text.len()));
        if size.0 == 0 || size.0 > BODY_SIZE_MAX || size.1 > PROPERTIES_SIZE_MAX {
            let remark = format!("the message is illegal, sizes {size:?}");
            return Err(Response::code(MESSAGE_ILLEGAL, remark));
        }
        self.refuse_as_slave()?;
        let queue_id = message.queue_id;
        let uniq_key = message.uniq_key().map(str::to_owned);
        let half = self.prepare(&mut message);
        let wait = self.detour(now.wall, &mut message)?;
        let (id, stored) = self.store.append(message);
        let entry = || Stored::new(&self.name, stored, now);
        match wait {
            Some(wait) => {
                self.schedule.add(now.instant + wait, stored.commit_log_offset);
                journal.record(|| Entry::Scheduled(entry()));
            }
            None if half => {
                self.transactions.add(now.instant, stored);
                journal.record(|| Entry::half(entry(), stored));
            }
            None => journal.record(|| Entry::Visible(entry())),
        }
        let mut ext = place(id, queue_id, stored.queue_offset, self.trace_on);
        if self.flavour == Flavour::V5 {
            ext.extend(uniq_key.map(|key| ("transactionId", key)));
        }
        Ok(ext)
    }

    /// Stores a message where consumers see it.
    pub(super) fn publish(
        &mut self,
        now: Now,
        mut message: StoredMessage,
        journal: &mut Journal,
    ) -> (String, i64) {
        message.store_timestamp = now.wall.0;
        let (id, stored) = self.store.append(message);
        journal.record(|| Entry::Visible(Stored::new(&self.name, stored, now)));
        (id, stored.queue_offset)
    }

    /// The message as its header has it, or why nothing of it is stored: checks in the order of real
    /// brokers.
    fn accept(
        &mut self,
        now: Now,
        peer: SocketAddr,
        frame: &Frame,
    ) -> Result<StoredMessage, Response> {
        // A newer slave refuses before it looks at the request, an older one when it is to store.
        if self.read_only && self.flavour == Flavour::V5 {
            return Err(Response::code(SYSTEM_BUSY, FLOW_CONTROL_REMARKS[0]));
        }
        let ext = &frame.header.ext;
        let text = |name: &str| ext.get(name).map(|value| value.to_string()).unwrap_or_default();
        let topic = text("b");
        if FORBIDDEN_TOPICS.contains(&&*topic) {
            let remark = format!("Sending message to topic[{topic}] is forbidden.");
            return Err(Response::code(NO_PERMISSION, remark));
        }
        let queue_id: i32 = ext.number("e").unwrap_or(-1);
        let queues = self.queues_for(&topic, &text("c"), ext.number("d").unwrap_or(0))?;
        if queue_id < 0 || queue_id >= queues.count as i32 {
            let code = match self.flavour {
                Flavour::V5 => INVALID_PARAMETER,
                Flavour::V4 => SYSTEM_ERROR,
            };
            return Err(Response::code(code, format!("request queueId[{queue_id}] is illegal")));
        }
        Ok(StoredMessage {
            topic,
            queue_id,
            queue_offset: 0,
            commit_log_offset: 0,
            flag: ext.number("h").unwrap_or(0),
            sys_flag: ext.number("f").unwrap_or(0),
            born_timestamp: ext.number("g").unwrap_or(0),
            store_timestamp: now.wall.0,
            born_host: peer,
            store_host: self.address(),
            body_crc: 0,
            body: Bytes::copy_from_slice(&frame.body),
            properties: properties(&text("i")),
        })
    }

    /// What an older slave says when it is to store.
    pub(super) fn refuse_as_slave(&self) -> Result<(), Response> {
        match self.read_only {
            true => {
                let remark = "service not available now, messages are put to the slave";
                Err(Response::code(SERVICE_NOT_AVAILABLE, remark))
            }
            false => Ok(()),
        }
    }

    /// The topic's queues, created after the default topic if need be.
    fn queues_for(&mut self, topic: &str, like: &str, count: u32) -> Result<Queues, Response> {
        let topics = &self.registration.topics;
        let queues = match (topics.get(topic), topics.get(like)) {
            (Some(queues), _) => *queues,
            (None, Some(default)) if default.perm & PERM_INHERIT != 0 => {
                let perm = default.perm & !PERM_INHERIT;
                let queues = Queues { count: count.min(default.count), perm };
                self.create_topic(topic, queues.count);
                queues
            }
            _ => {
                return Err(Response::code(TOPIC_NOT_EXIST, format!("topic[{topic}] not exist")));
            }
        };
        match queues.perm & PERM_WRITE {
            0 => {
                let remark = format!("the broker[{}] sending message is forbidden", self.name);
                Err(Response::code(NO_PERMISSION, remark))
            }
            _ => Ok(queues),
        }
    }
}

/// The answer's fields about where a message is.
pub(super) fn place(
    id: String,
    queue_id: i32,
    queue_offset: i64,
    trace_on: bool,
) -> Vec<(&'static str, String)> {
    vec![
        ("msgId", id),
        ("queueId", queue_id.to_string()),
        ("queueOffset", queue_offset.to_string()),
        ("MSG_REGION", "DefaultRegion".to_owned()),
        ("TRACE_ON", trace_on.to_string()),
    ]
}

/// The properties of a message, by name.
pub(super) fn properties(text: &str) -> BTreeMap<String, String> {
    let pairs = decode_properties(text);
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
