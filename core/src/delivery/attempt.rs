//! What was tried.

use std::{fmt, time::Duration};

use super::Outcome;
use crate::{
    command::{BadReply, ResponseCode, Verdict},
    link::CallError,
    model::{Address, MessageQueue},
    mutants::{Mutant::MaybeStoredIsRejected, is_on},
    route::Remark,
};

/// One try to hand a message to one broker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The queue it was meant for.
    pub queue: MessageQueue,
    /// Where that queue's master listens, where known.
    pub address: Option<Address>,
    /// How long the attempt took.
    pub elapsed: Duration,
    /// How it ended.
    pub failure: AttemptFailure,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broker {}", self.queue.broker_name)?;
        if let Some(address) = &self.address {
            write!(f, " at {address}")?;
        }
        write!(f, ", queue {}, after {:?}: {}", self.queue.queue_id, self.elapsed, self.failure)
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
    /// The connection or the call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The broker answered with an error code.
    #[error("refused with code {code}{}", Remark(.remark))]
    Refused {
        /// Its response code.
        code: i32,
        /// Its words.
        remark: String,
    },
    /// The broker's answer could not be understood.
    #[error(transparent)]
    BadReply(#[from] BadReply),
}

impl AttemptFailure {
    /// What the attempt alone says about the message.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NoMaster | Self::NotConnected => Outcome::NotSent,
            Self::Call(error) if error.is_ambiguous() => Outcome::Unknown,
            Self::Call(_) => Outcome::NotSent,
            Self::BadReply(_) => Outcome::Unknown,
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

    /// True when the broker is shedding load.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Refused { code, .. }
            if ResponseCode(*code).verdict() == Verdict::Busy)
    }
}
