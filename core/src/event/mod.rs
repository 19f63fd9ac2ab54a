//! What a producer tells of itself, as data: changes of state, each told once.
//!
//! Machines push no text anywhere. The client hands events out by
//! [`Output::Notify`](crate::client::Output::Notify); whoever drives it does with them what it likes.
//! The adapters make `tracing` events of them, where their feature `tracing` is on.
//!
//! | event | severity | told when |
//! |---|---|---|
//! | [`Started`](Event::Started) | info | a session begins |
//! | [`ShutdownBegun`](Event::ShutdownBegun) | info | no more sends may begin |
//! | [`ShutdownEnded`](Event::ShutdownEnded) | info; warn if sends were cut off | a session has ended |
//! | [`DriverGone`](Event::DriverGone) | info; warn if sends were cut off | a session's runtime was dropped |
//! | [`Connected`](Event::Connected) | info; debug for a name server that nothing was wrong with | a connection is up |
//! | [`DialFailed`](Event::DialFailed) | warn; info for a name server | the first dial of a row has failed |
//! | [`Disconnected`](Event::Disconnected) | info; debug for name servers, and where nobody needs it | a connection has ended |
//! | [`GoAway`](Event::GoAway) | info | a peer asks to be left |
//! | [`HeartbeatRefused`](Event::HeartbeatRefused) | warn | the first of a row is refused |
//! | [`HeartbeatAccepted`](Event::HeartbeatAccepted) | info | the first after that is not |
//! | [`BrokerStateChanged`](Event::BrokerStateChanged) | info; warn for `Unhealthy` | a broker's health has changed |
//! | [`NameServersUnreachable`](Event::NameServersUnreachable) | warn | none has answered |
//! | [`NameServersReachable`](Event::NameServersReachable) | info | one has answered after that |
//! | [`RouteFound`](Event::RouteFound) | debug; info after a failure that was told | a topic has a route |
//! | [`RouteChanged`](Event::RouteChanged) | info | it has another one |
//! | [`RouteLost`](Event::RouteLost) | warn | it has none any more |
//! | [`RouteFailed`](Event::RouteFailed) | debug; warn for garbage | a question about it has failed, the first of a row |
//! | [`TopicForgotten`](Event::TopicForgotten) | debug | no send has used it for long |
//! | [`TransactionsTimedOut`](Event::TransactionsTimedOut) | warn | transactions have come to no end in time |
//! | [`ChecksOverlooked`](Event::ChecksOverlooked) | warn | check-backs were answered without the listener |
//!
//! What may go back and forth is told at a bounded pace, and then tells how often it has: a broker's
//! state six times a minute at most, after the first four. A connection that ends as soon as it is
//! up is told of once, and again when it has lasted.

mod display;
mod pace;

use std::{sync::Arc, time::Duration};

use bytestring::ByteString;

pub(crate) use pace::Budget;
pub use pace::Tally;

use crate::{
    link::LinkError,
    model::Address,
    route::{BrokerState, RouteError},
};

/// Something that has changed. Its [`Display`](std::fmt::Display) is a sentence for humans.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A session begins.
    Started {
        /// The id that brokers know the producer by.
        client_id: ByteString,
        /// Its group.
        group: ByteString,
        /// The name servers that it will ask.
        name_servers: Vec<Address>,
    },
    /// No more sends may begin; those in flight are waited for.
    ShutdownBegun {
        /// For how long at most.
        timeout: Duration,
    },
    /// A session has ended. Told by whoever counts the sends in flight, not by the client.
    ShutdownEnded {
        /// Sends that were cut off.
        unfinished: usize,
    },
    /// What drove the session was dropped. Told by its last act, not by the client.
    DriverGone {
        /// Sends that were cut off.
        unfinished: usize,
    },
    /// A connection is up.
    Connected {
        /// Who listens there.
        peer: Peer,
        /// Where.
        address: Address,
        /// Attempts that have failed since it was last told to be up, and connections that have
        /// ended as soon as they were.
        failures: u32,
    },
    /// A connection could not be opened; told once for all attempts until one succeeds.
    DialFailed {
        /// Who listens there.
        peer: Peer,
        /// Where.
        address: Address,
        /// Why.
        cause: LinkError,
    },
    /// A connection has ended.
    Disconnected {
        /// Who listens there.
        peer: Peer,
        /// Where.
        address: Address,
        /// Why.
        cause: LinkError,
    },
    /// A peer asks to be left; its connection is given up without losing a send.
    GoAway {
        /// Who listens there.
        peer: Peer,
        /// Where.
        address: Address,
    },
    /// A broker refuses heartbeats: it does not know the producer's group, and asks it nothing about
    /// half messages.
    HeartbeatRefused {
        /// Where it listens.
        address: Address,
        /// Its response code.
        code: i32,
        /// Its words.
        remark: ByteString,
    },
    /// A broker that has refused heartbeats takes them again.
    HeartbeatAccepted {
        /// Where it listens.
        address: Address,
    },
    /// A broker is thought of differently.
    BrokerStateChanged {
        /// Its name.
        broker: ByteString,
        /// What was told last.
        from: BrokerState,
        /// What it is now.
        to: BrokerState,
        /// How often its state has changed since: more than once where it goes back and forth.
        changes: u32,
    },
    /// No name server has answered a question.
    NameServersUnreachable {
        /// Each with its cause.
        causes: Vec<(Address, String)>,
    },
    /// A name server has answered where none did before.
    NameServersReachable {
        /// Which.
        name_server: Address,
    },
    /// A topic has a route.
    RouteFound {
        /// The topic.
        topic: ByteString,
        /// Who has told.
        name_server: Address,
        /// Queues that can be sent to.
        queues: usize,
        /// Brokers that have them.
        brokers: usize,
        /// It is the default topic's: the topic does not exist yet.
        fallback: bool,
        /// A failure was told before.
        recovered: bool,
    },
    /// A topic has another route than before.
    RouteChanged {
        /// The topic.
        topic: ByteString,
        /// Who has told.
        name_server: Address,
        /// Queues that can be sent to.
        queues: usize,
        /// How many there were.
        queues_before: usize,
        /// Brokers that have them.
        brokers: usize,
        /// How many there were.
        brokers_before: usize,
    },
    /// A topic cannot be sent to any more.
    RouteLost {
        /// The topic.
        topic: ByteString,
        /// Why.
        error: Arc<RouteError>,
    },
    /// A topic's route could not be found or confirmed; where there is one, it is still used. Not
    /// told when no name server has answered: that is told once for all topics.
    RouteFailed {
        /// The topic.
        topic: ByteString,
        /// Why.
        error: Arc<RouteError>,
    },
    /// No send has used a topic for long; its route is given up.
    TopicForgotten {
        /// The topic.
        topic: ByteString,
    },
    /// Transactions were dropped from the table for want of a final state. Told by whoever has the
    /// table, by a [`Tally`].
    TransactionsTimedOut {
        /// How many since this was last told.
        count: u64,
    },
    /// Check-backs were answered *unknown* without the listener: there is none, too many wait, or the
    /// producer ends. Told by whoever has the table, by a [`Tally`].
    ChecksOverlooked {
        /// How many since this was last told.
        count: u64,
    },
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// A broker.
    Broker,
    /// A name server, at an address where no broker is known.
    NameServer,
}

