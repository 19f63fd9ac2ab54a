//! Which messages of a batch go together.

use std::{borrow::Borrow, collections::BTreeMap, ops::Range};

use super::parcel::BATCH_PROPERTIES_MAX;
use crate::{
    model::{
        BatchSplitType, InvalidMessage, Message, MessageQueue, ProducerConfig, RoutingStrategy,
        SendReceipt, check_content, check_message,
    },
    route::{BadSelection, Choice, TopicRoute},
};

pub(super) const RETRY_TOPIC_PREFIX: &str = "%RETRY%";
/// The ids that a broker gives to a batch are one text, which its receipts share up to this length: so
/// much memory one of them keeps at most, however long it is kept itself.
const SHARED_IDS_MAX: usize = 4_096;

/// Checks that messages, which have their ids, can be a batch.
///
/// # Errors
///
/// [`InvalidMessage::InBatch`] names the first that cannot, and the rule that it breaks.
pub fn validate_batch(config: &ProducerConfig, messages: &[Message]) -> Result<(), InvalidMessage> {
    let Some(first) = messages.first() else { return Ok(()) };
    for (index, message) in messages.iter().enumerate() {
        let checked = match index {
            0 => check_first(config, message),
            _ => check_other(config, first, message),
        };
        checked.map_err(|rule| InvalidMessage::InBatch { index, rule: Box::new(rule) })?;
    }
    Ok(())
}

fn check_first(config: &ProducerConfig, first: &Message) -> Result<(), InvalidMessage> {
    check_message(first, config.max_message_size)?;
    if first.topic().starts_with(RETRY_TOPIC_PREFIX) {
        return Err(InvalidMessage::RetryTopicInBatch);
    }
    check_schedule(first)
}

/// The topic is checked once for all.
fn check_other(
    config: &ProducerConfig,
    first: &Message,
    message: &Message,
) -> Result<(), InvalidMessage> {
    if message.topic() != first.topic() {
        check_message(message, config.max_message_size)?;
        let (topic, first) = (message.shared_topic(), first.shared_topic());
        return Err(InvalidMessage::OtherTopicInBatch { topic, first });
    }
    check_content(message, config.max_message_size)?;
    check_schedule(message)
}

fn check_schedule(message: &Message) -> Result<(), InvalidMessage> {
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
pub fn share_out<C: Borrow<Choice>>(
    config: &ProducerConfig,
    messages: &[Message],
    choice: impl Fn(&Message) -> C,
    route: Option<&TopicRoute>,
) -> Result<Vec<Share>, BadSelection> {
    let mut groups: BTreeMap<Together, Vec<usize>> = BTreeMap::new();
    let mut run = Vec::with_capacity(messages.len());
    let mut of_run = None;
    for (index, message) in messages.iter().enumerate() {
        let together = together(message, choice(message).borrow(), route)?;
        // Mostly all of them are alike.
        if of_run.as_ref() != Some(&together)
            && let Some(before) = of_run.replace(together)
        {
            groups.entry(before).or_default().append(&mut run);
        }
        run.push(index);
    }
    if let Some(last) = of_run {
        groups.entry(last).or_default().append(&mut run);
    }
    let waits = |index: &usize| messages.get(*index).is_some_and(Message::wait_store_ok);
    let size = |index: &usize| messages.get(*index).map_or(0, Message::encoded_len_max);
    let share = |(Together { home, .. }, members): (Together, Vec<usize>)| {
        let mut requests = Vec::new();
        for alike in members.chunk_by(|one, next| waits(one) == waits(next)) {
            let pick = |range: Range<usize>| alike.get(range).unwrap_or_default().to_vec();
            requests.extend(split(config, alike.iter().map(size)).into_iter().map(pick));
        }
        let queue = match home {
            Home::Fixed(queue) => Some(queue),
            Home::Anywhere | Home::Hashed(_) => None,
        };
        Share { queue, requests }
    };
    Ok(groups.into_iter().map(share).collect())
}

/// Messages that have all of this in common are in one share.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Together {
    home: Home,
    /// Those that may go to one queue only are in one share either way, for their order.
    wait_store_ok: Option<bool>,
}

/// Where messages may go.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Home {
    Anywhere,
    /// Rather to this queue than to another.
    Hashed(MessageQueue),
    /// To this queue only.
    Fixed(MessageQueue),
}

