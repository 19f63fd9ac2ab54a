//! What one broker has stored.

use std::{collections::BTreeMap, net::SocketAddr};

use bytes::Bytes;

use crate::{StoredMessage, stored::offset_message_id};

/// What a stored message takes besides its hosts and what is of any length.
const FIXED_SIZE: usize = 75;
const HOST_V4_SIZE: usize = 8;
const HOST_V6_SIZE: usize = 20;
/// What a property takes besides its name and value.
const SEPARATORS_SIZE: usize = 2;

/// A commit log and the queues that index it.
#[derive(Debug, Default)]
pub(super) struct Store {
    log: BTreeMap<i64, StoredMessage>,
    next: i64,
    /// Commit-log offsets, by topic and queue.
    queues: BTreeMap<(String, i32), Vec<i64>>,
}

impl Store {
    /// Stores a message, gives it its offsets, and returns its id and itself.
    pub(super) fn append(&mut self, mut message: StoredMessage) -> (String, &StoredMessage) {
        let key = (message.topic.clone(), message.queue_id);
        let queue = self.queues.entry(key).or_default();
        message.queue_offset = queue.len() as i64;
        message.commit_log_offset = self.next;
        queue.push(self.next);
        let id = offset_message_id(message.store_host, self.next);
        self.next += encoded_len(&message) as i64;
        (id, self.log.entry(message.commit_log_offset).or_insert(message))
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

/// What [`StoredMessage::encode`] would take, bytes, without the work.
fn encoded_len(message: &StoredMessage) -> usize {
    let host = |host: SocketAddr| if host.is_ipv4() { HOST_V4_SIZE } else { HOST_V6_SIZE };
    let property = |(name, value): (&String, &String)| name.len() + value.len() + SEPARATORS_SIZE;
    FIXED_SIZE
        + host(message.born_host)
        + host(message.store_host)
        + message.body.len()
        + message.topic.len()
        + message.properties.iter().map(property).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, body: usize, hosts: [&str; 2], properties: usize) -> StoredMessage {
        let [born_host, store_host] = hosts.map(|host| host.parse().unwrap());
        let property = |n: usize| (format!("name{n}"), "\u{e4}".repeat(n));
        StoredMessage {
            topic: topic.to_owned(),
            queue_id: 1,
            queue_offset: 0,
            commit_log_offset: 0,
            flag: 2,
            sys_flag: 3,
            born_timestamp: 4,
            store_timestamp: 5,
            born_host,
            store_host,
            body_crc: 6,
            body: vec![7; body].into(),
            properties: (0..properties).map(property).collect(),
        }
    }

    #[test]
    fn the_length_of_a_message_is_known_without_encoding_it() {
        let hosts = ["127.0.0.1:10911", "[::1]:10911"];
        for (born, store) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            for topic in ["T", "\u{e4}\u{f6}\u{fc}", &"t".repeat(127)] {
                for (body, properties) in [(0, 0), (1, 1), (1024, 2), (65_536, 40)] {
                    let message = message(topic, body, [hosts[born], hosts[store]], properties);
                    assert_eq!(encoded_len(&message), message.encode().len(), "{message:?}");
                }
            }
        }
    }

    #[test]
    fn a_message_starts_where_the_one_before_it_ends() {
        let mut store = Store::default();
        let first = message("T", 10, ["127.0.0.1:1", "127.0.0.1:2"], 3);
        let size = first.encode().len() as i64;
        assert_eq!(store.append(first.clone()).1.commit_log_offset, 0);
        assert_eq!(store.append(first).1.commit_log_offset, size);
        let places: Vec<_> =
            store.of_topic("T").map(|m| (m.queue_offset, m.commit_log_offset)).collect();
        assert_eq!(places, [(0, 0), (1, size)]);
    }
}
