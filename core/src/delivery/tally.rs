//! What has become of a delivery's attempts, for whoever counts them.

use std::{sync::Arc, time::Duration};

use bytestring::ByteString;

use super::{
    AttemptFailure, Delivered, Delivery, Outcome, SendError, SendErrorKind, TimeoutPhase,
    machine::State,
};
use crate::{
    route::{Broker, Decider},
    time::{Instant, Now},
};

/// How an attempt has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptFate {
    /// The broker has stored what it was sent, so long after its queue was chosen.
    Stored(Duration),
    /// One-way: a socket has taken it.
    HandedOver,
    /// It has failed.
    Failed,
    /// It has failed before it began: the broker's address is not known.
    Unrouted,
    /// It was under way when its send ended or was dropped.
    Abandoned,
}

/// The answer that has ended a delivery, or that it may fall back on.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) attempt: u32,
    pub(super) broker: Arc<Broker>,
    pub(super) latency: Duration,
    pub(super) at: Instant,
    /// The broker does not mind that the message is traced.
    pub(super) is_traced: bool,
}

/// What is told of a delivery that is over, or that is about to be dropped.
impl Delivery {
    /// When it began.
    pub fn started(&self) -> Now {
        self.started
    }

    /// When a broker's answer came that says that it is stored; none when none did.
    pub fn answered_at(&self) -> Option<Instant> {
        self.answered.as_ref().map(|answered| answered.at)
    }

    /// It asks for no answer.
    pub fn is_oneway(&self) -> bool {
        self.parcel.is_oneway
    }

    /// It is a transaction's half message.
    pub fn is_half(&self) -> bool {
        self.parcel.is_half()
    }

    /// What decides about its queue.
    pub fn decider(&self) -> Decider {
        Decider::of(&self.parcel.message, &self.policy.choice)
    }

    /// Attempts made, as its receipt or its error says.
    pub fn attempts_made(&self) -> u32 {
        let under_way = matches!(self.state, State::Calling { .. })
            || self.abandoned().is_some()
            || self.handed_over.is_some()
            || self.answer_to_the_last().is_some();
        self.made + u32::from(under_way)
    }

    /// Tells of every attempt, several that are alike at once: its broker, its end, how many. What
    /// the delivery was [done](super::Step::Done) with goes in, if it is over: an error has taken the
    /// attempts along.
    pub fn tell_attempts(
        &self,
        result: Option<&Result<Delivered, SendError>>,
        mut tell: impl FnMut(&ByteString, AttemptFate, u64),
    ) {
        let error = result.and_then(|result| result.as_ref().err());
        for attempt in error.map_or(&*self.attempts, SendError::attempts) {
            let late = self.answered.as_ref().filter(|late| late.attempt == attempt.number);
            let end = match (late, &attempt.failure) {
                (Some(late), _) => AttemptFate::Stored(late.latency),
                (None, AttemptFailure::NotStoreOk { .. }) => AttemptFate::Stored(attempt.elapsed),
                (None, AttemptFailure::NoMaster) => AttemptFate::Unrouted,
                (None, _) => AttemptFate::Failed,
            };
            tell(&attempt.queue.broker_name, end, 1);
        }
        for (broker, times) in self.unusual.iter().flat_map(|unusual| &unusual.untold) {
            tell(broker, AttemptFate::Failed, *times);
        }
        if let Some(answered) = self.answer_to_the_last() {
            tell(&answered.broker.name, AttemptFate::Stored(answered.latency), 1);
        }
        if let Some(broker) = &self.handed_over {
            tell(&broker.name, AttemptFate::HandedOver, 1);
        }
        let under_way = match &self.state {
            State::Calling { target, .. } => Some(&target.queue.broker_name),
            _ => self.abandoned(),
        };
        if let Some(broker) = under_way {
            tell(broker, AttemptFate::Abandoned, 1);
        }
    }

    /// True when it was sent again after an attempt that may have stored it.
    pub fn is_possible_duplicate(&self, result: Option<&Result<Delivered, SendError>>) -> bool {
        let error = result.and_then(|result| result.as_ref().err());
        let told = error.map_or(&*self.attempts, SendError::attempts);
        let attempts = self.attempts_made();
        told.iter().any(|attempt| {
            attempt.failure.outcome() == Outcome::Unknown && attempt.number + 1 < attempts
        })
    }

    /// Who was being asked when another's answer has ended it.
    fn abandoned(&self) -> Option<&ByteString> {
        self.unusual.as_ref()?.abandoned.as_ref()
    }

    /// The answer, if it was to the last attempt, which has not failed then.
    fn answer_to_the_last(&self) -> Option<&Answered> {
        self.answered.as_ref().filter(|answered| answered.attempt == self.made)
    }
}

impl SendErrorKind {
    /// True when the send has failed for want of a queue to send to.
    pub fn is_unrouted(&self) -> bool {
        match self {
            Self::Route(_) | Self::BadSelection(_) => true,
            Self::TimedOut { phase, .. } => *phase == TimeoutPhase::Route,
            _ => false,
        }
    }
}
