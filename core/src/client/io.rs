//! What goes into and comes out of the client.

use std::{sync::Arc, time::Duration};

use crate::{
    codec::{Frame, Header},
    command::ClientCommand,
    delivery::Ask,
    event::Event,
    ids::{ChoreId, LinkId},
    link::{CallError, LinkError},
    model::Address,
    route::Routes,
    time::Instant,
};

/// Something that has happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// A send needs something and waits for it until then.
    Ask {
        /// What it needs.
        ask: Ask,
        /// How long it will wait.
        until: Instant,
    },
    /// A connection that was ordered is up.
    Opened(LinkId),
    /// A connection that was ordered could not be opened, or has ended.
    Closed {
        /// Which.
        link: LinkId,
        /// Why.
        cause: LinkError,
    },
    /// A call of the client's own is over.
    Answer {
        /// Which.
        chore: ChoreId,
        /// The answer, whatever its code, or why there is none.
        outcome: Result<Frame, CallError>,
    },
    /// A one-way call of the client's own has been queued on its connection, or not.
    Queued {
        /// Which.
        chore: ChoreId,
        /// Why not, if not.
        outcome: Result<(), CallError>,
    },
    /// When a peer was last heard, as asked for by [`Output::Listen`].
    Heard {
        /// On which connection.
        link: LinkId,
        /// When.
        at: Instant,
    },
    /// A name has been looked up, as asked for by [`Output::Resolve`].
    Resolved {
        /// For which connection.
        link: LinkId,
        /// True when the name leads somewhere, and not to where the connection does.
        moved: bool,
    },
    /// A peer asks something.
    Request {
        /// On which connection.
        link: LinkId,
        /// What.
        frame: Frame,
    },
    /// A peer asks to be left.
    GoAway(LinkId),
    /// A send has waited in vain for a peer that has not been heard for a while.
    Silent(LinkId),
    /// Routes that no name server has confirmed for `route_timeout`, and that nobody uses, are to be
    /// forgotten.
    ClearExpiredRoutes,
    /// No more sends will begin; leave when those in flight are over.
    Shutdown,
    /// No send is in flight.
    Drained,
}

/// Something to be done.
#[derive(Debug)]
#[non_exhaustive]
#[must_use]
pub enum Output {
    /// Resolve the name anew, connect, and report [`Input::Opened`] or [`Input::Closed`].
    Open {
        /// The new connection's name.
        link: LinkId,
        /// Where to.
        address: Address,
        /// How long to try at most. The client itself gives up then and says
        /// [`Close`](Self::Close); drivers that cannot be interrupted use this.
        timeout: Duration,
    },
    /// End a connection or the attempt to open it; what is in flight on it is answered with
    /// `cause`. Nothing needs to be reported back.
    Close {
        /// Which.
        link: LinkId,
        /// Why.
        cause: LinkError,
    },
    /// Make a call and report its end as [`Input::Answer`].
    Call {
        /// On which connection.
        link: LinkId,
        /// The call's name.
        chore: ChoreId,
        /// What to ask.
        command: ClientCommand,
        /// When to stop waiting.
        deadline: Instant,
    },
    /// Queue a request that will not be answered, and report [`Input::Queued`].
    Oneway {
        /// On which connection.
        link: LinkId,
        /// The call's name.
        chore: ChoreId,
        /// What to say.
        command: ClientCommand,
    },
    /// Report when the peer was last heard on this connection: [`Input::Heard`]. Sends' answers do
    /// not pass through the client.
    Listen(LinkId),
    /// Resolve the name anew, and report [`Input::Resolved`].
    Resolve {
        /// The connection that it once led to.
        link: LinkId,
        /// The name.
        address: Address,
    },
    /// A broker asks about a half message, by a request of code 39 that is not to be answered as such:
    /// see [`CheckBack`](crate::command::CheckBack).
    CheckBack {
        /// On which connection: the answer goes there.
        link: LinkId,
        /// The question.
        frame: Frame,
    },
    /// Answer a peer's request.
    Respond {
        /// On which connection.
        link: LinkId,
        /// The answer.
        header: Header,
    },
    /// Let every sender see this.
    Publish(Arc<Routes>),
    /// Something has changed that users may want to know, in order.
    Notify(Event),
    /// Draining has taken too long: the sends in flight are about to be answered by the closing of
    /// their connections. Whoever counts them counts now.
    CutOff,
    /// The client has left; nothing more will come.
    Stopped,
}
