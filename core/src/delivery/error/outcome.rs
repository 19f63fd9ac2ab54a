//! What became of the message, and what its send was waiting for.

use std::fmt;

/// What is known about the message after a failed send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// No broker can have stored it: none of its bytes was handed to a connection.
    NotSent,
    /// Every broker asked has said, with a code that proves it, that it has not stored it.
    Rejected,
    /// A broker may have stored it. Sending it again may store it twice, under one UNIQ_KEY.
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "the message was not sent",
            Self::Rejected => "the message was not stored",
            Self::Unknown => "the message may have been stored",
        })
    }
}

/// What a send was waiting for when its time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeoutPhase {
    /// Its turn among the sends of the whole producer.
    Permit,
    /// The messages before it with the same sharding key.
    Order,
    /// A name server's answer.
    Route,
    /// A connection to the broker.
    Dial,
    /// Room on the connection.
    Room,
    /// The socket to take its bytes.
    Write,
    /// The broker's answer.
    Reply,
    /// The next attempt, after a failed one.
    Retry,
}

crate::error::codes!(TimeoutPhase {
    Self::Permit => "permit",
    Self::Order => "order",
    Self::Route => "route",
    Self::Dial => "dial",
    Self::Room => "room",
    Self::Write => "write",
    Self::Reply => "reply",
    Self::Retry => "retry",
});

impl TimeoutPhase {
    /// What to do about it.
    pub(super) const fn advice(self) -> &'static str {
        match self {
            Self::Permit => {
                "send less at once, or raise async_send_semaphore and in_flight_bytes_max if brokers keep up"
            }
            Self::Order => "spread the load over more sharding keys: those of one go one at a time",
            Self::Route => "see whether the name servers answer, or allow more time",
            Self::Dial => "see whether its address can be reached from here, or allow more time",
            Self::Room => "see whether the broker keeps up: it reads slowly, or was busy",
            Self::Write => "see whether the broker reads, and what the network takes",
            Self::Reply => "see what the broker is slow at",
            Self::Retry => "see the attempts, or allow more time",
        }
    }

    /// True when it is a broker that was waited for.
    pub(super) const fn is_about_a_broker(self) -> bool {
        !matches!(self, Self::Permit | Self::Order | Self::Route)
    }
}

impl fmt::Display for TimeoutPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Permit => "waiting for other sends to end",
            Self::Order => "waiting for the messages before it with the same sharding key",
            Self::Route => "waiting for the topic's route",
            Self::Dial => "waiting for a connection to the broker",
            Self::Room => "waiting for room on the connection",
            Self::Write => "waiting for the connection to take the message",
            Self::Reply => "waiting for the broker's answer",
            Self::Retry => "before the next attempt",
        })
    }
}
