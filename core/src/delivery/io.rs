//! What a delivery asks its driver to do.

use crate::{
    delivery::SendError,
    ids::LinkId,
    model::{Address, SendReceipt},
    time::Instant,
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
}

/// What is to be done next for a send.
#[derive(Debug)]
#[must_use]
pub enum Step {
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
    },
    /// Wait for an answer to one of the calls, and step again after it.
    Answer,
    /// It is over. The delivery must not be used any more.
    Done(Result<SendReceipt, SendError>),
}
