//! What was tried.

use std::{fmt, time::Duration};

use super::{CodeName, Outcome, error::Place};
use crate::{
    codec::VERSION_WITH_TIMERS,
    command::{BadReply, ResponseCode, Verdict},
    error::WithCauses,
    link::CallError,
    model::{Address, MessageQueue, SendStatus},
    mutants::{Mutant::MaybeStoredIsRejected, is_on},
    route::Remark,
};

/// One try to hand a message to one broker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// Counts from zero. A broker that is busy can be asked more often than is told.
    pub number: u32,
    /// The queue it was meant for.
    pub queue: MessageQueue,
    /// Where that queue's master listens, where known.
    pub address: Option<Address>,
    /// What that master advertises, where the address translation led elsewhere.
    pub advertised: Option<Address>,
    /// How long the attempt took.
    pub elapsed: Duration,
    /// How it ended.
    pub failure: AttemptFailure,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (queue, place, cause) = (&self.queue, Place(Some(self)), WithCauses(&self.failure));
        write!(f, "broker {}{place}, queue {}", queue.broker_name, queue.queue_id)?;
        write!(f, ", after {:.1?}: {cause}", self.elapsed)
    }
}

/// How an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttemptFailure {
    /// The route names the broker, but no master of it.
    #[error("its master is not in the route")]
    NoMaster,
    /// There was no connection in time.
    #[error("not connected in time")]
    NotConnected,
    /// The connection is there, and the first heartbeat on it was not answered in time: half messages
    /// and timers wait for that.
    #[error("connected, and not registered in time")]
    NotRegistered,
    /// The broker is too old to deliver a message later, and would do so at once.
    #[error(
        "it cannot deliver at a time: it is of version {version}, and those from {VERSION_WITH_TIMERS} (5.0.0) on can"
    )]
    TooOld {
        /// Its `MQVersion`.
        version: i32,
    },
    /// The connection or the call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The broker answered with an error code.
    #[error("refused with code {code}{}{}", CodeName(*.code), Remark(.remark))]
    Refused {
        /// Its response code.
        code: i32,
        /// Its words.
        remark: String,
    },
    /// The broker's answer could not be understood.
    #[error(transparent)]
    BadReply(#[from] BadReply),
    /// The broker has stored it, but not as well as it should have, and another was asked.
    #[error("stored with status {status:?}")]
    NotStoreOk {
        /// How it is stored.
        status: SendStatus,
    },
}

impl AttemptFailure {
    /// The case's stable name, for logs, metrics and alerts; of a call that failed that of the
    /// [`CallError`].
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoMaster => "no_master",
            Self::NotConnected => "not_connected",
            Self::NotRegistered => "not_registered",
            Self::TooOld { .. } => "broker_too_old",
            Self::Call(error) => error.code(),
            Self::Refused { .. } => "rejected",
            Self::BadReply(_) => "bad_reply",
            Self::NotStoreOk { .. } => "not_store_ok",
        }
    }

    /// What the attempt alone says about the message.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NoMaster | Self::NotConnected | Self::NotRegistered | Self::TooOld { .. } => {
                Outcome::NotSent
            }
            Self::Call(error) if error.is_ambiguous() => Outcome::Unknown,
            Self::Call(_) => Outcome::NotSent,
            Self::BadReply(_) | Self::NotStoreOk { .. } => Outcome::Unknown,
            Self::Refused { .. } if is_on(MaybeStoredIsRejected) => Outcome::Rejected,
            Self::Refused { code, .. } => match ResponseCode(*code).verdict() {
                Verdict::Unknown | Verdict::Stored => Outcome::Unknown,
                Verdict::RetryElsewhere | Verdict::Busy | Verdict::Fatal => Outcome::Rejected,
            },
        }
    }

    /// True when no broker would do better, or another try could store the message again under a
    /// receipt that was lost only to us.
    pub(super) fn is_fatal(&self) -> bool {
        match self {
            Self::Refused { code, .. } => ResponseCode(*code).verdict() == Verdict::Fatal,
            Self::Call(CallError::Encode(_)) | Self::BadReply(_) => true,
            Self::Call(CallError::Lost(why) | CallError::Unsent(why)) => why.ends_everything(),
            _ => false,
        }
    }

    /// True when it says something about the broker, or the way to it, and not about the message,
    /// the topic or this producer.
    pub(super) fn is_the_brokers_fault(&self) -> bool {
        match self {
            Self::NotConnected | Self::NotRegistered | Self::BadReply(_) => true,
            Self::Call(CallError::Lost(why) | CallError::Unsent(why)) => !why.ends_everything(),
            Self::Call(CallError::Expired { .. } | CallError::Full) => true,
            Self::Refused { code, .. } => {
                let code = ResponseCode(*code);
                matches!(code.verdict(), Verdict::Busy | Verdict::Unknown)
                    || matches!(code, ResponseCode::SERVICE_NOT_AVAILABLE | ResponseCode::GO_AWAY)
            }
            Self::NoMaster | Self::TooOld { .. } | Self::NotStoreOk { .. } | Self::Call(_) => false,
        }
    }

    /// True when name servers may know better by now.
    pub(super) fn is_of_a_stale_route(&self) -> bool {
        match self {
            Self::NotConnected => true,
            Self::Call(CallError::Lost(why) | CallError::Unsent(why)) => !why.ends_everything(),
            _ => self.is_of_a_wrong_route(),
        }
    }

    /// True when the same broker would say the same again, until the route changes.
    pub(super) fn is_of_a_wrong_route(&self) -> bool {
        match self {
            Self::NoMaster => true,
            Self::Refused { code, .. } => matches!(
                ResponseCode(*code),
                ResponseCode::TOPIC_NOT_EXIST
                    | ResponseCode::NO_PERMISSION
                    | ResponseCode::SERVICE_NOT_AVAILABLE
                    | ResponseCode::INVALID_PARAMETER
                    | ResponseCode::NOT_LEADER_FOR_QUEUE
                    | ResponseCode::GO_AWAY
            ),
            _ => false,
        }
    }

    /// True when the broker is shedding load.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Refused { code, .. }
            if ResponseCode(*code).verdict() == Verdict::Busy)
    }
}
