//! Which messages of a batch go together.

use std::{collections::BTreeMap, ops::Range};

use super::parcel::BATCH_PROPERTIES_MAX;
use crate::{
    model::{
        BatchSplitType, InvalidMessage, Message, MessageQueue, ProducerConfig, RoutingStrategy,
        SendReceipt, validate_message,
    },
    route::{BadSelection, Choice, TopicRoute},
};

pub(super) const RETRY_TOPIC_PREFIX: &str = "%RETRY%";

/// Checks that messages can be a batch.
///
/// # Errors
///
/// [`InvalidMessage::InBatch`] names the first that cannot, and the rule that it breaks.
pub fn validate_batch(config: &ProducerConfig, messages: &[Message]) -> Result<(), InvalidMessage> {
    let Some(first) = messages.first() else { return Ok(()) };
    for (index, message) in messages.iter().enumerate() {
        validate_member(config, first, message)
            .map_err(|rule| InvalidMessage::InBatch { index, rule: Box::new(rule) })?;
    }
    Ok(())
}

fn validate_member(
    config: &ProducerConfig,
    first: &Message,
    message: &Message,
) -> Result<(), InvalidMessage> {
    validate_message(message, config.max_message_size)?;
    if message.topic() != first.topic() {
        let (topic, first) = (message.shared_topic(), first.shared_topic());
        return Err(InvalidMessage::OtherTopicInBatch { topic, first });
    }
    if message.topic().starts_with(RETRY_TOPIC_PREFIX) {
        return Err(InvalidMessage::RetryTopicInBatch);
    }
    if message.schedule().is_some() {
        return Err(InvalidMessage::ScheduledInBatch);
    }
    Ok(())
}

/// Messages of a batch, by their places in it, that go to one queue, one request after the other so
/// that their order is kept; or, with no queue, to wherever each request's turn is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// The only queue that they may go to, if there is one.
    pub queue: Option<MessageQueue>,
    /// The requests, in order.
    pub requests: Vec<Vec<usize>>,
}

/// Shares out a batch among queues and requests: messages that may go to one queue only, by what
/// `choice` says of each, go to that one, and those whose keys are hashed go with their like.
///
/// What waits for replicas and what does not goes in different requests: a broker takes one word
/// for all of them.
///
/// # Errors
///
/// [`BadSelection`] when a selector does not choose a queue.
pub fn share_out(
    config: &ProducerConfig,
    messages: &[Message],
    choice: impl Fn(&Message) -> Choice,
    route: Option<&TopicRoute>,
) -> Result<Vec<Share>, BadSelection> {
    let mut groups: BTreeMap<Together, Vec<usize>> = BTreeMap::new();
    for (index, message) in messages.iter().enumerate() {
        groups.entry(together(message, &choice(message), route)?).or_default().push(index);
    }
    let waits = |index: &usize| messages.get(*index).is_some_and(Message::wait_store_ok);
    let share = |(Together { queue, .. }, members): (Together, Vec<usize>)| {
        let mut requests = Vec::new();
        for alike in members.chunk_by(|one, next| waits(one) == waits(next)) {
            let size = |index: &usize| messages.get(*index).map_or(0, Message::encoded_len);
            let sizes: Vec<_> = alike.iter().map(size).collect();
            let pick = |range: Range<usize>| alike.get(range).unwrap_or_default().to_vec();
            requests.extend(split(config, &sizes).into_iter().map(pick));
        }
        Share { queue, requests }
    };
    Ok(groups.into_iter().map(share).collect())
}

/// Messages that have all of this in common are in one share.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Together {
    /// The only queue they may go to.
    queue: Option<MessageQueue>,
    /// The queue that they would rather go to than to another.
    hashed: Option<MessageQueue>,
    /// Those that may go to one queue only are in one share either way, for their order.
    wait_store_ok: Option<bool>,
}

fn together(
    message: &Message,
    choice: &Choice,
    route: Option<&TopicRoute>,
) -> Result<Together, BadSelection> {
    let queue = match route {
        Some(route) => route.fixed_queue(message, choice)?,
        None => None,
    };
    let by_key = matches!(choice, Choice::Strategy(RoutingStrategy::MessageHash));
    let key = message.keys().next().filter(|_| by_key && queue.is_none());
    let hashed = key.and_then(|key| route?.current_queue_for_key(key)).cloned();
    let wait_store_ok = queue.is_none().then(|| message.wait_store_ok());
    Ok(Together { queue, hashed, wait_store_ok })
}

/// The receipts of the messages of one request, in their order, from the receipt that the broker gave
/// for all.
///
/// Source: `MQClientAPIImpl.processSendResponse`.
pub fn split_receipt<'a>(
    receipt: &'a SendReceipt,
    messages: &'a [Message],
) -> impl Iterator<Item = SendReceipt> + 'a {
    let ids: Vec<&str> = receipt.offset_message_id.split(',').collect();
    // Brokers that keep a batch together give one id for all of it.
    let one_each = ids.len() == messages.len();
    messages.iter().enumerate().map(move |(index, message)| SendReceipt {
        message_id: message.shared_uniq_key().cloned().unwrap_or_default(),
        offset_message_id: match ids.get(index).filter(|_| one_each) {
            Some(id) => (*id).into(),
            None => receipt.offset_message_id.clone(),
        },
        queue_offset: receipt.queue_offset.saturating_add(index as i64),
        ..receipt.clone()
    })
}

/// What the messages of one request may take, so that it keeps every limit that it meets.
pub(super) fn request_bytes_max(config: &ProducerConfig) -> usize {
    config.max_message_size.min(config.in_flight_bytes_max.saturating_sub(BATCH_PROPERTIES_MAX))
}

/// Cuts messages of these sizes into stretches that fit one request each. One that is too large
/// beside others goes alone.
fn split(config: &ProducerConfig, sizes: &[usize]) -> Vec<Range<usize>> {
    let count_max = match config.batch_split_type {
        BatchSplitType::BySize => usize::MAX,
        BatchSplitType::ByCount => config.batch_size,
    };
    let bytes_max = request_bytes_max(config);
    let mut stretches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, size) in sizes.iter().enumerate() {
        let full = bytes + size > bytes_max || index - start == count_max;
        if full && index > start {
            stretches.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    if start < sizes.len() {
        stretches.push(start..sizes.len());
    }
    stretches
}

#[cfg(test)]
mod tests;
