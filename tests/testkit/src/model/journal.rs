//! What was stored, each message told once: for whoever judges a run while it lasts.

use bytes::Bytes;
use rocketmq_producer_core::time::Now;

use crate::StoredMessage;

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
    /// The body as it was sent, still compressed if it was.
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
            body: message.body.clone(),
            at,
        }
    }
}

/// Stored messages that nobody has asked for yet, oldest first; nothing until it is kept, for a
/// cluster that lives long must not grow by it.
#[derive(Debug, Default)]
pub(super) struct Journal(Option<Vec<Stored>>);

impl Journal {
    pub(super) fn keep(&mut self) {
        self.0.get_or_insert_default();
    }

    pub(super) fn record(&mut self, stored: impl FnOnce() -> Stored) {
        if let Some(kept) = &mut self.0 {
            kept.push(stored());
        }
    }

    pub(super) fn take(&mut self) -> Vec<Stored> {
        self.0.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
