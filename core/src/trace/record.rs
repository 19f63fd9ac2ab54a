//! One record: what is told of a send, or of a transaction's end.

use std::fmt::{Display, Write as _};

use bytestring::ByteString;

use super::TRACE_TOPIC;
use crate::{
    command::LocalTransactionState,
    delivery::{Delivered, Delivery, SendError},
    model::{Address, Message, Schedule, SendStatus},
    mutants::{Mutant::EveryEndIsACommit, is_on},
    time::{Now, UnixMillis},
};

/// `TraceConstants.CONTENT_SPLITOR` and `FIELD_SPLITOR`, of which the second ends a record.
const BETWEEN_FIELDS: char = '\u{1}';
const END: char = '\u{2}';
/// Java writes what is not there so.
const NULL: &str = "null";
/// `MixAll.DEFAULT_TRACE_REGION_ID`.
const DEFAULT_REGION: &str = "DefaultRegion";
/// `MessageType.Trans_msg_Commit`, whatever the end.
const TRANSACTION_END: i32 = 2;

/// One record, encoded, with what it is grouped and found by.
///
/// Source: `TraceDataEncoder.encoderFromContextBean`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceRecord {
    pub(super) topic: ByteString,
    /// The ids of the messages, then the keys that their sender gave them.
    pub(super) keys: Vec<ByteString>,
    pub(super) text: String,
}

/// A transaction's end, as it is told to a broker.
#[derive(Clone, Copy, Debug)]
pub struct TracedEnd<'a> {
    /// The group that the half message was sent by.
    pub producer_group: &'a str,
    /// The message.
    pub message: &'a Message,
    /// The transaction's id: the message's UNIQ_KEY.
    pub transaction_id: &'a str,
    /// Where the broker listens that is told, where known.
    pub broker: Option<&'a Address>,
    /// The broker's region, where it has said so.
    pub region: Option<&'a str>,
    /// What it is told.
    pub state: LocalTransactionState,
    /// It has asked.
    pub from_check: bool,
}

impl TraceRecord {
    /// The record of a send that is over; without a `result`, of one that was dropped. None when it
    /// is not to be traced.
    pub fn of_send(
        now: Now,
        delivery: &Delivery,
        result: Option<&Result<Delivered, SendError>>,
    ) -> Option<Self> {
        let traced = delivery.traced();
        let error = result.and_then(|result| result.as_ref().err());
        // The message has gone back with the error.
        let message = error.map_or(delivery.message(), SendError::message);
        if is_trace(message) || !traced.is_wanted {
            return None;
        }
        let receipt = match result {
            Some(Ok(Delivered::Stored(receipt))) => Some(receipt),
            _ => None,
        };
        let tried = error.and_then(|error| error.attempts().last()?.address.as_ref());
        let broker = traced.broker.or(tried);
        let cost = now.instant.saturating_since(traced.started.instant).as_millis();
        let mut encoder = Encoder::new("Pub", traced.started.wall);
        encoder.clean(receipt.and_then(|receipt| receipt.region_id.as_deref()), DEFAULT_REGION);
        encoder.field(traced.producer_group).field(message.topic());
        let keys = match traced.members {
            [] => {
                encoder.opt(message.uniq_key()).tags_and_keys(message);
                found_by(message)
            }
            members => {
                encoder.joined(members).field(NULL).field(NULL);
                members.to_vec()
            }
        };
        encoder.opt(broker).field(traced.body_length);
        encoder.field(i32::try_from(cost).unwrap_or(i32::MAX));
        encoder.field(message_type(message, traced.is_half));
        encoder.clean(receipt.map(|receipt| &*receipt.offset_message_id), NULL);
        let success = match result {
            Some(Ok(Delivered::Stored(receipt))) => receipt.status == SendStatus::SendOk,
            Some(Ok(Delivered::HandedOver)) => true,
            Some(Err(_)) | None => false,
        };
        let text = encoder.end(success);
        Some(Self { topic: message.shared_topic(), keys, text })
    }