fn together(
    message: &Message,
    choice: &Choice,
    route: Option<&TopicRoute>,
) -> Result<Together, BadSelection> {
    let home = match route {
        Some(route) => home(message, choice, route)?,
        None => Home::Anywhere,
    };
    let is_free = !matches!(home, Home::Fixed(_));
    Ok(Together { wait_store_ok: is_free.then(|| message.wait_store_ok()), home })
}

fn home(message: &Message, choice: &Choice, route: &TopicRoute) -> Result<Home, BadSelection> {
    if let Some(queue) = route.fixed_queue(message, choice)? {
        return Ok(Home::Fixed(queue));
    }
    let by_key = matches!(choice, Choice::Strategy(RoutingStrategy::MessageHash));
    let hashed = message.keys().next().filter(|_| by_key);
    let queue = hashed.and_then(|key| route.current_queue_for_key(key)).cloned();
    Ok(queue.map_or(Home::Anywhere, Home::Hashed))
}

/// The receipts of the messages of one request, in their order, from the receipt that the broker gave
/// for all.
///
/// Source: `MQClientAPIImpl.processSendResponse`.
pub fn split_receipt<'a>(
    receipt: &'a SendReceipt,
    messages: impl IntoIterator<Item = &'a Message, IntoIter: ExactSizeIterator>,
) -> impl Iterator<Item = SendReceipt> {
    let messages = messages.into_iter();
    let all = &receipt.offset_message_id;
    let ids = split_ids(all, messages.len());
    // Brokers that keep a batch together give one id for all of it.
    let one_each = ids.len() == messages.len();
    messages.enumerate().map(move |(index, message)| SendReceipt {
        message_id: message.shared_uniq_key().cloned().unwrap_or_default(),
        offset_message_id: match ids.get(index).filter(|_| one_each) {
            Some(id) if all.len() <= SHARED_IDS_MAX => all.slice_ref(id),
            Some(id) => (*id).into(),
            None => all.clone(),
        },
        message_queue: receipt.message_queue.clone(),
        queue_offset: receipt.queue_offset.saturating_add(index as i64),
        status: receipt.status,
        transaction_id: receipt.transaction_id.clone(),
        region_id: receipt.region_id.clone(),
        send_timestamp: receipt.send_timestamp,
        attempts: receipt.attempts,
    })
}

/// What is between commas: one piece for each of so many messages, or whatever else there is.
fn split_ids(text: &str, count: usize) -> Vec<&str> {
    let mut ids = Vec::with_capacity(count);
    // Ids of one broker have one length, so it is enough to look where their commas have to be.
    let length = text.find(',').unwrap_or(text.len());
    let is_end = |at: usize| text.as_bytes().get(at).is_none_or(|byte| *byte == b',');
    let starts = (0..count).map(|index| index * (length + 1));
    ids.extend(starts.map_while(|at| text.get(at..at + length).filter(|_| is_end(at + length))));
    let commas = text.bytes().filter(|byte| *byte == b',').count();
    if ids.len() * (length + 1) != text.len() + 1 || commas + 1 != ids.len() {
        ids.clear();
        ids.extend(text.split(','));
    }
    ids
}

/// What the messages of one request may take, so that it keeps every limit that it meets.
pub(super) fn request_bytes_max(config: &ProducerConfig) -> usize {
    config.max_message_size.min(config.in_flight_bytes_max.saturating_sub(BATCH_PROPERTIES_MAX))
}

/// Cuts messages of these sizes into stretches that fit one request each. One that is too large
/// beside others goes alone.
fn split(config: &ProducerConfig, sizes: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let count_max = match config.batch_split_type {
        BatchSplitType::BySize => usize::MAX,
        BatchSplitType::ByCount => config.batch_size,
    };
    let bytes_max = request_bytes_max(config);
    let mut stretches = Vec::new();
    let (mut start, mut end, mut bytes) = (0, 0, 0);
    for (index, size) in sizes.enumerate() {
        let full = bytes + size > bytes_max || index - start == count_max;
        if full && index > start {
            stretches.push(start..index);
            (start, bytes) = (index, 0);
        }
        (end, bytes) = (index + 1, bytes + size);
    }
    if start < end {
        stretches.push(start..end);
    }
    stretches
}

#[cfg(test)]
mod tests;
