//! SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320) and their answer.

use bytes::Bytes;

use super::ResponseCode;
use crate::{
    codec::{FieldWriter, Frame, Request, Usual},
    model::SendStatus,
    time::UnixMillis,
};

const SEND_MESSAGE_V2: i32 = 310;
const SEND_BATCH_MESSAGE: i32 = 320;

/// One message or batch to one queue: `SendMessageRequestHeaderV2` of Apache RocketMQ.
#[derive(Clone, Copy, Debug)]
pub struct SendMessage<'a> {
    /// Field `a`.
    pub producer_group: &'a str,
    /// Field `b`.
    pub topic: &'a str,
    /// Field `c`: the topic to create a missing one after.
    pub default_topic: &'a str,
    /// Field `d`: how many queues such a topic gets.
    pub default_topic_queue_nums: u32,
    /// Field `e`.
    pub queue_id: i32,
    /// Field `f`.
    pub sys_flag: i32,
    /// Field `g`: when the send began.
    pub born_timestamp: UnixMillis,
    /// Field `h`: the user's flag.
    pub flag: i32,
    /// Field `i`: the property string.
    pub properties: &'a str,
    /// Field `m`: whether the body is that of a batch. This, not the code, is what brokers go by.
    pub batch: bool,
    /// Field `n`.
    pub broker_name: &'a str,
    /// The body, of a message or of a batch.
    pub body: &'a Bytes,
}

impl Request for SendMessage<'_> {
    fn code(&self) -> i32 {
        if self.batch { SEND_BATCH_MESSAGE } else { SEND_MESSAGE_V2 }
    }

    fn fields(&self, out: &mut FieldWriter<'_>) {
        out.text("a", self.producer_group);
        out.text("b", self.topic);
        out.text("c", self.default_topic);
        out.number("d", self.default_topic_queue_nums);
        out.number("e", self.queue_id);
        out.number("f", self.sys_flag);
        out.number("g", self.born_timestamp.0);
        out.number("h", self.flag);
        out.text("i", self.properties);
        out.text("j", "0");
        out.text("k", "false");
        out.text("m", if self.batch { "true" } else { "false" });
        out.text("n", self.broker_name);
    }

    fn body(&self) -> Bytes {
        self.body.clone()
    }
}

/// What a broker says of a message that it has stored: `SendMessageResponseHeader`. Its texts are
/// those of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendReply<'a> {
    /// Stored how durably.
    pub status: SendStatus,
    /// The broker's own id of the message.
    pub offset_message_id: &'a str,
    /// The queue it went to.
    pub queue_id: i32,
    /// Its position there.
    pub queue_offset: i64,
    /// From 5.0 on, the message's UNIQ_KEY.
    pub transaction_id: Option<&'a str>,
    /// The broker's region.
    pub region_id: Option<&'a str>,
    /// The broker does not mind that the message is traced.
    pub is_traced: bool,
}

impl<'a> SendReply<'a> {
    /// Reads the answer to a send whose code says *stored*.
    ///
    /// # Errors
    ///
    /// [`BadReply`] when the code is not one of those, or a field is missing or malformed: the
    /// message is stored, but where is not known.
    pub fn parse(frame: &'a Frame) -> Result<Self, BadReply> {
        let status = match ResponseCode(frame.header.code) {
            ResponseCode::SUCCESS => SendStatus::SendOk,
            ResponseCode::FLUSH_DISK_TIMEOUT => SendStatus::FlushDiskTimeout,
            ResponseCode::SLAVE_NOT_AVAILABLE => SendStatus::SlaveNotAvailable,
            ResponseCode::FLUSH_SLAVE_TIMEOUT => SendStatus::FlushSlaveTimeout,
            _ => return Err(BadReply { field: "code" }),
        };
        let ext = &frame.header.ext;
        let field = |field: Usual, name| ext.usual(field).ok_or(BadReply { field: name });
        let malformed = |field| move |_| BadReply { field };
        Ok(Self {
            status,
            offset_message_id: field(Usual::MessageId, "msgId")?,
            queue_id: field(Usual::QueueId, "queueId")?.parse().map_err(malformed("queueId"))?,
            queue_offset: field(Usual::QueueOffset, "queueOffset")?
                .parse()
                .map_err(malformed("queueOffset"))?,
            transaction_id: ext.usual(Usual::TransactionId),
            region_id: ext.usual(Usual::Region),
            is_traced: ext.usual(Usual::TraceOn) != Some("false"),
        })
    }
}

/// A reply that says *stored* without saying where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the broker's answer says that the message is stored, but {field} is missing or malformed")]
pub struct BadReply {
    /// The field at fault.
    pub field: &'static str,
}
