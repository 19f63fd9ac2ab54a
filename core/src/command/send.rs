//! SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320) and their answer.

use std::fmt;

use bytes::Bytes;

use super::{DEFAULT_TOPIC, ResponseCode};
use crate::{
    codec::{FieldWriter, Frame, Request, Usual, write_beforehand},
    model::{Message, SendStatus},
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
    /// Field `d`: how many queues a topic gets that is created after [`DEFAULT_TOPIC`], field `c`.
    pub default_topic_queue_nums: u32,
    /// Field `e`.
    pub queue_id: i32,
    /// Field `f`.
    pub sys_flag: i32,
    /// Field `g`: when the send began.
    pub born_timestamp: UnixMillis,
    /// Field `h`: the user's flag.
    pub flag: i32,
    /// Field `i`.
    pub properties: Properties<'a>,
    /// Field `m`: whether the body is that of a batch. This, not the code, is what brokers go by.
    pub batch: bool,
    /// Field `n`.
    pub broker_name: &'a str,
    /// What the fields `a` to `d` and `j` to `n` come to, if that has been written beforehand.
    pub template: Option<&'a SendTemplate>,
    /// The body, of a message or of a batch.
    pub body: &'a Bytes,
}

/// A property string.
#[derive(Clone, Copy, Debug)]
pub enum Properties<'a> {
    /// As it goes on the wire.
    Text(&'a str),
    /// That of a valid message, which is written where it goes.
    Of(&'a Message),
}

/// As it goes on the wire.
impl fmt::Display for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Of(message) => f.write_str(&message.encode_properties()),
        }
    }
}

impl Request for SendMessage<'_> {
    fn code(&self) -> i32 {
        if self.batch { SEND_BATCH_MESSAGE } else { SEND_MESSAGE_V2 }
    }

    fn fields(&self, out: &mut FieldWriter<'_>) {
        let template = self.template;
        out.written(template.and_then(|template| template.start.as_deref()), |out| {
            put_start(out, self.producer_group, self.topic, self.default_topic_queue_nums);
        });
        out.number("e", self.queue_id);
        out.number("f", self.sys_flag);
        out.number("g", self.born_timestamp.0);
        out.number("h", self.flag);
        match self.properties {
            Properties::Text(text) => out.text("i", text),
            Properties::Of(message) => out.text_put_by("i", |out| message.put_properties(out)),
        }
        let end = template.and_then(|template| match self.batch {
            true => template.batch_end.as_deref(),
            false => template.end.as_deref(),
        });
        out.written(end, |out| put_end(out, self.batch, self.broker_name));
    }

    fn body(&self) -> Bytes {
        self.body.clone()
    }
}

/// What is the same in all sends of a topic to a broker, written beforehand: most of the header.
#[derive(Debug, PartialEq, Eq)]
pub struct SendTemplate {
    start: Option<Box<[u8]>>,
    end: Option<Box<[u8]>>,
    batch_end: Option<Box<[u8]>>,
}

impl SendTemplate {
    /// For sends with these fields, under the names they have in [`SendMessage`].
    pub fn new(
        producer_group: &str,
        topic: &str,
        default_topic_queue_nums: u32,
        broker_name: &str,
    ) -> Self {
        let end = |batch| write_beforehand(|out| put_end(out, batch, broker_name));
        let start = |out: &mut FieldWriter<'_>| {
            put_start(out, producer_group, topic, default_topic_queue_nums);
        };
        Self { start: write_beforehand(start), end: end(false), batch_end: end(true) }
    }
}

/// Fields `a` to `d`.
fn put_start(out: &mut FieldWriter<'_>, producer_group: &str, topic: &str, queue_nums: u32) {
    out.text("a", producer_group);
    out.text("b", topic);
    out.text("c", DEFAULT_TOPIC);
    out.number("d", queue_nums);
}

/// Fields `j` to `n`.
fn put_end(out: &mut FieldWriter<'_>, batch: bool, broker_name: &str) {
    out.text("j", "0");
    out.text("k", "false");
    out.text("m", if batch { "true" } else { "false" });
    out.text("n", broker_name);
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

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::codec::{SerializeType, encode_request};

    fn frame(form: SerializeType, request: &SendMessage<'_>) -> BytesMut {
        let mut frame = BytesMut::new();
        encode_request(&mut frame, form, 7, false, request, 0).expect("it fits");
        frame
    }

    fn fields(batch: bool, body: &Bytes) -> SendMessage<'_> {
        SendMessage {
            producer_group: "group",
            topic: "topic",
            default_topic_queue_nums: 16,
            queue_id: 11,
            sys_flag: 1,
            born_timestamp: UnixMillis(1_758_273_940_123),
            flag: -3,
            properties: Properties::Text("a\u{1}b\u{2}"),
            batch,
            broker_name: "broker-a",
            template: None,
            body,
        }
    }

    #[test]
    fn a_template_changes_nothing_of_what_is_written() {
        let template = SendTemplate::new("group", "topic", 16, "broker-a");
        for form in [SerializeType::Binary, SerializeType::Json] {
            for batch in [false, true] {
                let body = Bytes::new();
                let fields = fields(batch, &body);
                let with_template = SendMessage { template: Some(&template), ..fields };
                assert_eq!(frame(form, &with_template), frame(form, &fields), "{form:?} {batch}");
            }
        }
    }

    #[test]
    fn properties_are_the_same_wherever_they_are_written() {
        let message = Message::new("topic", "x").with_key("k").with_property("\"ä\"", "\\");
        let text = message.encode_properties();
        for form in [SerializeType::Binary, SerializeType::Json] {
            let request = |properties| {
                frame(form, &SendMessage { properties, ..fields(false, &Bytes::new()) })
            };
            let of = Properties::Of(&message);
            assert_eq!(request(of), request(Properties::Text(&text)), "{form:?}");
        }
    }

    #[test]
    fn what_cannot_be_carried_is_refused_with_a_template_as_without() {
        let topic = "t".repeat(0x0100_0000);
        let template = SendTemplate::new("group", &topic, 4, "broker-a");
        for template in [None, Some(&template)] {
            let request = SendMessage {
                producer_group: "group",
                topic: &topic,
                default_topic_queue_nums: 4,
                queue_id: 0,
                sys_flag: 0,
                born_timestamp: UnixMillis(0),
                flag: 0,
                properties: Properties::Text(""),
                batch: false,
                broker_name: "broker-a",
                template,
                body: &Bytes::new(),
            };
            let mut out = BytesMut::new();
            let encoded = encode_request(&mut out, SerializeType::Binary, 0, false, &request, 0);
            assert!(encoded.is_err() && out.is_empty(), "{encoded:?}");
        }
    }
}
