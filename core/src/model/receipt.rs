//! What a broker's answer to a send says.

use std::fmt;

use bytestring::ByteString;

use crate::time::UnixMillis;

/// One queue of a topic on one broker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageQueue {
    /// The topic.
    pub topic: ByteString,
    /// The broker's name (not its address).
    pub broker_name: ByteString,
    /// The queue's number on that broker.
    pub queue_id: i32,
}

impl fmt::Display for MessageQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}#{}", self.topic, self.broker_name, self.queue_id)
    }
}

/// How durably the broker has stored a message: `SendStatus` of Apache RocketMQ. In all four it
/// *is* stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendStatus {
    /// Stored as the broker is configured to.
    SendOk,
    /// Stored, not flushed to disk in time.
    FlushDiskTimeout,
    /// Stored, a replica has not confirmed in time.
    FlushSlaveTimeout,
    /// Stored, no replica was there.
    SlaveNotAvailable,
}

/// Proof that a broker has stored a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the status tells whether durability is in doubt"]
#[non_exhaustive]
pub struct SendReceipt {
    /// The message's UNIQ_KEY.
    pub message_id: ByteString,
    /// The broker's own id, which names the place in its commit log.
    pub offset_message_id: ByteString,
    /// Where the message is.
    pub message_queue: MessageQueue,
    /// The message's position in its queue.
    pub queue_offset: i64,
    /// How durably it is stored.
    pub status: SendStatus,
    /// Set by brokers from 5.0 on; equal to the message id.
    pub transaction_id: Option<ByteString>,
    /// The broker's region, `DefaultRegion` unless configured.
    pub region_id: Option<ByteString>,
    /// When the send began, by the producer's wall clock.
    pub send_timestamp: UnixMillis,
    /// How many attempts it took, at least 1.
    pub attempts: u32,
}