    /// The record of a transaction's end. None when it is not to be traced.
    pub fn of_end(now: Now, end: &TracedEnd<'_>) -> Option<Self> {
        let TracedEnd { message, transaction_id, .. } = end;
        if is_trace(message) {
            return None;
        }
        let mut encoder = Encoder::new("EndTransaction", now.wall);
        encoder.clean(end.region, DEFAULT_REGION);
        encoder.field(end.producer_group).field(message.topic()).field(transaction_id);
        encoder.tags_and_keys(message).opt(end.broker).field(TRANSACTION_END);
        encoder.field(transaction_id).field(state_name(end.state));
        let text = encoder.end(end.from_check);
        Some(Self { topic: message.shared_topic(), keys: found_by(message), text })
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it is to be found by: the ids of its messages, then the keys that their sender gave them.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| &**key)
    }

    /// Bytes that it holds.
    pub(super) fn size(&self) -> usize {
        self.text.len() + self.keys.iter().map(|key| key.len()).sum::<usize>()
    }
}

/// The trace's own messages are not traced: `SendMessageTraceHookImpl` goes by the topic's beginning.
fn is_trace(message: &Message) -> bool {
    message.topic().starts_with(TRACE_TOPIC)
}

fn found_by(message: &Message) -> Vec<ByteString> {
    message.shared_uniq_key().into_iter().chain(message.shared_keys()).cloned().collect()
}

/// `MessageType`'s ordinals, as `DefaultMQProducerImpl.sendKernelImpl` of 5.x gives them; 4.x knows
/// no timers.
fn message_type(message: &Message, is_half: bool) -> i32 {
    match message.schedule() {
        _ if is_half => 1,
        Some(Schedule::Level(_) | Schedule::At(_) | Schedule::After(_)) => 3,
        None => 0,
    }
}

/// Java's names.
fn state_name(state: LocalTransactionState) -> &'static str {
    match state {
        _ if is_on(EveryEndIsACommit) => "COMMIT_MESSAGE",
        LocalTransactionState::CommitMessage => "COMMIT_MESSAGE",
        LocalTransactionState::RollbackMessage => "ROLLBACK_MESSAGE",
        LocalTransactionState::Unknown => "UNKNOW",
    }
}

/// Writes field after field.
struct Encoder(String);

impl Encoder {
    fn new(kind: &str, timestamp: UnixMillis) -> Self {
        let mut encoder = Self(String::with_capacity(256));
        encoder.field(kind).field(timestamp);
        encoder
    }

    fn field(&mut self, value: impl Display) -> &mut Self {
        // A string takes everything.
        let _ = write!(self.0, "{value}{BETWEEN_FIELDS}");
        self
    }

    fn opt(&mut self, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.field(value),
            None => self.field(NULL),
        }
    }

    /// What a broker has said, which may be anything.
    fn clean(&mut self, value: Option<&str>, otherwise: &str) -> &mut Self {
        let value = value.filter(|value| !value.is_empty()).unwrap_or(otherwise);
        let replace = |c: char| if c <= END { '?' } else { c };
        self.0.extend(value.chars().map(replace));
        self.0.push(BETWEEN_FIELDS);
        self
    }

    fn joined(&mut self, ids: &[ByteString]) -> &mut Self {
        for (index, id) in ids.iter().enumerate() {
            self.0.push_str(if index == 0 { "" } else { "," });
            self.0.push_str(id);
        }
        self.0.push(BETWEEN_FIELDS);
        self
    }

    fn tags_and_keys(&mut self, message: &Message) -> &mut Self {
        let keys = message.joined_keys();
        self.opt(message.tags()).opt((!keys.is_empty()).then_some(keys))
    }

    fn end(mut self, last: bool) -> String {
        let _ = write!(self.0, "{last}{END}");
        self.0
    }
}
