//! What a delivery asks its driver to do.

use std::convert::Infallible;

use bytestring::ByteString;

use crate::{
    codec::{Frame, Request},
    delivery::SendError,
    ids::LinkId,
    link::CallError,
    model::{Address, SendReceipt},
    route::Routes,
    time::{Instant, Now},
};

/// What a send needs from the client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Ask {
    /// The route of a topic.
    Route(bytestring::ByteString),
    /// The same, newer than the one that there is: it has led astray.
    Refresh(bytestring::ByteString),
    /// The same for a person: order keys that were pinned to the first route's layout go by this
    /// one's from now on.
    Update(bytestring::ByteString),
    /// A connection to a broker.
    Connection(Address),
    /// Nothing for itself: the state of the broker of this name has changed, and there may be
    /// somebody to be told.
    Notice(bytestring::ByteString),
}

/// How a send has ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all are stored, and need no allocation then")]
pub enum Delivered {
    /// A broker has stored it.
    Stored(SendReceipt),
    /// One-way: the transport has taken all its bytes.
    HandedOver,
}

impl Delivered {
    /// The receipt, of what was to be answered.
    pub fn receipt(self) -> Option<SendReceipt> {
        match self {
            Self::Stored(receipt) => Some(receipt),
            Self::HandedOver => None,
        }
    }
}

/// Something that a caller wants of a broker, and sees through: a message's delivery, or the end of a
/// transaction.
///
/// Drive it in a loop: [`step`](Self::step) says what to do next, against the latest [`Routes`].
pub trait Errand {
    /// What is asked of the broker.
    type Request<'a>: Request
    where
        Self: 'a;
    /// How it ends.
    type Output;

    /// What to do next.
    fn step(&mut self, now: Now, routes: &Routes) -> Step<Self::Output>;

    /// The request of the call that [`Step::Call`] asked for; none at any other time.
    fn request(&self) -> Option<Self::Request<'_>>;

    /// A call that [`Step::Call`] asked for has ended, under the number that it had there.
    fn handle_outcome(&mut self, now: Now, attempt: u32, outcome: Result<Frame, CallError>);

    /// The transport has taken all bytes of a call that is not answered.
    fn handle_written(&mut self, now: Now, attempt: u32);

    /// The link that [`Step::Call`] named had ended before the call was made.
    fn handle_gone(&mut self);

    /// When it ends at the latest.
    fn deadline(&self) -> Instant;

    /// The topic whose news it waits for.
    fn topic(&self) -> ByteString;
}

/// What is to be done next for a send, or another errand.
#[derive(Debug)]
#[must_use]
pub enum Step<T = Result<Delivered, SendError>> {
    /// Tell the client about `ask`, then call [`Delivery::step`] again with the next published
    /// [`Routes`], or at `until` at the latest.
    ///
    /// [`Delivery::step`]: super::Delivery::step
    /// [`Routes`]: crate::route::Routes
    Wait {
        /// What is missing; `None` for a mere pause.
        ask: Option<Ask>,
        /// When to come back in any case.
        until: Instant,
    },
    /// Tell the client, and call [`Delivery::step`] again at once.
    ///
    /// [`Delivery::step`]: super::Delivery::step
    Tell(Ask),
    /// Hand [`Delivery::request`] to this link, and step again. Whatever the link says of the call,
    /// twice when it lingers, is for [`Delivery::handle_outcome`].
    ///
    /// [`Delivery::request`]: super::Delivery::request
    /// [`Delivery::handle_outcome`]: super::Delivery::handle_outcome
    Call {
        /// The connection.
        link: LinkId,
        /// The attempt's number, from zero.
        attempt: u32,
        /// The attempt's end.
        deadline: Instant,
        /// How long a late answer is of use.
        linger: Instant,
        /// It is not answered: wait until the transport has taken it.
        oneway: bool,
    },
    /// Wait for an answer to one of the calls, and step again after it.
    Answer,
    /// It is over. The errand must not be used any more.
    Done(T),
}

impl Step<Infallible> {
    /// The same, of an errand that does have an end.
    pub(super) fn unfinished<T>(self) -> Step<T> {
        match self {
            Self::Wait { ask, until } => Step::Wait { ask, until },
            Self::Tell(ask) => Step::Tell(ask),
            Self::Call { link, attempt, deadline, linger, oneway } => {
                Step::Call { link, attempt, deadline, linger, oneway }
            }
            Self::Answer => Step::Answer,
            Self::Done(never) => match never {},
        }
    }
}
