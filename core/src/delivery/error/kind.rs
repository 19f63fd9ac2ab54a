//! Why a send failed, by what the caller can do about it.

use std::time::Duration;

use bytestring::ByteString;

use super::{
    super::{Attempt, AttemptFailure},
    TimeoutPhase,
};
use crate::{
    command::{LocalTransactionState, ResponseCode, Verdict},
    link::{CallError, LinkError},
    model::{InvalidMessage, SendStatus},
    route::{BadSelection, RouteError},
};

/// Why a send failed, by what the caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// The producer has not been started: start it first.
    NotStarted,
    /// The producer has been shut down, or is being shut down, or its runtime is gone: it takes nothing
    /// new.
    AlreadyShutDown,
    /// Change the message.
    InvalidMessage(InvalidMessage),
    /// See there: create the topic, mend the name servers or the brokers.
    Route(RouteError),
    /// No attempt reached a broker, or the connection broke.
    BrokerNotAvailable {
        /// The last broker tried.
        broker: ByteString,
        /// What happened with it.
        cause: AttemptFailure,
    },
    /// The broker said no.
    Rejected {
        /// The last broker asked.
        broker: ByteString,
        /// Its response code.
        code: i32,
        /// Its words.
        remark: String,
    },
    /// The time was too short, or somebody too slow.
    TimedOut {
        /// What was being waited for.
        phase: TimeoutPhase,
        /// How long the whole send took.
        after: Duration,
    },
    /// The brokers that may be sent it deliver at once what is to be delivered later: upgrade them, or
    /// use delay levels.
    BrokerTooOld {
        /// The last broker asked.
        broker: ByteString,
        /// Its `MQVersion`.
        version: i32,
    },
    /// The broker's answer could not be understood.
    BadReply {
        /// Who answered.
        broker: ByteString,
        /// What is wrong with the answer.
        cause: AttemptFailure,
    },
    /// The broker of the only queue that the message may go to, by its sharding key, its selector
    /// or its own wish, is not available.
    OrderUnavailable {
        /// The broker.
        broker: ByteString,
        /// What happened with it.
        cause: AttemptFailure,
    },
    /// The queue selector did not choose a queue.
    BadSelection(BadSelection),
    /// A transaction with the same message is under way: its id is that of the message.
    TransactionOpen,
    /// A transaction with the same message has ended, by its own local transaction or by the answer to
    /// a check-back: brokers that ask about its id are told that end. Begin another, with a message
    /// that has no id yet.
    TransactionEnded(LocalTransactionState),
    /// The half message is stored, but a crash may lose it: it was rolled back, for a transaction may
    /// not depend on it. The message can be tried again, under an id of its own.
    HalfInDoubt(SendStatus),
    /// As many sends are in flight as may be, and this one was not to wait.
    Full {
        /// Sends in flight.
        sends: usize,
        /// Their bytes.
        bytes: usize,
    },
    /// The message alone is larger than all sends in flight may be together.
    TooLarge {
        /// What it takes.
        bytes: usize,
        /// `in_flight_bytes_max`.
        limit: usize,
    },
    /// The producer was shut down, or its runtime dropped, before the send was over.
    ShuttingDown(LinkError),
}

crate::error::codes!(SendErrorKind {
    Self::NotStarted => "not_started",
    Self::AlreadyShutDown => "already_shut_down",
    Self::ShuttingDown(_) => "shutting_down",
    Self::InvalidMessage(_) => "invalid_message",
    Self::TooLarge { .. } => "too_large",
    Self::BadSelection(_) => "bad_selection",
    Self::Route(RouteError::TopicNotFound { .. }) => "topic_not_found",
    Self::Route(RouteError::NameServersUnreachable { .. }) => "name_servers_unreachable",
    Self::Route(RouteError::NoWritableQueue { .. }) => "no_writable_queue",
    Self::Route(RouteError::BadRoute { .. }) => "bad_route",
    Self::Route(RouteError::Refused { .. }) => "refused_by_name_server",
    Self::BrokerNotAvailable { .. } => "broker_not_available",
    Self::OrderUnavailable { .. } => "order_unavailable",
    Self::Rejected { .. } => "rejected",
    Self::BrokerTooOld { .. } => "broker_too_old",
    Self::BadReply { .. } => "bad_reply",
    Self::TimedOut { .. } => "timed_out",
    Self::Full { .. } => "full",
    Self::TransactionOpen => "transaction_open",
    Self::TransactionEnded(_) => "transaction_ended",
    Self::HalfInDoubt(_) => "half_in_doubt",
});

impl SendErrorKind {
    /// True when the same send may succeed in a while with nothing changed: neither the message, nor
    /// the program, nor what people have to do about topics and permissions. Whether it may then be
    /// stored twice, [`SendError::outcome`](super::SendError::outcome) says.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Route(error) => error.is_retryable(),
            Self::Rejected { code, .. } => ResponseCode(*code).is_retryable(),
            Self::BrokerNotAvailable { cause, .. } | Self::OrderUnavailable { cause, .. } => {
                !matches!(cause, AttemptFailure::Call(CallError::Encode(_)))
            }
            Self::TimedOut { .. } | Self::Full { .. } | Self::HalfInDoubt(_) => true,
            Self::NotStarted
            | Self::AlreadyShutDown
            | Self::ShuttingDown(_)
            | Self::InvalidMessage(_)
            | Self::TooLarge { .. }
            | Self::BadSelection(_)
            | Self::BrokerTooOld { .. }
            | Self::BadReply { .. }
            | Self::TransactionOpen
            | Self::TransactionEnded(_) => false,
        }
    }

    /// True when the send's time ran out.
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }

    /// True when there is too much to do, here or at the broker: send less, or later.
    pub const fn is_busy(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::TimedOut { phase, .. } => {
                matches!(phase, TimeoutPhase::Permit | TimeoutPhase::Room)
            }
            Self::Rejected { code, .. } => {
                matches!(ResponseCode(*code).verdict(), Verdict::Busy)
            }
            _ => false,
        }
    }

    /// The kind that the last attempt's failure makes.
    pub(in super::super) fn of_attempt(attempt: &Attempt, after: Duration, fixed: bool) -> Self {
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

    /// The broker that it is about.
    pub(super) fn broker(&self) -> Option<&ByteString> {
        match self {
            Self::BrokerNotAvailable { broker, .. }
            | Self::OrderUnavailable { broker, .. }
            | Self::Rejected { broker, .. }
            | Self::BrokerTooOld { broker, .. }
            | Self::BadReply { broker, .. } => Some(broker),
            _ => None,
        }
    }
}

impl From<InvalidMessage> for SendErrorKind {
    fn from(rule: InvalidMessage) -> Self {
        Self::InvalidMessage(rule)
    }
}

impl From<BadSelection> for SendErrorKind {
    fn from(selection: BadSelection) -> Self {
        Self::BadSelection(selection)
    }
}
