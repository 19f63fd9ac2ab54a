//! What a broker does with a message that it is sent.

use std::net::SocketAddr;

use bytes::Bytes;
use rocketmq_producer_core::{
    codec::Frame,
    model::{PROPERTIES_SIZE_MAX, decode_properties},
    time::Now,
};

use super::{Broker, Flavour, PERM_INHERIT, Queues};
use crate::{
    StoredMessage,
    model::{
        FLOW_CONTROL_REMARKS, PERM_WRITE, Response,
        journal::{Journal, Stored},
    },
};

const SYSTEM_ERROR: i32 = 1;
const SYSTEM_BUSY: i32 = 2;
const MESSAGE_ILLEGAL: i32 = 13;
const SERVICE_NOT_AVAILABLE: i32 = 14;
const NO_PERMISSION: i32 = 16;
const TOPIC_NOT_EXIST: i32 = 17;
const INVALID_PARAMETER: i32 = 29;
const BODY_SIZE_MAX: usize = 4 * 1024 * 1024;

impl Broker {
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
        let (message_id, stored) = self.store.append(message);
        journal.record(|| Stored::new(&self.name, stored, now));
        let mut ext = vec![
            ("msgId", message_id),
            ("queueId", stored.queue_id.to_string()),
            ("queueOffset", stored.queue_offset.to_string()),
            ("MSG_REGION", "DefaultRegion".to_owned()),
            ("TRACE_ON", "true".to_owned()),
        ];
        if self.flavour == Flavour::V5 {
            ext.extend(stored.uniq_key().map(|key| ("transactionId", key.to_owned())));
        }
        Response { ext, ..Response::default() }
    }

    /// The message, or why it is not stored: checks in the order of real brokers.
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
        let (topic, properties) = (text("b"), text("i"));
        let queue_id: i32 = ext.number("e").unwrap_or(-1);
        let queues = self.queues_for(&topic, &text("c"), ext.number("d").unwrap_or(0))?;
        if queue_id < 0 || queue_id >= queues.count as i32 {
            let code = match self.flavour {
                Flavour::V5 => INVALID_PARAMETER,
                Flavour::V4 => SYSTEM_ERROR,
            };
            return Err(Response::code(code, format!("request queueId[{queue_id}] is illegal")));
        }
        let size = (frame.body.len(), properties.len());
        if size.0 == 0 || size.0 > BODY_SIZE_MAX || size.1 > PROPERTIES_SIZE_MAX {
            let remark = format!("the message is illegal, sizes {size:?}");
            return Err(Response::code(MESSAGE_ILLEGAL, remark));
        }
        if self.read_only {
            let remark = "service not available now, messages are put to the slave";
            return Err(Response::code(SERVICE_NOT_AVAILABLE, remark));
        }
        let pairs = decode_properties(&properties);
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
            properties: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        })
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
