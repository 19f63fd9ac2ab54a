//! Events in words.

use std::fmt;

use super::{Event, Peer};
use crate::route::{Causes, List, Remark};

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Broker => "broker",
            Self::NameServer => "name server",
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { client_id, group, name_servers } => {
                let servers = List(name_servers);
                write!(f, "producer {client_id} of group {group} has started, and asks {servers}")
            }
            Self::ShutdownBegun { timeout } => {
                write!(f, "shutting down, within {timeout:?}")
            }
            Self::ShutdownEnded { unfinished: 0 } => f.write_str("shut down"),
            Self::ShutdownEnded { unfinished } => {
                write!(f, "shut down, {unfinished} sends were cut off")
            }
            Self::DriverGone { unfinished } => {
                write!(f, "the producer's runtime is gone, {unfinished} sends were cut off")
            }
            Self::Connected { .. }
            | Self::DialFailed { .. }
            | Self::Disconnected { .. }
            | Self::GoAway { .. }
            | Self::HeartbeatRefused { .. }
            | Self::HeartbeatAccepted { .. } => self.fmt_connection(f),
            Self::BrokerStateChanged { broker, from, to, changes } => {
                write!(f, "broker {broker} is {to:?}, was {from:?}")?;
                if *changes > 1 { write!(f, " ({changes} changes)") } else { Ok(()) }
            }
            Self::TransactionsTimedOut { count } => {
                write!(f, "transactions without a final state in time: {count}")
            }
            Self::ChecksOverlooked { count } => {
                write!(f, "check-backs answered without the listener: {count}")
            }
            Self::NameServersUnreachable { .. }
            | Self::NameServersReachable { .. }
            | Self::RouteFound { .. }
            | Self::RouteChanged { .. }
            | Self::RouteLost { .. }
            | Self::RouteFailed { .. }
            | Self::TopicForgotten { .. } => self.fmt_route(f),
        }
    }
}

impl Event {
    fn fmt_connection(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { peer, address, failures } => {
                write!(f, "connected to {peer} {address}")?;
                if *failures > 0 { write!(f, " after {failures} failures") } else { Ok(()) }
            }
            Self::DialFailed { peer, address, cause } => {
                write!(f, "{peer} {address}: {cause}; it is dialled until it answers")
            }
            Self::Disconnected { peer, address, cause } => {
                write!(f, "disconnected from {peer} {address}: {cause}")
            }
            Self::GoAway { peer, address } => write!(f, "{peer} {address} is shutting down"),
            Self::HeartbeatRefused { address, code, remark } => {
                write!(f, "broker {address} refuses heartbeats: code {code}{}", Remark(remark))
            }
            Self::HeartbeatAccepted { address } => {
                write!(f, "broker {address} takes heartbeats again")
            }
            _ => Ok(()),
        }
    }

    fn fmt_route(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameServersUnreachable { causes } => {
                write!(f, "no name server has answered: {}", Causes(causes))
            }
            Self::NameServersReachable { name_server } => {
                write!(f, "name server {name_server} has answered again")
            }
            Self::RouteFound { topic, queues, brokers, fallback, .. } => {
                write!(f, "topic {topic:?} has {queues} queues on {brokers} brokers")?;
                f.write_str(if *fallback { ", which are to be created" } else { "" })
            }
            Self::RouteChanged {
                topic, queues, queues_before, brokers, brokers_before, ..
            } => write!(
                f,
                "topic {topic:?} has {queues} queues on {brokers} brokers, was {queues_before} on {brokers_before}"
            ),
            Self::RouteLost { topic, error } => {
                write!(f, "topic {topic:?} has no route any more: {error}")
            }
            Self::RouteFailed { topic, error } => {
                write!(f, "topic {topic:?}: no route could be had: {error}")
            }
            Self::TopicForgotten { topic } => {
                write!(f, "topic {topic:?} is not used any more")
            }
            _ => Ok(()),
        }
    }
}
