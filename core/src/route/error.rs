//! Why a topic cannot be sent to: the different faces of what other clients call "No route info of
//! this topic".

use std::fmt;

use bytestring::ByteString;

use crate::{command::ResponseCode, delivery::CodeName, model::Address};

/// Why there is no route for a topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// Name servers were reached, and none of them knows the topic (nor a default topic, where
    /// brokers may create it).
    #[error("topic {topic:?} does not exist (asked {})", List(asked))]
    TopicNotFound {
        /// The topic.
        topic: ByteString,
        /// Who said so.
        asked: Vec<Address>,
    },
    /// No name server gave an answer that could be understood.
    #[error("no name server has answered: {}", Causes(causes))]
    NameServersUnreachable {
        /// Each address with its cause.
        causes: Vec<(Address, String)>,
    },
    /// The topic exists, but none of its brokers has both a master and write permission.
    #[error("topic {topic:?} has no writable queue on any broker with a master")]
    NoWritableQueue {
        /// The topic.
        topic: ByteString,
    },
    /// A name server's answer could not be understood.
    #[error("name server {name_server} sent no route: {reason}")]
    BadRoute {
        /// Who sent it.
        name_server: Address,
        /// What is wrong with it.
        reason: String,
    },
    /// A name server refused to answer.
    #[error("name server {name_server} refused: code {code}{}{}", CodeName(*code), Remark(remark))]
    Refused {
        /// Who refused.
        name_server: Address,
        /// Its response code.
        code: i32,
        /// Its words.
        remark: String,
    },
}

crate::error::codes!(RouteError {
    Self::TopicNotFound { .. } => "topic_not_found",
    Self::NameServersUnreachable { .. } => "name_servers_unreachable",
    Self::NoWritableQueue { .. } => "no_writable_queue",
    Self::BadRoute { .. } => "bad_route",
    Self::Refused { .. } => "refused_by_name_server",
});

impl RouteError {
    /// True when a later send may find a route with nothing changed by people: name servers that
    /// cannot be reached or are busy, a broker that is coming back.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::NameServersUnreachable { .. } | Self::NoWritableQueue { .. } => true,
            Self::Refused { code, .. } => ResponseCode(*code).is_retryable(),
            Self::TopicNotFound { .. } | Self::BadRoute { .. } => false,
        }
    }

    /// True when asking again soon may well help, so that a send waits for it while it has time.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::NameServersUnreachable { .. })
    }
}

pub(crate) struct List<'a>(pub(crate) &'a [Address]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.0.iter().enumerate() {
            write!(f, "{}{address}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

pub(crate) struct Causes<'a>(pub(crate) &'a [(Address, String)]);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (address, cause)) in self.0.iter().enumerate() {
            write!(f, "{}{address}: {cause}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// `: text`, or nothing.
pub(crate) struct Remark<'a>(pub(crate) &'a str);

impl fmt::Display for Remark<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}
