//! Why a send failed, and whether the message may be stored all the same.

mod kind;
mod outcome;
mod text;

pub use kind::SendErrorKind;
pub use outcome::{Outcome, TimeoutPhase};
pub(crate) use text::CodeName;
pub(super) use text::Place;

use std::{fmt, time::Duration};

use super::Attempt;
use crate::model::{Message, SendStatus};

/// A send that failed: why, what was tried, what became of the message, and the message itself.
///
/// Its text says who, what, how long and what next in one line; `{:#}` adds every attempt and cause,
/// which otherwise are the `source()`s' to tell.
///
/// One pointer wide, so that a `Result` of a send stays small.
pub struct SendError(Box<Inner>);

struct Inner {
    kind: SendErrorKind,
    outcome: Outcome,
    attempts: Vec<Attempt>,
    elapsed: Duration,
    message: Message,
}

impl SendError {
    /// An error before any attempt.
    pub fn not_sent(kind: SendErrorKind, message: Message) -> Self {
        Self::new(kind, Vec::new(), Duration::ZERO, message)
    }

    /// A half message that is stored, but not so well that a transaction may depend on it. Its id is
    /// that of a transaction that was rolled back, so the message comes back without.
    pub fn in_doubt(status: SendStatus, message: Message) -> Self {
        let (kind, message) = (SendErrorKind::HalfInDoubt(status), message.without_uniq_key());
        let (outcome, attempts, elapsed) = (Outcome::Unknown, Vec::new(), Duration::ZERO);
        Self(Box::new(Inner { kind, outcome, attempts, elapsed, message }))
    }

    pub(super) fn new(
        kind: SendErrorKind,
        attempts: Vec<Attempt>,
        elapsed: Duration,
        message: Message,
    ) -> Self {
        let outcomes = attempts.iter().map(|attempt| attempt.failure.outcome());
        let outcome = outcomes.max().unwrap_or(Outcome::NotSent);
        Self(Box::new(Inner { kind, outcome, attempts, elapsed, message }))
    }

    /// The same of another message: one that went with it.
    #[must_use]
    pub fn for_message(&self, message: Message) -> Self {
        let Inner { kind, outcome, attempts, elapsed, .. } = &*self.0;
        let (kind, attempts) = (kind.clone(), attempts.clone());
        Self(Box::new(Inner { kind, outcome: *outcome, attempts, elapsed: *elapsed, message }))
    }

    /// Why.
    pub fn kind(&self) -> &SendErrorKind {
        &self.0.kind
    }

    /// Whether the message may be stored: [`Outcome::Unknown`] as soon as one attempt's is.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// The stable name of its kind, for logs, metrics and alerts: see [`SendErrorKind::CODES`].
    pub fn code(&self) -> &'static str {
        self.kind().code()
    }

    /// True when the same send may succeed in a while with nothing changed. Whether it may then be
    /// stored twice, [`outcome`](Self::outcome) says.
    pub fn is_retryable(&self) -> bool {
        self.kind().is_retryable()
    }

    /// True when the send's time ran out.
    pub fn is_timeout(&self) -> bool {
        self.kind().is_timeout()
    }

    /// True when there is too much to do, here or at the broker: send less, or later.
    pub fn is_busy(&self) -> bool {
        self.kind().is_busy()
    }

    /// How long the send took, waiting included; nothing, where it was refused at once.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
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

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError")
            .field("kind", &self.0.kind)
            .field("outcome", &self.0.outcome)
            .field("attempts", &self.0.attempts)
            .field("elapsed", &self.0.elapsed)
            .field("topic", &self.0.message.topic())
            .field("uniq_key", &self.0.message.uniq_key())
            .finish_non_exhaustive()
    }
}
