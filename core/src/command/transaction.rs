//! END_TRANSACTION (37), and what brokers ask: CHECK_TRANSACTION_STATE (39).

use bytes::{Buf as _, Bytes, TryGetError};
use bytestring::ByteString;

use crate::{
    codec::{FieldWriter, Frame, Request},
    model::{BadCompression, CompressionType, Message, SendReceipt, decode_properties, names},
};

const END_TRANSACTION: i32 = 37;
/// Request code of a broker's question about a half message.
pub(crate) const CHECK_TRANSACTION_STATE: i32 = 39;

/// Magic numbers of stored messages; they differ in how the topic's length is written.
const MAGIC_V1: u32 = 0xDAA3_20A7;
const MAGIC_V2: u32 = 0xDAA3_20AB;
/// Bits of the system flag: hosts with IPv6 addresses.
const BORN_HOST_V6: i32 = 0x10;
const STORE_HOST_V6: i32 = 0x20;

/// What a transaction has come to, as far as its producer can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocalTransactionState {
    /// The message is to be delivered.
    CommitMessage,
    /// The message is to be forgotten.
    RollbackMessage,
    /// Not known yet: the broker is to ask.
    Unknown,
}

impl LocalTransactionState {
    /// `commitOrRollback`: `MessageSysFlag` of Apache RocketMQ.
    const fn code(self) -> i32 {
        match self {
            Self::Unknown => 0,
            Self::CommitMessage => 8,
            Self::RollbackMessage => 12,
        }
    }
}

/// Where a half message is, as its broker has said in a receipt or in a question about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HalfMessage {
    /// The topic it is meant for: not the one that brokers keep half messages in, for which a
    /// producer has no permission.
    pub topic: ByteString,
    /// The message's UNIQ_KEY.
    pub transaction_id: ByteString,
    /// Its place among the half messages.
    pub half_queue_offset: i64,
    /// Its place in the commit log.
    pub commit_log_offset: i64,
}

impl HalfMessage {
    /// Where the half message is that this is the receipt of; none when the broker's own id in it
    /// does not tell.
    pub fn of_receipt(receipt: &SendReceipt) -> Option<Self> {
        Some(Self {
            topic: receipt.message_queue.topic.clone(),
            transaction_id: receipt.message_id.clone(),
            half_queue_offset: receipt.queue_offset,
            commit_log_offset: commit_log_offset(&receipt.offset_message_id)?,
        })
    }
}

/// The end of a transaction: `EndTransactionRequestHeader` of Apache RocketMQ.
#[derive(Clone, Copy, Debug)]
pub struct EndTransaction<'a> {
    /// The group that the half message was sent by.
    pub producer_group: &'a str,
    /// Which.
    pub half: &'a HalfMessage,
    /// What it has come to.
    pub state: LocalTransactionState,
    /// The broker has asked.
    pub from_check: bool,
    /// Where it is.
    pub broker_name: &'a str,
}

impl Request for EndTransaction<'_> {
    fn code(&self) -> i32 {
        END_TRANSACTION
    }

    fn fields(&self, out: &mut FieldWriter<'_>) {
        out.text("topic", &self.half.topic);
        out.text("producerGroup", self.producer_group);
        out.number("tranStateTableOffset", self.half.half_queue_offset);
        out.number("commitLogOffset", self.half.commit_log_offset);
        out.number("commitOrRollback", self.state.code());
        out.text("fromTransactionCheck", if self.from_check { "true" } else { "false" });
        out.text("msgId", &self.half.transaction_id);
        out.text("transactionId", &self.half.transaction_id);
        if !self.broker_name.is_empty() {
            out.text("bname", self.broker_name);
        }
    }
}

/// A broker's question about a half message: `CheckTransactionStateRequestHeader`, and the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckBack {
    /// Where it is now: each question is about a fresh copy.
    pub half: HalfMessage,
    /// The message, its body as its producer gave it.
    pub message: Message,
    /// The group that is asked.
    pub group: ByteString,
    /// The broker that asks, where it says so.
    pub broker_name: ByteString,
    /// How often this broker has asked about it, this time included, as far as it says.
    pub check_times: u32,
    /// The broker's region, where it has told it with the message.
    pub region: Option<ByteString>,
}

