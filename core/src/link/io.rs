//! What goes into and comes out of a link.

use super::CallError;
use crate::{
    codec::{Frame, SerializeType},
    time::Instant,
};

/// Limits and habits of one connection.
#[derive(Clone, Copy, Debug)]
pub struct LinkConfig {
    /// The form of requests.
    pub form: SerializeType,
    /// Calls that may await their answers.
    pub in_flight_max: usize,
    /// Bytes that may be queued, beyond which further calls are held. One call may exceed it, so
    /// that no message is too large to be sent at all. What is queued is lent all at once, so this
    /// is also what a connection that breaks leaves in doubt, and little is better than much.
    pub queue_bytes_max: usize,
    /// Where opaques start; tests start near the wrap.
    pub first_opaque: i32,
    /// Of the jitter in a busy peer's pauses.
    pub seed: u64,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            form: SerializeType::Binary,
            in_flight_max: 10_000,
            queue_bytes_max: 1024 * 1024,
            first_opaque: 0,
            seed: 0,
        }
    }
}

/// A request, whose it is, and how long its answer is waited for.
#[derive(Debug)]
pub struct Call<'a, R: ?Sized, T> {
    /// What to ask.
    pub request: &'a R,
    /// Comes back with the answer.
    pub token: T,
    /// When to stop waiting.
    pub deadline: Instant,
    /// How long an answer is still of use after that: the token comes out again with it, if it
    /// allows that ([`Waiter::again`](crate::Waiter::again)).
    pub linger: Option<Instant>,
    /// What is special about it.
    pub manner: Manner,
}

/// What is special about a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Nothing: it waits for room, then for its answer.
    #[default]
    Usual,
    /// A question of life: queued even when there is no room, and given up only after the peer has
    /// not been heard for as long as it was given, so that a connection that is merely busy is not
    /// taken for dead. For the few heartbeats of the client.
    Probe,
    /// It waits for room, and is not answered: its caller is told when the transport has taken all
    /// its bytes, by [`LinkEvent::Written`].
    Oneway,
}

/// What a link has to say.
#[derive(Debug)]
#[non_exhaustive]
pub enum LinkEvent<T> {
    /// A call is over.
    Done {
        /// The caller's token.
        token: T,
        /// The peer's answer, whatever its code, or why there is none.
        outcome: Result<Frame, CallError>,
    },
    /// The transport has taken all bytes of a one-way call. Whether they reach the peer is not known.
    Written {
        /// The caller's token.
        token: T,
    },
    /// The connection has ended, and it is not known whether so many one-way calls that the transport
    /// had taken have reached the peer.
    InDoubt(u64),
    /// A request of the peer.
    Request(Frame),
    /// The peer has answered some call with GO_AWAY: do not use this connection for new calls.
    GoAway,
    /// A call has waited in vain for its answer, and the peer has not been heard at all for a
    /// while. Said once for each silence.
    Silent,
}

/// What a link has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct LinkStats {
    /// Answers to no call in flight: late, repeated, or never asked for. They have no effect.
    pub stray_answers: u64,
    /// Answers that said that the peer is busy.
    pub busy_answers: u64,
    /// Requests of the peer.
    pub peer_requests: u64,
}
