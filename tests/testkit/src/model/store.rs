//! What one broker has stored.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{StoredMessage, stored::offset_message_id};

/// A commit log and the queues that index it.
#[derive(Debug, Default)]
pub(super) struct Store {
    log: BTreeMap<i64, StoredMessage>,
    next: i64,
    /// Commit-log offsets, by topic and queue.
    queues: BTreeMap<(String, i32), Vec<i64>>,
}

impl Store {
    /// Stores a message, gives it its offsets, and returns its place: id and queue offset.
    pub(super) fn append(&mut self, mut message: StoredMessage) -> (String, i64) {
        let key = (message.topic.clone(), message.queue_id);
        let queue = self.queues.entry(key).or_default();
        message.queue_offset = queue.len() as i64;
        message.commit_log_offset = self.next;
        queue.push(self.next);
        let place = (offset_message_id(message.store_host, self.next), message.queue_offset);
        self.next += message.encode().len() as i64;
        self.log.insert(message.commit_log_offset, message);
        place
    }

    /// Messages of one queue from an offset on, and the offset after the last one there is.
    pub(super) fn pull(&self, topic: &str, queue: i32, from: i64, max: usize) -> (Bytes, i64, i64) {
        let offsets = self.queues.get(&(topic.to_owned(), queue)).map_or(&[][..], |q| q);
        let end = offsets.len() as i64;
        let start = usize::try_from(from).unwrap_or(0).min(offsets.len());
        let found = offsets[start..].iter().take(max).filter_map(|offset| self.log.get(offset));
        let mut body = Vec::new();
        let mut next = start as i64;
        for message in found {
            body.extend_from_slice(&message.encode());
            next += 1;
        }
        (body.into(), next, end)
    }

    pub(super) fn view(&self, commit_log_offset: i64) -> Option<&StoredMessage> {
        self.log.get(&commit_log_offset)
    }

    pub(super) fn of_topic<'a>(
        &'a self,
        topic: &'a str,
    ) -> impl Iterator<Item = &'a StoredMessage> {
        let queues = self.queues.iter().filter(move |((name, _), _)| name == topic);
        queues.flat_map(|(_, offsets)| offsets).filter_map(|offset| self.log.get(offset))
    }
}