/// Whom an event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Severity {
    /// For those who look for the cause of something.
    Debug,
    /// For those who want to know how things are.
    Info,
    /// For those who can be woken up.
    Warn,
}

impl Event {
    /// What it is called, in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::ShutdownBegun { .. } => "shutdown_begun",
            Self::ShutdownEnded { .. } => "shutdown_ended",
            Self::DriverGone { .. } => "driver_gone",
            Self::Connected { .. } => "connected",
            Self::DialFailed { .. } => "dial_failed",
            Self::Disconnected { .. } => "disconnected",
            Self::GoAway { .. } => "go_away",
            Self::HeartbeatRefused { .. } => "heartbeat_refused",
            Self::HeartbeatAccepted { .. } => "heartbeat_accepted",
            Self::BrokerStateChanged { .. } => "broker_state_changed",
            Self::NameServersUnreachable { .. } => "name_servers_unreachable",
            Self::NameServersReachable { .. } => "name_servers_reachable",
            Self::RouteFound { .. } => "route_found",
            Self::RouteChanged { .. } => "route_changed",
            Self::RouteLost { .. } => "route_lost",
            Self::RouteFailed { .. } => "route_failed",
            Self::TopicForgotten { .. } => "topic_forgotten",
            Self::TransactionsTimedOut { .. } => "transactions_timed_out",
            Self::ChecksOverlooked { .. } => "checks_overlooked",
        }
    }

    /// Whom it is for.
    pub fn severity(&self) -> Severity {
        use Severity::{Debug, Info, Warn};
        match self {
            Self::ShutdownEnded { unfinished: 1.. } | Self::DriverGone { unfinished: 1.. } => Warn,
            Self::DialFailed { peer: Peer::Broker, .. }
            | Self::HeartbeatRefused { .. }
            | Self::NameServersUnreachable { .. }
            | Self::RouteLost { .. }
            | Self::TransactionsTimedOut { .. }
            | Self::ChecksOverlooked { .. } => Warn,
            Self::BrokerStateChanged { to: BrokerState::Unhealthy, .. } => Warn,
            Self::RouteFailed { error, .. } if matches!(**error, RouteError::BadRoute { .. }) => {
                Warn
            }
            Self::Connected { peer: Peer::NameServer, failures: 0, .. }
            | Self::Disconnected { peer: Peer::NameServer, .. }
            | Self::Disconnected { cause: LinkError::Retired | LinkError::Moved, .. }
            | Self::RouteFound { recovered: false, .. }
            | Self::RouteFailed { .. }
            | Self::TopicForgotten { .. } => Debug,
            Self::Started { .. }
            | Self::ShutdownBegun { .. }
            | Self::ShutdownEnded { .. }
            | Self::DriverGone { .. }
            | Self::Connected { .. }
            | Self::DialFailed { .. }
            | Self::Disconnected { .. }
            | Self::GoAway { .. }
            | Self::HeartbeatAccepted { .. }
            | Self::BrokerStateChanged { .. }
            | Self::NameServersReachable { .. }
            | Self::RouteFound { .. }
            | Self::RouteChanged { .. } => Info,
        }
    }
}
