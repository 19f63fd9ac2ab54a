//! What can go wrong with a connection, and with one call on it.

use std::sync::Arc;

use crate::codec::CodecError;

/// Why a connection is not, or no longer, there. Shared by all calls that it takes with it, so
/// texts are counted, not copied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The name did not resolve, or nobody accepted.
    #[error("cannot connect: {reason}")]
    Dial {
        /// What the operating system said.
        reason: Arc<str>,
    },
    /// Nobody answered in time.
    #[error("cannot connect: no answer within the connect timeout")]
    DialTimeout,
    /// The peer ended the stream.
    #[error("the peer closed the connection")]
    ClosedByPeer,
    /// Reading or writing failed.
    #[error("the connection broke: {reason}")]
    Broken {
        /// What the operating system said.
        reason: Arc<str>,
    },
    /// The peer sent bytes that are not frames.
    #[error("the peer broke the protocol")]
    Protocol(#[from] CodecError),
    /// The peer is there but does not answer.
    #[error("the peer did not answer a heartbeat in time")]
    Unresponsive,
    /// The peer asked to be left (GO_AWAY, 1500).
    #[error("the peer is shutting down")]
    GoAway,
    /// The name that led to this connection leads elsewhere now.
    #[error("the host name leads to another address by now")]
    Moved,
    /// Nobody needs this connection any more.
    #[error("the connection is no longer needed")]
    Retired,
    /// The producer is shutting down.
    #[error("the producer is shutting down")]
    ShuttingDown,
    /// Whatever drove the connection is gone: its runtime was dropped.
    #[error("the runtime that drove the connection is gone")]
    DriverGone,
}

crate::error::codes!(LinkError {
    Self::Dial { .. } => "connect_failed",
    Self::DialTimeout => "connect_timeout",
    Self::ClosedByPeer => "closed_by_peer",
    Self::Broken { .. } => "connection_broken",
    Self::Protocol(_) => "protocol_broken",
    Self::Unresponsive => "unresponsive",
    Self::GoAway => "go_away",
    Self::Moved => "moved",
    Self::Retired => "retired",
    Self::ShuttingDown => "shutting_down",
    Self::DriverGone => "runtime_gone",
});

impl LinkError {
    /// True when not only this connection has ended but the whole producer.
    pub const fn ends_everything(&self) -> bool {
        matches!(self, Self::ShuttingDown | Self::DriverGone)
    }
}

/// Why a call has no answer. The distinction that matters is whether the peer may have seen it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Not one of the call's bytes was handed to a socket: safe to repeat.
    #[error("nothing of it was sent")]
    Unsent(#[source] LinkError),
    /// The connection ended after bytes of the call were lent out to be written: the peer may have
    /// acted on it.
    #[error("sent, and what became of it is unknown")]
    Lost(#[source] LinkError),
    /// The deadline passed first.
    #[error("no answer in time ({})", if *.lent { "sent, and what became of it is unknown" } else { "nothing of it was sent" })]
    Expired {
        /// Whether bytes of the call had been lent out to be written.
        lent: bool,
    },
    /// The connection had no room for the call before its deadline: not sent.
    #[error("no room on the connection in time")]
    Full,
    /// The call does not fit the protocol's limits: not sent.
    #[error(transparent)]
    Encode(CodecError),
}

impl CallError {
    /// The case's stable name, for logs, metrics and alerts; of a lost connection that of the
    /// [`LinkError`].
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unsent(why) | Self::Lost(why) => why.code(),
            Self::Expired { lent: true } => "no_answer",
            Self::Expired { lent: false } => "not_written",
            Self::Full => "connection_full",
            Self::Encode(_) => "not_encodable",
        }
    }

    /// True when the peer may have acted on the call.
    pub const fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Expired { lent: true })
    }
}

/// A call that was not taken; the token comes back.
#[derive(Debug)]
pub struct CallRefused<T> {
    /// The caller's token.
    pub token: T,
    /// Why.
    pub why: Refusal,
}

/// Why a call was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The connection has ended.
    Closed(LinkError),
    /// The call cannot be encoded.
    Encode(CodecError),
}