/// A question that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCheckBack {
    /// A field of the header is missing or malformed.
    #[error("field {0} is missing or malformed")]
    Field(&'static str),
    /// The body is not a stored message.
    #[error("the message in it is malformed: {0}")]
    Message(&'static str),
    /// The message's own body cannot be read.
    #[error(transparent)]
    Compression(#[from] BadCompression),
}

impl CheckBack {
    /// Reads a request of code 39. A body of more than `body_max` bytes, once it is decompressed, is
    /// not read.
    ///
    /// # Errors
    ///
    /// [`BadCheckBack`] says what is wrong with it.
    pub fn parse(frame: &Frame, body_max: usize) -> Result<Self, BadCheckBack> {
        let ext = &frame.header.ext;
        let number = |name| ext.number(name).ok_or(BadCheckBack::Field(name));
        let (half_queue_offset, commit_log_offset) =
            (number("tranStateTableOffset")?, number("commitLogOffset")?);
        let stored = Stored::parse(frame.body.clone())?;
        let property = |wanted: &str| {
            let mut all = decode_properties(&stored.properties);
            all.find(|(name, _)| *name == wanted).map(|(_, value)| value)
        };
        let told = || ext.get("transactionId").map(ToString::to_string);
        let id = property(names::UNIQ_KEY).map(str::to_owned).or_else(told);
        let id = id.ok_or(BadCheckBack::Field("transactionId"))?;
        let group = property(names::PGROUP).ok_or(BadCheckBack::Field(names::PGROUP))?.into();
        let times = property(names::TRANSACTION_CHECK_TIMES).and_then(|times| times.parse().ok());
        let body = CompressionType::decompress(stored.sys_flag, &stored.body, body_max)?;
        let message = Message::from_stored(&stored.topic, body, stored.flag, &stored.properties);
        let (topic, transaction_id) = (message.shared_topic(), ByteString::from(id));
        Ok(Self {
            half: HalfMessage { topic, transaction_id, half_queue_offset, commit_log_offset },
            message,
            group,
            broker_name: ext.get("bname").map(|name| name.to_string().into()).unwrap_or_default(),
            check_times: times.unwrap_or(1),
            region: property(names::MSG_REGION).map(ByteString::from),
        })
    }
}

/// What of a stored message is of use here: `MessageDecoder.decode` of Apache RocketMQ.
struct Stored {
    flag: i32,
    sys_flag: i32,
    body: Bytes,
    topic: String,
    properties: String,
}

impl Stored {
    fn parse(mut input: Bytes) -> Result<Self, BadCheckBack> {
        let cut_off = |_: TryGetError| BadCheckBack::Message("it is cut off");
        let skip = |input: &mut Bytes, count| take(input, Some(count)).map(drop);
        let _total = input.try_get_i32().map_err(cut_off)?;
        let magic = input.try_get_u32().map_err(cut_off)?;
        // Checksum and queue.
        skip(&mut input, 8)?;
        let flag = input.try_get_i32().map_err(cut_off)?;
        // Offsets, of the queue and of the commit log.
        skip(&mut input, 16)?;
        let sys_flag = input.try_get_i32().map_err(cut_off)?;
        let host = |bit| if sys_flag & bit == 0 { 8 } else { 20 };
        // When it was born and where, when it was stored and where, how often consumed, and where it
        // was prepared.
        skip(&mut input, 8 + host(BORN_HOST_V6) + 8 + host(STORE_HOST_V6) + 4 + 8)?;
        let length = input.try_get_i32().map_err(cut_off)?;
        let body = take(&mut input, usize::try_from(length).ok())?;
        let length = match magic {
            MAGIC_V1 => usize::from(input.try_get_u8().map_err(cut_off)?),
            MAGIC_V2 => usize::from(input.try_get_u16().map_err(cut_off)?),
            _ => return Err(BadCheckBack::Message("its magic number is unknown")),
        };
        let topic = text(take(&mut input, Some(length))?)?;
        let length = usize::from(input.try_get_u16().map_err(cut_off)?);
        let properties = text(take(&mut input, Some(length))?)?;
        Ok(Self { flag, sys_flag, body, topic, properties })
    }
}

fn take(input: &mut Bytes, length: Option<usize>) -> Result<Bytes, BadCheckBack> {
    match length {
        Some(length) if length <= input.len() => Ok(input.split_to(length)),
        _ => Err(BadCheckBack::Message("a length in it is impossible")),
    }
}

fn text(bytes: Bytes) -> Result<String, BadCheckBack> {
    String::from_utf8(bytes.into()).map_err(|_| BadCheckBack::Message("a text in it is not UTF-8"))
}

/// The commit-log offset in a broker's own id of a message: its last eight bytes.
///
/// Source: `MessageDecoder.decodeMessageId`.
fn commit_log_offset(offset_message_id: &str) -> Option<i64> {
    let start = offset_message_id.len().checked_sub(16)?;
    i64::from_str_radix(offset_message_id.get(start..)?, 16).ok()
}

#[cfg(test)]
mod tests;
