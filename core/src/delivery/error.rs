//! Why a send failed, and whether the message may be stored all the same.

use std::{fmt, time::Duration};

use bytestring::ByteString;

use super::{Attempt, AttemptFailure};
use crate::{
    command::LocalTransactionState,
    link::{CallError, LinkError},
    model::{InvalidMessage, Message, SendStatus},
    route::{BadSelection, Remark, RouteError},
};

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

/// Why a send failed, by what the caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// Start the producer first.
    #[error("the producer is not running")]
    NotRunning,
    /// Change the message.
    #[error("invalid message: {0}")]
    InvalidMessage(#[from] InvalidMessage),
    /// See the cause: create the topic, mend the name servers or the brokers.
    #[error(transparent)]
    Route(RouteError),
    /// No attempt reached a broker, or the connection broke.
    #[error("broker {broker} is not available: {cause}")]
    BrokerNotAvailable {
        /// The last broker tried.
        broker: ByteString,
        /// What happened with it.
        cause: AttemptFailure,
    },
    /// The broker said no.
    #[error("broker {broker} refused the message: code {code}{}", Remark(.remark))]
    Rejected {
        /// The last broker asked.
        broker: ByteString,
        /// Its response code.
        code: i32,
        /// Its words.
        remark: String,
    },
    /// The time was too short, or somebody too slow.
    #[error("timed out after {after:?}, {phase}")]
    TimedOut {
        /// What was being waited for.
        phase: TimeoutPhase,
        /// How long the whole send took.
        after: Duration,
    },
    /// The brokers that may be sent it deliver at once what is to be delivered later: upgrade them, or
    /// use delay levels.
    #[error("broker {broker} cannot deliver at a time: it is of version {version}")]
    BrokerTooOld {
        /// The last broker asked.
        broker: ByteString,
        /// Its `MQVersion`.
        version: i32,
    },
    /// The broker's answer could not be understood.
    #[error("broker {broker}: {cause}")]
    BadReply {
        /// Who answered.
        broker: ByteString,
        /// What is wrong with the answer.
        cause: AttemptFailure,
    },
    /// The broker of the only queue that the message may go to, by its sharding key, its selector
    /// or its own wish, is not available.
    #[error("the message may go to broker {broker} only, which is not available: {cause}")]
    OrderUnavailable {
        /// The broker.
        broker: ByteString,
        /// What happened with it.
        cause: AttemptFailure,
    },
    /// The queue selector did not choose a queue.
    #[error(transparent)]
    BadSelection(#[from] BadSelection),
    /// A transaction with the same message is under way: its id is that of the message.
    #[error("a transaction of this message is under way already")]
    TransactionOpen,
    /// A transaction with the same message has ended, by its own local transaction or by the answer to
    /// a check-back: brokers that ask about its id are told that end. Begin another, with a message
    /// that has no id yet.
    #[error("a transaction of this message has ended already: {0:?}")]
    TransactionEnded(LocalTransactionState),
    /// The half message is stored, but a crash may lose it: it was rolled back, for a transaction may
    /// not depend on it. The message can be tried again, under an id of its own.
    #[error("the half message may be lost again ({0:?}), and was rolled back")]
    HalfInDoubt(SendStatus),
    /// As many sends are in flight as may be, and this one was not to wait.
    #[error("{sends} sends of {bytes} bytes are in flight")]
    Full {
        /// Sends in flight.
        sends: usize,
        /// Their bytes.
        bytes: usize,
    },
    /// The message alone is larger than all sends in flight may be together.
    #[error("the message takes {bytes} bytes, and all sends in flight may take {limit}")]
    TooLarge {
        /// What it takes.
        bytes: usize,
        /// `in_flight_bytes_max`.
        limit: usize,
    },
    /// The producer was shut down, or its runtime dropped, before the send was over.
    #[error("{0}")]
    ShuttingDown(LinkError),
}

impl SendErrorKind {
    /// The kind that the last attempt's failure makes.
    pub(super) fn of_attempt(attempt: &Attempt, after: Duration, fixed: bool) -> Self {
        let broker = attempt.queue.broker_name.clone();
        let timed_out = |phase| Self::TimedOut { phase, after };
        match &attempt.failure {
            AttemptFailure::Refused { code, remark } => {
                Self::Rejected { broker, code: *code, remark: remark.clone() }
            }
            cause @ AttemptFailure::BadReply(_) => Self::BadReply { broker, cause: cause.clone() },
            AttemptFailure::TooOld { version } => Self::BrokerTooOld { broker, version: *version },
            AttemptFailure::NotConnected | AttemptFailure::NotRegistered if !fixed => {
                timed_out(TimeoutPhase::Dial)
            }
            AttemptFailure::Call(CallError::Expired { lent: true }) => {
                timed_out(TimeoutPhase::Reply)
            }
            AttemptFailure::Call(CallError::Expired { lent: false }) => {
                timed_out(TimeoutPhase::Write)
            }
            AttemptFailure::Call(CallError::Full) => timed_out(TimeoutPhase::Room),
            AttemptFailure::Call(CallError::Lost(why) | CallError::Unsent(why))
                if why.ends_everything() =>
            {
                Self::ShuttingDown(why.clone())
            }
            cause if fixed => Self::OrderUnavailable { broker, cause: cause.clone() },
            cause => Self::BrokerNotAvailable { broker, cause: cause.clone() },
        }
    }
}

/// A send that failed: why, what was tried, what became of the message, and the message itself.
///
/// One pointer wide, so that a `Result` of a send stays small.
pub struct SendError(Box<Inner>);

struct Inner {
    kind: SendErrorKind,
    outcome: Outcome,
    attempts: Vec<Attempt>,
    message: Message,
}

impl SendError {
    /// An error before any attempt.
    pub fn not_sent(kind: SendErrorKind, message: Message) -> Self {
        Self::new(kind, Vec::new(), message)
    }

    /// A half message that is stored, but not so well that a transaction may depend on it. Its id is
    /// that of a transaction that was rolled back, so the message comes back without.
    pub fn in_doubt(status: SendStatus, message: Message) -> Self {
        let (kind, message) = (SendErrorKind::HalfInDoubt(status), message.without_uniq_key());
        Self(Box::new(Inner { kind, outcome: Outcome::Unknown, attempts: Vec::new(), message }))
    }

    pub(super) fn new(kind: SendErrorKind, attempts: Vec<Attempt>, message: Message) -> Self {
        let outcomes = attempts.iter().map(|attempt| attempt.failure.outcome());
        let outcome = outcomes.max().unwrap_or(Outcome::NotSent);
        Self(Box::new(Inner { kind, outcome, attempts, message }))
    }

    /// The same of another message: one that went with it.
    #[must_use]
    pub fn for_message(&self, message: Message) -> Self {
        let Inner { kind, outcome, attempts, .. } = &*self.0;
        let (kind, outcome, attempts) = (kind.clone(), *outcome, attempts.clone());
        Self(Box::new(Inner { kind, outcome, attempts, message }))
    }

    /// Why.
    pub fn kind(&self) -> &SendErrorKind {
        &self.0.kind
    }

    /// Whether the message may be stored: [`Outcome::Unknown`] as soon as one attempt's is.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// What was tried, in order.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// The message, with its UNIQ_KEY; without, if that was used up by a transaction that was rolled
    /// back ([`SendErrorKind::HalfInDoubt`]).
    pub fn message(&self) -> &Message {
        &self.0.message
    }

    /// Gives the [message](Self::message) back, to be sent again.
    #[must_use]
    pub fn into_message(self) -> Message {
        self.0.message
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(
            f,
            "cannot send to topic {:?}: {}; {}",
            inner.message.topic(),
            inner.kind,
            inner.outcome
        )?;
        for (index, attempt) in inner.attempts.iter().enumerate() {
            write!(f, "; attempt {}: {attempt}", index + 1)?;
        }
        Ok(())
    }
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError")
            .field("kind", &self.0.kind)
            .field("outcome", &self.0.outcome)
            .field("attempts", &self.0.attempts)
            .field("topic", &self.0.message.topic())
            .field("uniq_key", &self.0.message.uniq_key())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0.kind)
    }
}
