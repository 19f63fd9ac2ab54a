//! What was stored and what was decided, each told once: for whoever judges a run while it lasts.

use bytes::Bytes;
use rocketmq_producer_core::time::Now;

use super::broker::checks;
use crate::StoredMessage;

/// Something that a broker has done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// Stored a message where consumers see it.
    Visible(Stored),
    /// Stored a message that waits for its time, under the system topic where it waits. It is told
    /// again, as visible, when it is published.
    Scheduled(Stored),
    /// Stored a half message.
    Half(Half),
    /// Took an END_TRANSACTION. What it refused with a code other than 0 is not told.
    Ended(Ended),
    /// Gave a half message up.
    Discarded(Stored),
}

impl Entry {
    pub(super) fn half(stored: Stored, message: &StoredMessage) -> Self {
        let (commit_log_offset, checks) = (message.commit_log_offset, checks(message));
        Self::Half(Half { stored, commit_log_offset, checks })
    }
}

/// A half message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Half {
    /// Where it is, under the system topic.
    pub stored: Stored,
    /// Its place in the broker's commit log.
    pub commit_log_offset: i64,
    /// How often its producers were to be asked about it: 0 for what a producer has sent, and more
    /// for a copy that the broker has made in order to ask.
    pub checks: u32,
}

/// An END_TRANSACTION that a broker has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The broker's name.
    pub broker: String,
    /// The id of the message as the request names it.
    pub uniq_key: String,
    /// The half message's place in its queue, as the request names it.
    pub queue_offset: i64,
    /// The half message's place in the commit log, as the request names it.
    pub commit_log_offset: i64,
    /// 8 for commit, 12 for rollback, anything else for unknown.
    pub state: i32,
    /// Whether the request answers a check.
    pub from_check: bool,
    /// Whether it has published the message.
    pub published: bool,
    /// When the broker took it, by both of the driver's clocks.
    pub at: Now,
}

/// A message that a broker has stored, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The broker's name.
    pub broker: String,
    /// The topic.
    pub topic: String,
    /// The queue on that broker.
    pub queue_id: i32,
    /// The place in that queue.
    pub queue_offset: i64,
    /// The id that the producer gave it, property `UNIQ_KEY`; empty when it gave none.
    pub uniq_key: String,
    /// The body as its sender had it, before it was compressed; as it is stored, if it cannot be
    /// decompressed.
    pub body: Bytes,
    /// When the broker stored it, by both of the driver's clocks.
    pub at: Now,
}

impl Stored {
    pub(super) fn new(broker: &str, message: &StoredMessage, at: Now) -> Self {
        Self {
            broker: broker.to_owned(),
            topic: message.topic.clone(),
            queue_id: message.queue_id,
            queue_offset: message.queue_offset,
            uniq_key: message.uniq_key().unwrap_or_default().to_owned(),
            body: message.decompressed_body().unwrap_or_else(|_| message.body.clone()),
            at,
        }
    }
}

/// Entries that nobody has asked for yet, oldest first; nothing until it is kept, for a cluster that
/// lives long must not grow by it.
#[derive(Debug, Default)]
pub(super) struct Journal(Option<Vec<Entry>>);

impl Journal {
    pub(super) fn keep(&mut self) {
        self.0.get_or_insert_default();
    }

    pub(super) fn record(&mut self, entry: impl FnOnce() -> Entry) {
        if let Some(kept) = &mut self.0 {
            kept.push(entry());
        }
    }

    pub(super) fn take(&mut self) -> Vec<Entry> {
        self.0.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes the visible ones, and keeps the others.
    pub(super) fn take_visible(&mut self) -> Vec<Stored> {
        let Some(kept) = &mut self.0 else { return Vec::new() };
        let (mut visible, mut others) = (Vec::new(), Vec::new());
        for entry in kept.drain(..) {
            match entry {
                Entry::Visible(stored) => visible.push(stored),
                other => others.push(other),
            }
        }
        *kept = others;
        visible
    }
}
