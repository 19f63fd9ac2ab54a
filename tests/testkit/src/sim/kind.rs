//! The kinds of trouble that a cluster can be in.

use std::fmt;

use super::peers::{BROKERS, NAME_SERVERS, Peer};

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Bytes take long, each at its own pace.
    Latency,
    /// Little gets through at a time.
    Narrow,
    /// Nothing gets through, either way; it arrives late.
    Partition,
    /// Nothing gets to the node.
    NoWayThere,
    /// Nothing gets from the node.
    NoWayBack,
    /// Connections are forgotten on the way, and nobody is told.
    Lost,
    /// The node resets its connections.
    Reset,
    /// The node ends its connections.
    Ended,
    /// The node ends its side of its connections, and goes on reading.
    HalfClose,
    /// New connections are refused.
    DialsRefused,
    /// New connections are not answered.
    DialsSwallowed,
    /// The process is killed, and started again after a while.
    Crash,
    /// The host loses power, and comes back after a while.
    PowerCut,
    /// The process comes back at another address.
    Moved,
    /// A broker shuts down gracefully (GO_AWAY), and is started again.
    GoAway,
    /// The process stands still: the peer's window closes.
    Frozen,
    /// Everything takes long.
    Slow,
    /// Requests are acted on, and not answered.
    Mute,
    /// A few answers are lost.
    AnswersLost,
    /// Connections end instead of a few answers.
    ClosedInstead,
    /// Sends are refused for flow control.
    Busy,
    /// Sends are refused with one of all the codes.
    Refusing,
    /// Sends are acted on, and the answer says otherwise.
    Lying,
    /// Sends are stored in doubt (statuses 10, 11, 12).
    InDoubt,
    /// The broker takes no sends (code 14).
    ReadOnly,
    /// Answers are garbage.
    Garbage,
    /// The broker asks the producer things.
    Asking,
    /// Every answer comes twice, with a stray one.
    Repeating,
    /// A name server does not learn any more.
    Stale,
    /// A name server is killed and comes back knowing nothing.
    Forgetful,
    /// A broker is listed without its master.
    MasterLost,
    /// A broker's queues are listed as not writable.
    Wiped,
    /// The topic's queues become fewer or more.
    QueuesChanged,
    /// The topic is not writable on a broker.
    NoPermission,
    /// A name server's route is not what it should be.
    BadRoute,
    /// A name server gives the topic an order configuration.
    Ordered,
    /// A name server's name does not resolve.
    Unresolved,
    /// A name server's name leads elsewhere.
    Renamed,
    /// The wall clock is stepped back an hour.
    ClockBack,
    /// The wall clock is stepped on a day.
    ClockOn,
    /// The wall clock is stepped into another month.
    ClockMonth,
}

impl Kind {
    /// All of them, with their weights: how often each is drawn.
    pub(super) const WEIGHTS: [(Self, u32); 41] = [
        (Self::Latency, 3),
        (Self::Narrow, 2),
        (Self::Partition, 3),
        (Self::NoWayThere, 2),
        (Self::NoWayBack, 3),
        (Self::Lost, 3),
        (Self::Reset, 3),
        (Self::Ended, 3),
        (Self::HalfClose, 3),
        (Self::DialsRefused, 2),
        (Self::DialsSwallowed, 2),
        (Self::Crash, 4),
        (Self::PowerCut, 3),
        (Self::Moved, 3),
        (Self::GoAway, 3),
        (Self::Frozen, 3),
        (Self::Slow, 3),
        (Self::Mute, 3),
        (Self::AnswersLost, 3),
        (Self::ClosedInstead, 3),
        (Self::Busy, 3),
        (Self::Refusing, 3),
        (Self::Lying, 2),
        (Self::InDoubt, 2),
        (Self::ReadOnly, 2),
        (Self::Garbage, 2),
        (Self::Asking, 2),
        (Self::Repeating, 2),
        (Self::Stale, 2),
        (Self::Forgetful, 2),
        (Self::MasterLost, 2),
        (Self::Wiped, 2),
        (Self::QueuesChanged, 2),
        (Self::NoPermission, 2),
        (Self::BadRoute, 2),
        (Self::Ordered, 2),
        (Self::Unresolved, 2),
        (Self::Renamed, 2),
        (Self::ClockBack, 1),
        (Self::ClockOn, 1),
        (Self::ClockMonth, 1),
    ];

    /// All of them.
    pub const ALL: [Self; 41] = {
        let mut all = [Self::Latency; 41];
        let mut index = 0;
        while index < all.len() {
            all[index] = Self::WEIGHTS[index].0;
            index += 1;
        }
        all
    };

    /// Whom it can befall; the first name server stands for all, where all have it.
    pub(super) fn targets(self) -> &'static [Peer] {
        match self {
            Self::GoAway
            | Self::Moved
            | Self::Busy
            | Self::Refusing
            | Self::Lying
            | Self::InDoubt
            | Self::ReadOnly
            | Self::Asking
            | Self::MasterLost
            | Self::Wiped
            | Self::QueuesChanged
            | Self::NoPermission
            | Self::AnswersLost
            | Self::ClosedInstead => &BROKERS,
            Self::Stale
            | Self::Forgetful
            | Self::BadRoute
            | Self::Ordered
            | Self::Unresolved
            | Self::Renamed => &NAME_SERVERS,
            Self::ClockBack | Self::ClockOn | Self::ClockMonth => &NAME_SERVERS[..1],
            _ => &Peer::ALL,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}"))
    }
}
